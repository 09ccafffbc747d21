"""Augmentation of still images: other images of the same face. The caller brings the random stream.

Clips are not passed through `augment`: what they get is in training/batches.py (`ClipBatches`).
"""

import cv2
import numpy as np

from redn_lib.data.clip import Face
from redn_lib.data.occluder import occlude_image, visibility
from redn_lib.landmarks import MIRROR, OUTER_EYES, mirror_points


def augment(face: Face, rng: np.random.Generator) -> Face:
    """The face by chance mirrored, stretched, relit, blurred, coarsened, occluded, with noise or JPEG (our choice).

    Scale, shift and rotation belong to the first crop (`training.batches`). Occluded points are not visible.
    """
    image, points = stretch(face.image, face.points, rng)
    visible, mask = face.visible, np.zeros(image.shape[:2], np.uint8)
    if rng.random() < 0.5:
        image, points = mirror(image, points, face.lean)
        visible = visible[MIRROR]
    if rng.random() < 0.4:
        image, mask = occlude_image(image, points, rng)
    (unhidden,), _ = visibility(points[None], [mask])
    image = relight(image, rng)
    if rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.5))
    if rng.random() < 0.12:
        image = motion_blur(image, rng)
    if rng.random() < 0.25:
        h, w = image.shape[:2]  # as if taken from far: shrunk and blown up again
        share = rng.uniform(0.22, 0.8)
        small = cv2.resize(image, (max(int(w * share), 8), max(int(h * share), 8)), interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.25:
        grain = rng.uniform(2, 14) * rng.standard_normal(image.shape, np.float32)
        image = cv2.add(image, grain, dtype=cv2.CV_8U)
    if rng.random() < 0.25:
        image = jpeg(image, int(rng.integers(12, 70)))
    image, points = np.ascontiguousarray(image), points.astype(np.float32)
    return Face(image, points, face.person, face.name, unhidden & visible, face.factors, face.lean)


def mirror(image: np.ndarray, points: np.ndarray, lean: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """The image flipped left to right, (..., H, W, 3), and its points (..., 68, 2), renamed.

    lean: of the labels, over the eye distance: the points lie so far to the right again, as people would have set them.
    """
    points = mirror_points(points, image.shape[-2])
    a, b = OUTER_EYES
    points[..., 0] += 2 * lean * np.linalg.norm(points[..., a, :] - points[..., b, :], axis=-1)[..., None]
    return np.ascontiguousarray(image[..., ::-1, :]), points


def stretch(image: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Another aspect ratio and a slight shear about the image's middle: no two faces have the same proportions."""
    a = np.eye(2) + np.array([[rng.normal(0, 0.05), rng.normal(0, 0.03)], [0, rng.normal(0, 0.05)]])
    middle = (np.array(image.shape[1::-1]) - 1) / 2
    matrix = np.c_[a, middle - a @ middle]
    return cv2.warpAffine(image, matrix, image.shape[1::-1]), points @ a.T + matrix[:, 2]


def relight(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gamma, gain and offset of each channel by look-up table; by chance less colour, or a shadow."""
    ramp = np.arange(256) / 255
    gains = np.clip(rng.normal(1, 0.15) * rng.normal(1, 0.06, 3), 0.4, 1.7)
    tables = ramp[:, None] ** np.exp(rng.normal(0, 0.25)) * gains + rng.normal(0, 0.05)
    image = cv2.LUT(image, np.clip(tables * 255, 0, 255).astype(np.uint8)[None])
    if rng.random() < 0.25:
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        keep = rng.choice([0.0, 0.5])
        image = cv2.addWeighted(image, keep, grey, 1 - keep, 0)
    if rng.random() < 0.2:
        h, w = image.shape[:2]
        slope = rng.normal(0, 1, 2)
        plane = slope[0] * np.linspace(-1, 1, w)[None] + slope[1] * np.linspace(-1, 1, h)[:, None] + rng.normal(0, 0.5)
        shade = (1 - rng.uniform(0.2, 0.7) / (1 + np.exp(-rng.uniform(1, 8) * plane))).astype(np.float32)
        image = (image * shade[..., None]).astype(np.uint8)
    return image


def motion_blur(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur along a random direction, 3 to 11 pixels."""
    n = int(rng.integers(1, 6)) * 2 + 1
    kernel = np.zeros((n, n), np.float32)
    direction = rng.uniform(0, np.pi)
    reach = np.round(np.array([np.cos(direction), np.sin(direction)]) * (n // 2)).astype(int)
    centre = np.array([n // 2, n // 2])
    cv2.line(kernel, (centre - reach).tolist(), (centre + reach).tolist(), 1.0)
    return cv2.filter2D(image, -1, kernel / kernel.sum())


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """The image after JPEG compression of that quality (1 to 100)."""
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
