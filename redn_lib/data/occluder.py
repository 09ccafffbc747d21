"""Occluders, things before a face, in three families (our choice):

of a clip, which pass once: here, `Occluder`; a new kind is a name in OCCLUDER_KINDS, a mask in `_sprite_mask` and
    colours in `_sprite_layer`;
of a still image, to augment it: here, `occlude_image`;
of a synthetic face: data/synthetic/scene.py, how often and how large in data/synthetic/tables.json.

All are masks (255 where the face is hidden) with a filling.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from redn_lib.data.clip import Clip, Face
from redn_lib.landmarks import tight_box

OCCLUDER_KINDS = ("hand", "board", "piece")  # of a clip: with its arm; a long one; of the image itself
SHUTTER = 0.5  # share of a frame's time that the shutter is open
SIDE = 192  # pixels of the square on which it is drawn; what touches its edge (arm, board) continues beyond it
ACCELERATION = 0.2  # faces (larger sides) that it moves one frame after it covers the face; four times that after two
TILT = 15.0  # spread in degrees of an arm or a board about upright to its path; an arm mostly comes from below


def fixed_point(points: np.ndarray) -> np.ndarray:
    """Pixels as OpenCV wants them with 4 fractional bits; what is far outside is brought nearer."""
    return np.round(np.clip(points, -9999, 9999) * 16).astype(np.int32)


def fill_polygon(mask: np.ndarray, points: np.ndarray) -> None:
    """Fill a polygon (N, 2) in a mask (H, W) uint8, smooth at its edge."""
    cv2.fillPoly(mask, [fixed_point(points)], 255, cv2.LINE_AA, 4)


def lay_over(image: np.ndarray, mask: np.ndarray, colour: np.ndarray) -> None:
    """Lay a colour (3,) or an image (H, W, 3) over a float image in place, where the mask (H, W) uint8 says."""
    image += mask.astype(np.float32)[..., None] / 255 * (colour - image)


def roundness(mask: np.ndarray, reach: float) -> np.ndarray:
    """0 at the edge of a mask (H, W) to 1 from `reach` pixels inside it: shading by it makes a thing look solid."""
    depth = cv2.distanceTransform((mask > 127).astype(np.uint8), cv2.DIST_L2, 3)
    return np.minimum(depth / reach, 1)


def visibility(points: np.ndarray, masks: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What occluders, a mask (H, W) uint8 for each frame, leave visible of points (T, 68, 2).

    Returns visible (T, 68) bool, False also outside the frame, and the occluded share of each tight box, (T,).
    """
    places, size = np.round(points).astype(int), masks[0].shape[::-1]
    visible = ((places >= 0) & (places < size)).all(-1)
    occluded = np.zeros(len(points))
    for t, mask in enumerate(masks):
        x, y = np.clip(places[t], 0, np.array(size) - 1).T
        visible[t] &= mask[y, x] < 128
        x0, y0, x1, y1 = np.clip(np.round(tight_box(points[t])).astype(int), 0, size + size)
        if x1 > x0 and y1 > y0:
            occluded[t] = mask[y0 : y1 + 1, x0 : x1 + 1].mean() / 255
    return visible, occluded


@dataclass(frozen=True)
class Occluder:
    """What passes before the face of a clip; it comes and goes in three frames. ValueError for a wrong number."""

    kind: str  # one of OCCLUDER_KINDS
    share: float  # of the tight box that it covers, in (0, 0.95]
    lasts: int  # number of frames in which it covers that much, on average
    enters: int  # number of the first of them, 0-based
    direction: float = 0.0  # degrees in which it moves, 0 to the image's right, 90 down

    def __post_init__(self) -> None:
        if self.kind not in OCCLUDER_KINDS:
            raise ValueError(f"no occluder {self.kind!r}; there are {', '.join(OCCLUDER_KINDS)}")
        if not 0 < self.share <= 0.95 or self.lasts < 1 or self.enters < 0:
            raise ValueError(f"an occluder needs 0 < share <= 0.95, lasts >= 1 and enters >= 0, got {self}")

    @property
    def frames(self) -> slice:
        """The frames in which it covers as much as asked."""
        return slice(self.enters, self.enters + self.lasts)


