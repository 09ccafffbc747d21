"""The small network of the experiments: trained, and measured on stills."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from redn_lib.crop import Crop
from redn_lib.data.clip import Face
from redn_lib.evaluation.errors import disturbed_box, errors_of
from redn_lib.rednet import COMPACT, RedNet
from redn_lib.training.loop import Trainer
from redn_lib.training.stages import Stage

SMALL = replace(
    COMPACT,
    name="small",
    widths=((16, 24), (40, 40), (64, 64), (96, 96)),
    regression_width=64,
    size=64,
    first_margin=1.5,
    sigma=2.0,
)
"""The compact network at half the size of the crop and less wide: small enough for dozens of runs on a CPU (our
choice).
"""


def trained(
    model: nn.Module,
    stage: Stage,
    batches: Dataset,
    path: Path | None = None,
    show: Callable[[Iterable], Iterable] = iter,
) -> nn.Module:
    """The network after the stage, in eval mode. path: of a checkpoint, so that what is done is not done again; show:
    wraps the batches, e.g. a progress bar.
    """
    return Trainer(model, stage, batches, path=path).run(show)


def measured(model: nn.Module, unseen: Sequence[Face], steps: int) -> dict[str, float]:
    """NME in percent of each step with sloppy boxes, the same ones for every network; thousands of parameters."""
    rng = np.random.default_rng(0)
    per_step = 100 * errors_of(model, unseen, steps, lambda face: disturbed_box(face.box, rng)).mean((0, 2))
    figures = {f"step{k}": float(error) for k, error in enumerate(per_step, 1)}
    return figures | {"last": float(per_step[-1]), "kparams": kparams(model)}


def kparams(model: nn.Module) -> float:
    """Thousands of parameters."""
    return sum(p.numel() for p in model.parameters()) / 1e3


def exact_input(patches: Sequence[Face], model: RedNet) -> tuple[torch.Tensor, torch.Tensor]:
    """Patches (N, 3, P, P) float in [0, 1] and first crops (N, 2, 3) from exact boxes, on the model's device."""
    p, device = model.preset, next(model.parameters()).device
    pixels = torch.from_numpy(np.stack([face.image for face in patches])).to(device).permute(0, 3, 1, 2).float() / 255
    crops = [Crop.around(face.box, margin=p.first_margin, size=p.size).matrix for face in patches]
    return pixels, torch.from_numpy(np.stack(crops)).float().to(device)
