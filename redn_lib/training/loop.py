"""The training loop: batches in, averaged weights out; interrupted at any moment, it goes on as if nothing had
happened.
"""

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

from redn_lib.device import best_device, fast_bfloat16
from redn_lib.files import naming, unsealed, write_sealed
from redn_lib.pretrained import check_finite
from redn_lib.rednet import RedNet
from redn_lib.training.batches import Batch
from redn_lib.training.objective import Outcome, outcome
from redn_lib.training.stages import Stage

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def learning_rate(stage: Stage, i: int) -> float:
    """Rate at iteration i: linear warm-up, then half a cosine down to zero."""
    warm = min(1.0, (i + 1) / max(stage.warmup, 1))
    return stage.rate * warm * 0.5 * (1 + math.cos(math.pi * i / stage.iterations))


def learns(name: str, stage: Stage) -> bool:
    """Whether a parameter of that name learns in the stage: `only` names it, and the losses reach it."""
    part = name.partition(".")[0]
    if part == "memory" and not stage.has_clips:
        return False
    if part in ("classifier", "reader") and not any(one.identity_weight or one.apart for one in stage.each):
        return False
    return not stage.only or name.startswith(stage.only)


def freeze(model: nn.Module, stage: Stage) -> None:
    """From here on, only the parameters that learn in the stage have gradients."""
    for name, parameter in model.named_parameters():
        if not learns(name, stage):
            parameter.requires_grad_(False)


def parameter_groups(model: nn.Module, stage: Stage) -> list[dict]:
    """Parameters for the optimiser: matrices with a weight decay of 0.01, the rest without; f_tRNN at a rate of its own
    (our choice). Raises ValueError where nothing learns.
    """
    groups = {(share, decay): [] for share in (1.0, stage.memory_rate) for decay in (1e-2, 0.0)}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            share, decay = stage.memory_rate if name.startswith("memory.") else 1.0, 1e-2 if parameter.ndim > 1 else 0.0
            groups[share, decay].append(parameter)
    if not any(groups.values()):
        parts = ", ".join(name for name, _ in model.named_children())
        raise ValueError(f"no part named {' or '.join(stage.only)} can learn in this stage; there are {parts}")
    return [{"params": p, "weight_decay": decay, "share": share} for (share, decay), p in groups.items() if p]


def follow_norms(model: nn.Module, stage: Stage) -> None:
    """Let batch norm follow the batches where they are single images and the part learns; elsewhere it stays."""
    plain = stage.group == stage.frames == 1 and not stage.parts
    for name, part in model.named_children():
        if name in ("encoder", "decoder", "regression"):
            part.train(plain and any(learns(f"{name}.{n}", stage) for n, _ in part.named_parameters()))


class Losses(nn.Module):
    """The losses of a stage as one module: what several processes are joined around."""

    def __init__(self, model: RedNet, stage: Stage):
        super().__init__()
        self.model, self.stage = model, stage

    def forward(self, batch: Batch, part: int, swap: bool, empty_at: int | None) -> Outcome:
        return outcome(self.model, batch, self.stage.each[part], swap=swap, empty_at=empty_at)


