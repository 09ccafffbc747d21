"""The field's figures: NME, CED, AUC, failure rate, per part, and jitter for video. All numpy, all as fractions (0.05
is 5 %).
"""

import numpy as np

from redn_lib.landmarks import OUTER_EYES, PARTS


def eye_distance(points: np.ndarray) -> np.ndarray:
    """Distance of the outer eye corners: (..., 68, 2) to (...), in the points' pixels (paper)."""
    return np.linalg.norm(points[..., OUTER_EYES[0], :] - points[..., OUTER_EYES[1], :], axis=-1)


def point_errors(points: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Distance of each point from the truth over the eye distance of the truth: (..., 68, 2) twice to (..., 68)
    (paper).
    """
    return np.linalg.norm(points - truth, axis=-1) / eye_distance(truth)[..., None]


def nme(points: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Normalised mean error: mean over the 68 points of `point_errors`: (..., 68, 2) twice to (...) (paper)."""
    return point_errors(points, truth).mean(-1)


def nme_of_parts(points: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Mean of `point_errors` over each part of the face and all frames: (N, 68, 2) twice."""
    errors = point_errors(points, truth)
    return {part: float(errors[..., list(at)].mean()) for part, at in PARTS.items()}


def ced(errors: np.ndarray, limit: float = 0.08, points: int = 801) -> tuple[np.ndarray, np.ndarray]:
    """Cumulative error distribution: errors (N,) to thresholds (points,) in [0, limit] and the share of frames at or
    below each.

    A frame without an answer is NaN and counts as infinitely wrong. Raises ValueError when there are no errors.
    """
    errors = np.asarray(errors, float)
    if errors.ndim != 1 or not len(errors):
        raise ValueError(f"errors must be a list of at least one number, got shape {errors.shape}")
    at = np.linspace(0, limit, points)
    ordered = np.sort(np.where(np.isfinite(errors), errors, np.inf))
    return at, np.searchsorted(ordered, at, side="right") / len(errors)


def auc(errors: np.ndarray, limit: float = 0.08) -> float:
    """Area under the CED up to `limit`, as a share of the best possible: 1 when every error is 0."""
    at, share = ced(errors, limit)
    return float(np.trapezoid(share, at) / limit)


def failure_rate(errors: np.ndarray, limit: float = 0.08) -> float:
    """Share of frames with an error above `limit` or without an answer (NaN)."""
    return float(1 - ced(errors, limit)[1][-1])


def jitter(track: np.ndarray) -> float:
    """Mean second difference of the points over the eye distance: (T, 68, 2) to a number; NaN frames are left out.

    Real motion that changes speed counts too. NaN for fewer than three consecutive frames.
    """
    if len(track) < 3:
        return float("nan")
    shake = np.linalg.norm(track[2:] - 2 * track[1:-1] + track[:-2], axis=-1).mean(-1) / eye_distance(track[1:-1])
    return float(shake[np.isfinite(shake)].mean()) if np.isfinite(shake).any() else float("nan")
