"""Annotated faces as training wants them: patches, held in memory or read by the processes that prepare batches."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np

from redn_lib.data.clip import Face
from redn_lib.training.batches import cut_patch

HELD = 20_000
"""So many patches at most are held in memory, 150 kB each; more are read from the disk each time (our choice)."""


class Row(Protocol):
    """An annotated face still on the disk, such as `data.store.StoredRow`."""

    person: str
    name: str

    def load(self) -> Face: ...


class UnreadPatch:
    """What `cut_patch` makes of a row, read and cut when its picture or points are first asked for."""

    visible = factors = None

    def __init__(self, row: Row):
        self.row, self.person, self.name = row, row.person, row.name

    @cached_property
    def read(self) -> Face:
        """The patch. Raises ValueError or FileNotFoundError for a picture that cannot be read."""
        return cut_patch(self.row.load())

    @property
    def image(self) -> np.ndarray:
        """(P, P, 3) uint8 RGB."""
        return self.read.image

    @property
    def points(self) -> np.ndarray:
        """(68, 2) float32 in patch pixels."""
        return self.read.points


class UnreadPatches(Sequence):
    """Patches of rows, each one new when asked for, so that none stays in memory."""

    def __init__(self, rows: Sequence[Row]):
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, j: int) -> UnreadPatch:
        return UnreadPatch(self.rows[j])


def patches(rows: Sequence[Row], show: type[Iterable] = iter) -> Sequence[Face]:
    """The patches of annotated faces, at once where they are few. show: wraps what is read, e.g. a progress bar."""
    if len(rows) > HELD:
        return UnreadPatches(rows)
    return [cut_patch(row.load()) for row in show(rows)]
