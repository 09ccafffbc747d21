"""RQ4: what does identity supervision do?

The same network taught on the same stills, with f_CLS and without, in the wrong place, and with wrong names: error on
unseen people, and what can be read from each code.
"""

from collections.abc import Callable, Sequence

from redn_lib.experiments.curriculum import LOOKS, Course, Setting
from redn_lib.experiments.networks import measured
from redn_lib.experiments.probes import probe_figures
from redn_lib.experiments.supervision import SUPERVISIONS, Supervision
from redn_lib.experiments.tables import Run


def identity_runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """A run for each supervision and seed. Sizes are with f_CLS, which counts in training only."""

    def one(supervision: Supervision, seed: int) -> Callable[[], dict[str, float]]:
        def work() -> dict[str, float]:
            model = Course(setting, seed).told_apart(supervision)
            figures = measured(model, setting.unseen, LOOKS)
            return figures | probe_figures(model, setting.people, setting.pictures)

        return work

    return [Run(s.name, seed, one(s, seed)) for seed in seeds for s in SUPERVISIONS]
