"""RQ2: does decoupling the bottleneck help video alignment?

The LSTM on C_pe (paper), on the whole code, and on a half that is blind to the split, of networks that were taught the
split alike; probes of both codes; C_id swapped within a person and between people.
"""

from collections.abc import Callable, Sequence

from redn_lib.experiments.curriculum import Course, Setting
from redn_lib.experiments.following import figures_of
from redn_lib.experiments.memories import MEMORIES, remembering
from redn_lib.experiments.probes import probe_figures
from redn_lib.experiments.swaps import swap_figures
from redn_lib.experiments.tables import Run


def decoupling_runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """A run for each memory and seed: errors on clips, swaps on stills, probes of the codes."""

    def one(memory: str, seed: int) -> Callable[[], dict[str, float]]:
        def work() -> dict[str, float]:
            model = remembering(Course(setting, seed), memory)
            figures = figures_of(model, setting) | swap_figures(model, setting.unseen)
            return figures | probe_figures(model, setting.people, setting.pictures)

        return work

    return [Run(memory, seed, one(memory, seed)) for seed in seeds for memory in MEMORIES]
