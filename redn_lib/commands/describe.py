"""Parameters and FLOPs (convolutions and matrix products, a multiply-add as two) of each part, beside the paper's."""

import argparse
from dataclasses import replace
from typing import NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from redn_lib.crop import PATCH_SIZE
from redn_lib.presets import PRESETS, Preset
from redn_lib.rednet import RedNet
from redn_lib.temporal import HIDDEN
from redn_lib.training.stages import STAGES

PARTS = {
    "encoder": ("f_ENC", "every step", "about 14.8 M parameters"),
    "decoder": ("f_DEC", "every step", ""),
    "detection": ("detection maps", "every step", ""),
    "regression": ("f_REG", "every step", ""),
    "classifier": ("f_CLS", "training", ""),
    "reader": ("pose from C_pe", "training", ""),
    "memory": ("f_tRNN", "every frame", ""),
}
"""Name of each part, when it runs, and what the paper says of it (paper); of the others, and of FLOPs: not found."""


class Part(NamedTuple):
    """A part of a network: as in PARTS, its parameters, and FLOPs of one face each time."""

    name: str
    runs: str
    paper: str
    parameters: int
    flops: int


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the option of `redn describe`."""
    parser.add_argument("--preset", default="paper", choices=sorted(PRESETS), help="preset (default paper)")


def parts(preset: Preset) -> list[Part]:
    """Every part of a network of that preset, counted on tensors without contents."""
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        model = RedNet(preset).eval().to("meta")
        code = model.frame(torch.zeros(1, 3, PATCH_SIZE, PATCH_SIZE), torch.zeros(1, 2, 3), steps=1).codes[0]
        if preset.people:
            model.who(code)
            model.pose(code)
    counts = counter.get_flop_counts()
    return [
        Part(*PARTS[name], sum(p.numel() for p in part.parameters()), sum(counts[type(part).__name__].values()))
        for name, part in model.named_children()
        if name in PARTS
    ]


def run(args: argparse.Namespace) -> int:
    """Print the table, with f_CLS and f_tRNN of the size that `redn train` gives them by default; 0."""
    preset = PRESETS[args.preset]
    people = STAGES["identity"].synthetic_people
    found = parts(replace(preset, people=people, hidden=HIDDEN))
    print(
        f"preset {preset.name}: crop {preset.size}x{preset.size}, code {preset.cells}x{preset.cells}x"
        f"{preset.widths[-1][-1]}, of which C_id {preset.identity_channels}, K = {preset.steps}; "
        f"f_CLS of {people} people, f_tRNN of {HIDDEN} units\n"
    )
    print(f"{'part':<16}{'parameters':>12}{'GFLOP':>9}  {'runs':<12}  paper")
    for part in found:
        paper = part.paper if preset.name == "paper" else ""
        print(f"{part.name:<16}{part.parameters:>12,}{part.flops / 1e9:>9.3f}  {part.runs:<12}  {paper}".rstrip())
    kept = [part for part in found if part.runs != "training"]
    flops = sum(part.flops * (preset.steps if part.runs == "every step" else 1) for part in kept)
    parameters = sum(part.parameters for part in kept)
    print(f"{f'a frame, K = {preset.steps}':<16}{parameters:>12,}{flops / 1e9:>9.3f}")
    return 0
