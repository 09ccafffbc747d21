"""Several processes of one training run, started by torchrun and joined by Lightning Fabric (DistributedDataParallel).

Each process prepares its own share of every batch; gradients and losses are means over the processes. Batch-norm
statistics, and the losses that compare the codes of a batch, are those of a process's share (our choice). So n
processes learn as one does with --accumulate n.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import distributed

from redn_lib.device import best_device

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@contextmanager
def joined(device: str | None) -> "Iterator[Fabric | None]":
    """Fabric of this run where torchrun started it in several processes, otherwise None.

    Raises ValueError without Lightning Fabric, and where there are fewer GPUs than processes.
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
    fabric = Fabric(accelerator=kind, devices=here, num_nodes=hosts, strategy="ddp")
    fabric.launch()
    yield fabric
    distributed.destroy_process_group()
