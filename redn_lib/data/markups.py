"""Other mark-ups in terms of the 68 points: what is the same place is taken over, the rest is NaN.

Nothing is guessed: a mark-up gives at most those of the 68 that it really has. Each is a table: number of its point ->
number of the one of the 68 that is the same place. Another one is a table here, entered in `BY_COUNT`.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from redn_lib.data.pts import read_pts
from redn_lib.landmarks import MEAN_SHAPE, N_POINTS, SEVEN, fit_similarity, tight_box

IBUG68 = {i: i for i in range(N_POINTS)}
SEVEN7 = dict(enumerate(SEVEN))
XM2VTS68 = {
    **{7: 8, 15: 26, 18: 22, 21: 17, 24: 21, 27: 36, 29: 39},
    **{32: 45, 34: 42, 48: 48, 51: 51, 54: 54, 57: 57, 67: 30},
}
"""The older mark-up of FGnet, in which Talking Face comes: also 68 points, but other ones in another order."""

BY_COUNT = {68: IBUG68, 7: SEVEN7}
"""The mark-up of a file of so many points, where the dataset names none."""


def read_68(path: Path, first: float = 1, markup: Mapping[int, int] | None = None) -> np.ndarray:
    """The points of a `.pts` file as (68, 2) float32 in 0-based pixels, NaN where its mark-up has no such point.

    first: what the file calls the first pixel. markup: that of the dataset; None: by the number of points.
    Raises FileNotFoundError or ValueError, naming the file, where it is damaged or of another number of points.
    """
    points = read_pts(path, first)
    markup = markup or BY_COUNT.get(len(points))
    if markup is None or max(markup) >= len(points):
        raise ValueError(f"{path}: {len(points)} points are of no mark-up that is known here; mend or leave it out")
    out = np.full((N_POINTS, 2), np.nan, np.float32)
    out[list(markup.values())] = points[list(markup)]
    return out


def face_box(points: np.ndarray) -> np.ndarray:
    """Tight box (4,) of a face, in the pixels of its points (68, 2): of the mean shape laid on them where some are NaN.

    Two points at least must be marked.
    """
    known = np.isfinite(points).all(1)
    if known.all():
        return tight_box(points)
    linear, shift = fit_similarity(MEAN_SHAPE[known], points[known])
    return tight_box(MEAN_SHAPE @ linear.T + shift)
