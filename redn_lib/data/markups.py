"""Labels in another mark-up, read as the 68 points, and the box of a face that is marked in part.

What is the same place is taken over, and the rest is NaN: nothing is guessed. Each is a table: number of its point ->
number of the one of the 68. Another one is a table here, entered in `BY_COUNT`. A face that lacks some of the 68 can be
measured, not trained on.
"""

import numpy as np

from redn_lib.landmarks import MEAN_SHAPE, N_POINTS, SEVEN, fit_similarity, tight_box

IBUG68 = {i: i for i in range(N_POINTS)}
SEVEN7 = dict(enumerate(SEVEN))
BY_COUNT = {68: IBUG68, 7: SEVEN7}  # the mark-up of a file of so many points


def face_box(points: np.ndarray) -> np.ndarray:
    """Tight box (4,) of points (68, 2), two or more marked: of the mean shape laid on them where some are NaN."""
    known = np.isfinite(points).all(1)
    if known.all():
        return tight_box(points)
    linear, shift = fit_similarity(MEAN_SHAPE[known], points[known])
    return tight_box(MEAN_SHAPE @ linear.T + shift)
