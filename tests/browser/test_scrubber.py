"""The time scrubber in JupyterLab in a real browser, driven by the keyboard alone."""

import re

import pytest
from browser.driven import driving

CELL = """\
from redn_lib.widgets.scrubber import scrubber
from unit.made_steps import remembering, video

scrubber(remembering(), [video(0, 8), video(1, 8)], enters=3, lasts=2, frame=3, forget=4, steps=1)
"""
CONTROLS = """frame; clip; point; occluder; from frame; frames long; occluded; moves (°); forget before; steps; filter;
start again"""


@pytest.fixture
def driven(notebook, root):
    yield from driving(notebook, root, "scrubber", CELL, "frame")


def test_every_control_is_reached_with_tab_and_moves_the_picture(driven):
    for label in (name.strip() for name in CONTROLS.split(";")):
        role = driven.to(label)
        driven.press("Space" if role == "BUTTON" else "ArrowRight")
    driven.says("video 0 · frame 3 of 0 to 7")  # the last one puts all back


def test_arrow_keys_go_through_time_and_the_occluder_moves_along(driven):
    mostly = re.compile(r"\b(5[1-9]|[6-9]\d|100)\s?% of the face occluded")
    less = re.compile(r"\b[1-4]?\d\s?% of the face occluded")
    driven.says(mostly)
    for frame in (4, 5, 6, 7):
        driven.press("ArrowRight")
        driven.says(f"frame {frame} of 0 to 7")
        assert f"frame {frame} of 0 to 7" in driven.image.get_attribute("title")
    driven.says(less)
    driven.to("from frame")
    for _ in range(3):
        driven.press("ArrowRight")
    driven.says(mostly)


def test_play_goes_through_the_clip(driven):
    driven.page.get_by_role("button", name="Play").or_(driven.page.locator(".widget-play button")).first.focus()
    driven.press("Space")
    driven.status.filter(has_text="frame 7 of 0 to 7").wait_for(timeout=30_000)
