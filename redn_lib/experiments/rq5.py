"""RQ5: what does each part contribute? The full 2x2x2 grid: spatial feedback, temporal LSTM, identity supervision."""

from collections.abc import Callable, Sequence
from itertools import product

from redn_lib.experiments.curriculum import LOOKS, Course, Setting
from redn_lib.experiments.following import figures_of
from redn_lib.experiments.memories import LSTM, NO_LSTM, remembering
from redn_lib.experiments.supervision import NONE, WHOLE
from redn_lib.experiments.tables import Run

PARTS = ("spatial", "temporal", "identity")


def name_of(parts: Sequence[str]) -> str:
    """A cell's name: its parts, or "none"."""
    return " + ".join(parts) or "none"


def grid_runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """A run for each cell of the grid and each seed. Without spatial feedback there is one look; iterations and
    pictures are the same, time is not (RQ1 has the control for that).
    """

    def one(parts: Sequence[str], seed: int) -> Callable[[], dict[str, float]]:
        looks = LOOKS if "spatial" in parts else 1
        memory, supervision = (LSTM if "temporal" in parts else NO_LSTM), (WHOLE if "identity" in parts else NONE)
        return lambda: figures_of(remembering(Course(setting, seed), memory, supervision, looks), setting)

    cells = [[p for p, on in zip(PARTS, ticks, strict=True) if on] for ticks in product((False, True), repeat=3)]
    return [Run(name_of(cell), seed, one(cell, seed)) for seed in seeds for cell in cells]
