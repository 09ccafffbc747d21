"""Occluders, things before a face: they pass once in a clip, stand in a synthetic scene, or augment a still image.

All are masks (255 where the face is hidden) with a filling. (our choice)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from redn_lib.data.clip import Clip, Face
from redn_lib.landmarks import tight_box

OCCLUDER_KINDS = ("hand", "board", "piece")
"""Of a clip: a hand with its arm, a long board, a piece of the image itself."""

SCENE_KINDS = ("hand", "bar", "microphone", "cup", "mask", "screen")
"""Of a synthetic scene."""

SHUTTER = 0.5
"""Share of a frame's time that the shutter is open."""

SIDE = 192
"""Pixels of the square on which a clip's occluder is drawn; what touches its edge (arm, board) continues beyond it."""

ACCELERATION = 0.2
"""How fast it comes and goes: faces (larger sides) after one frame; four times that after two, and so on."""

TILT = 15.0
"""Spread in degrees of an arm or a board about upright to its path; an arm mostly comes from below."""

OUT_OF_SIGHT = 6.0
"""So many faces away it need not be drawn."""

_RASTER = 48
_HAND_COLOURS, _MASK_COLOURS = (0.75, 1.15), ((225, 230, 235), (150, 185, 215), (40, 40, 44))


def fixed_point(points: np.ndarray) -> np.ndarray:
    """Pixels as OpenCV wants them with 4 fractional bits."""
    return np.round(np.asarray(points) * 16).astype(np.int32)


def fill_polygon(mask: np.ndarray, points: np.ndarray) -> None:
    """Fill a polygon (N, 2) in a mask (H, W) uint8, smooth at its edge."""
    cv2.fillPoly(mask, [fixed_point(points)], 255, cv2.LINE_AA, 4)


def lay_over(image: np.ndarray, mask: np.ndarray, colour: np.ndarray) -> None:
    """Lay a colour (3,) or an image (H, W, 3) over a float image in place, where the mask (H, W) uint8 says."""
    image += mask.astype(np.float32)[..., None] / 255 * (colour - image)


def _roundness(mask: np.ndarray, reach: float) -> np.ndarray:
    """0 at the edge of a mask (H, W) to 1 from `reach` pixels inside it: shading by it makes a thing look solid."""
    depth = cv2.distanceTransform((mask > 127).astype(np.uint8), cv2.DIST_L2, 3)
    return np.minimum(depth / reach, 1)


def visibility(
    points: np.ndarray, masks: Sequence[np.ndarray | None], width: int, height: int
) -> tuple[np.ndarray, np.ndarray]:
    """What occluders leave visible in T frames.

    points: (T, 68, 2) pixels. masks: of each frame, (height, width) uint8, or None where nothing is before the face.
    Returns visible (T, 68) bool, False also outside the frame, and the occluded share of each tight box, (T,).
    """
    places, size = np.round(points).astype(int), (width, height)
    visible = ((places >= 0) & (places < size)).all(-1)
    occluded = np.zeros(len(points))
    for t, mask in enumerate(masks):
        if mask is None:
            continue
        x, y = np.clip(places[t], 0, (width - 1, height - 1)).T
        visible[t] &= mask[y, x] < 128
        x0, y0, x1, y1 = np.clip(np.round(tight_box(points[t])).astype(int), 0, size + size)
        if x1 > x0 and y1 > y0:
            occluded[t] = mask[y0 : y1 + 1, x0 : x1 + 1].mean() / 255
    return visible, occluded


@dataclass(frozen=True)
class Occluder:
    """One thing that passes before the face of a clip. It comes and goes within about three frames.

    kind: one of OCCLUDER_KINDS.
    share: of the tight box that it covers, in (0, 0.95].
    lasts: number of frames in which it covers that much, on average.
    enters: number of the first of them, 0-based.
    direction: degrees in which it moves, 0 to the image's right, 90 down.
    Raises ValueError where a number makes no sense.
    """

    kind: str
    share: float
    lasts: int
    enters: int
    direction: float = 0.0

    def __post_init__(self) -> None:
        _check_kind(self.kind, OCCLUDER_KINDS)
        if not 0 < self.share <= 0.95 or self.lasts < 1 or self.enters < 0:
            raise ValueError(f"an occluder needs 0 < share <= 0.95, lasts >= 1 and enters >= 0, got {self}")

    @property
    def frames(self) -> slice:
        """The frames in which it covers as much as asked."""
        return slice(self.enters, self.enters + self.lasts)

    def check_fits(self, count: int) -> None:
        """Raise ValueError where it covers the face beyond the end of a clip of `count` frames."""
        if self.frames.stop > count:
            raise ValueError(
                f"the occluder covers the face until frame {self.frames.stop}, the clip has {count} frames"
            )