def draw_occluder(seed: int | Sequence[int], frames: int, share=(0.6, 0.9), lasts=(5, 8)) -> Occluder:
    """A random occluder for a clip of so many frames, with a clear frame or more on both sides where there is room.

    share, lasts: ranges, ends included. Raises ValueError for a clip too short.
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
    rng = np.random.default_rng([seed, 15])
    sprite = Sprite(occluder, clip.points, clip.frames[0], skin_colour_of(clip[0]), rng)
    frames, masks = clip.frames.copy(), []
    for t in range(count):
        frames[t], mask = sprite.before(frames[t], t, SHUTTER)
        masks.append(mask)
    visible, occluded = visibility(clip.points, masks)
    factors = dict(clip.factors or {}) | {"occluded": occluded}
    return replace(clip, frames=frames, visible=visible & clip.visible, factors=factors)


def skin_colour_of(face: Face) -> np.ndarray:
    """Colour (3,) of the skin beside the nose."""
    around = tight_box(face.points[[29, 31, 35, 40, 47]])
    x0, y0, x1, y1 = np.clip(np.round(around), 0, [*face.image.shape[1::-1]] * 2).astype(int)
    patch = face.image[y0 : y1 + 1, x0 : x1 + 1].reshape(-1, 3)
    return np.median(patch, 0) if len(patch) else np.array([170.0, 130, 110])


class Sprite:
    """The image of a clip's occluder, coloured as the skin or cut from the clip's image, and its path."""

    def __init__(
        self, occluder: Occluder, points: np.ndarray, image: np.ndarray, skin: np.ndarray, rng: np.random.Generator
    ):
        last = occluder.frames.stop
        if last > len(points):
            raise ValueError(f"the occluder covers the face until frame {last}, the clip has {len(points)} frames")
        self.occluder = occluder
        self.layer = _sprite_layer(occluder.kind, image, skin, rng)
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
        half = (self.occluder.lasts - 1) / 2
        late = t - self.occluder.enters - half
        half = max(half, 0.5)
        beyond = max(abs(late) - half, 0.0)
        return self.rest + self.way * self.face * (self.drift * late / half + np.sign(late) * ACCELERATION * beyond**2)

    def before(self, frame: np.ndarray, t: float, shutter: float) -> tuple[np.ndarray, np.ndarray]:
        """Frame t (S, S, 3) uint8 with the occluder before it, blurred by its own motion, and its mask (S, S) uint8."""
        if np.linalg.norm(self.place(t) - self.rest) > 6 * self.face:  # out of sight
            return frame, np.zeros(frame.shape[:2], np.uint8)
        start, end = self.place(t - shutter / 2), self.place(t + shutter / 2)
        count = int(np.clip(np.linalg.norm(end - start) / 2.5, 1, 16))
        total = np.zeros((*frame.shape[:2], 4), np.float32)
        for share in (np.arange(count) + 0.5) / count:
            matrix = self._matrix(self.scale, start + share * (end - start))
            moved = cv2.warpAffine(self.layer, matrix, frame.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
            cv2.accumulate(moved, total)
        layer = cv2.convertScaleAbs(total, alpha=1 / count)
        mask = layer[..., 3]
        clear = cv2.multiply(frame, cv2.merge([255 - mask] * 3), scale=1 / 255)
        return cv2.add(clear, np.ascontiguousarray(layer[..., :3])), mask

    def _matrix(self, scale: float, place: np.ndarray) -> np.ndarray:
        """Pixels of the layer to those of the frame, (2, 3)."""
        linear = scale * self.turn
        return np.c_[linear, place - linear @ self.anchor]

    def _fitting_scale(self, boxes: np.ndarray) -> float:
        """Frame pixels a pixel of the layer, found by halving, so that the boxes (n, 4) are covered as asked."""
        low, high, raster = 0.0, 8 * self.face / SIDE, 48
        for _ in range(12):
            middle, total = (low + high) / 2, 0.0
            for t, box in enumerate(boxes, self.occluder.enters):
                matrix = self._matrix(middle, self.place(t))
                matrix[:, 2] -= box[:2]
                matrix *= (raster / (box[2:] - box[:2]))[:, None]
                mask = cv2.warpAffine(self.layer[..., 3], matrix, (raster, raster), borderMode=cv2.BORDER_REPLICATE)
                total += mask.mean() / 255
            low, high = (low, middle) if total / len(boxes) > self.occluder.share else (middle, high)
        return (low + high) / 2


def _sprite_layer(kind: str, image: np.ndarray, skin: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Colours times mask, and the mask: (SIDE, SIDE, 4) uint8."""
    mask = _sprite_mask(kind, rng)
    if kind == "piece":  # the one of six squares of the image that lies farthest from its middle
        h, w = image.shape[:2]
        side = int(min(h, w) * rng.uniform(0.3, 0.45))
        corners = rng.integers(0, [w - side + 1, h - side + 1], (6, 2))
        x, y = corners[np.argmax(np.hypot(*(corners + side / 2 - (w / 2, h / 2)).T))]
        colours = np.rot90(cv2.resize(image[y : y + side, x : x + side], (SIDE, SIDE)), int(rng.integers(4)))
    else:
        if kind == "hand":
            colour = skin * rng.uniform(0.75, 1.15) * rng.uniform(0.95, 1.05, 3)
        elif kind == "board":
            colour = rng.uniform(10, 245, 3) * rng.uniform(0.4, 1)
        else:
            raise ValueError(f"occluder {kind!r} has no colours: give it some in `_sprite_layer`")
        coarse = rng.normal(1, 0.08, (int(rng.integers(3, 24)), int(rng.integers(3, 24)))).astype(np.float32)
        texture = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        light = texture * (0.6 + 0.4 * roundness(mask, 0.07 * SIDE))
        colours = np.clip(light[..., None] * colour, 0, 255).astype(np.uint8)
    return np.dstack([(colours * (mask[..., None] / 255.0)).astype(np.uint8), mask])


