"""What a network is worth on annotated faces: the error of each feedback step, and its summary."""

from collections.abc import Callable, Iterable

import numpy as np

from redn_lib.data.faces import Face
from redn_lib.metrics import auc, failure_rate, point_errors
from redn_lib.rednet import RedNet
from redn_lib.tracking.align import align

SLOPPY_SHIFT = 0.08
SLOPPY_SCALE = (0.85, 1.2)
"""Uniform disturbance of a sloppy box: shift and scale as shares of its sides (our choice)."""


def sloppy_box(box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A box (x0, y0, x1, y1) shifted and scaled at random."""
    middle, side = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    middle = middle + rng.uniform(-SLOPPY_SHIFT, SLOPPY_SHIFT, 2) * side
    side = side * rng.uniform(*SLOPPY_SCALE)
    return np.r_[middle - side / 2, middle + side / 2]


def errors_of(
    model: RedNet,
    faces: Iterable[Face],
    steps: int | None = None,
    box_of: Callable[[Face], np.ndarray] = lambda face: face.box,
) -> np.ndarray:
    """Error of every point after every step: (N, K, 68), as a share of the eye distance. box_of: the box that each face
    is given.
    """
    errors = []
    for face in faces:
        fit = align(model, face.image, box_of(face), steps)
        errors.append(point_errors(fit.steps, np.broadcast_to(face.points, fit.steps.shape)))
    if not errors:
        raise ValueError("no faces to evaluate on")
    return np.array(errors)


def summary(errors: np.ndarray) -> dict[str, float]:
    """NME mean and median, failure rate at 8 % and AUC at 8 % of frames' errors (N,), all in percent but AUC."""
    return {
        "nme": 100 * float(np.mean(errors)),
        "median": 100 * float(np.median(errors)),
        "fr8": 100 * failure_rate(errors),
        "auc8": auc(errors),
    }
