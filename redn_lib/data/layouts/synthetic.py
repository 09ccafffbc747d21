"""Synthetic faces as a dataset: 1,000 by number to train on and 1,000 to test on, drawn when they are read."""

import numpy as np

from redn_lib.data.clip import Face, Layout, Sample
from redn_lib.data.synthetic import Person, factors, project_points, render

FACES = 1000
FIRST = {"train": 900_000_000, "test": 901_000_000}
"""Number of the first face of each split. Each face is of another person, and training draws its own with lower
numbers, so no person is met twice (our choice)."""


class SyntheticSample(Sample):
    """A synthetic face by number; points, box and image are computed when asked for."""

    def __init__(self, split: str, number: int):
        name = Person(number, np.empty(0), {}).name
        vars(self).update(name=name, person=name, video=name, split=split, number=number, source=None)

    @property
    def points(self) -> np.ndarray:
        return project_points(factors(self.number))

    def face(self) -> Face:
        return render(factors(self.number))


def samples() -> list[SyntheticSample]:
    """All samples, those of "train" first."""
    return [SyntheticSample(split, number) for split, first in FIRST.items() for number in range(first, first + FACES)]


SYNTHETIC = Layout("synthetic", lambda *_: (), "", identities=True)