def _check_kind(kind: str, kinds: Sequence[str]) -> None:
    if kind not in kinds:
        raise ValueError(f"no occluder {kind!r}; there are {', '.join(kinds)}")


def draw_occluder(
    seed: int | Sequence[int], frames: int, share: tuple[float, float] = (0.6, 0.9), lasts: tuple[int, int] = (5, 8)
) -> Occluder:
    """A random occluder for a clip of so many frames.

    share, lasts: ranges, ends included. The frames that it covers lie in the clip, with a clear frame or more on both
    sides where there is room. Raises ValueError for a clip too short.
    """
    if frames < lasts[1]:
        raise ValueError(f"an occluder that lasts up to {lasts[1]} frames does not fit into a clip of {frames}")
    rng = np.random.default_rng(seed)
    stay = int(rng.integers(lasts[0], lasts[1] + 1))
    spare = frames - stay
    margin = min(3, spare // 2)
    enters = int(rng.integers(margin, spare - margin + 1))
    return Occluder(str(rng.choice(OCCLUDER_KINDS)), rng.uniform(*share), stay, enters, rng.uniform(-180, 180))


def occlude_clip(clip: Clip, occluder: Occluder, seed: int = 0) -> Clip:
    """The clip with an occluder before its face; seed: of its look. Same arguments, same frames bit for bit.

    Points behind it are not visible; factors["occluded"]: (T,), the share of the tight box that it covers. Raises
    ValueError for frames that are not square, or an occluder that comes after the end.
    """
    count, height, width = clip.frames.shape[:3]
    if height != width:
        raise ValueError(f"frames must be square, got {width}x{height}: cut a square with redn_lib.crop first")
    occluder.check_fits(count)
    rng = np.random.default_rng([seed, 15])
    sprite = Sprite(occluder, clip.points, clip.frames[0], skin_colour_of(clip[0]), rng)
    frames, masks = clip.frames.copy(), []
    for t in range(count):
        frames[t], mask = sprite.before(frames[t], t, SHUTTER)
        masks.append(mask)
    visible, occluded = visibility(clip.points, masks, width, height)
    if clip.visible is not None:
        visible &= clip.visible
    return replace(clip, frames=frames, visible=visible, factors=dict(clip.factors or {}) | {"occluded": occluded})


def skin_colour_of(face: Face) -> np.ndarray:
    """Colour (3,) of the skin beside the nose."""
    around = tight_box(face.points[[29, 31, 35, 40, 47]])
    x0, y0, x1, y1 = np.clip(np.round(around), 0, [*face.image.shape[1::-1]] * 2).astype(int)
    patch = face.image[y0 : y1 + 1, x0 : x1 + 1].reshape(-1, 3)
    return np.median(patch, 0) if len(patch) else np.array([170.0, 130, 110])


class Sprite:
    """The image of a clip's occluder and its path.

    layer: (S, S, 4) uint8, colours times mask, and the mask.
    """

    def __init__(
        self, occluder: Occluder, points: np.ndarray, image: np.ndarray, skin: np.ndarray, rng: np.random.Generator
    ):
        """points: (T, 68, 2) of the clip, pixels of the frame; image: (H, W, 3) uint8, for pieces; skin: (3,)."""
        mask = _sprite_mask(occluder.kind, rng)
        self.layer = np.dstack([_sprite_colours(occluder.kind, mask, image, skin, rng), mask])
        self.layer[..., :3] = self.layer[..., :3] * (mask[..., None] / 255.0)
        self.occluder = occluder
        boxes = tight_box(points[occluder.frames])
        corners = boxes.reshape(-1, 2, 2)
        self.face = float((corners[:, 1] - corners[:, 0]).max(1).mean())
        self.way = np.array([np.cos(np.radians(occluder.direction)), np.sin(np.radians(occluder.direction))])
        aside = np.array([-self.way[1], self.way[0]])
        self.rest = corners.mean((0, 1)) + rng.uniform(-0.35, 0.35) * (1 - occluder.share) * self.face * aside
        self.drift = rng.uniform(0.03, 0.12)
        angle = np.radians(occluder.direction + np.clip(rng.normal(0, TILT), -35, 35))
        if np.cos(angle) < 0 and rng.random() < 0.85:
            angle += np.pi
        self.turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        self.anchor = np.array([SIDE / 2, 0.42 * SIDE if occluder.kind == "hand" else SIDE / 2])
        self.scale = self._fitting_scale(boxes)
        if self.scale < 1:
            side = max(round(SIDE * self.scale), 16)
            self.layer = cv2.resize(self.layer, (side, side), interpolation=cv2.INTER_AREA)
            self.scale, self.anchor = self.scale * SIDE / side, (self.anchor + 0.5) * side / SIDE - 0.5

    def place(self, t: float) -> np.ndarray:
        """Where its middle is at frame t, (2,) pixels: slow while it covers the face, fast before and after."""
        half = max((self.occluder.lasts - 1) / 2, 0.5)
        late = t - self.occluder.enters - (self.occluder.lasts - 1) / 2
        beyond = max(abs(late) - half, 0.0)
        return self.rest + self.way * self.face * (self.drift * late / half + np.sign(late) * ACCELERATION * beyond**2)

    def before(self, frame: np.ndarray, t: float, shutter: float) -> tuple[np.ndarray, np.ndarray | None]:
        """Frame t (S, S, 3) uint8 with the occluder before it, blurred by its own motion, and its mask (S, S) uint8.

        Where it is out of sight, the same frame and None.
        """
        if np.linalg.norm(self.place(t) - self.rest) > OUT_OF_SIGHT * self.face:
            return frame, None
        start, end = self.place(t - shutter / 2), self.place(t + shutter / 2)
        count = int(np.clip(np.linalg.norm(end - start) / 2.5, 1, 16))
        size = frame.shape[1::-1]
        total = np.zeros((*frame.shape[:2], 4), np.float32)
        for share in (np.arange(count) + 0.5) / count:
            matrix = self._matrix(self.scale, start + share * (end - start))
            cv2.accumulate(cv2.warpAffine(self.layer, matrix, size, borderMode=cv2.BORDER_REPLICATE), total)
        layer = cv2.convertScaleAbs(total, alpha=1 / count)
        mask = layer[..., 3]
        clear = cv2.multiply(frame, cv2.merge([255 - mask] * 3), scale=1 / 255)
        return cv2.add(clear, np.ascontiguousarray(layer[..., :3])), mask

    def _matrix(self, scale: float, place: np.ndarray) -> np.ndarray:
        linear = scale * self.turn
        return np.c_[linear, place - linear @ self.anchor]

    def _fitting_scale(self, boxes: np.ndarray) -> float:
        """Frame pixels a pixel of the layer, found by halving, so that the boxes (n, 4) are covered as asked."""
        mask, target = self.layer[..., 3], (_RASTER, _RASTER)

        def occluded_share(scale: float) -> float:
            total = 0.0
            for t, box in enumerate(boxes, self.occluder.enters):
                matrix = self._matrix(scale, self.place(t))
                matrix[:, 2] -= box[:2]
                matrix *= (_RASTER / (box[2:] - box[:2]))[:, None]
                total += cv2.warpAffine(mask, matrix, target, borderMode=cv2.BORDER_REPLICATE).mean() / 255
            return total / len(boxes)

        low, high = 0.0, 8 * self.face / SIDE
        for _ in range(12):
            middle = (low + high) / 2
            if occluded_share(middle) > self.occluder.share:
                high = middle
            else:
                low = middle
        return (low + high) / 2


def _sprite_mask(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Mask (SIDE, SIDE) uint8, drawn four times as large."""
    big = 4 * SIDE
    mask = np.zeros((big, big), np.uint8)

    def polygon(*corners: tuple[float, float]) -> None:
        cv2.fillPoly(mask, [np.round(np.array(corners) * big).astype(np.int32)], 255)

    if kind == "board":
        wide, slant = rng.uniform(0.12, 0.2), rng.uniform(-0.04, 0.04)
        polygon((0.5 - wide, 0), (0.5 + wide, 0), (0.5 + wide + slant, 1), (0.5 - wide + slant, 1))
    elif kind == "piece":
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(5, 12)))
        angles = np.linspace(0, 2 * np.pi, len(angles), endpoint=False) + 0.3 * np.sin(angles)
        reach = rng.uniform(0.28, 0.42, len(angles))
        polygon(*np.c_[0.5 + reach * np.cos(angles), 0.5 + reach * np.sin(angles)])
        mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(1, 20))
        mask = cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1]
    else:
        _draw_hand(mask, rng)
    return cv2.resize(mask, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _draw_hand(mask: np.ndarray, rng: np.random.Generator) -> None:
    """A palm with five fingers and an arm that leaves at the bottom; a left one or a right one."""
    big, open_hand = len(mask), rng.uniform(0.0, 0.06)

    def finger(root: tuple[float, float], tip: tuple[float, float], thick: float) -> None:
        ends = [tuple(int(big * v) for v in end) for end in (root, tip)]
        cv2.line(mask, *ends, 255, int(big * thick), cv2.LINE_AA)

    cv2.ellipse(mask, ((0.5 * big, 0.47 * big), (0.32 * big, 0.34 * big), 0), 255, -1)
    for k, length in enumerate((0.25, 0.31, 0.29, 0.22)):
        x = 0.5 + (k - 1.5) * 0.082
        finger((x, 0.42), (x + (k - 1.5) * open_hand, 0.42 - length * rng.uniform(0.85, 1.05)), 0.085)
    finger((0.40, 0.52), (0.26 - open_hand, 0.36), 0.09)
    finger((0.5, 0.55), (0.5 + rng.uniform(-0.08, 0.08), 1.1), 0.23)
    if rng.random() < 0.5:
        mask[:] = mask[:, ::-1]


def _sprite_colours(
    kind: str, mask: np.ndarray, image: np.ndarray, skin: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Colours (SIDE, SIDE, 3) uint8."""
    if kind == "piece":
        h, w = image.shape[:2]
        side = int(min(h, w) * rng.uniform(0.3, 0.45))
        corners = rng.integers(0, [w - side + 1, h - side + 1], (6, 2))
        x, y = max(corners.tolist(), key=lambda c: np.hypot(c[0] + side / 2 - w / 2, c[1] + side / 2 - h / 2))
        return np.rot90(cv2.resize(image[y : y + side, x : x + side], (SIDE, SIDE)), int(rng.integers(4)))
    if kind == "hand":
        colour = skin * rng.uniform(0.75, 1.15) * rng.uniform(0.95, 1.05, 3)
    else:
        colour = rng.uniform(10, 245, 3) * rng.uniform(0.4, 1)
    coarse = rng.normal(1, 0.08, (int(rng.integers(3, 24)), int(rng.integers(3, 24)))).astype(np.float32)
    texture = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    light = texture * (0.6 + 0.4 * _roundness(mask, 0.07 * SIDE))
    return np.clip(light[..., None] * colour, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class SceneOccluder:
    """One thing before the face of a synthetic scene.

    kind: one of SCENE_KINDS; a mask sits on mouth and nose and uses only the seed.
    x, y: its middle, in head units right of and below the middle of the face.
    size: 1 covers about a third of the face.
    angle: degrees.
    seed: of its colour.
    Raises ValueError for another kind.
    """

    kind: str
    x: float = 0.0
    y: float = 0.3
    size: float = 1.0
    angle: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        _check_kind(self.kind, SCENE_KINDS)

    def draw(self, image: np.ndarray, points: np.ndarray, unit: float, skin: np.ndarray) -> np.ndarray:
        """Draw it over the image, (r, r, 3) float of 0 to 255, in place; returns its mask (r, r) uint8.

        points: (68, 2) pixels. unit: pixels of a head unit. skin: (3,) image colour of the person's skin.
        """
        rng = np.random.default_rng([self.seed, 13])
        colour = rng.uniform(10, 245, 3) * rng.uniform(0.3, 1)
        if self.kind == "hand" and rng.random() < 0.8:
            colour = skin * rng.uniform(*_HAND_COLOURS)
        elif self.kind == "microphone" and rng.random() < 0.7:
            colour = np.full(3, rng.uniform(5, 90))
        elif self.kind == "mask":
            colour = np.array(_MASK_COLOURS[rng.integers(len(_MASK_COLOURS))]) * rng.uniform(0.8, 1)
        mask = np.zeros(image.shape[:2], np.uint8)
        self._fill(mask, points, unit, rng)
        light = 0.55 + 0.5 * _roundness(mask, max(0.2 * unit * self.size, 1))
        light *= 0.9 + 0.2 * np.linspace(0, 1, len(image), dtype=np.float32)[:, None]
        lay_over(image, mask, colour.astype(np.float32) * light[..., None])
        return mask

    def _fill(self, mask: np.ndarray, points: np.ndarray, unit: float, rng: np.random.Generator) -> None:
        """Fill its form. In its own frame 1 is a head unit times its size, y goes down along its stem."""
        turn, grow = np.radians(self.angle), unit * self.size
        frame = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        middle = points[[27, 30, 33]].mean(0) + unit * np.array([self.x, self.y])
        circle = np.linspace(0, 2 * np.pi, 24, endpoint=False)

        def polygon(*corners: tuple[float, float]) -> None:
            fill_polygon(mask, middle + grow * np.array(corners) @ frame)

        def disc(y: float, wide: float, tall: float) -> None:
            fill_polygon(
                mask, middle + grow * np.column_stack([wide * np.cos(circle), y + tall * np.sin(circle)]) @ frame
            )

        if self.kind == "hand":
            disc(0.35, 0.42, 0.40)
            for k in range(4):
                root, tip = ((k - 1.5) * 0.21, 0.15), ((k - 1.5) * 0.25, 0.15 - rng.uniform(0.35, 0.75))
                ends = fixed_point(middle + grow * np.array([root, tip]) @ frame)
                cv2.line(mask, ends[0].tolist(), ends[1].tolist(), 255, max(1, int(0.19 * grow)), cv2.LINE_AA, 4)
            polygon((-0.3, 0.5), (0.3, 0.5), (0.33, 3), (-0.33, 3))
        elif self.kind == "bar":
            polygon((-8, -0.12), (8, -0.12), (8, 0.12), (-8, 0.12))
        elif self.kind == "microphone":
            disc(0, 0.26, 0.30)
            polygon((-0.16, 0), (0.16, 0), (0.12, 4), (-0.12, 4))
        elif self.kind == "cup":
            polygon((-0.38, -0.4), (0.38, -0.4), (0.3, 0.7), (-0.3, 0.7))
            disc(-0.4, 0.38, 0.1)
        elif self.kind == "mask":
            rim = np.vstack([points[2:15], points[[14, 35]].mean(0), points[[28]], points[[2, 31]].mean(0)])
            fill_polygon(mask, cv2.convexHull(rim.astype(np.float32))[:, 0])
        else:
            polygon((-0.7, -0.5), (0.7, -0.5), (0.7, 0.5), (-0.7, 0.5))


def occlude_image(image: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One to three things before the face: turned boxes or ellipses of one colour, noise, or a piece of the image.

    image: (H, W, 3) uint8. points: (68, 2) pixels. Returns the new image and the mask of all things, (H, W) uint8.
    """
    image, hidden = image.copy(), np.zeros(image.shape[:2], np.uint8)
    face = np.ptp(points, axis=0).max()
    for _ in range(rng.integers(1, 4)):
        mask = np.zeros(image.shape[:2], np.uint8)
        middle = points[rng.integers(len(points))] + rng.normal(0, 0.1 * face, 2)
        size = face * rng.uniform(0.08, 0.5, 2)
        shape = (middle.tolist(), size.tolist(), rng.uniform(0, 180))
        if rng.random() < 0.5:
            cv2.ellipse(mask, shape, 255, -1)
        else:
            cv2.fillConvexPoly(mask, cv2.boxPoints(shape).astype(np.int32), 255)
        cv2.copyTo(_filling(image, rng), mask, image)
        hidden |= mask
    return image, hidden


def _filling(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One colour, noise or the image shifted, as large as the image."""
    kind = rng.integers(3)
    if kind == 0:
        return np.full_like(image, rng.integers(0, 256, 3, dtype=np.uint8))
    if kind == 1:
        coarse = rng.integers(0, 256, (int(rng.integers(2, 12)), int(rng.integers(2, 12)), 3), dtype=np.uint8)
        return cv2.resize(coarse, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.roll(image, rng.integers(20, 120, 2), (0, 1))
