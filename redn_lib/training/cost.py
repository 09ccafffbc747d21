"""The page that says what each stage of training costs on which GPU: an estimate from counted FLOPs."""

from collections.abc import Iterable
from dataclasses import replace

from redn_lib.rednet import Preset
from redn_lib.training.counting import iteration_flops
from redn_lib.training.grow import HIDDEN
from redn_lib.training.stages import STAGES

PEAK = {"RTX 3090": 71, "RTX 4090": 165, "A100": 312, "H100 SXM": 989}
"""TFLOP/s that the maker states for dense bfloat16 products summed in float32."""

FASTEST = max(PEAK, key=PEAK.get)

UTILISATION = 0.2
"""Assumed share of the peak; convolutions over large maps wait for the memory much of the time."""

PREPARED = 100
"""Faces that a core prepares each second, roughly as procedural stills in results/speed.txt."""

HEAD = f"""# What training costs: an estimate

Nothing here was measured on these GPUs. Counted are the FLOPs of one iteration of each stage, as `redn train` has it by
default, forward and backward: convolutions and matrix products, a multiply-add as two. Minutes are these FLOPs over
{UTILISATION:.0%} of the peak that the maker states for dense bfloat16. The {UTILISATION:.0%} are assumed; clips, which
are looked at frame by frame with few faces at a time, may well use less of a large GPU. Peaks in TFLOP/s:
{", ".join(f"{name} {peak}" for name, peak in PEAK.items())}.

Another --iterations, --batch or --steps scales the minutes in proportion; several GPUs divide them by less than their
number.

Cores: so many must prepare faces (--workers) lest the {FASTEST} wait, at {PREPARED} faces a second each; a frame of a
clip counts as a face. For the other GPUs they fall in proportion to the peak. Fewer cores stretch the minutes by as
much: the compact network always waits for them.
"""


def page(presets: Iterable[Preset], *, command: str, commit: str) -> str:
    """The page in Markdown, a table for each preset."""
    tables = "".join(f"\n## {preset.name}\n\n{table(preset)}" for preset in presets)
    return f"{HEAD}\ncommand: {command}  \ncommit: {commit}\n{tables}"


def table(preset: Preset) -> str:
    """One row a stage, and their sum."""
    head = ["stage", "iterations", "batch", "looks", "TFLOP each", "PFLOP", *(f"{name}, min" for name in PEAK), "cores"]
    rows = [head, ["---", *["---:"] * (len(head) - 1)]]
    total = 0.0
    for name, stage in STAGES.items():
        stage = replace(stage, steps=preset.trained_steps)
        each = iteration_flops(replace(preset, hidden=HIDDEN if stage.frames > 1 else 0), stage)
        total += each * stage.iterations
        seconds = each / (UTILISATION * PEAK[FASTEST] * 1e12)
        cores = stage.batch * stage.frames / seconds / PREPARED
        batch = f"{stage.batch} clips of {stage.frames}" if stage.frames > 1 else f"{stage.batch} stills"
        what = [name, f"{stage.iterations}", batch, f"{stage.steps}", f"{each / 1e12:.2f}"]
        rows.append([*what, *spent(each * stage.iterations), f"{cores:.0f}"])
    rows.append(["all", "", "", "", "", *spent(total), ""])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def spent(flops: float) -> list[str]:
    """PFLOP, and minutes on each GPU."""
    minutes = [flops / (UTILISATION * peak * 1e12) / 60 for peak in PEAK.values()]
    return [f"{flops / 1e15:.1f}", *(f"{m:.1f}" for m in minutes)]
