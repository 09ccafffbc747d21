"""`redn describe`: parameters and FLOPs of each part of a preset, beside the paper's; what its training costs."""

import argparse
from dataclasses import replace
from pathlib import Path

from redn_lib.evaluation.tables import commit
from redn_lib.files import whole_file
from redn_lib.rednet import PRESETS, Preset
from redn_lib.training.cost import page, parts
from redn_lib.training.grow import HIDDEN
from redn_lib.training.stages import STAGES

RUNS = {"f_tRNN": "every frame", "f_CLS": "training", "pose from C_pe": "training"}
"""When a part runs; all others run in every step."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare `redn describe [--preset P] [--cost FILE.md]`."""
    parser = subparsers.add_parser(
        "describe",
        help="parameters and FLOPs of each part of a preset, beside the paper's",
        description="Counts parameters, and FLOPs of convolutions and matrix products, a multiply-add as two. "
        "Nothing is measured, no GPU is needed.",
    )
    parser.add_argument("--preset", default="paper", choices=sorted(PRESETS), help="preset (default paper)")
    parser.add_argument("--cost", type=Path, metavar="FILE.md", help="also write what training costs on which GPU")


def run(args: argparse.Namespace) -> int:
    """Print the table, write the page; 0. Raises OSError for a page that cannot be written."""
    print(described(PRESETS[args.preset]))
    if args.cost:
        text = page(PRESETS.values(), command=f"redn describe --cost {args.cost}", commit=commit())
        with whole_file(args.cost) as temporary:
            temporary.write_text(text, encoding="utf-8")
        print(f"wrote {args.cost}")
    return 0


def described(preset: Preset) -> str:
    """The table of a preset, with f_CLS and f_tRNN of the size that `redn train` gives them by default."""
    people = STAGES["identity"].synthetic_people
    found = parts(replace(preset, people=people, hidden=HIDDEN))
    cells, code = preset.cells, preset.widths[-1][-1]
    lines = [
        f"preset {preset.name}: crop {preset.size}x{preset.size}, code {cells}x{cells}x{code}, of which C_id "
        f"{preset.identity_channels}, K = {preset.steps}; f_CLS of {people} people, f_tRNN of {HIDDEN} units",
        "",
        f"{'part':<16}{'parameters':>12}{'GFLOP':>9}  {'runs':<12}  paper",
    ]
    for part in found:
        runs = RUNS.get(part.name, "every step")
        line = f"{part.name:<16}{part.parameters:>12,}{part.flops / 1e9:>9.3f}  {runs:<12}  {part.paper}"
        lines.append(line.rstrip())
    kept = [part for part in found if RUNS.get(part.name) != "training"]
    flops = sum(part.flops * (preset.steps if part.name not in RUNS else 1) for part in kept)
    parameters = sum(part.parameters for part in kept)
    lines.append(f"{f'a frame, K = {preset.steps}':<16}{parameters:>12,}{flops / 1e9:>9.3f}")
    return "\n".join(lines)
