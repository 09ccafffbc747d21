"""`redn describe`: what is counted is what can be worked out by hand, and the committed page is the command's."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from redn_lib.cli import main
from redn_lib.commands.describe import parts
from redn_lib.presets import COMPACT, PAPER
from redn_lib.training.stages import STAGES, Stage

SPEC = importlib.util.spec_from_file_location("cost", Path(__file__).parents[2] / "benchmarks" / "cost.py")
cost = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(cost)
FASTEST, PEAK, UTILISATION = cost.FASTEST, cost.PEAK, cost.UTILISATION

VGG = [(4, 64, 128), (64, 64, 128), (64, 128, 64), (128, 128, 64), (128, 256, 32), (256, 256, 32), (256, 256, 32)]
VGG += [(256, 512, 16), (512, 512, 16), (512, 512, 16), (512, 512, 8), (512, 512, 8), (512, 512, 8)]
"""Channels in, channels out and side of the map of VGG-16's 13 convolutions in a crop of 128 pixels (paper)."""


def test_the_encoder_of_the_paper_is_vgg_16(capsys):
    encoder = parts(PAPER)[0]
    assert encoder.parameters == sum(9 * i * o + 2 * o for i, o, _ in VGG)
    assert encoder.flops == sum(2 * 9 * i * o * side**2 for i, o, side in VGG)
    assert main(["describe"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("f_ENC"))
    assert f"{encoder.parameters:,}" in line and line.endswith("about 14.8 M parameters")
    assert f"{encoder.parameters / 1e6:.1f}" in ("14.7", "14.8")


def test_the_compact_network_has_no_figures_of_the_paper(capsys):
    assert main(["describe", "--preset", "compact"]) == 0
    output = capsys.readouterr().out
    assert "14.8" not in output and all(name in output for name in ("f_ENC", "f_DEC", "f_REG", "f_CLS", "f_tRNN"))


def test_an_iteration_is_counted_forward_and_backward():
    steps = sum(part.flops for part in parts(COMPACT))
    stage = Stage(iterations=1, batch=6, steps=2)
    assert cost.iteration_flops(COMPACT, stage) == pytest.approx(3 * 2 * 6 * steps, rel=0.05)
    assert cost.iteration_flops(COMPACT, replace(stage, batch=12)) == 2 * cost.iteration_flops(COMPACT, stage)
    clips, memory = replace(stage, batch=1, frames=3), replace(COMPACT, hidden=8)
    ran = 2 + 1 + 1  # steps of the three frames: the last points stand for the first step of a frame after another
    assert cost.iteration_flops(memory, clips) == pytest.approx(3 * ran * steps, rel=0.05)
    assert cost.iteration_flops(memory, replace(clips, only=("memory",))) < 0.7 * cost.iteration_flops(memory, clips)


@pytest.fixture(scope="module")
def text() -> str:
    """The page, of the compact network alone."""
    return cost.page([COMPACT])


def test_the_page_of_costs_says_what_it_assumes_and_adds_up(text):
    assert (
        "estimate" in text and f"{UTILISATION:.0%}" in text and all(f"{name} {p}" in text for name, p in PEAK.items())
    )
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    rows = rows[: [row[0] for row in rows].index("all") + 1]  # of the first preset
    named = {row[0]: row for row in rows}
    assert set(STAGES) < set(named)
    assert float(named["all"][5]) == pytest.approx(sum(float(row[5]) for row in rows[2:-1]), abs=0.2)
    flops = cost.iteration_flops(COMPACT, STAGES["spatial"]) * STAGES["spatial"].iterations
    at = rows[0].index(f"{FASTEST}, min")
    assert float(named["spatial"][at]) == pytest.approx(flops / (UTILISATION * PEAK[FASTEST] * 6e13), abs=0.06)


def test_the_committed_page_is_what_the_command_writes(root, text):
    committed = (root / "results" / "cost.md").read_text(encoding="utf-8").splitlines()
    differ = [line for line in text.splitlines() if line not in committed]
    assert all(line.startswith("commit: ") for line in differ), differ
