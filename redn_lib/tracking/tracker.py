"""Video in, points out: finds the face, follows it from frame to frame, notices when it has lost it and finds it again.

Following means: the box of the last points is where to look next. That alone goes on happily after the face has left
(a landmark network answers on any wall), so every answer must be believable, and every few frames the detector is asked
whether there is a face where we think. All of it is our choice; the authors' demo has no failure test.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from redn_lib.landmarks import MEAN_SHAPE, N_POINTS, tight_box
from redn_lib.rednet import RedNet
from redn_lib.temporal import MemoryState
from redn_lib.tracking.align import Fit, align
from redn_lib.tracking.detector import FaceDetector, overlap
from redn_lib.tracking.video import Frames, Source, frames

MIN_CONFIDENCE, SURE = 0.3, 0.65
"""Mean confidence of points: below the first it is no face; below the second the detector looks at once. Training faces
lie above the second, places beside a face below it: `benchmarks/measure_tracking.py`."""

MAX_MISFIT = 0.45
"""Most that a face's points may differ from the mean shape (see `misfit`); turned faces reach 0.38."""

MIN_INSIDE = 0.5
"""Least share of a face's box inside the frame."""

MAX_GROWTH = 1.5
"""Most that the box may grow or shrink from one frame to the next."""

STILL = 0.8
"""Where the box found overlaps the box looked at by less, the face moved: look again from the box found."""

SAME_FACE = 0.4
"""Least overlap of the box of the points and the detector's box of the same face."""

CHECK_EVERY = 5
CHECK_SIDE = 160
MAX_UNSEEN = 3
"""Every so many frames the detector looks at the surroundings of the face, at so many pixels; a face that it misses is
looked for in every frame, and given up after so many."""

CUT = 20.0
"""Mean difference (grey levels) of two thumbnails that means a new scene."""


@dataclass(frozen=True)
class TrackedFrame:
    """One frame and the face in it. index: 0-based; time: seconds; image: (H, W, 3) uint8 RGB.

    points: (68, 2) float32 pixels; confidence: (68,) in [0, 1]; box: (4,) tight box of the points.
    Where `lost`, points and box are NaN and confidence is 0.
    """

    index: int
    time: float
    image: np.ndarray
    points: np.ndarray
    confidence: np.ndarray
    box: np.ndarray
    lost: bool


class Tracker:
    """Tracks one face, the largest one where there are several. steps: K feedback steps, by default the model's own;
    temporal: f_tRNN remembers from frame to frame, where the model has it. A face that was lost is met afresh.
    """

    def __init__(self, model: RedNet, steps: int | None = None, temporal: bool = True) -> None:
        self.model, self.steps, self.temporal = model, steps, temporal
        self.detector = FaceDetector()

    def track(self, source: Source | Frames) -> Iterator[TrackedFrame]:
        """Every frame of a video path, folder of pictures, camera number or iterable of images; errors as `Frames`."""
        fit, small, unseen, age = None, None, 0, 0
        for index, seconds, image in frames(source):
            last, small = small, thumbnail(image)
            if fit is not None and np.abs(small - last).mean() < CUT:
                fit, age = self._follow(image, fit), age + 1
                if fit is not None and (unseen or age % CHECK_EVERY == 0 or fit.confidence.mean() < SURE):
                    fit, seen = self._check(image, fit)
                    unseen = 0 if seen else unseen + 1
            else:
                fit = None
            if fit is None or unseen >= MAX_UNSEEN:
                fit, unseen, age = self._find(image), 0, 0
            yield _answer(index, seconds, image, fit)

    def _find(self, image: np.ndarray) -> Fit | None:
        """The largest face of the frame that the network confirms."""
        boxes, _ = self.detector.detect(image)
        return next((fit for fit in (self._confirm(image, box) for box in boxes[:3]) if fit is not None), None)

    def _confirm(self, image: np.ndarray, box: np.ndarray) -> Fit | None:
        fit = self._look(image, box)
        return fit if fit is not None and overlap(tight_box(fit.points), box) >= SAME_FACE else None

    def _follow(self, image: np.ndarray, last: Fit) -> Fit | None:
        """The face of the last frame in this one; None where it is lost."""
        before = tight_box(last.points)
        fit = self._look(image, before, last.state)
        if fit is None:
            return None
        growth = _side(tight_box(fit.points)) / _side(before)
        return fit if 1 / MAX_GROWTH <= growth <= MAX_GROWTH else None

    def _look(self, image: np.ndarray, box: np.ndarray, state: MemoryState | None = None) -> Fit | None:
        """Align from a box, once more from the result where it moved; None where that is no believable face."""
        fit = align(self.model, image, box, self.steps, temporal=self.temporal, state=state)
        if believable(fit, image) and overlap(tight_box(fit.points), box) < STILL:
            fit = align(self.model, image, tight_box(fit.points), self.steps, temporal=self.temporal, state=state)
        return fit if believable(fit, image) else None

    def _check(self, image: np.ndarray, fit: Fit) -> tuple[Fit | None, bool]:
        """(the face, or the one that the detector sees near by, or None; whether it sees one)."""
        box = tight_box(fit.points)
        middle, side = (box[:2] + box[2:]) / 2, _side(box)
        low = np.floor(np.maximum(middle - side, 0)).astype(int)
        high = np.ceil(middle + side).astype(int) + 1
        boxes, _ = self.detector.detect(np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]]), (CHECK_SIDE,))
        boxes = boxes + np.tile(low, 2)
        if not len(boxes):
            return fit, False
        nearest = boxes[overlap(boxes, box).argmax()]
        return (fit if overlap(nearest, box) >= SAME_FACE else self._confirm(image, nearest)), True


def believable(fit: Fit, image: np.ndarray) -> bool:
    """Can this be a face: confident, shaped like one, and in the frame?"""
    if not np.isfinite(fit.points).all() or fit.confidence.mean() < MIN_CONFIDENCE or misfit(fit.points) > MAX_MISFIT:
        return False
    box = tight_box(fit.points)
    frame = np.array([-0.5, -0.5, image.shape[1] - 0.5, image.shape[0] - 0.5])
    inside = (np.minimum(box[2:], frame[2:]) - np.maximum(box[:2], frame[:2])).clip(0).prod()
    return bool(inside >= MIN_INSIDE * (box[2:] - box[:2]).prod())


def thumbnail(image: np.ndarray) -> np.ndarray:
    """The frame at 32x32 pixels, to notice a new scene by: (32, 32, 3) float32."""
    return cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)


def misfit(points: np.ndarray) -> float:
    """RMS distance of points (68, 2) from the mean shape fitted to them by a similarity / RMS radius of that shape."""
    p, m = (np.asarray(s, float) - s.mean(0) for s in (points, MEAN_SHAPE))
    p, m = p @ [1, 1j], m @ [1, 1j]
    turn = np.vdot(m, p) / np.vdot(m, m)
    radius = np.linalg.norm(turn * m)
    return float(np.linalg.norm(p - turn * m) / radius) if radius > 0 else np.inf


def _side(box: np.ndarray) -> float:
    return float((box[2:] - box[:2]).max())


def _answer(index: int, seconds: float, image: np.ndarray, fit: Fit | None) -> TrackedFrame:
    if fit is None:
        points, confidence = np.full((N_POINTS, 2), np.nan, np.float32), np.zeros(N_POINTS, np.float32)
    else:
        points, confidence = np.asarray(fit.points, np.float32), np.asarray(fit.confidence, np.float32)
    return TrackedFrame(index, seconds, image, points, confidence, tight_box(points), fit is None)
