"""What the camera makes of the light: exposure, colour cast, sharpness, resolution, noise, compression. (our choice)"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np


@dataclass(frozen=True)
class Camera:
    """How the picture is taken.

    exposure: brightness of the skin, about 0.1 to 0.6. contrast, saturation: 1 unchanged. cast: colour gains.
    resolution: pixels a side that it is taken with before it is scaled to its size. blur: pixels of these. motion: x, y
    length of motion blur in pixels. noise: spread, of 255. jpeg: quality 1 to 100, 0 none. seed: of the noise.
    """

    exposure: float = 0.35
    contrast: float = 1.0
    saturation: float = 1.0
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    resolution: int = 160
    blur: float = 0.6
    motion: tuple[float, float] = (0.0, 0.0)
    noise: float = 2.0
    jpeg: int = 80
    seed: int = 0


def develop(light: np.ndarray, gain: float, camera: Camera) -> np.ndarray:
    """Linear light (r, r, 3) to a picture (r, r, 3) float32 of 0 to 255."""
    picture = light * (np.array(camera.cast, np.float32) * np.float32(gain))
    picture = np.sqrt(picture / (1 + 0.25 * picture)) * 255
    if camera.saturation != 1:
        grey = picture.mean(2, keepdims=True)
        picture = grey + (picture - grey) * np.float32(camera.saturation)
    return (picture - 110) * np.float32(camera.contrast) + 110


@cache
def _grain_pool() -> np.ndarray:
    rng = np.random.default_rng(512)
    return rng.standard_normal((512, 512, 1), np.float32) + 0.4 * rng.standard_normal((512, 512, 3), np.float32)


def _grain(seed: int, side: int) -> np.ndarray:
    y, x = np.random.default_rng([seed, 11]).integers(0, 513 - side, 2)
    return _grain_pool()[y : y + side, x : x + side]


def take(picture: np.ndarray, camera: Camera, size: int) -> np.ndarray:
    """Lens, sensor and file: (r, r, 3) float of 0 to 255 to (size, size, 3) uint8."""
    length = float(np.hypot(*camera.motion))
    if length > 1:
        n = 2 * int(np.ceil(length / 2)) + 1
        kernel = np.zeros((n, n), np.float32)
        step = np.array(camera.motion) / 2 * 16
        middle = np.array([n // 2, n // 2]) * 16
        ends = [tuple(int(v) for v in middle + s * step) for s in (-1, 1)]
        cv2.line(kernel, *ends, 1.0, 1, cv2.LINE_AA, 4)
        picture = cv2.filter2D(picture, -1, kernel / kernel.sum())
    if camera.blur > 0.2:
        picture = cv2.GaussianBlur(picture, (0, 0), camera.blur)
    if camera.noise > 0:
        picture = picture + np.float32(camera.noise) * _grain(camera.seed, len(picture))
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    if camera.jpeg:
        _, file = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg])
        picture = cv2.imdecode(file, cv2.IMREAD_COLOR)
    return picture if len(picture) == size else cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC)
