"""The 68-point mark-up of iBUG: order, parts, mirror order, 7-point subset, mean shape, similarity fit.

Points are (68, 2), x then y, with 0-based pixel centres.
"""

from importlib.resources import files
from itertools import pairwise

import numpy as np

N_POINTS = 68
OUTER_EYES = (36, 45)  # outer eye corners; their distance normalises the error (paper)
SEVEN = (36, 39, 42, 45, 30, 48, 54)  # eye corners, nose tip, mouth corners, as in the paper's figure (paper)
INNER = range(17, 68)  # the 51 points inside the face: all but the jaw, whose labels are the noisiest
PARTS: dict[str, range] = {  # right and left are the person's own
    "jaw": range(0, 17),
    "right_brow": range(17, 22),
    "left_brow": range(22, 27),
    "nose": range(27, 36),
    "right_eye": range(36, 42),
    "left_eye": range(42, 48),
    "outer_mouth": range(48, 60),
    "inner_mouth": range(60, 68),
}

LINES: tuple[tuple[tuple[int, ...], bool], ...] = tuple(
    (tuple(range(start, end)), start >= 36) for start, end in pairwise((0, 17, 22, 27, 31, 36, 42, 48, 60, 68))
)
"""Strokes that draw a face: (point indices, closed); eyes and lips are closed."""

_COLUMNS = [("name", "U40"), ("mirror", int), ("mean", np.float32, 2)]
_TABLE = np.loadtxt(files("redn_lib") / "landmarks.csv", _COLUMNS, delimiter=",", quotechar='"')

POINT_NAMES = tuple(_TABLE["name"].tolist())  # what each point is: 36 is "right eye, outer corner"
MIRROR = _TABLE["mirror"].copy()  # `points[MIRROR]` puts the points of a mirrored face into the order of the mark-up
MEAN_SHAPE = _TABLE["mean"].copy()
"""Procrustes mean of training people and their mirror images; the larger side of its box is [-1, 1] (our choice)."""


def mirror_points(points: np.ndarray, width: float) -> np.ndarray:
    """Points of the image flipped left to right: (..., 68, 2) in pixels of an image `width` pixels wide."""
    flipped = points[..., MIRROR, :].copy()
    flipped[..., 0] = width - 1 - flipped[..., 0]
    return flipped


def tight_box(points: np.ndarray) -> np.ndarray:
    """Smallest box (x0, y0, x1, y1) that holds the points: (..., 68, 2) to (..., 4), in the points' pixels."""
    return np.concatenate([points.min(-2), points.max(-2)], -1).astype(np.float32)


def fit_similarity(points: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least-squares similarity, not mirrored, of points to target, both (..., N, 2): `linear` (..., 2, 2) and
    `translation` (..., 2), so that target is about `points @ linear.T + translation`.
    """
    points, target = np.asarray(points, float), np.asarray(target, float)
    middle, target_middle = points.mean(-2), target.mean(-2)
    p = (points - middle[..., None, :]) @ [1, 1j]  # as complex numbers a similarity is one factor
    t = (target - target_middle[..., None, :]) @ [1, 1j]
    factor = (p.conj() * t).sum(-1) / (p.conj() * p).sum(-1)
    a, b = factor.real, factor.imag
    linear = np.stack([np.stack([a, -b], -1), np.stack([b, a], -1)], -2)
    return linear, target_middle - (linear @ middle[..., None])[..., 0]
