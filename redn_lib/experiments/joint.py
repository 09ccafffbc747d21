"""In stages, or all at once? The whole network, taught by the same batches in two orders (the paper's: not found).

In stages: stills, then stills with f_CLS, then clips with all losses, as in the other experiments. All at once: every
part is there from the start, and the batches of the three stages come mixed, each with the losses that it had.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from torch.utils.data import Dataset

from redn_lib.experiments.curriculum import Course, Setting
from redn_lib.experiments.following import figures_of
from redn_lib.experiments.memories import LSTM, remembering
from redn_lib.experiments.supervision import WHOLE
from redn_lib.experiments.tables import Run
from redn_lib.rednet import RedNet
from redn_lib.training.batches import Batch, StillBatches
from redn_lib.training.grow import fresh
from redn_lib.training.loop import Trainer, follow_norms
from redn_lib.training.stages import Stage

STAGED, AT_ONCE = "in stages", "all at once"


class Mixed(Dataset):
    """Every batch of several stages once, in an order that the seed draws; item i is that of iteration i."""

    def __init__(self, parts: Sequence[StillBatches], seed: int):
        every = [(part, i) for part in parts for i in range(len(part))]
        self.order = [every[n] for n in np.random.default_rng((seed, 4, 0)).permutation(len(every))]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, i: int) -> Batch:
        part, j = self.order[i]
        return part[j]

    def stage(self, i: int) -> Stage:
        """The stage that batch i is from, with one schedule of the learning rate over all of them."""
        return replace(self.order[i][0].stage, iterations=len(self))


class MixedTrainer(Trainer):
    """A trainer of whose batches, those of `Mixed`, each brings the losses of a stage of its own. stage: the one that
    has all of the network's parts. As in the stages, statistics of batch norm are those of single stills.
    """

    batches: Mixed

    def learn(self, batch: Batch) -> list[float]:
        whole = self.stage
        self.stage = self.losses_of.stage = self.batches.stage(self.iteration)
        follow_norms(self.model, self.stage)
        losses = super().learn(batch)
        self.stage = whole
        return losses


def at_once(course: Course) -> RedNet:
    """The network of a seed that has all parts and all losses from its first iteration."""
    stills, groups = course.stills(), course.groups(WHOLE)
    preset = replace(stills.preset, people=len(groups.people), hidden=course.setting.hidden)
    clips = course.clips(WHOLE, preset)
    batches = Mixed([stills, groups, clips], course.seed)
    whole = replace(clips.stage, iterations=len(batches))
    trainer = MixedTrainer(fresh(preset, course.seed), whole, batches, path=course.path(AT_ONCE))
    return trainer.run(course.setting.show)


WAYS: dict[str, Callable[[Course], RedNet]] = {STAGED: lambda course: remembering(course, LSTM), AT_ONCE: at_once}


def joint_runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """A run for each way and each seed: as many iterations, the same pictures."""

    def one(way: str, seed: int) -> Callable[[], dict[str, float]]:
        return lambda: figures_of(WAYS[way](Course(setting, seed)), setting)

    return [Run(way, seed, one(way, seed)) for seed in seeds for way in WAYS]