class Trainer:
    """One stage of training of one network: `run` trains to its end.

    model: trained in place; what does not learn in the stage has no gradients from then on.
    stage: what is trained, how long, with which losses.
    batches: item i is the batch of iteration i, or of a stage of several parts the batches; of n processes, item
        n * i + r is that of process r.
    path: checkpoint, read when it exists, written every `every` iterations and at the end; None: a run that leaves
        nothing.
    device: where to compute; by default a GPU where there is one.
    workers: processes that prepare batches.
    watch: called after each iteration with its number and its losses by name.
    options: plain values by name that the run depends on. The checkpoint keeps them, and a run with others is refused.
    fabric: of a run in several processes, see `joined`.
    Its `seconds`: how long it has trained, all its sessions together.
    Raises ValueError when a checkpoint belongs to another stage, preset or options, nothing learns, or a batch cannot
    be divided evenly.
    """

    def __init__(
        self,
        model: RedNet,
        stage: Stage,
        batches: Dataset,
        *,
        path: Path | None = None,
        every: int = 200,
        device: str | torch.device | None = None,
        workers: int = 0,
        watch: Callable[[int, dict[str, float]], None] | None = None,
        options: Mapping[str, Any] | None = None,
        fabric: "Fabric | None" = None,
    ):
        self.model, self.stage, self.batches, self.path, self.every = model, stage, batches, path, every
        self.workers, self.watch, self.fabric = workers, watch, fabric
        self.rank, self.processes = (fabric.global_rank, fabric.world_size) if fabric else (0, 1)
        self.device = fabric.device if fabric else best_device(device)
        for one in stage.each:
            multiple = self.processes * one.accumulate * one.group
            if one.batch % multiple:
                raise ValueError(f"a batch of {one.batch} cannot be divided: it must be a multiple of {multiple}")
        model.to(self.device, memory_format=torch.channels_last).train()
        follow_norms(model, stage)
        self.average = AveragedModel(model, multi_avg_fn=self.follow, use_buffers=True)
        freeze(model, stage)
        self.optimiser = torch.optim.AdamW(parameter_groups(model, stage), lr=stage.rate)
        self.losses_of = Losses(model, stage)
        self.settings = {"options": dict(options or {}), "stage": asdict(stage), "preset": asdict(model.preset)}
        self.iteration, self.seconds = 0, 0.0
        self.losses: list[list[float]] = []
        if path is not None and Path(path).exists():
            self.resume()

    def run(self, show: Callable[[Iterable], Iterable] = iter) -> RedNet:
        """Train to the end of the stage and return the averaged network in eval mode. show: wraps the iterator, e.g. a
        progress bar.

        On Ctrl-C, SIGTERM and SIGHUP the state is saved after the iteration and KeyboardInterrupt raised. Raises
        OSError when a process that prepares batches is gone.
        """
        if self.fabric and self.fabric.broadcast(self.iteration) != self.iteration:
            raise ValueError(
                f"process {self.rank} finds another {self.path} than process 0: put --run on a shared disk"
            )
        if self.fabric:
            self.losses_of = self.fabric.setup_module(self.losses_of)
        try:
            with stopping(patient=self.fabric is not None) as asked:
                start = time.perf_counter() - self.seconds
                for batch in show(self.loader()):
                    self.losses.append(self.learn(batch))
                    self.seconds = time.perf_counter() - start
                    stop = self.mean(torch.tensor(float(bool(asked)), device=self.device)) > 0
                    if stop or self.iteration % self.every == 0 or self.iteration == self.stage.iterations:
                        self.save()
                    if stop:
                        raise KeyboardInterrupt
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            what = f"a process that prepares batches is gone ({str(error).splitlines()[0]})"
            remedy = f"if memory ran out, take fewer --workers; the same command goes on from {self.path}"
            raise OSError(f"{what}; {remedy}") from error
        return self.average.module.eval()

    def loader(self) -> DataLoader:
        """The batches of this process from the next iteration on."""
        if self.workers:
            cv2.setNumThreads(1)  # here, since OpenCV's threads do not survive the fork and hang a process that asks
        items = range(self.stage.iterations * self.processes)
        return DataLoader(
            self.batches,
            batch_size=None,
            sampler=items[self.iteration * self.processes + self.rank :: self.processes],
            num_workers=self.workers,
            pin_memory=self.device.type == "cuda",
        )

    def mean(self, values: Tensor) -> Tensor:
        """The mean over all processes."""
        return self.fabric.all_reduce(values, reduce_op="mean") if self.fabric else values

    def learn(self, batch: Batch | Sequence[Batch]) -> list[float]:
        """One iteration, on a batch of each part of the stage; returns the loss of each feedback step. Raises
        ValueError when the loss is not finite.
        """
        stage = self.stage
        rate = learning_rate(stage, self.iteration)
        for group in self.optimiser.param_groups:
            group["lr"] = group["share"] * rate
        self.optimiser.zero_grad(set_to_none=True)
        figures = [self.part(n, Batch(*one)) for n, one in enumerate(batch if stage.parts else [batch])]
        total, identity, *steps = self.mean(torch.stack(figures).mean(0)).tolist()
        if not math.isfinite(total):
            where = f"at iteration {self.iteration}"
            raise ValueError(f"the loss is {total} {where}: lower the learning rate or check the points")
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimiser.step()
        self.average.update_parameters(self.model)
        self.iteration += 1
        if self.watch is not None:
            named = {f"loss/step {k}": loss for k, loss in enumerate(steps, 1)}
            self.watch(self.iteration, named | {"loss/all": total, "loss/identity": identity, "rate": rate})
        return steps

    def part(self, n: int, batch: Batch) -> Tensor:
        """Add the gradients of the batch of part n, in pieces. Figures as of `backward`."""
        stage = self.stage.each[n]
        batch = Batch(*(tensor.to(self.device, non_blocking=True) for tensor in batch))
        batch = batch._replace(patches=batch.patches.float().div_(255))
        rng = np.random.default_rng((stage.seed, 2, self.iteration))
        swap = rng.random() < stage.swap
        empty_at = int(rng.integers(1, stage.frames)) if rng.random() < stage.forgotten else None
        pieces = zip(*(tensor.chunk(stage.accumulate) for tensor in batch), strict=True)
        return torch.stack([self.backward(Batch(*piece), n, swap, empty_at) for piece in pieces]).mean(0)

    def follow(self, average: list[Tensor], now: list[Tensor], n: Tensor) -> None:
        """Move the averaged weights, whose memory grows from a few iterations to stage.ema (our choice)."""
        torch._foreach_lerp_(average, now, 1 - min(self.stage.ema, (1 + int(n)) / (10 + int(n))))

    def backward(self, batch: Batch, n: int, swap: bool, empty_at: int | None) -> Tensor:
        """Add the gradients of a piece of a batch of part n. Figures (2 + K,): the loss, that of f_CLS, that of each
        step.
        """
        stage = self.stage.each[n]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=fast_bfloat16(self.device)):
            found = self.losses_of(batch, n, swap, empty_at)
        (stage.share / stage.accumulate * found.total).backward()
        return torch.cat([torch.stack([found.total, found.identity]), found.steps]).detach()

    def save(self) -> None:
        """Write the checkpoint, whole or not at all; only the first process does. Raises OSError as `whole_file`,
        ValueError where a weight is not finite.
        """
        if self.path is None or self.rank > 0:
            return
        check_finite(self.model.state_dict(), f"not written: {self.path}", "train again with a lower rate")
        parts = {name: getattr(self, name).state_dict() for name in ("model", "average", "optimiser")}
        reached = {"iteration": self.iteration, "seconds": self.seconds, "losses": torch.tensor(self.losses)}
        write_sealed(self.path, partial(torch.save, self.settings | parts | reached))

    def resume(self) -> None:
        """Go on from the checkpoint: same weights, same optimiser state, same next batch. Raises ValueError naming a
        damaged file, or every setting that differs.
        """
        with naming(f"checkpoint {self.path}", "delete it to begin again"):
            state = torch.load(unsealed(self.path), map_location="cpu", weights_only=True)
            differ = [
                f"{name} {state[kind].get(name)!r:.80}, now {value!r:.80}"
                for kind, settings in self.settings.items()
                for name, value in settings.items()
                if state[kind].get(name) != value
            ]
        if differ:
            remedy = "repeat the first command, use another --run folder, or delete the checkpoint"
            raise ValueError(f"checkpoint {self.path} was begun with {'; '.join(differ)}: {remedy}")
        with naming(f"checkpoint {self.path}", "delete it to begin again"):
            for name in ("model", "average", "optimiser"):
                getattr(self, name).load_state_dict(state[name])
            check_finite(self.model.state_dict(), "the network", "it was trained at too high a rate")
            self.iteration, self.seconds, self.losses = state["iteration"], state["seconds"], state["losses"].tolist()


