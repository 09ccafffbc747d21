"""The field's figures: NME, CED, AUC, failure rate, per part, and jitter, as fractions but in METRICS."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from redn_lib.landmarks import OUTER_EYES, PARTS, tight_box


def eye_distance(points: np.ndarray) -> np.ndarray:
    """Distance of the outer eye corners: (..., 68, 2) to (...), in the points' pixels (paper)."""
    return np.linalg.norm(points[..., OUTER_EYES[0], :] - points[..., OUTER_EYES[1], :], axis=-1)


def pupil_distance(points: np.ndarray) -> np.ndarray:
    """Distance of the eyes' middles, each the mean of six points: (..., 68, 2) to (...), in the points' pixels."""
    right, left = (points[..., list(PARTS[eye]), :].mean(-2) for eye in ("right_eye", "left_eye"))
    return np.linalg.norm(right - left, axis=-1)


def box_sides(points: np.ndarray) -> np.ndarray:
    """Width and height of the tight box: (..., 68, 2) to (..., 2), in the points' pixels."""
    box = tight_box(points)
    return box[..., 2:] - box[..., :2]


NORMALISERS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "outer-eyes": (eye_distance, "the eye distance"),
    "pupils": (pupil_distance, "the distance of the eyes' middles"),
    "box-diagonal": (lambda points: np.linalg.norm(box_sides(points), axis=-1), "the diagonal of the points' box"),
    "box-size": (lambda p: np.sqrt(box_sides(p).prod(-1)), "the root of width times height of the points' box"),
}
"""What an error may be divided by, and how to call it; the first is the paper's, the others those of other tables."""


def point_errors(points: np.ndarray, truth: np.ndarray, by: Callable = eye_distance) -> np.ndarray:
    """Distance of each point from the truth over what `by` measures on it: (..., 68, 2) twice to (..., 68) (paper)."""
    return np.linalg.norm(points - truth, axis=-1) / by(truth)[..., None]


def nme(points: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Normalised mean error: mean over the 68 points of `point_errors`: (..., 68, 2) twice to (...) (paper)."""
    return point_errors(points, truth).mean(-1)


def nme_of_parts(points: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Mean of `point_errors` over each part of the face and all frames: (N, 68, 2) twice."""
    errors = point_errors(points, truth)
    return {part: float(errors[..., list(at)].mean()) for part, at in PARTS.items()}


def ced(errors: np.ndarray, limit: float = 0.08) -> tuple[np.ndarray, np.ndarray]:
    """CED of errors (N,), NaN without a prediction: thresholds (801,) to the limit, share of frames up to each."""
    if np.ndim(errors) != 1 or not len(errors):
        raise ValueError(f"errors must be a list of at least one number, got shape {np.shape(errors)}")
    at = np.linspace(0, limit, 801)
    ordered = np.sort(np.nan_to_num(errors, nan=np.inf))
    return at, np.searchsorted(ordered, at, side="right") / len(errors)


def auc(errors: np.ndarray, limit: float = 0.08) -> float:
    """Area under the CED up to `limit`, as a share of the best possible: 1 when every error is 0."""
    at, share = ced(errors, limit)
    return float(np.trapezoid(share, at) / limit)


def failure_rate(errors: np.ndarray, limit: float = 0.08) -> float:
    """Share of frames with an error above `limit` or without a prediction (NaN)."""
    return float(1 - ced(errors, limit)[1][-1])


def jitter(track: np.ndarray) -> float:
    """Mean second difference of the points (T, 68, 2) over the eye distance; NaN frames are left out, NaN for none."""
    if len(track) < 3:
        return float("nan")
    shake = np.linalg.norm(track[2:] - 2 * track[1:-1] + track[:-2], axis=-1).mean(-1) / eye_distance(track[1:-1])
    return float(shake[np.isfinite(shake)].mean()) if np.isfinite(shake).any() else float("nan")


def mean_percent(errors: np.ndarray) -> float:
    """NME in percent over the frames with a prediction; NaN where there are none."""
    found = errors[np.isfinite(errors)]
    return 100 * float(found.mean()) if len(found) else float("nan")


def median_percent(errors: np.ndarray) -> float:
    """Median over all frames of their NME in percent."""
    return 100 * float(np.median(np.nan_to_num(errors, nan=np.inf)))


class Metric(NamedTuple):
    """A figure of the tables of `redn evaluate` and `redn compare`, of the NME (N,) of frames, NaN if not found."""

    of: Callable[[np.ndarray], float]
    heading: str
    digits: int
    help: str


METRICS: dict[str, Metric] = {
    "nme": Metric(mean_percent, "NME %", 2, "mean error, over the frames with a prediction"),
    "median": Metric(median_percent, "median %", 2, "median of the frames' errors"),
    "fr8": Metric(lambda errors: 100 * failure_rate(errors), "over 8 %", 1, "percent of frames above 8 %"),
    "auc8": Metric(auc, "AUC08", 3, "area under the error curve up to 8 %"),
}
"""By column of `evaluate` and `compare`. Frames without a prediction are infinitely wrong but in the mean."""
