"""What a network is worth on annotated faces: its answers after each feedback step, their errors, and a summary."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from redn_lib.data.clip import Face
from redn_lib.data.store import StoredRow
from redn_lib.data.ytf import YtfRow
from redn_lib.metrics import auc, failure_rate, point_errors
from redn_lib.rednet import RedNet
from redn_lib.tracking.align import align

SHIFTED_BY = 0.08
SHIFTED_SCALE = (0.85, 1.2)
"""Uniform disturbance of a sloppy box: shift and scale as shares of its sides (our choice)."""


class Labelled(NamedTuple):
    """An annotated picture of any mark-up: image (H, W, 3) uint8 RGB, points (68, 2) in its pixels with NaN where the
    set marks none, box (4,). A `Face` will do as well, where all points are marked.
    """

    image: np.ndarray
    points: np.ndarray
    box: np.ndarray


def labelled(row: YtfRow | StoredRow) -> Labelled:
    """The picture, points and box of a row. Raises FileNotFoundError or ValueError where the picture is damaged."""
    if isinstance(row, StoredRow):
        return Labelled(row.picture(), row.points, row.box)
    face = row.load()
    return Labelled(face.image, face.points, face.box)


def disturbed_box(box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A box (x0, y0, x1, y1) shifted and scaled at random."""
    middle, side = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    middle = middle + rng.uniform(-SHIFTED_BY, SHIFTED_BY, 2) * side
    side = side * rng.uniform(*SHIFTED_SCALE)
    return np.r_[middle - side / 2, middle + side / 2]


def predictions_of(
    model: RedNet,
    faces: Iterable[Face | Labelled],
    steps: int | None = None,
    box_of: Callable[[Face | Labelled], np.ndarray] = lambda face: face.box,
) -> tuple[np.ndarray, np.ndarray]:
    """(points after every step (N, K, 68, 2), labels (N, 68, 2)), both in pixels of the pictures. box_of: the box that
    each face is given.
    """
    answers, labels = [], []
    for face in faces:
        answers.append(align(model, face.image, box_of(face), steps).steps)
        labels.append(face.points)
    if not answers:
        raise ValueError("no faces to evaluate on")
    return np.array(answers), np.array(labels)


def errors_of(
    model: RedNet,
    faces: Iterable[Face | Labelled],
    steps: int | None = None,
    box_of: Callable[[Face | Labelled], np.ndarray] = lambda face: face.box,
) -> np.ndarray:
    """Error of every point after every step: (N, K, 68), as a share of the eye distance; arguments as `predictions_of`."""
    answers, labels = predictions_of(model, faces, steps, box_of)
    return point_errors(answers, labels[:, None])


def summary(errors: np.ndarray) -> dict[str, float]:
    """NME mean and median, failure rate at 8 % and AUC at 8 % of frames' errors (N,), all in percent but AUC.

    A frame without an answer is NaN: it counts as infinitely wrong everywhere but in the mean, which is over the
    answered frames; NaN where none is.
    """
    answered = np.isfinite(errors)
    return {
        "nme": 100 * float(np.mean(errors[answered])) if answered.any() else float("nan"),
        "median": 100 * float(np.median(np.where(answered, errors, np.inf))),
        "fr8": 100 * failure_rate(errors),
        "auc8": auc(errors),
    }
