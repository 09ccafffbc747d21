"""Batches of several stages mixed, each with the losses of its own stage: training end to end."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch.utils.data import Dataset

from redn_lib.training.batches import Batch, StillBatches
from redn_lib.training.loop import Trainer, follow_norms
from redn_lib.training.stages import Stage


class MixedBatches(Dataset):
    """Every batch of several stages once, in an order that the seed draws.

    processes: how many share each batch; the parts' batches are those of one of them.
    Its `stage`: the last part's, with the losses of all of them, so that every part of the network learns.
    """

    def __init__(self, parts: Sequence[StillBatches], seed: int, processes: int = 1):
        self.processes = processes
        every = [(part, i) for part in parts for i in range(len(part))]
        self.order = [every[n] for n in np.random.default_rng((seed, 4, 0)).permutation(len(every))]
        losses = {name: max(getattr(p.stage, name) for p in parts) for name in ("identity_weight", "apart")}
        self.stage = replace(parts[-1].stage, iterations=len(every), **losses)
        self.people = {person: number for part in parts for person, number in part.people.items()}

    def __getitem__(self, i: int) -> Batch:
        iteration, process = divmod(i, self.processes)
        part, j = self.order[iteration]
        return part[j * self.processes + process]

    def stage_of(self, iteration: int) -> Stage:
        """The stage that the batch is from, with one schedule of the learning rate over all of them."""
        return replace(self.order[iteration][0].stage, iterations=self.stage.iterations)


class MixedTrainer(Trainer):
    """A trainer whose batches, of `MixedBatches`, each bring the losses and the batch norm of a stage of their own."""

    batches: MixedBatches

    def learn(self, batch: Batch) -> list[float]:
        whole = self.stage
        self.stage = self.of_batch.stage = self.batches.stage_of(self.iteration)
        follow_norms(self.model, self.stage)
        losses = super().learn(batch)
        self.stage = whole
        return losses
