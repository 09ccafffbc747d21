"""Widgets of controls and pictures in JupyterLab in a real browser, driven by the keyboard alone, and how they look."""

import pytest
from browser.pages import fits, opened
from playwright.sync_api import expect
from unit.made_grid import write_tables

MIXER = """\
from unit.made_steps import rough_face, small
from redn_lib.widgets.mixer import code_mixer

code_mixer(small(), [rough_face(seed) for seed in range(4)], identity=0.5, changing=0.5)
"""
BROWSER = """\
import numpy as np
from unit.made_steps import tracked_frame
from redn_lib.widgets.clip_browser import clip_browser

clip_browser([tracked_frame(i, lost=i in (3, 4)) for i in range(8)], {"height": np.arange(8.0)}, frame=2)
"""
HEAD = """\
from redn_lib.widgets.head_sliders import head_sliders

head_sliders(yaw=20, occluder="hand")
"""
BOARD = """\
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


MIXERS = "face A; face B; face C; C_id from B; C_pe from B; point; places of; features of; start again"
BOARDS = """spatial; temporal; identity; kind of clip; loss of f_CLS; losses apart; detection loss; train this network;
start again"""
DRAWN = """() => Promise.all([...document.querySelectorAll('.mic-rows :is(img:not([hidden]), svg)')].map(async img => {
    if (!img.decode) return img.outerHTML;
    await img.decode();
    const canvas = document.createElement('canvas'), context = canvas.getContext('2d');
    [canvas.width, canvas.height] = [img.naturalWidth, img.naturalHeight];
    context.drawImage(img, 0, 0);
    return context.getImageData(0, 0, canvas.width, canvas.height).data.reduce((a, b, i) => (a * 31 + b) % 1000003, 7);
}))"""


def controls(scope) -> list[str]:
    """Names of all controls, in the order in which Tab reaches them."""
    return scope.by_tab(".mic-bar :is(button, input, select)")


def moves(scope, name: str) -> None:
    """A key on a control changes what is seen."""
    scope.to(name)
    before = scope.page.evaluate(DRAWN)
    kind = scope.page.evaluate("() => document.activeElement.type")
    scope.press({"range": "ArrowRight", "select-one": "ArrowDown"}.get(kind, "Space"))
    assert scope.page.evaluate(DRAWN) != before, name


def test_every_control_of_the_mixer_moves_the_pictures(notebook, root):
    scope = opened(notebook, root, "mixer", MIXER)
    start = scope.state()
    for name, begins in zip(controls(scope), MIXERS.split(";"), strict=True):
        assert name.startswith(begins.strip())
        moves(scope, begins.strip())
    assert scope.state() == start
    expect(scope.status).to_contain_text("A Ann 0 · B Ann 1 · C Ann 2")
    assert "C_id 50% of B" in scope.page.locator(".mic-rows").get_attribute("aria-label") + scope.status.inner_text()
    assert notebook.errors == [] and notebook.blocked == []


def test_play_goes_through_the_video(notebook, root):
    scope = opened(notebook, root, "clip_browser", BROWSER)
    moves(scope, "frame")
    expect(scope.status).to_contain_text("frame 3 of 0 to 7")
    expect(scope.status).to_contain_text("face lost")
    scope.to("▶ Play")
    scope.press("Space")
    expect(scope.page.locator(".mic-play")).to_have_text("▶ Play", timeout=30_000)
    expect(scope.status).to_contain_text("frame 7 of 0 to 7")
    assert notebook.errors == [] and notebook.blocked == []


def test_the_board_by_keyboard_and_its_button_trains_here(notebook, root, tmp_path):
    write_tables(tmp_path)
    scope = opened(notebook, root, "board", BOARD.replace("FOLDER", tmp_path.as_posix()))
    for name, begins in zip(controls(scope), BOARDS.split(";"), strict=True):
        assert name.startswith(begins.strip())
    expect(scope.status).to_contain_text("spatial + temporal ·")
    moves(scope, "identity")
    expect(scope.status).to_contain_text("without identity")
    moves(scope, "kind of clip")
    expect(scope.status).to_contain_text("unoccluded: ")
    scope.to("train this network")
    with scope.answered():
        scope.page.keyboard.press("Space")
        expect(scope.page.locator(".mic-told")).to_contain_text("done: spatial + temporal", timeout=120_000)
    expect(scope.status).to_contain_text("short run here")
    assert notebook.errors == [] and notebook.blocked == []


@pytest.mark.parametrize("width", [1366, 1100])
@pytest.mark.parametrize("name", ["mixer", "board", "clip_browser", "head"])
def test_they_fit_and_have_no_serious_finding(notebook, root, tmp_path, name, width):
    write_tables(tmp_path)
    board = BOARD.replace("FOLDER", tmp_path.as_posix())
    cell = {"mixer": MIXER, "board": board, "clip_browser": BROWSER, "head": HEAD}[name]
    fits(notebook, root, name, cell, width, {"all": ""})