def _sprite_mask(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Mask (SIDE, SIDE) uint8, drawn four times as large."""
    big = 4 * SIDE
    mask = np.zeros((big, big), np.uint8)
    if kind == "hand":  # a palm with five fingers and an arm that leaves at the bottom; a left one or a right one
        open_hand, strokes = rng.uniform(0.0, 0.06), []
        for k, length in enumerate((0.25, 0.31, 0.29, 0.22)):
            x, aside = 0.5 + (k - 1.5) * 0.082, (k - 1.5) * open_hand
            strokes.append(((x, 0.42), (x + aside, 0.42 - length * rng.uniform(0.85, 1.05)), 0.085))
        strokes.append(((0.40, 0.52), (0.26 - open_hand, 0.36), 0.09))
        strokes.append(((0.5, 0.55), (0.5 + rng.uniform(-0.08, 0.08), 1.1), 0.23))
        cv2.ellipse(mask, ((0.5 * big, 0.47 * big), (0.32 * big, 0.34 * big), 0), 255, -1)
        for root, tip, thick in strokes:
            ends = [tuple(int(big * v) for v in end) for end in (root, tip)]
            cv2.line(mask, *ends, 255, int(big * thick), cv2.LINE_AA)
        mask = mask[:, ::-1] if rng.random() < 0.5 else mask
    elif kind == "board":
        wide, slant = rng.uniform(0.12, 0.2), rng.uniform(-0.04, 0.04)
        ends = [(0.5 - wide, 0), (0.5 + wide, 0), (0.5 + wide + slant, 1), (0.5 - wide + slant, 1)]
        cv2.fillPoly(mask, [np.round(np.array(ends) * big).astype(np.int32)], 255)
    elif kind == "piece":
        uneven = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(5, 12)))
        angles = np.linspace(0, 2 * np.pi, len(uneven), endpoint=False) + 0.3 * np.sin(uneven)
        reach = rng.uniform(0.28, 0.42, len(angles))
        rim = np.c_[0.5 + reach * np.cos(angles), 0.5 + reach * np.sin(angles)]
        cv2.fillPoly(mask, [np.round(rim * big).astype(np.int32)], 255)
        mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(1, 20))
        mask = cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1]
    else:
        raise ValueError(f"occluder {kind!r} has no mask: draw one in `_sprite_mask`")
    return cv2.resize(mask, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def occlude_image(image: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The image (H, W, 3) with one to three boxes or ellipses before the face, and their mask (H, W), both uint8."""
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
        kind = rng.integers(3)
        if kind == 0:
            filling = np.full_like(image, rng.integers(0, 256, 3, dtype=np.uint8))
        elif kind == 1:
            cells = (int(rng.integers(2, 12)), int(rng.integers(2, 12)), 3)
            coarse = rng.integers(0, 256, cells, dtype=np.uint8)
            filling = cv2.resize(coarse, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        else:
            filling = np.roll(image, rng.integers(20, 120, 2), (0, 1))
        cv2.copyTo(filling, mask, image)
        hidden |= mask
    return image, hidden
