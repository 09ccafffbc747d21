"""Other mark-ups in terms of the 68 points: what is the same place is taken over, the rest is NaN.

Nothing is guessed: a mark-up gives at most those of the 68 that it really has. Another one is an entry here: a `Markup`
that says which of its points is which of the 68, entered in `BY_COUNT`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from redn_lib.landmarks import MEAN_SHAPE, N_POINTS, SEVEN, tight_box


@dataclass(frozen=True)
class Markup:
    """A set of points that faces are marked with.

    name: as it is known.
    count: how many points it has.
    same: number of its point -> number of the one of the 68 that is the same place.
    """

    name: str
    count: int
    same: Mapping[int, int]

    def to_68(self, points: np.ndarray) -> np.ndarray:
        """(68, 2) float32 with NaN where this mark-up has no point; points: (count, 2)."""
        out = np.full((N_POINTS, 2), np.nan, np.float32)
        out[list(self.same.values())] = points[list(self.same)]
        return out


IBUG68 = Markup("iBUG 68", 68, {i: i for i in range(68)})
SEVEN7 = Markup("the paper's 7", 7, dict(enumerate(SEVEN)))
XM2VTS68 = Markup(
    "XM2VTS 68",
    68,
    {7: 8, 15: 26, 18: 22, 21: 17, 24: 21, 27: 36, 29: 39, 32: 45, 34: 42, 48: 48, 51: 51, 54: 54, 57: 57, 67: 30},
)
"""The older mark-up of FGnet, in which Talking Face comes: also 68 points, but other ones in another order."""

BY_COUNT = {markup.count: markup for markup in (IBUG68, SEVEN7)}
"""The mark-up of a file of so many points."""


def markup_of(points: np.ndarray, where: str) -> Markup:
    """The mark-up of a file of points, by their number. Raises ValueError, naming `where`, for any other number."""
    if len(points) not in BY_COUNT:
        known = ", ".join(map(str, sorted(BY_COUNT)))
        raise ValueError(f"{where}: {len(points)} points; only mark-ups of {known} are known: mend or leave it out")
    return BY_COUNT[len(points)]


def face_box(points: np.ndarray) -> np.ndarray:
    """Tight box (4,) of a face, in the pixels of its points (68, 2): of the mean shape laid on them where some are NaN.

    Raises ValueError where fewer than two points are marked.
    """
    return tight_box(points if np.isfinite(points).all() else _laid(points)[0])


def misfit(points: np.ndarray) -> float:
    """RMS distance of the points (68, 2), some NaN, from the mean shape laid on them, over the side of its box."""
    shape, error = _laid(points)
    return error / float(np.ptp(shape, axis=0).max())


def _laid(points: np.ndarray) -> tuple[np.ndarray, float]:
    """(mean shape (68, 2) turned, scaled and shifted onto the points, RMS distance in pixels)."""
    known = np.isfinite(points).all(1)
    if known.sum() < 2:
        raise ValueError(f"{known.sum()} of the 68 points are marked, too few; mend or leave it out")
    mean = MEAN_SHAPE.astype(float) @ [1, 1j]  # points as complex numbers: a turn and a scale are one product
    theirs = points[known].astype(float) @ [1, 1j]
    middle = mean[known].mean()
    centred = mean[known] - middle
    turn = (centred.conj() @ (theirs - theirs.mean())) / (centred.conj() @ centred).real
    laid = (mean - middle) * turn + theirs.mean()
    error = np.abs(laid[known] - theirs)
    return np.stack([laid.real, laid.imag], -1), float(np.sqrt((error**2).mean()))
