"""The training loop: batches in, averaged weights out; interrupted at any moment, it goes on as if nothing had
happened.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

from redn_lib.device import best_device
from redn_lib.encoder_decoder import StepNorm
from redn_lib.rednet import RedNet
from redn_lib.training import checkpoint
from redn_lib.training.batches import Batch
from redn_lib.training.objective import outcome
from redn_lib.training.stages import Stage


def learning_rate(stage: Stage, i: int) -> float:
    """Rate at iteration i: linear warm-up, then half a cosine down to zero."""
    warm = min(1.0, (i + 1) / max(stage.warmup, 1))
    return stage.rate * warm * 0.5 * (1 + math.cos(math.pi * i / stage.iterations))


def running_average(memory: float) -> Callable[[list[Tensor], list[Tensor], Tensor], None]:
    """Exponential average of weights that forgets its beginning: its memory grows from a few iterations to `memory`
    (our choice).
    """

    def update(average: list[Tensor], now: list[Tensor], n: Tensor) -> None:
        torch._foreach_lerp_(average, now, 1 - min(memory, (1 + int(n)) / (10 + int(n))))

    return update


def parameter_groups(model: nn.Module, stage: Stage) -> list[dict]:
    """Parameters for the optimiser: matrices with weight decay, the rest without; f_tRNN at a rate of its own."""
    groups = []
    for memory, share in ((False, 1.0), (True, stage.memory_rate)):
        mine = [p for name, p in model.named_parameters() if name.startswith("memory.") == memory]
        for decays, decay in ((True, stage.weight_decay), (False, 0.0)):
            parameters = [p for p in mine if (p.ndim > 1) == decays]
            groups += [{"params": parameters, "weight_decay": decay, "share": share}] if parameters else []
    return groups


class Trainer:
    """One stage of training of one network.

    model: trained in place; batches: item i is the batch of iteration i; path: checkpoint, read when it exists and
    written
    every `every` iterations and at the end, or None for a run that leaves nothing. Raises ValueError when a checkpoint
    belongs to another stage or preset.
    """

    def __init__(
        self,
        model: RedNet,
        stage: Stage,
        batches: Dataset,
        *,
        path: Path | None = None,
        every: int = 200,
        device: str | None = None,
        workers: int = 0,
    ):
        self.model, self.stage, self.batches, self.path, self.every, self.workers = (
            model,
            stage,
            batches,
            path,
            every,
            workers,
        )
        self.device = torch.device(device or best_device())
        self.model.to(self.device, memory_format=torch.channels_last).train()
        if stage.frames > 1:
            for module in model.modules():
                if isinstance(module, StepNorm):
                    module.eval()
        self.average = AveragedModel(model, multi_avg_fn=running_average(stage.ema), use_buffers=True)
        self.optimiser = torch.optim.AdamW(parameter_groups(model, stage), lr=stage.rate)
        self.iteration = 0
        self.losses: list[list[float]] = []
        if path is not None and Path(path).exists():
            self.resume()

    def run(self, show: Callable[[Iterable], Iterable] = iter) -> RedNet:
        """Train to the end of the stage and return the averaged network in eval mode. show: wraps the iterator, e.g. a
        progress bar.

        On KeyboardInterrupt the state is saved before the exception goes on.
        """
        loader = DataLoader(
            self.batches,
            batch_size=None,
            sampler=range(self.iteration, self.stage.iterations),
            num_workers=self.workers,
        )
        try:
            for batch in show(loader):
                self.losses.append(self.learn(Batch(*batch)))
                if self.path is not None and (
                    self.iteration % self.every == 0 or self.iteration == self.stage.iterations
                ):
                    self.save()
        except KeyboardInterrupt:
            if self.path is not None:
                self.save()
            raise
        return self.average.module.eval()

    def learn(self, batch: Batch) -> list[float]:
        """One iteration; returns the loss of each step. Raises ValueError when the loss is no longer a number."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["share"] * learning_rate(self.stage, self.iteration)
        patches = batch.patches.to(self.device).float().div_(255)
        batch = Batch(patches, *(tensor.to(self.device) for tensor in batch[1:]))
        swap = np.random.default_rng((self.stage.seed, 2, self.iteration)).random() < self.stage.swap
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type != "mps"):
            found = outcome(self.model, batch, self.stage, swap=swap)
        if not torch.isfinite(found.total):
            raise ValueError(
                f"the loss is {found.total.item()} at iteration {self.iteration}: lower the learning rate or check the "
                "points"
            )
        self.optimiser.zero_grad(set_to_none=True)
        found.total.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimiser.step()
        self.average.update_parameters(self.model)
        self.iteration += 1
        return found.looks.detach().tolist()

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        checkpoint.save(
            self.path,
            {
                "stage": asdict(self.stage),
                "preset": self.model.preset.name,
                "iteration": self.iteration,
                "model": self.model.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "losses": torch.tensor(self.losses),
            },
        )

    def resume(self) -> None:
        """Go on from the checkpoint: same weights, same optimiser state, same next batch."""
        state = checkpoint.load(self.path)
        if state["stage"] != asdict(self.stage) or state["preset"] != self.model.preset.name:
            raise ValueError(
                f"checkpoint {self.path} belongs to another stage or preset: use another --run folder, or delete it"
            )
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.iteration, self.losses = state["iteration"], state["losses"].tolist()
