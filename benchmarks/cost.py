"""What the stages of training cost on some GPUs, counted and not measured: `python benchmarks/cost.py results/cost.md`.

Counted are convolutions and matrix products, a multiply-add as two; norms, pooling, softmax and drawing are not.
"""

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from redn_lib.crop import PATCH_SIZE
from redn_lib.evaluation.tables import commit
from redn_lib.landmarks import N_POINTS
from redn_lib.presets import PRESETS, Preset
from redn_lib.rednet import RedNet
from redn_lib.temporal import HIDDEN
from redn_lib.training.batches import Batch
from redn_lib.training.loop import freeze
from redn_lib.training.objective import outcome
from redn_lib.training.stages import STAGES, Stage

PEAK = {"RTX 3090": 71, "RTX 4090": 165, "A100": 312, "H100 SXM": 989}
"""TFLOP/s that the maker states for dense bfloat16 products summed in float32."""

FASTEST = max(PEAK, key=PEAK.get)

UTILISATION = 0.2
"""Assumed share of the peak; convolutions over large maps wait for the memory much of the time."""

PREPARED = 100
"""Faces that a core prepares each second, roughly as procedural images by benchmarks/procedural_faces.py."""

HEAD = f"""# What training costs: an estimate

Nothing here was measured on these GPUs. Counted are the FLOPs of one iteration of each stage, as `redn train` has it by
default, forward and backward: convolutions and matrix products, a multiply-add as two. Minutes are these FLOPs over
{UTILISATION:.0%} of the peak that the maker states for dense bfloat16. The {UTILISATION:.0%} are assumed; clips, which
pass frame by frame with few faces at a time, may well use less of a large GPU. Peaks in TFLOP/s:
{", ".join(f"{name} {peak}" for name, peak in PEAK.items())}.

Another --iterations, --batch or --steps scales the minutes in proportion; several GPUs divide them by less than their
number.

Cores: so many must prepare faces (--workers) lest the {FASTEST} wait, at {PREPARED} faces a second each; a frame of a
clip counts as a face. For the other GPUs they fall in proportion to the peak. Fewer cores stretch the minutes by as
much: the compact network always waits for them.
"""


def iteration_flops(preset: Preset, stage: Stage) -> int:
    """FLOPs of an iteration of a stage, forward and backward, without f_CLS and the reading of the pose, which count
    next to nothing. Counted on a group of a batch, or on one clip.
    """
    plain = replace(stage, identity_weight=0.0, apart=0.0)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model = RedNet(replace(preset, people=0)).to("meta")
        freeze(model, plain)
        clip = (plain.frames,) if stage.frames > 1 else ()
        patches = torch.zeros(stage.group, *clip, 3, PATCH_SIZE, PATCH_SIZE)
        points = torch.zeros(stage.group, *clip, N_POINTS, 2)
        visible = torch.ones(points.shape[:-1], dtype=torch.bool)
        crop, person = torch.zeros(stage.group, 2, 3), torch.zeros(stage.group, dtype=torch.int64)
        outcome(model, Batch(patches, points, crop, person, visible), plain).total.backward()
    return counter.get_total_flops() * stage.batch // stage.group


def page(presets: Iterable[Preset]) -> str:
    """The page in Markdown, a table for each preset."""
    tables = "".join(f"\n## {preset.name}\n\n{table(preset)}" for preset in presets)
    return f"{HEAD}\ncommand: python benchmarks/cost.py results/cost.md  \ncommit: {commit()}\n{tables}"


def table(preset: Preset) -> str:
    """One row a stage, and their sum."""
    head = ["stage", "iterations", "batch", "steps", "TFLOP each", "PFLOP", *(f"{name}, min" for name in PEAK), "cores"]
    rows = [head, ["---", *["---:"] * (len(head) - 1)]]
    total = 0.0
    for name, stage in STAGES.items():
        parts = [replace(part, steps=max(part.steps, preset.trained_steps), only=stage.only) for part in stage.each]
        each = sum(iteration_flops(replace(preset, hidden=HIDDEN if p.frames > 1 else 0), p) for p in parts)
        total += each * stage.iterations
        seconds = each / (UTILISATION * PEAK[FASTEST] * 1e12)
        cores = sum(part.batch * part.frames for part in parts) / seconds / PREPARED
        batch = " + ".join(f"{p.batch} clips of {p.frames}" if p.frames > 1 else f"{p.batch} images" for p in parts)
        steps = " + ".join(f"{part.steps}" for part in parts)
        what = [name, f"{stage.iterations}", batch, steps, f"{each / 1e12:.2f}"]
        rows.append([*what, *spent(each * stage.iterations), f"{cores:.0f}"])
    rows.append(["all", "", "", "", "", *spent(total), ""])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def spent(flops: float) -> list[str]:
    """PFLOP, and minutes on each GPU."""
    minutes = [flops / (UTILISATION * peak * 1e12) / 60 for peak in PEAK.values()]
    return [f"{flops / 1e15:.1f}", *(f"{m:.1f}" for m in minutes)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, metavar="FILE.md", help="the page")
    parser.parse_args().out.write_text(page(PRESETS.values()), encoding="utf-8")
