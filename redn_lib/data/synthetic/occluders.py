"""What stands before a face: hands, bars, microphones, cups, masks and screens. (our choice)"""

from dataclasses import dataclass

import cv2
import numpy as np

KINDS = ("hand", "bar", "microphone", "cup", "mask", "screen")

_HAND_COLOURS, _MASK_COLOURS = (0.75, 1.15), ((225, 230, 235), (150, 185, 215), (40, 40, 44))


@dataclass(frozen=True)
class Occluder:
    """Something before the face.

    kind: one of KINDS. x, y: its middle, in head units right of and below the middle of the face. size: 1 covers about
    a third of the face. angle: degrees. seed: of its colour. A mask sits on mouth and nose and uses only the seed.
    Raises ValueError for another kind.
    """

    kind: str
    x: float = 0.0
    y: float = 0.3
    size: float = 1.0
    angle: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no occluder {self.kind!r}; there are {', '.join(KINDS)}")


def fixed(points: np.ndarray) -> np.ndarray:
    """Pixels as OpenCV wants them with 4 fractional bits."""
    return np.round(np.asarray(points) * 16).astype(np.int32)


def fill(mask: np.ndarray, points: np.ndarray) -> None:
    """Fills a polygon (N, 2) in a mask (h, w) uint8, smooth at its edge."""
    cv2.fillPoly(mask, [fixed(points)], 255, cv2.LINE_AA, 4)


def stamp(picture: np.ndarray, mask: np.ndarray, colour: np.ndarray) -> None:
    """Lays a colour (3,) or a picture (h, w, 3) over a float picture in place, where the mask (h, w) uint8 says."""
    picture += mask.astype(np.float32)[..., None] / 255 * (colour - picture)


def _outline(occluder: Occluder, points: np.ndarray, reach: float, mask: np.ndarray, rng: np.random.Generator) -> None:
    """Fills the occluder's form. In its own frame 1 is a head unit times its size, y goes down along its stem."""
    turn, grow = np.radians(occluder.angle), reach * occluder.size
    frame = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    middle = points[[27, 30, 33]].mean(0) + reach * np.array([occluder.x, occluder.y])
    circle = np.linspace(0, 2 * np.pi, 24, endpoint=False)

    def polygon(*corners: tuple[float, float]) -> None:
        fill(mask, middle + grow * np.array(corners) @ frame)

    def disc(y: float, wide: float, tall: float) -> None:
        fill(mask, middle + grow * np.column_stack([wide * np.cos(circle), y + tall * np.sin(circle)]) @ frame)

    if occluder.kind == "hand":
        disc(0.35, 0.42, 0.40)
        for k in range(4):
            root, tip = ((k - 1.5) * 0.21, 0.15), ((k - 1.5) * 0.25, 0.15 - rng.uniform(0.35, 0.75))
            ends = fixed(middle + grow * np.array([root, tip]) @ frame)
            cv2.line(mask, ends[0].tolist(), ends[1].tolist(), 255, max(1, int(0.19 * grow)), cv2.LINE_AA, 4)
        polygon((-0.3, 0.5), (0.3, 0.5), (0.33, 3), (-0.33, 3))
    elif occluder.kind == "bar":
        polygon((-8, -0.12), (8, -0.12), (8, 0.12), (-8, 0.12))
    elif occluder.kind == "microphone":
        disc(0, 0.26, 0.30)
        polygon((-0.16, 0), (0.16, 0), (0.12, 4), (-0.12, 4))
    elif occluder.kind == "cup":
        polygon((-0.38, -0.4), (0.38, -0.4), (0.3, 0.7), (-0.3, 0.7))
        disc(-0.4, 0.38, 0.1)
    elif occluder.kind == "mask":
        rim = np.vstack([points[2:15], points[[14, 35]].mean(0), points[[28]], points[[2, 31]].mean(0)])
        fill(mask, cv2.convexHull(rim.astype(np.float32))[:, 0])
    else:
        polygon((-0.7, -0.5), (0.7, -0.5), (0.7, 0.5), (-0.7, 0.5))


def cover(picture: np.ndarray, occluder: Occluder, points: np.ndarray, unit: float, skin: np.ndarray) -> np.ndarray:
    """Draws the occluder over the picture, (r, r, 3) float of 0 to 255, in place; returns its mask (r, r) uint8.

    points: (68, 2) pixels. unit: pixels of a head unit. skin: (3,) picture colour of the person's skin.
    """
    rng = np.random.default_rng([occluder.seed, 13])
    colour = rng.uniform(10, 245, 3) * rng.uniform(0.3, 1)
    if occluder.kind == "hand" and rng.random() < 0.8:
        colour = skin * rng.uniform(*_HAND_COLOURS)
    elif occluder.kind == "microphone" and rng.random() < 0.7:
        colour = np.full(3, rng.uniform(5, 90))
    elif occluder.kind == "mask":
        colour = np.array(_MASK_COLOURS[rng.integers(len(_MASK_COLOURS))]) * rng.uniform(0.8, 1)
    mask = np.zeros(picture.shape[:2], np.uint8)
    _outline(occluder, points, unit, mask, rng)
    depth = cv2.distanceTransform((mask > 127).astype(np.uint8), cv2.DIST_L2, 3)
    light = 0.55 + 0.5 * np.minimum(depth / max(0.2 * unit * occluder.size, 1), 1)
    light *= 0.9 + 0.2 * np.linspace(0, 1, len(picture), dtype=np.float32)[:, None]
    stamp(picture, mask, colour.astype(np.float32) * light[..., None])
    return mask
