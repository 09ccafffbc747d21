"""How large a network is and what a stage of training costs, counted and not measured: parameters, and FLOPs by torch's
counter on tensors without contents, in a moment and without a GPU.

Counted are convolutions and matrix products, a multiply-add as two; norms, pooling, softmax and drawing are not.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from redn_lib.crop import PATCH_SIZE
from redn_lib.landmarks import N_POINTS
from redn_lib.rednet import Preset, RedNet
from redn_lib.training.batches import Batch
from redn_lib.training.loop import learns
from redn_lib.training.objective import outcome
from redn_lib.training.stages import Stage

NAMES = {
    "encoder": "f_ENC",
    "decoder": "f_DEC",
    "detection": "detection maps",
    "regression": "f_REG",
    "classifier": "f_CLS",
    "reader": "pose from C_pe",
    "memory": "f_tRNN",
}
PAPER = {"encoder": "about 14.8 M parameters"}
"""What the paper says of a part (paper); of the others, and of FLOPs, nothing is found."""


@dataclass(frozen=True)
class Part:
    """name: as in the paper; flops: of one face, each time the part is asked; paper: what the paper says of it."""

    name: str
    parameters: int
    flops: int
    paper: str = ""


def parts(preset: Preset) -> list[Part]:
    """Every part of a network of that preset."""
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        model = RedNet(preset).eval().to("meta")
        code = model.frame(*without_contents(1), steps=1).codes[0]
        if preset.people:
            model.who(code)
            model.pose(code)
    counts = counter.get_flop_counts()
    return [
        Part(
            NAMES.get(name, name),
            sum(p.numel() for p in part.parameters()),
            sum(counts[type(part).__name__].values()),
            PAPER.get(name, "") if preset.name == "paper" else "",
        )
        for name, part in model.named_children()
        if any(True for _ in part.parameters())
    ]


def iteration_flops(preset: Preset, stage: Stage) -> int:
    """FLOPs of an iteration of a stage, forward and backward, without f_CLS and the reading of the pose, which count
    next to nothing. Counted on a group of a batch, and on two frames of a clip.
    """
    plain = replace(stage, identity_weight=0.0, apart=0.0, frames=min(stage.frames, 2))
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model = RedNet(replace(preset, people=0)).to("meta")
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(learns(name, plain))
        patches, crop = without_contents(stage.group)
        points, person = torch.zeros(stage.group, N_POINTS, 2), torch.zeros(stage.group, dtype=torch.int64)
        if stage.frames > 1:
            patches, points = (t[:, None].expand(-1, plain.frames, *t.shape[1:]) for t in (patches, points))
        outcome(model, Batch(patches, points, crop, person), plain).total.backward()
    return counter.get_total_flops() * stage.batch * stage.frames // (stage.group * plain.frames)


def without_contents(count: int) -> tuple[Tensor, Tensor]:
    """Patches (count, 3, P, P) and first crops (count, 2, 3) on the device in force."""
    return torch.zeros(count, 3, PATCH_SIZE, PATCH_SIZE), torch.zeros(count, 2, 3)
