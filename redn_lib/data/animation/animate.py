"""Any annotated still into a smooth clip with exact truth: endless by seed, every parameter returned. (our choice)"""

import cv2
import numpy as np

from redn_lib.data.animation.curves import FPS, Curves, Liveliness, draw_curves
from redn_lib.data.animation.motion import Motion
from redn_lib.data.animation.occluder import Occluder, Sprite, lay_over
from redn_lib.data.animation.turning import mouth_gap
from redn_lib.data.augment import jpeg
from redn_lib.data.clip import Clip, Face
from redn_lib.landmarks import PARTS, tight_box

MOUTH = np.array([0.36, 0.24, 0.24])
"""Colour of an opened mouth, over the colour of the line between the lips."""


def animate(
    face: Face,
    seed: int,
    frames: int = 10,
    size: int = 224,
    occluder: Occluder | None = None,
    lively: Liveliness | None = None,
) -> Clip:
    """The still moved, talking and blinking for `frames` frames of `size` pixels a side, 25 a second.

    The points go where the picture's content goes, to a fraction of a pixel. occluder: passes before the face once
    (`draw_occluder`); points behind it, outside the frame or invisible on the still are not visible. lively: how strong
    each change is. Same arguments, same clip bit for bit.

    factors, arrays (T,): yaw, pitch (degrees beyond the still's own), turn (degrees, clockwise), zoom, shift_x, shift_y
    (pixels), mouth (gap of the inner lips over the distance of the outer eye corners), lids (0 as on the still, 1
    shut), gain, gamma, warmth, blur (pixels that the face moves while the shutter is open), noise (grey levels),
    quality (JPEG, 100: none), occluded (share of the tight box).
    Raises ValueError for no frames, frames below 32 pixels, or an occluder that comes after the end.
    """
    if frames < 1 or size < 32:
        raise ValueError(
            f"a clip needs a frame or more of at least 32 pixels a side, got {frames} frames of {size} pixels"
        )
    if occluder is not None and occluder.enters + occluder.lasts > frames:
        raise ValueError(
            f"the occluder covers the face until frame {occluder.enters + occluder.lasts}, the clip has {frames} frames"
        )
    rng = np.random.default_rng([seed, 11])
    curves = draw_curves(rng, frames + 2, lively or Liveliness())
    motion = Motion.of(face, curves, size)
    points = motion.points[1:-1]
    sprite = None
    if occluder is not None:
        sprite = Sprite(occluder, points, motion.still, skin_of(face), np.random.default_rng([seed, 12]))
    pictures, covers = _film(motion, curves, sprite, rng)
    visible, occluded = seen(points, covers, size)
    if face.visible is not None:
        visible &= face.visible
    factors = {name: getattr(curves, name)[1:-1] for name in ("turn", "zoom", "lids", "gain", "gamma", "warmth")}
    speed = np.linalg.norm(motion.points[2:] - motion.points[:-2], axis=-1).mean(1) / 2
    factors |= {
        "yaw": motion.yaw[1:-1], "pitch": motion.pitch[1:-1], "mouth": mouth_gap(points),
        "shift_x": motion.shift[1:-1, 0], "shift_y": motion.shift[1:-1, 1], "blur": curves.shutter * speed,
        "noise": np.full(frames, curves.noise), "quality": np.full(frames, curves.quality), "occluded": occluded,
    }  # fmt: skip
    name = f"{face.name or face.person}-animated-{seed}"
    return Clip(np.stack(pictures), points.astype(np.float32), face.person, name, visible, factors, FPS)


def _film(
    motion: Motion, curves: Curves, sprite: Sprite | None, rng: np.random.Generator
) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    """Frames (size, size, 3) uint8 and what the occluder covers in each, (size, size) uint8 or None."""
    size, frames = motion.size, len(curves.yaw) - 2
    grain = rng.normal(0, curves.noise, (size + 64, size + 64, 3)).round().astype(np.int16) if curves.noise else None
    before, now = motion.map(0), motion.map(1)
    pictures, covers = [], []
    for t in range(frames):
        after = motion.map(t + 2)
        travel = np.linalg.norm(motion.points[t + 2] - motion.points[t], axis=-1).max() / 2
        picture = _exposed(motion.still, before, now, after, curves.shutter, travel)
        picture = _dark_mouth(picture, motion.points[t + 1], motion.rest)
        layer = sprite.laid(t, curves.shutter, size) if sprite else None
        if layer is not None:
            picture = lay_over(picture, layer)
        covers.append(None if layer is None else layer[..., 3])
        picture = cv2.LUT(picture, _light(curves, t + 1))
        if grain is not None:
            x, y = rng.integers(0, 65, 2)
            picture = cv2.add(picture, grain[y : y + size, x : x + size], dtype=cv2.CV_8U)
        pictures.append(jpeg(picture, curves.quality) if curves.quality < 100 else picture)
        before, now = now, after
    return pictures, covers


