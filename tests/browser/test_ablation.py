"""The ablation board in JupyterLab in a real browser, driven by the keyboard alone."""

import pytest
from browser.driven import driving
from unit.made_grid import write_tables

CELL = """\
from dataclasses import replace
from pathlib import Path
import torch
from redn_lib.data import synthetic
from redn_lib.experiments.curriculum import Setting
from redn_lib.presets import COMPACT
from redn_lib.widgets.ablation import AblationBoard
from redn_lib.training.batches import cut_patch
from redn_lib.training.stages import Stage

torch.set_num_threads(1)
widths = ((4, 8), (8, 8), (8, 8), (8, 8))
small = replace(COMPACT, widths=widths, regression_width=8, size=32, sigma=2.0, steps=2)
faces = [cut_patch(synthetic.render(synthetic.factors(n, 96, person=n // 2))) for n in range(8)]
stage = Stage(1, batch=8, warmup=0)
folder = Path("FOLDER")
setting = Setting(stage, faces, faces, folder / "networks", small, hidden=8, clips=1, frames=12)
AblationBoard(folder / "rq5.csv", setting, identity=False)
"""


@pytest.fixture
def driven(notebook, root, tmp_path):
    write_tables(tmp_path)
    cell = CELL.replace("FOLDER", tmp_path.as_posix())
    yield from driving(notebook, root, "ablation", cell, "one part changed")


def test_the_slider_goes_through_what_makes_a_clip_hard(driven):
    driven.says("occluded: ")
    for kind in ("unoccluded", "blurred", "dark"):
        driven.press("ArrowRight")
        driven.says(f"{kind}: ")
        assert driven.image.get_attribute("title").startswith(f"Ablation board, {kind}")


def test_ticks_choose_the_network_and_start_again_puts_all_back(driven):
    driven.says("feedback + memory ·")
    for label in ("identity", "memory", "feedback"):  # they stand before the slider
        driven.page.keyboard.press("Shift+Tab")
        driven.press("Space")
        driven.says(f"out {label}" if label == "identity" else f"with {label}")
    driven.says("identity · ")
    driven.to("start again")
    driven.press("Space")
    driven.says("feedback + memory ·", "without feedback")


def test_the_button_trains_the_chosen_network_here(driven):
    driven.to("train this network")
    driven.press("Space")  # the picture changes when the run is done
    driven.says("short run here")
    driven.page.get_by_role("status").filter(has_text="done: feedback + memory").wait_for(timeout=20_000)
