"""The time scrubber in JupyterLab in a real browser, driven by the keyboard alone."""

import json
import re

import pytest

CELL = """\
from dataclasses import replace
import cv2, numpy as np, torch
from redn_lib.data.faces import Clip
from redn_lib.landmarks import MEAN_SHAPE
from redn_lib.rednet import COMPACT, RedNet
from redn_lib.show.scrubber import scrubber

torch.manual_seed(0)
torch.set_num_threads(1)
widths = ((4, 8), (8, 8), (8, 8), (8, 8))
small = replace(COMPACT, widths=widths, regression_width=8, size=32, sigma=2.0, hidden=12)
model = RedNet(small).eval()
torch.nn.init.normal_(model.regression.out.weight, std=0.5)
for layer in (model.memory.unpool, model.memory.recall):
    torch.nn.init.normal_(layer.weight, std=0.3)
def film(seed):
    rough = np.random.default_rng(seed).integers(0, 255, (14, 14, 3), np.uint8)
    whole = cv2.resize(rough, (190, 170), interpolation=cv2.INTER_CUBIC)
    face = (MEAN_SHAPE * 40 + (95, 85)).astype(np.float32)
    pictures = np.stack([whole[:150, s : s + 150] for s in range(0, 16, 2)])
    return Clip(pictures, np.stack([face - [s, 0] for s in range(0, 16, 2)]).astype(np.float32), "Ann", f"film {seed}")
scrubber(model, [film(0), film(1)], enters=3, lasts=2, frame=3, forget=4, looks=1)
"""
DRAWN = """([words, source]) => {
    const image = document.querySelector('img.widget-image');
    const status = [...document.querySelectorAll('[role=status]')].find(s => s.innerText.includes('frame'));
    return status?.innerText !== words && image?.src !== source && image.complete && image.naturalWidth === 1000;
}"""
FOCUSED = """() => {
    const here = document.activeElement, widget = here.closest('.jp-OutputArea :is(.widget-hslider, .jupyter-widgets)');
    const words = (widget?.innerText ?? '').split('\\n').map(w => w.replace(/\\u200b/g, '').trim());
    return [words.find(w => w) ?? '', here.getAttribute('role') ?? here.tagName];
}"""
CONTROLS = """frame; clip; point; occluder; from frame; frames long; covers; moves (°); forget before; looks; filter;
start again"""


class Driven:
    """The scrubber's page and what a person at the keyboard does to it."""

    def __init__(self, notebook):
        self.notebook, self.page = notebook, notebook.page
        self.image = self.page.locator("img.widget-image")
        self.status = self.page.get_by_role("status").filter(has_text="frame")

    def press(self, key):
        """Press a key and wait for other numbers and another picture; every drawing gives each once."""
        before = [self.status.inner_text(), self.image.get_attribute("src")]
        self.page.keyboard.press(key)
        self.page.wait_for_function(DRAWN, arg=before, timeout=30_000)

    def to(self, label):
        """Tab on to the control of this name; its role."""
        for _ in range(60):
            here, role = self.page.evaluate(FOCUSED)
            if here == label and role in ("slider", "BUTTON"):
                return role
            self.page.keyboard.press("Tab")
        pytest.fail(f"no way to {label!r} by Tab")


@pytest.fixture
def driven(notebook, root):
    path = root / "build" / "browser" / "scrubber.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": CELL, "outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    notebook.open(path.relative_to(root).as_posix())
    assert notebook.run_all() == []
    scrubber = Driven(notebook)
    scrubber.page.wait_for_function(DRAWN, arg=["", ""], timeout=30_000)
    scrubber.page.locator(".noUi-handle").first.focus()
    yield scrubber
    assert notebook.errors == [] and notebook.blocked == []


def test_every_control_is_reached_with_tab_and_moves_the_picture(driven):
    for label in (name.strip() for name in CONTROLS.split(";")):
        role = driven.to(label)
        driven.press("Space" if role == "BUTTON" else "ArrowRight")
    assert "film 0 · frame 3 of 0 to 7" in driven.status.inner_text(), "the last one puts all back"


def test_arrow_keys_go_through_time_and_the_occluder_moves_along(driven):
    covers = re.compile(r"(\d+)\s?% of the face covered")

    def covered():
        return int(covers.search(driven.status.inner_text())[1])

    assert covered() > 50
    for frame in (4, 5, 6, 7):
        driven.press("ArrowRight")
        assert f"frame {frame} of 0 to 7" in driven.status.inner_text()
        assert f"frame {frame} of 0 to 7" in driven.image.get_attribute("title")
    assert covered() < 50
    driven.to("from frame")
    for _ in range(3):
        driven.press("ArrowRight")
    assert covered() > 50


def test_play_goes_through_the_clip(driven):
    driven.page.get_by_role("button", name="Play").or_(driven.page.locator(".widget-play button")).first.focus()
    driven.press("Space")
    driven.status.filter(has_text="frame 7 of 0 to 7").wait_for(timeout=30_000)
