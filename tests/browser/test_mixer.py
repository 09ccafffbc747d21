"""The code mixer in JupyterLab in a real browser, driven by the keyboard alone."""

import json
from itertools import pairwise

import pytest

CELL = """\
from dataclasses import replace
import cv2, numpy as np, torch
from redn_lib.data.faces import Face
from redn_lib.landmarks import MEAN_SHAPE
from redn_lib.rednet import COMPACT, RedNet
from redn_lib.show.mixer import code_mixer

torch.manual_seed(0)
torch.set_num_threads(1)
widths = ((4, 8), (8, 8), (8, 8), (8, 8))
model = RedNet(replace(COMPACT, widths=widths, regression_width=8, size=32, sigma=2.0)).eval()
torch.nn.init.normal_(model.regression.out.weight, std=2.0)
def face(seed):
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(0, 255, (12, 12, 3), np.uint8), (160, 150), interpolation=cv2.INTER_CUBIC)
    return Face(image, (MEAN_SHAPE * 45 + (80, 75)).astype(np.float32), "Ann", f"Ann {seed}")
code_mixer(model, [face(seed) for seed in range(4)], identity=0.5, changing=0.5)
"""
CHANGED = """before => {
    const image = document.querySelector('img.widget-image');
    return image.src !== before && image.complete && image.naturalWidth === 1000;
}"""
FOCUSED = """() => {
    const here = document.activeElement, widget = here.closest('.jp-OutputArea :is(.widget-hslider, .jupyter-widgets)');
    const words = (widget?.innerText ?? '').split('\\n').map(w => w.replace(/\\u200b/g, '').trim());
    return [words.find(w => w) ?? '', here.getAttribute('role') ?? here.tagName];
}"""
KEYS = {"slider": "ArrowRight", "BUTTON": "Space"}
CONTROLS = [
    "face A",
    "face B",
    "face C",
    "C_id from B",
    "C_pe from B",
    "point",
    "places of",
    "features of",
    "start again",
]


class Driven:
    """The mixer's page and what a person at the keyboard does to it."""

    def __init__(self, notebook):
        self.page = notebook.page
        self.image = self.page.locator("img.widget-image")
        self.status = self.page.get_by_role("status").filter(has_text="C_pe")

    def press(self, key):
        """Press a key and wait for another picture."""
        before = self.image.get_attribute("src")
        self.page.keyboard.press(key)
        self.page.wait_for_function(CHANGED, arg=before, timeout=20_000)

    def colour(self, x, y):
        """Colour of a pixel of the picture."""
        script = """(image, [x, y]) => {
            const canvas = document.createElement('canvas'), context = canvas.getContext('2d');
            canvas.width = canvas.height = 1;
            context.drawImage(image, x, y, 1, 1, 0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }"""
        return self.image.evaluate(script, [x, y])


@pytest.fixture
def driven(notebook, root):
    path = root / "build" / "browser" / "mixer.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": CELL, "outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    notebook.open(path.relative_to(root).as_posix())
    assert notebook.run_all() == []
    mixer = Driven(notebook)
    mixer.page.wait_for_function(CHANGED, arg="", timeout=20_000)
    mixer.page.locator(".noUi-handle").first.focus()
    yield mixer
    assert notebook.errors == [] and notebook.blocked == []


def test_every_control_is_reached_with_tab_and_moves_the_picture(driven):
    moved = []
    while "start again" not in moved:
        label, kind = driven.page.evaluate(FOCUSED)
        assert label, f"the keyboard left the mixer after {moved}"
        if kind in KEYS:  # not the number beside a slider, which can be typed into
            driven.press(KEYS[kind])
            moved.append(label)
        driven.page.keyboard.press("Tab")
    assert moved == CONTROLS
    assert "A Ann 0 · B Ann 1 · C Ann 2" in driven.status.inner_text(), "the last one puts all back"


def test_places_come_from_whom_the_slider_says(driven):
    slider = driven.page.locator(".widget-hslider").filter(has_text="places of").locator(".noUi-handle")
    slider.focus()
    for who in "BC":
        driven.press("ArrowRight")
        assert f"places of {who}" in driven.status.inner_text()
        assert f"places of {who}" in driven.image.get_attribute("title")
    frames = [driven.colour(x, 26) for x in (130, 377, 624)]  # the frames of A, B, C have a colour each
    for one, other in pairwise(frames):
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 40
