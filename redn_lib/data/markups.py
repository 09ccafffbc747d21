"""Other mark-ups in terms of the 68 points: what is the same place is taken over, the rest stays unknown (NaN).

Nothing is guessed: a mark-up gives at most those of the 68 that it really has. Another one is an entry here: a `Markup`
that says for each of its points which of the 68 is the same place, entered in `BY_COUNT` by its number of points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from redn_lib.landmarks import MEAN_SHAPE, N_POINTS, SEVEN, tight_box

RIGHT_EYE, LEFT_EYE = tuple(range(36, 42)), tuple(range(42, 48))


@dataclass(frozen=True)
class Markup:
    """A set of points that faces are marked with.

    name: as it is known.
    places: for each of its points, those of the 68 whose mean is the same place; () where there is none.
    """

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
XM2VTS68 = _sparse(
    "XM2VTS 68",
    68,
    {7: 8, 15: 26, 18: 22, 21: 17, 24: 21, 27: 36, 29: 39, 31: RIGHT_EYE, 32: 45, 34: 42, 36: LEFT_EYE, 48: 48, 51: 51,
     54: 54, 57: 57, 67: 30},
)  # fmt: skip
"""The older mark-up of FGnet, in which Talking Face comes: also 68 points, but other ones in another order."""

BY_COUNT = {len(m.places): m for m in (IBUG68, SEVEN7)}


def markup_of(points: Sequence, where: str) -> Markup:
    """The mark-up of a file of points, by their number. Raises ValueError, naming `where`, for any other number."""
    if len(points) not in BY_COUNT:
        known = ", ".join(map(str, sorted(BY_COUNT)))
        raise ValueError(f"{where}: {len(points)} points; only mark-ups of {known} can be mapped: mend or leave it out")
    return BY_COUNT[len(points)]
