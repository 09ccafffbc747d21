"""The explorer in JupyterLab in a real browser, driven by the keyboard alone."""

import json
import re

import pytest

CELL = """\
import cv2, numpy as np, torch
from redn_lib.data.faces import Face
from redn_lib.landmarks import MEAN_SHAPE
from redn_lib.rednet import RedNet
from redn_lib.show.explorer import explorer

torch.manual_seed(0)
torch.set_num_threads(1)
model = RedNet.from_preset("compact").eval()
torch.nn.init.normal_(model.regression.out.weight, std=0.5)
rough = np.random.default_rng(0).integers(0, 255, (12, 12, 3), np.uint8)
image = cv2.resize(rough, (160, 150), interpolation=cv2.INTER_CUBIC)
points = (MEAN_SHAPE * 45 + (80, 75)).astype(np.float32)
explorer(model, [Face(image, points, "Ann"), Face(image[::-1].copy(), points, "Bo")], step=1)
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
KEYS = {"slider": "ArrowRight", "INPUT": "Space", "BUTTON": "Space"}
CONTROLS = """look; picture; point; box across; box down; box scale; turn (°); keep z blank; occluder;
occluder across; occluder down; occluder size; start again"""


class Driven:
    """The explorer's page and what a person at the keyboard does to it."""

    def __init__(self, notebook):
        self.notebook, self.page = notebook, notebook.page
        self.image = self.page.locator("img.widget-image")
        self.status = self.page.get_by_role("status").filter(has_text="look")

    def press(self, key):
        """Press a key and wait for another picture."""
        before = self.image.get_attribute("src")
        self.page.keyboard.press(key)
        self.page.wait_for_function(CHANGED, arg=before, timeout=20_000)

    def average(self, x, y, w, h):
        """Mean colour of a part of the picture."""
        script = """(image, [x, y, w, h]) => {
            const canvas = document.createElement('canvas'), context = canvas.getContext('2d');
            canvas.width = canvas.height = 1;
            context.drawImage(image, x, y, w, h, 0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }"""
        return self.image.evaluate(script, [x, y, w, h])


@pytest.fixture
def driven(notebook, root):
    path = root / "build" / "browser" / "explorer.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": CELL, "outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    notebook.open(path.relative_to(root).as_posix())
    assert notebook.run_all() == []
    explorer = Driven(notebook)
    explorer.page.wait_for_function(CHANGED, arg="", timeout=20_000)
    explorer.page.locator(".noUi-handle").first.focus()
    yield explorer
    assert notebook.errors == [] and notebook.blocked == []


def test_arrow_keys_step_through_the_loop(driven):
    for look in (2, 3):
        driven.press("ArrowRight")
        assert f"look {look} of 3" in driven.status.inner_text()
        assert f"look {look} of 3" in driven.image.get_attribute("title")
    driven.press("ArrowLeft")
    assert "look 2 of 3" in driven.status.inner_text()


def test_every_control_is_reached_with_tab_and_moves_the_picture(driven):
    moved = []
    while "start again" not in moved:
        label, kind = driven.page.evaluate(FOCUSED)
        assert label, f"the keyboard left the explorer after {moved}"
        if kind in KEYS:  # not the number beside a slider, which can be typed into
            driven.press(KEYS[kind])
            moved.append(label)
        driven.page.keyboard.press("Tab")
    assert moved == [name.strip() for name in CONTROLS.split(";")]
    assert "picture 0 · look 1 of 3" in driven.status.inner_text(), "the last one puts all back"


def test_occluder_hides_part_of_the_face(driven):
    def on_face():
        return driven.average(200, 380, 60, 30)

    clear = on_face()
    driven.page.get_by_role("checkbox", name="occluder").focus()
    driven.press("Space")
    assert re.search(r"occluder of 50\s?%", driven.status.inner_text())
    hidden = on_face()
    assert max(abs(a - b) for a, b in zip(hidden, (90, 96, 104), strict=True)) < 25
    assert max(abs(a - b) for a, b in zip(hidden, clear, strict=True)) > 10
    driven.press("Space")
    assert max(abs(a - b) for a, b in zip(on_face(), clear, strict=True)) < 6
