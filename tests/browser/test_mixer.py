"""The code mixer in JupyterLab in a real browser, driven by the keyboard alone."""

from itertools import pairwise

import pytest
from browser.driven import driving

CELL = """\
from unit.made_steps import rough_face, small
from redn_lib.widgets.mixer import code_mixer

code_mixer(small(), [rough_face(seed) for seed in range(4)], identity=0.5, changing=0.5)
"""
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


@pytest.fixture
def driven(notebook, root):
    yield from driving(notebook, root, "mixer", CELL, "C_pe")


def test_every_control_is_reached_with_tab_and_moves_the_picture(driven):
    moved = driven.press_all(KEYS)
    assert moved == CONTROLS
    driven.says("A Ann 0 · B Ann 1 · C Ann 2")  # the last one puts all back


def test_places_come_from_whom_the_slider_says(driven):
    slider = driven.page.locator(".widget-hslider").filter(has_text="places of").locator(".noUi-handle")
    slider.focus()
    for who in "BC":
        driven.press("ArrowRight")
        driven.says(f"places of {who}")
        assert f"places of {who}" in driven.image.get_attribute("title")
    frames = [driven.colour(x, 38) for x in (130, 377, 624)]  # the frames of A, B, C have a colour each
    for one, other in pairwise(frames):
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 40
