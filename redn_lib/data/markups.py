"""Other mark-ups in terms of the 68 points: what is the same place is taken over, the rest stays unknown (NaN).

Nothing is guessed: a set with 21 points gives at most the 68-point rows that it really marks. "left" in the names of
AFLW and LFPW is the left of the picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from redn_lib.landmarks import MEAN_SHAPE, N_POINTS, SEVEN, tight_box

RIGHT_EYE, LEFT_EYE = tuple(range(36, 42)), tuple(range(42, 48))


@dataclass(frozen=True)
class Markup:
    """places: for each point of the mark-up the rows of the 68 whose mean is the same place; () where there is none."""

    name: str
    places: tuple[tuple[int, ...], ...]

    def to_68(self, points: np.ndarray) -> np.ndarray:
        """(68, 2) float32 with NaN where this mark-up has no point; points (N, 2) in pixels, NaN where unmarked."""
        out = np.full((N_POINTS, 2), np.nan, np.float32)
        for place, point in zip(self.places, points, strict=True):
            if len(place) == 1:
                out[place[0]] = point
        return out

    def box(self, points: np.ndarray) -> np.ndarray:
        """Tight box (4,) of the face in the points' pixels: of all 68, else of the mean shape laid on the points.

        Raises ValueError where fewer than two of the points say where the face is.
        """
        whole = self.to_68(points)
        return tight_box(whole if np.isfinite(whole).all() else self._laid(points)[0])

    def misfit(self, points: np.ndarray) -> float:
        """How far (RMS) the points are from the mean shape laid on them, over the side of the face's box."""
        shape, error = self._laid(points)
        return error / float(np.ptp(shape, axis=0).max())

    def _laid(self, points: np.ndarray) -> tuple[np.ndarray, float]:
        """(mean shape (68, 2) turned, scaled and shifted onto the points, RMS distance in pixels)."""
        known = [i for i, place in enumerate(self.places) if place and np.isfinite(points[i]).all()]
        if len(known) < 2:
            raise ValueError(f"{len(known)} of the {len(self.places)} points are marked, too few; mend or leave it out")
        ours = np.array([MEAN_SHAPE[list(self.places[i])].mean(0) for i in known], float) @ [1, 1j]
        theirs = np.asarray(points, float)[known] @ [1, 1j]
        centred = ours - ours.mean()
        turn = (centred.conj() @ (theirs - theirs.mean())) / (centred.conj() @ centred).real
        laid = (MEAN_SHAPE.astype(float) @ [1, 1j] - ours.mean()) * turn + theirs.mean()
        error = np.abs(centred * turn + theirs.mean() - theirs)
        return np.stack([laid.real, laid.imag], -1), float(np.sqrt((error**2).mean()))


def _sparse(name: str, count: int, same: dict[int, int | tuple[int, ...]]) -> Markup:
    places = [same.get(i, ()) for i in range(count)]
    return Markup(name, tuple(p if isinstance(p, tuple) else (p,) for p in places))


IBUG68 = _sparse("iBUG 68", 68, {i: i for i in range(68)})
SEVEN7 = _sparse("the paper's 7", 7, dict(enumerate(SEVEN)))
AFLW21 = _sparse(
    "AFLW 21",
    21,
    {0: 17, 1: 19, 2: 21, 3: 22, 4: 24, 5: 26, 6: 36, 7: RIGHT_EYE, 8: 39, 9: 42, 10: LEFT_EYE, 11: 45, 14: 30, 17: 48,
     18: (62, 66), 19: 54, 20: 8},
)  # fmt: skip
"""Brow ends and middles, eye corners and centres, nose tip, mouth corners and centre, chin; ears and nose wings are
not among the 68."""

LFPW29 = _sparse(
    "LFPW 29",
    29,
    {0: 17, 1: 26, 2: 21, 3: 22, 8: 36, 9: 45, 10: 39, 11: 42, 16: RIGHT_EYE, 17: LEFT_EYE, 20: 30, 22: 48, 23: 54,
     24: 51, 25: 62, 26: 66, 27: 57, 28: 8},
)  # fmt: skip
"""The mark-up of LFPW's own list (and of COFW): brow ends, eye corners and pupils, nose tip, mouth, chin."""

CELEBA5 = _sparse("CelebA 5", 5, {0: RIGHT_EYE, 1: LEFT_EYE, 2: 30, 3: 48, 4: 54})
XM2VTS68 = _sparse(
    "XM2VTS 68",
    68,
    {7: 8, 15: 26, 18: 22, 21: 17, 24: 21, 27: 36, 29: 39, 31: RIGHT_EYE, 32: 45, 34: 42, 36: LEFT_EYE, 48: 48, 51: 51,
     54: 54, 57: 57, 67: 30},
)  # fmt: skip
"""The older mark-up of FGnet, in which Talking Face comes: also 68 points, but other ones in another order."""

BY_COUNT = {len(m.places): m for m in (IBUG68, LFPW29, AFLW21, SEVEN7)}


def markup_of(points: Sequence, where: str) -> Markup:
    """The mark-up of a file of points, by their number. Raises ValueError, naming `where`, for any other number."""
    if len(points) not in BY_COUNT:
        known = ", ".join(map(str, sorted(BY_COUNT)))
        raise ValueError(f"{where}: {len(points)} points; only mark-ups of {known} can be mapped: mend or leave it out")
    return BY_COUNT[len(points)]
