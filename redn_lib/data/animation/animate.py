"""Any annotated still image set in motion: a smooth clip with exact truth, and every parameter. (our choice)"""

import cv2
import numpy as np

from redn_lib.data.animation.curves import FPS, MotionStrength, draw_curves
from redn_lib.data.animation.motion import Motion
from redn_lib.data.augment import jpeg
from redn_lib.data.clip import Clip, Face
from redn_lib.data.occluder import Occluder, Sprite, fill_polygon, skin_colour_of, visibility
from redn_lib.landmarks import OUTER_EYES, PARTS

MOUTH = np.array([0.36, 0.24, 0.24])  # colour of an opened mouth, over that of the line between the lips


def animate(
    face: Face,
    seed: int,
    frames: int = 10,
    size: int = 224,
    occluder: Occluder | None = None,
    strength: MotionStrength | None = None,
) -> Clip:
    """The still image moved, talking and blinking for `frames` frames of `size` pixels a side, 25 a second.

    The points go where the image's content goes, to a fraction of a pixel. occluder: passes before the face once
    (`draw_occluder`); points behind it, outside the frame or invisible on the still image are not visible. strength:
    of each change. Same arguments, same clip bit for bit.

    factors, arrays (T,): yaw and pitch beyond those of the still image, and turn clockwise, in degrees; zoom; shift_x
    and shift_y in pixels; mouth, the gap of the inner lips over the distance of the outer eye corners; lids, 1 shut;
    gain, gamma and warmth of the light; blur in pixels; noise in grey levels; JPEG quality; occluded, as `visibility`.
    Raises ValueError for no frames, frames below 32 pixels, or an occluder that comes after the end.
    """
    if frames < 1 or size < 32:
        raise ValueError(f"a clip needs at least one frame of at least 32 pixels a side, got {frames} of {size} pixels")
    rng = np.random.default_rng([seed, 11])
    curves = draw_curves(rng, frames + 2, strength or MotionStrength())
    motion = Motion(face, curves, size)
    points, sprite = motion.points[1:-1], None
    if occluder is not None:
        sprite = Sprite(occluder, points, motion.image, skin_colour_of(face), np.random.default_rng([seed, 12]))
    images, masks = _render(motion, curves, sprite, rng)
    visible, occluded = visibility(points, masks)
    gap, eyes = (np.linalg.norm(points[:, a] - points[:, b], axis=1) for a, b in ((66, 62), OUTER_EYES))
    speed = np.linalg.norm(motion.points[2:] - motion.points[:-2], axis=-1).mean(1) / 2
    factors = {name: curves[name][1:-1] for name in ("turn", "zoom", "lids", "gain", "gamma", "warmth")}
    factors |= {"yaw": motion.yaw[1:-1], "pitch": motion.pitch[1:-1], "mouth": gap / eyes, "occluded": occluded}
    factors |= {"shift_x": motion.shift[1:-1, 0], "shift_y": motion.shift[1:-1, 1], "blur": curves["shutter"] * speed}
    factors |= {name: np.full(frames, curves[name]) for name in ("noise", "quality")}
    name, points = f"{face.name or face.person}-animated-{seed}", points.astype(np.float32)
    return Clip(np.stack(images), points, face.person, name, visible & face.visible, factors, FPS)


def _render(motion: Motion, curves: dict, sprite: Sprite | None, rng: np.random.Generator) -> tuple[list, list]:
    """Frames (size, size, 3) uint8 and the occluder's mask in each, (size, size) uint8."""
    size, noise, shutter, quality = motion.size, curves["noise"], curves["shutter"], curves["quality"]
    grain = rng.normal(0, noise, (size + 64, size + 64, 3)).round().astype(np.int16) if noise else None
    maps, images, masks = [motion.map(0), motion.map(1)], [], []
    for t in range(1, len(motion.points) - 1):
        maps = [*maps[-2:], motion.map(t + 1)]
        travel = np.linalg.norm(motion.points[t + 1] - motion.points[t - 1], axis=-1).max() / 2
        image = _motion_blurred(motion.image, maps, shutter, travel)
        image = _with_dark_mouth(image, motion.points[t], motion.rest)
        masks.append(np.zeros((size, size), np.uint8))
        if sprite:
            image, masks[-1] = sprite.before(image, t - 1, shutter)
        warmth, ramp = curves["warmth"][t], (np.arange(256) / 255) ** curves["gamma"][t] * curves["gain"][t]
        light = np.clip(ramp[:, None] * np.array([warmth, 1.0, 1 / warmth]) * 255, 0, 255).astype(np.uint8)
        image = cv2.LUT(image, light[None])
        if grain is not None:
            x, y = rng.integers(0, 65, 2)
            image = cv2.add(image, grain[y : y + size, x : x + size], dtype=cv2.CV_8U)
        images.append(jpeg(image, quality) if quality < 100 else image)
    return images, masks


def _motion_blurred(image: np.ndarray, maps: list[np.ndarray], shutter: float, travel: float) -> np.ndarray:
    """The mean of up to 8 images at times at which the shutter was open."""
    before, now, after = maps
    count = int(np.clip(np.ceil(shutter * travel / 1.2), 1, 8))
    total = np.zeros((*now.shape[:2], 3), np.float32)
    for late in shutter * ((np.arange(count) + 0.5) / count - 0.5):
        places = cv2.addWeighted(now, 1 - abs(late), after if late > 0 else before, abs(late), 0)
        cv2.accumulate(cv2.remap(image, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), total)
    return cv2.convertScaleAbs(total, alpha=1 / count)


def _with_dark_mouth(image: np.ndarray, points: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Darkens the inside of a mouth that is further open than on the still image, which has nothing to show there."""
    right, up, left, low = (np.array([points[i], rest[i]]) for i in (60, 62, 64, 66))
    wide = np.linalg.norm(left - right, axis=1)
    here, was = np.linalg.norm(low - up, axis=1) / (wide + 1e-6)
    cover = min(1.3 * (here - was) / (here + 0.1), 0.85)
    lips = points[list(PARTS["inner_mouth"])]
    soft = float(np.clip(wide[0] / (wide[1] + 1e-6), 1, 4))
    first = np.maximum(np.floor(lips.min(0) - 3 * soft).astype(int), 0)
    last = np.minimum(np.ceil(lips.max(0) + 3 * soft).astype(int) + 1, image.shape[1::-1])
    if cover <= 0 or (last - first < 3).any():
        return image
    image = image.copy()
    window = image[first[1] : last[1], first[0] : last[0]]
    mask = np.zeros(window.shape[:2], np.uint8)
    fill_polygon(mask, lips - first)
    if (mask > 127).any():
        shade = cover * cv2.GaussianBlur(mask, (0, 0), soft)[..., None] / 255.0
        window[:] = window * (1 - shade) + shade * MOUTH * np.median(window[mask > 127], 0)
    return image
