"""Things that pass before a face: a hand, a board, a piece of picture, as large and as long as asked. (our choice)"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from redn_lib.landmarks import tight_box

KINDS = ("hand", "board", "piece")
SIDE = 192
"""Pixels of the square on which an occluder is drawn; what touches its edge (arm, board) runs on beyond it."""

SWIFT = 0.2
"""How fast it comes and goes: faces (larger sides) after one frame; four times that after two, and so on."""

ASLANT = 15.0
"""Spread in degrees of an arm or a board about upright to its way; an arm mostly comes from below."""

OUT_OF_SIGHT = 6.0
"""So many faces away it need not be drawn."""

_RASTER = 48


@dataclass(frozen=True)
class Occluder:
    """One thing that passes once. kind: one of KINDS; share: of the tight box that it covers, in (0, 0.95]; lasts: so
    many frames it covers that much, on average; enters: number of the first of them; direction: degrees in which it
    moves, 0 to the picture's right, 90 down. Before and after it comes and goes within about three frames.

    Raises ValueError where a number makes no sense.
    """

    kind: str
    share: float
    lasts: int
    enters: int
    direction: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no passing {self.kind!r}; there are {', '.join(KINDS)}")
        if not 0 < self.share <= 0.95 or self.lasts < 1 or self.enters < 0:
            raise ValueError(f"a passing thing needs 0 < share <= 0.95, lasts >= 1 and enters >= 0, got {self}")

    @property
    def frames(self) -> slice:
        """The frames in which it covers as much as asked."""
        return slice(self.enters, self.enters + self.lasts)


def draw_occluder(
    seed: int | Sequence[int], frames: int, share: tuple[float, float] = (0.6, 0.9), lasts: tuple[int, int] = (5, 8)
) -> Occluder:
    """A passing thing for a clip of so many frames: share and lasts are ranges, ends included; all of its stay lies in
    the clip, with a clear frame or more on both sides where there is room. Raises ValueError for a clip too short.
    """
    if frames < lasts[1]:
        raise ValueError(f"something that lasts up to {lasts[1]} frames does not fit into a clip of {frames}")
    rng = np.random.default_rng(seed)
    stay = int(rng.integers(lasts[0], lasts[1] + 1))
    spare = frames - stay
    margin = min(3, spare // 2)
    enters = int(rng.integers(margin, spare - margin + 1))
    return Occluder(str(rng.choice(KINDS)), rng.uniform(*share), stay, enters, rng.uniform(-180, 180))


class Sprite:
    """The picture of a passing thing and its way. layer: (S, S, 4) uint8, colours times cover, cover last."""

    def __init__(
        self, passing: Occluder, points: np.ndarray, picture: np.ndarray, skin: np.ndarray, rng: np.random.Generator
    ):
        """points: (T, 68, 2) of the clip, pixels of the frame; picture: (H, W, 3) uint8, for pieces; skin: (3,)."""
        cover = _outline(passing.kind, rng)
        self.layer = np.dstack([_coloured(passing.kind, cover, picture, skin, rng), cover])
        self.layer[..., :3] = self.layer[..., :3] * (cover[..., None] / 255.0)
        self.passing = passing
        stay = tight_box(points[passing.frames])
        boxes = stay.reshape(-1, 2, 2)
        self.face = float((boxes[:, 1] - boxes[:, 0]).max(1).mean())
        self.way = np.array([np.cos(np.radians(passing.direction)), np.sin(np.radians(passing.direction))])
        aside = np.array([-self.way[1], self.way[0]])
        self.rest = boxes.mean((0, 1)) + rng.uniform(-0.35, 0.35) * (1 - passing.share) * self.face * aside
        self.drift = rng.uniform(0.03, 0.12)
        angle = np.radians(passing.direction + np.clip(rng.normal(0, ASLANT), -35, 35))
        if np.cos(angle) < 0 and rng.random() < 0.85:
            angle += np.pi
        self.turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        self.anchor = np.array([SIDE / 2, 0.42 * SIDE if passing.kind == "hand" else SIDE / 2])
        self.scale = self._scale(stay)
        if self.scale < 1:
            side = max(round(SIDE * self.scale), 16)
            self.layer = cv2.resize(self.layer, (side, side), interpolation=cv2.INTER_AREA)
            self.scale, self.anchor = self.scale * SIDE / side, (self.anchor + 0.5) * side / SIDE - 0.5

    def place(self, t: float) -> np.ndarray:
        """Where its middle is at frame t, (2,) pixels: slow while it covers the face, swift before and after."""
        half = max((self.passing.lasts - 1) / 2, 0.5)
        late = t - self.passing.enters - (self.passing.lasts - 1) / 2
        beyond = max(abs(late) - half, 0.0)
        return self.rest + self.way * self.face * (self.drift * late / half + np.sign(late) * SWIFT * beyond**2)

    def laid(self, t: float, shutter: float, size: int) -> np.ndarray | None:
        """Layer of frame t, (size, size, 4) uint8, smeared by its own movement; None where it is out of sight."""
        if np.linalg.norm(self.place(t) - self.rest) > OUT_OF_SIGHT * self.face:
            return None
        before, after = self.place(t - shutter / 2), self.place(t + shutter / 2)
        count = int(np.clip(np.linalg.norm(after - before) / 2.5, 1, 16))
        total = np.zeros((size, size, 4), np.float32)
        for share in (np.arange(count) + 0.5) / count:
            matrix = self._matrix(self.scale, before + share * (after - before))
            cv2.accumulate(cv2.warpAffine(self.layer, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE), total)
        return cv2.convertScaleAbs(total, alpha=1 / count)

    def _matrix(self, scale: float, place: np.ndarray) -> np.ndarray:
        linear = scale * self.turn
        return np.c_[linear, place - linear @ self.anchor]

    def _scale(self, boxes: np.ndarray) -> float:
        """Frame pixels a pixel of the layer, found by halving, so that the boxes (n, 4) are covered as asked."""
        grow = [_RASTER / (box[2:] - box[:2]) for box in boxes]
        times = range(self.passing.enters, self.passing.enters + len(boxes))

        def covered(scale: float) -> float:
            total = 0.0
            for t, box, factor in zip(times, boxes, grow, strict=True):
                matrix = self._matrix(scale, self.place(t))
                matrix[:, 2] -= box[:2]
                cover = cv2.warpAffine(
                    self.layer[..., 3], matrix * factor[:, None], (_RASTER, _RASTER), borderMode=cv2.BORDER_REPLICATE
                )
                total += cover.mean() / 255
            return total / len(boxes)

        low, high = 0.0, 8 * self.face / SIDE
        for _ in range(12):
            low, high = (low, middle) if covered(middle := (low + high) / 2) > self.passing.share else (middle, high)
        return (low + high) / 2


def lay_over(frame: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """The frame (H, W, 3) uint8 with a layer (H, W, 4) uint8 before it."""
    clear = cv2.merge([255 - layer[..., 3]] * 3)
    return cv2.add(cv2.multiply(frame, clear, scale=1 / 255), np.ascontiguousarray(layer[..., :3]))


def _outline(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Cover (SIDE, SIDE) uint8."""
    cover = np.zeros((4 * SIDE, 4 * SIDE), np.uint8)
    big = 4 * SIDE

    def polygon(*corners: tuple[float, float]) -> None:
        cv2.fillPoly(cover, [np.round(np.array(corners) * big).astype(np.int32)], 255)

    if kind == "board":
        wide, slant = rng.uniform(0.12, 0.2), rng.uniform(-0.04, 0.04)
        polygon((0.5 - wide, 0), (0.5 + wide, 0), (0.5 + wide + slant, 1), (0.5 - wide + slant, 1))
    elif kind == "piece":
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(5, 12)))
        angles = np.linspace(0, 2 * np.pi, len(angles), endpoint=False) + 0.3 * np.sin(angles)
        reach = rng.uniform(0.28, 0.42, len(angles))
        polygon(*np.c_[0.5 + reach * np.cos(angles), 0.5 + reach * np.sin(angles)])
        cover = cv2.GaussianBlur(cover, (0, 0), rng.uniform(1, 20))
        cover = cv2.threshold(cover, 127, 255, cv2.THRESH_BINARY)[1]
    else:
        _hand(cover, rng)
    return cv2.resize(cover, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _hand(cover: np.ndarray, rng: np.random.Generator) -> None:
    """A palm with five fingers and an arm that leaves at the bottom; a left one or a right one."""
    big, open_hand = len(cover), rng.uniform(0.0, 0.06)

    def finger(root: tuple[float, float], tip: tuple[float, float], thick: float) -> None:
        ends = [tuple(int(big * v) for v in end) for end in (root, tip)]
        cv2.line(cover, *ends, 255, int(big * thick), cv2.LINE_AA)

    cv2.ellipse(cover, ((0.5 * big, 0.47 * big), (0.32 * big, 0.34 * big), 0), 255, -1)
    for k, length in enumerate((0.25, 0.31, 0.29, 0.22)):
        x = 0.5 + (k - 1.5) * 0.082
        finger((x, 0.42), (x + (k - 1.5) * open_hand, 0.42 - length * rng.uniform(0.85, 1.05)), 0.085)
    finger((0.40, 0.52), (0.26 - open_hand, 0.36), 0.09)
    finger((0.5, 0.55), (0.5 + rng.uniform(-0.08, 0.08), 1.1), 0.23)
    if rng.random() < 0.5:
        cover[:] = cover[:, ::-1]


def _coloured(
    kind: str, cover: np.ndarray, picture: np.ndarray, skin: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Colours (SIDE, SIDE, 3) uint8."""
    if kind == "piece":
        h, w = picture.shape[:2]
        side = int(min(h, w) * rng.uniform(0.3, 0.45))
        corners = rng.integers(0, [w - side + 1, h - side + 1], (6, 2))
        x, y = max(corners.tolist(), key=lambda c: np.hypot(c[0] + side / 2 - w / 2, c[1] + side / 2 - h / 2))
        return np.rot90(cv2.resize(picture[y : y + side, x : x + side], (SIDE, SIDE)), int(rng.integers(4)))
    if kind == "hand":
        colour = skin * rng.uniform(0.75, 1.15) * rng.uniform(0.95, 1.05, 3)
    else:
        colour = rng.uniform(10, 245, 3) * rng.uniform(0.4, 1)
    coarse = rng.normal(1, 0.08, (int(rng.integers(3, 24)), int(rng.integers(3, 24)))).astype(np.float32)
    texture = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    deep = cv2.distanceTransform((cover > 127).astype(np.uint8), cv2.DIST_L2, 3)
    light = texture * (0.6 + 0.4 * np.minimum(deep / (0.07 * SIDE), 1))
    return np.clip(light[..., None] * colour, 0, 255).astype(np.uint8)