@contextmanager
def stopping(patient: bool = False) -> Iterator[list[int]]:
    """Within it, Ctrl-C, SIGTERM and SIGHUP are only noted in the list; one that comes again raises KeyboardInterrupt.

    patient: it does not, because torchrun repeats them and all processes must stop at one iteration.
    Outside of the main thread, where no signal arrives, nothing is done.
    """
    asked: list[int] = []

    def note(which: int, _: object) -> None:
        if which in asked and not patient:
            raise KeyboardInterrupt
        asked.append(which)

    listens = threading.current_thread() is threading.main_thread()
    signals = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup sets it
        signals.append(signal.SIGHUP)
    before = {which: signal.signal(which, note) for which in signals if listens}
    try:
        yield asked
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


@contextmanager
def joined(device: str | None) -> "Iterator[Fabric | None]":
    """Lightning Fabric (DistributedDataParallel) where torchrun started this run in several processes, otherwise None.

    Each process prepares its own share of every batch; gradients and losses are means over the processes. Batch-norm
    statistics, and the losses that compare the codes of a batch, are those of a process's share (our choice). So n
    processes learn as one does with --accumulate n. Raises ValueError without Lightning Fabric, and where there are
    fewer GPUs than processes.
    """
    if not distributed.is_available() or not distributed.is_torchelastic_launched() or os.environ["WORLD_SIZE"] == "1":
        yield None
        return
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        remedy = "pip install -c constraints.txt -e '.[multi]'"
        raise ValueError(f"several processes need Lightning Fabric: {remedy}") from error
    here, hosts = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["GROUP_WORLD_SIZE"])
    kind, gpus = torch.device(device or best_device()).type, torch.cuda.device_count()
    if kind == "cuda" and gpus < here:
        raise ValueError(f"{here} processes but {gpus} GPUs on this host: torchrun --nproc_per_node {gpus}")
    fabric = Fabric(accelerator=kind, devices=here, num_nodes=hosts, strategy="ddp_find_unused_parameters_true")
    fabric.launch()
    yield fabric
    distributed.destroy_process_group()
