"""The training loop: batches in, averaged weights out; interrupted at any moment, it goes on as if nothing had
happened.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

from redn_lib.rednet import RedNet
from redn_lib.training import checkpoint
from redn_lib.training.batches import Batch
from redn_lib.training.objective import Outcome, Whole, outcome
from redn_lib.training.processes import Alone, gone_explained
from redn_lib.training.stages import Stage
from redn_lib.training.stopping import Stopping


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
        mine = [p for n, p in model.named_parameters() if p.requires_grad and n.startswith("memory.") == memory]
        for decays, decay in ((True, stage.weight_decay), (False, 0.0)):
            parameters = [p for p in mine if (p.ndim > 1) == decays]
            groups += [{"params": parameters, "weight_decay": decay, "share": share}] if parameters else []
    return groups


def learns(name: str, stage: Stage) -> bool:
    """Whether a parameter of that name learns in the stage: it is to, and the stage's losses reach it."""
    part = name.partition(".")[0]
    if part == "memory" and stage.frames == 1:
        return False
    if part in ("classifier", "reader") and not (stage.identity_weight or stage.apart):
        return False
    return not stage.only or name.startswith(stage.only)


def follow_norms(model: nn.Module, stage: Stage) -> None:
    """Let batch norm follow the batches where they are single pictures and the part learns; elsewhere it stays."""
    for name, part in model.named_children():
        if name in ("encoder", "decoder", "regression"):
            part.train(stage.plain and any(learns(f"{name}.{n}", stage) for n, _ in part.named_parameters()))


class Losses(nn.Module):
    """The losses of a stage as one module: processes are joined around it, since their gradients meet where it ends."""

    def __init__(self, model: RedNet, stage: Stage, whole: Whole):
        super().__init__()
        self.model, self.stage, self.whole = model, stage, whole

    def forward(self, batch: Batch, swap: bool) -> Outcome:
        return outcome(self.model, batch, self.stage, swap=swap, whole=self.whole)


