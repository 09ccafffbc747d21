"""The 68-point mark-up of iBUG: order, parts, mirror order, 7-point subset, mean shape.

What every other file agrees on. Points are (68, 2), x then y, with 0-based pixel centres; which pixels is said where
they are used.
"""

import numpy as np

N_POINTS = 68
OUTER_EYES = (36, 45)
"""Outer eye corners; their distance normalises the error (paper)."""

SEVEN = (36, 39, 42, 45, 30, 48, 54)
"""Eye corners, nose tip, mouth corners: the seven points of the paper's figure, here 0-based (paper)."""

PARTS: dict[str, range] = {
    "jaw": range(0, 17),
    "right_brow": range(17, 22),
    "left_brow": range(22, 27),
    "nose": range(27, 36),
    "right_eye": range(36, 42),
    "left_eye": range(42, 48),
    "outer_mouth": range(48, 60),
    "inner_mouth": range(60, 68),
}
"""Parts of the face; right and left are the person's own."""

INNER = range(17, 68)
"""The 51 points inside the face: all but the jaw, whose labels are the noisiest."""

LINES: tuple[tuple[tuple[int, ...], bool], ...] = (
    (tuple(range(0, 17)), False),
    (tuple(range(17, 22)), False),
    (tuple(range(22, 27)), False),
    (tuple(range(27, 31)), False),
    (tuple(range(31, 36)), False),
    (tuple(range(36, 42)), True),
    (tuple(range(42, 48)), True),
    (tuple(range(48, 60)), True),
    (tuple(range(60, 68)), True),
)
"""Strokes that draw a face: (point indices, closed)."""

# fmt: off
MIRROR = np.array([
    16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,
    26, 25, 24, 23, 22, 21, 20, 19, 18, 17,
    27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
])
# fmt: on
"""`points[MIRROR]` renames the points of a mirrored face."""

MEAN_SHAPE = np.array(
    [
        (-1.0000, -0.5937),
        (-0.9874, -0.3308),
        (-0.9442, -0.0919),
        (-0.8951, 0.1386),
        (-0.8118, 0.3945),
        (-0.6691, 0.6060),
        (-0.5130, 0.7459),
        (-0.3092, 0.8681),
        (0.0000, 0.9480),
        (0.3092, 0.8681),
        (0.5130, 0.7459),
        (0.6691, 0.6060),
        (0.8118, 0.3945),
        (0.8951, 0.1386),
        (0.9442, -0.0919),
        (0.9874, -0.3308),
        (1.0000, -0.5937),
        (-0.7584, -0.8438),
        (-0.6418, -0.9230),
        (-0.4960, -0.9480),
        (-0.3623, -0.9347),
        (-0.2431, -0.9013),
        (0.2431, -0.9013),
        (0.3623, -0.9347),
        (0.4960, -0.9480),
        (0.6418, -0.9230),
        (0.7584, -0.8438),
        (0.0000, -0.6177),
        (0.0000, -0.4416),
        (0.0000, -0.2756),
        (0.0000, -0.1340),
        (-0.1613, -0.0281),
        (-0.0922, -0.0082),
        (0.0000, 0.0130),
        (0.0922, -0.0082),
        (0.1613, -0.0281),
        (-0.5753, -0.6331),
        (-0.4820, -0.6679),
        (-0.3640, -0.6680),
        (-0.2553, -0.6198),
        (-0.3560, -0.5852),
        (-0.4799, -0.5851),
        (0.2553, -0.6198),
        (0.3640, -0.6680),
        (0.4820, -0.6679),
        (0.5753, -0.6331),
        (0.4799, -0.5851),
        (0.3560, -0.5852),
        (-0.3377, 0.3028),
        (-0.2234, 0.2278),
        (-0.0768, 0.1818),
        (0.0000, 0.1976),
        (0.0768, 0.1818),
        (0.2234, 0.2278),
        (0.3377, 0.3028),
        (0.2170, 0.4032),
        (0.1138, 0.4608),
        (0.0000, 0.4715),
        (-0.1138, 0.4608),
        (-0.2170, 0.4032),
        (-0.3133, 0.2984),
        (-0.0996, 0.2715),
        (0.0000, 0.2678),
        (0.0996, 0.2715),
        (0.3133, 0.2984),
        (0.0986, 0.3400),
        (0.0000, 0.3492),
        (-0.0986, 0.3400),
    ],
    np.float32,
)
"""Procrustes mean of the training people and their mirror images, upright, larger side of its box [-1, 1] (our choice).
"""


def mirror_points(points: np.ndarray, width: float) -> np.ndarray:
    """Points of the picture flipped left to right: (..., 68, 2) in pixels of a picture `width` pixels wide."""
    flipped = points[..., MIRROR, :].copy()
    flipped[..., 0] = width - 1 - flipped[..., 0]
    return flipped


def tight_box(points: np.ndarray) -> np.ndarray:
    """Smallest box (x0, y0, x1, y1) that holds the points: (..., 68, 2) to (..., 4), in the points' pixels."""
    return np.concatenate([points.min(-2), points.max(-2)], -1).astype(np.float32)


def fit_similarity(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The turn, scale and shift that bring points (N, 2) nearest to target (N, 2), by least squares.

    Returns a matrix m (2, 3): the fitted points are points @ m[:, :2].T + m[:, 2]. The points must not all coincide.
    """
    source, wanted = ((np.asarray(p, float) - np.mean(p, 0)) @ [1, 1j] for p in (points, target))
    turn = np.vdot(source, wanted) / np.vdot(source, source)
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.c_[linear, np.mean(target, 0) - linear @ np.mean(points, 0)]
