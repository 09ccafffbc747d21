"""The processes of a training run: one, or several that torchrun started and Lightning Fabric joins.

All of them keep the same weights. Batch i is the same however many there are: one process prepares it and deals it out,
each learns on its share, and gradients, batch-norm statistics and losses are those of the whole batch.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor, distributed, nn

from redn_lib.device import best_device
from redn_lib.training.batches import Batch
from redn_lib.training.norms import AllOf, share_statistics
from redn_lib.training.stages import Stage

PATIENCE = timedelta(minutes=5)
"""So long a process waits for one that says nothing; one that died is noticed at once (our choice)."""

GONE = re.compile(r"peer|connection|timed? ?out|nccl|gloo", re.IGNORECASE)
"""What torch says of a process that is gone."""


class Alone:
    """A run in one process. rank: number of this process; count: of all; device: where this one computes."""

    rank, count = 0, 1

    def __init__(self, device: str | torch.device | None = None):
        self.device = torch.device(device or best_device())

    def joined(self, losses: nn.Module) -> nn.Module:
        """The module with the gradients of all processes."""
        return losses

    def adding_up(self, losses: nn.Module, more: bool) -> AbstractContextManager:
        """Within it gradients are only added up where `more` are to come, and not exchanged yet."""
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        """Gradients of a loss."""
        loss.backward()

    def mean(self, values: Tensor) -> Tensor:
        """The mean over processes."""
        return values

    def whole(self, share: Tensor) -> Tensor:
        """The whole batch of which this process has a share (B, ...)."""
        return share

    def dealt(self, loader: Iterable, first: int, stage: Stage) -> Iterable:
        """This process's share of each batch. loader: gives the batches that this process is to prepare, see `mine`;
        first: number of the first batch.
        """
        return loader

    def mine(self, first: int, stage: Stage) -> range:
        """Numbers of the batches that this process prepares."""
        return range(first + (self.rank - first) % self.count, stage.iterations, self.count)

    def agree(self, iteration: int, path: Path | None) -> None:
        """Raise ValueError where not all processes begin at the same iteration."""


class Several(Alone):
    """One of the processes of a run started by torchrun. Raises ValueError without Lightning Fabric, and where the
    devices are too few.
    """

    def __init__(self, device: str | None = None):
        try:
            from lightning_fabric import Fabric
            from lightning_fabric.strategies import DDPStrategy
        except ImportError as error:
            raise ValueError(
                "several processes need Lightning Fabric: pip install -c constraints.txt -e '.[multi]'"
            ) from error
        here, hosts = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["GROUP_WORLD_SIZE"])
        kind = torch.device(device or best_device()).type
        if kind == "cuda" and torch.cuda.device_count() < here:
            raise ValueError(
                f"{here} processes on this host but {torch.cuda.device_count()} GPUs: "
                f"torchrun --nproc_per_node {torch.cuda.device_count()}, or --device cpu"
            )
        strategy = DDPStrategy(timeout=PATIENCE)
        self.fabric = Fabric(accelerator=kind, devices=here, num_nodes=hosts, strategy=strategy)
        self.fabric.launch()
        self.device, self.rank, self.count = self.fabric.device, self.fabric.global_rank, self.fabric.world_size

    def joined(self, losses: nn.Module) -> nn.Module:
        share_statistics(losses)
        return self.fabric.setup_module(losses)

    def adding_up(self, losses: nn.Module, more: bool) -> AbstractContextManager:
        return self.fabric.no_backward_sync(losses, enabled=more)

    def backward(self, loss: Tensor) -> None:
        self.fabric.backward(loss)

    def whole(self, share: Tensor) -> Tensor:
        return AllOf.apply(share)

    def mean(self, values: Tensor) -> Tensor:
        return self.fabric.all_reduce(values, reduce_op="mean")

    def dealt(self, loader: Iterable, first: int, stage: Stage) -> Iterator[Batch]:
        mine = iter(loader)
        for i in range(first, stage.iterations):
            giver, share = i % self.count, [None]
            shares = shares_of(Batch(*next(mine)), self.count, stage.accumulate) if giver == self.rank else None
            distributed.scatter_object_list(share, shares, src=giver)
            yield share[0]

    def agree(self, iteration: int, path: Path | None) -> None:
        mine = torch.tensor(float(iteration), device=self.device)
        if self.mean(mine.clone()) != mine:
            raise ValueError(
                f"process {self.rank} found {path} at iteration {iteration}, others did not: the run folder must lie "
                "on a disk that all hosts share"
            )


def shares_of(batch: Batch, count: int, accumulate: int) -> list[Batch]:
    """A batch dealt out to `count` processes: of `accumulate` pieces of each share, piece a is a part of piece a of the
    whole.
    """
    places = torch.arange(len(batch.person)).view(accumulate, count, -1)
    return [Batch(*(tensor[places[:, r].flatten()] for tensor in batch)) for r in range(count)]


@contextmanager
def gone_explained(processes: Alone, path: Path | None) -> Iterator[None]:
    """Raise OSError with the remedy where another process of the run is gone, or one that loads."""
    try:
        yield
    except RuntimeError as error:
        said = re.split(r"\.\s|\n", str(error))[0]
        if "DataLoader worker" in said:
            what = f"a process that prepares batches is gone ({said}); if memory ran out, take fewer --workers"
        elif processes.count > 1 and GONE.search(said):
            what = f"process {processes.rank} of {processes.count} has lost the others ({said})"
        else:
            raise
        raise OSError(f"{what}; the same command goes on from {path}") from error


@contextmanager
def gathered(device: str | None) -> Iterator[Alone]:
    """The processes of this run, as torchrun started them; one where it did not."""
    if not distributed.is_available() or not distributed.is_torchelastic_launched() or os.environ["WORLD_SIZE"] == "1":
        yield Alone(device)
        return
    several = Several(device)
    yield several
    distributed.destroy_process_group()