class Trainer:
    """One stage of training of one network.

    model: trained in place; batches: item i is the batch of iteration i; path: checkpoint, read when it exists and
    written every `every` iterations and at the end, or None for a run that leaves nothing; workers: processes that
    prepare batches; compiled: by torch.compile; watch: is told the number and the figures of each iteration; processes:
    see `processes.gathered`, by default this one alone, on `device`.
    Raises ValueError when a checkpoint belongs to another stage or preset, nothing learns, or a batch cannot be dealt
    out evenly.
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
        compiled: bool = False,
        watch: Callable[[int, dict[str, float]], None] | None = None,
        processes: Alone | None = None,
    ):
        self.model, self.stage, self.batches, self.path, self.every = model, stage, batches, path, every
        self.workers, self.watch, self.processes = workers, watch, processes or Alone(device)
        self.device = self.processes.device
        shares = self.processes.count * stage.accumulate
        if stage.batch % (shares * stage.group):
            raise ValueError(
                f"a batch of {stage.batch} in groups of {stage.group} cannot be dealt out to {self.processes.count} "
                f"processes in {stage.accumulate} pieces each: it must be a multiple of {shares * stage.group}"
            )
        model.to(self.device, memory_format=torch.channels_last).train()
        follow_norms(model, stage)
        self.average = AveragedModel(model, multi_avg_fn=running_average(stage.ema), use_buffers=True)
        self.resting = [p for name, p in model.named_parameters() if p.requires_grad and not learns(name, stage)]
        for parameter in self.resting:
            parameter.requires_grad_(False)
        if not any(p.requires_grad for p in model.parameters()):
            parts = ", ".join(name for name, _ in model.named_children())
            raise ValueError(f"no part named {' or '.join(stage.only)} can learn in this stage; there are {parts}")
        self.losses_of = self.processes.joined(Losses(model, stage, self.processes.whole))
        if compiled:
            for part in (model.encoder, model.decoder, model.regression):
                part.compile()
        self.optimiser = torch.optim.AdamW(parameter_groups(model, stage), lr=stage.rate)
        self.iteration = 0
        self.losses: list[list[float]] = []
        self.stopping, self.stop = Stopping(patient=self.processes.count > 1), False
        if path is not None and Path(path).exists():
            self.resume()
        self.processes.agree(self.iteration, path)

    def run(self, show: Callable[[Iterable], Iterable] = iter) -> RedNet:
        """Train to the end of the stage and return the averaged network in eval mode. show: wraps the iterator, e.g. a
        progress bar.

        On Ctrl-C and on SIGTERM the state is saved and KeyboardInterrupt goes on. Raises OSError when another process
        of the run, or one that loads, is gone.
        """
        mine = self.processes.mine(self.iteration, self.stage)
        if self.workers:
            cv2.setNumThreads(1)  # here, since OpenCV's threads do not survive the fork and hang a process that asks
        loader = DataLoader(
            self.batches,
            batch_size=None,
            sampler=mine,
            num_workers=self.workers,
            pin_memory=self.device.type == "cuda",
        )
        with gone_explained(self.processes, self.path), self.stopping:
            try:
                for batch in show(self.processes.dealt(loader, self.iteration, self.stage)):
                    with self.stopping.held():
                        self.losses.append(self.learn(Batch(*batch)))
                    if self.iteration % self.every == 0 or self.iteration == self.stage.iterations:
                        self.save()
                    if self.stop:
                        raise KeyboardInterrupt
            except KeyboardInterrupt:
                if self.stopping.whole:
                    self.save()
                raise
        for parameter in self.resting:
            parameter.requires_grad_(True)
        return self.average.module.eval()

    def learn(self, batch: Batch) -> list[float]:
        """One iteration; returns the loss of each step. Raises ValueError when the loss is no longer a number."""
        stage = self.stage
        for group in self.optimiser.param_groups:
            group["lr"] = group["share"] * learning_rate(stage, self.iteration)
        batch = Batch(*(tensor.to(self.device, non_blocking=True) for tensor in batch))
        batch = batch._replace(patches=batch.patches.float().div_(255))
        swap = np.random.default_rng((stage.seed, 2, self.iteration)).random() < stage.swap
        self.optimiser.zero_grad(set_to_none=True)
        figures = torch.stack([self.backward(*piece, swap) for piece in pieces(batch, stage.accumulate)]).mean(0)
        figures[-1] = self.stopping.asked
        total, *looks, identity, asked = self.processes.mean(figures).tolist()
        if not math.isfinite(total):
            raise ValueError(
                f"the loss is {total} at iteration {self.iteration}: lower the learning rate or check the points"
            )
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimiser.step()
        self.average.update_parameters(self.model)
        self.iteration += 1
        self.stop = asked > 0
        if self.watch is not None:
            named = {f"loss/look {k}": loss for k, loss in enumerate(looks, 1)} | {"loss/all": total}
            named |= {"loss/identity": identity} if stage.identity_weight else {}
            self.watch(self.iteration, named | {"rate": learning_rate(stage, self.iteration - 1)})
        return looks

    def backward(self, batch: Batch, last: bool, swap: bool) -> Tensor:
        """Add the gradients of a piece of a batch. Figures (1 + K + 2,): the loss, of each look, of f_CLS, and 0."""
        with self.processes.adding_up(self.losses_of, not last):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type != "mps"):
                found = self.losses_of(batch, swap)
            self.processes.backward(found.total / self.stage.accumulate)
        identity = found.total.new_zeros(()) if found.identity is None else found.identity
        ends = torch.stack([found.total, identity, torch.zeros_like(identity)]).detach()
        return torch.cat([ends[:1], found.looks.detach(), ends[1:]])

    def save(self) -> None:
        """Write the checkpoint, whole or not at all; only the first process does."""
        if self.path is None or self.processes.rank > 0:
            return
        checkpoint.save(
            self.path,
            {
                "stage": asdict(self.stage),
                "preset": asdict(self.model.preset),
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
        if state["stage"] != asdict(self.stage) or state["preset"] != asdict(self.model.preset):
            raise ValueError(
                f"checkpoint {self.path} belongs to another stage or preset: use another --run folder, or delete it"
            )
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.iteration, self.losses = state["iteration"], state["losses"].tolist()


def pieces(batch: Batch, count: int) -> Iterator[tuple[Batch, bool]]:
    """The batch in `count` pieces of one size, and whether it is the last."""
    for n, tensors in enumerate(zip(*(tensor.chunk(count) for tensor in batch), strict=True), 1):
        yield Batch(*tensors), n == count