def _exposed(
    still: np.ndarray, before: np.ndarray, now: np.ndarray, after: np.ndarray, shutter: float, travel: float
) -> np.ndarray:
    """The frame as taken while the shutter was open around `now`; travel: pixels that the fastest point moves."""
    count = int(np.clip(np.ceil(shutter * travel / 1.2), 1, 8))
    if count == 1:
        return cv2.remap(still, now, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    total = np.zeros((*now.shape[:2], 3), np.float32)
    for late in shutter * ((np.arange(count) + 0.5) / count - 0.5):
        other = after if late > 0 else before
        places = cv2.addWeighted(now, 1 - abs(late), other, abs(late), 0)
        cv2.accumulate(cv2.remap(still, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), total)
    return cv2.convertScaleAbs(total, alpha=1 / count)


def _dark_mouth(picture: np.ndarray, points: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Darkens what lies between lips that have come apart: a still with a closed mouth has nothing to show there.

    points, rest: (68, 2) in the frame and on the still.
    """
    right, up, left, low = (np.array([points[i], rest[i]]) for i in (60, 62, 64, 66))
    wide = np.linalg.norm(left - right, axis=1)
    here, was = np.linalg.norm(low - up, axis=1) / (wide + 1e-6)
    cover = min(1.3 * (here - was) / (here + 0.1), 0.85)
    lips = points[list(PARTS["inner_mouth"])]
    soft = float(np.clip(wide[0] / (wide[1] + 1e-6), 1, 4))
    first = np.maximum(np.floor(lips.min(0) - 3 * soft).astype(int), 0)
    last = np.minimum(np.ceil(lips.max(0) + 3 * soft).astype(int) + 1, picture.shape[1::-1])
    if cover <= 0 or (last - first < 3).any():
        return picture
    window = picture[first[1] : last[1], first[0] : last[0]].copy()
    mask = np.zeros(window.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round((lips - first) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    if (mask < 128).all():
        return picture
    colour = MOUTH * np.median(window[mask > 127], 0)
    shade = cover * cv2.GaussianBlur(mask, (0, 0), soft)[..., None] / 255.0
    picture = picture.copy()
    picture[first[1] : last[1], first[0] : last[0]] = window * (1 - shade) + shade * colour
    return picture


def _light(curves: Curves, t: int) -> np.ndarray:
    """Table (1, 256, 3) uint8 of the light in frame t."""
    ramp = (np.arange(256) / 255) ** curves.gamma[t] * curves.gain[t]
    tint = np.array([curves.warmth[t], 1.0, 1 / curves.warmth[t]])
    return np.clip(ramp[:, None] * tint * 255, 0, 255).astype(np.uint8)[None]


def seen(points: np.ndarray, covers: list[np.ndarray | None], size: int) -> tuple[np.ndarray, np.ndarray]:
    """visible (T, 68) bool and the share of each tight box that is covered, (T,)."""
    visible = np.zeros(points.shape[:2], bool)
    occluded = np.zeros(len(points))
    for t, cover in enumerate(covers):
        places = np.round(points[t]).astype(int)
        inside = ((places >= 0) & (places < size)).all(1)
        visible[t] = inside
        if cover is None:
            continue
        x, y = np.clip(places, 0, size - 1).T
        visible[t] &= cover[y, x] < 128
        x0, y0, x1, y1 = np.clip(np.round(tight_box(points[t])).astype(int), 0, size)
        occluded[t] = cover[y0 : y1 + 1, x0 : x1 + 1].mean() / 255 if x1 > x0 and y1 > y0 else 0
    return visible, occluded


def skin_of(face: Face) -> np.ndarray:
    """Colour (3,) of the skin: beside the nose."""
    around = tight_box(face.points[[29, 31, 35, 40, 47]])
    x0, y0, x1, y1 = np.clip(np.round(around), 0, [*face.image.shape[1::-1]] * 2).astype(int)
    patch = face.image[y0 : y1 + 1, x0 : x1 + 1].reshape(-1, 3)
    return np.median(patch, 0) if len(patch) else np.array([170.0, 130, 110])
