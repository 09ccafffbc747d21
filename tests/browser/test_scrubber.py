"""The time scrubber in JupyterLab in a real browser, driven by the keyboard alone."""

import re

import pytest
from browser.driven import driving

CELL = """\
from dataclasses import replace
import cv2, numpy as np, torch
from redn_lib.data.clip import Clip
from redn_lib.landmarks import MEAN_SHAPE
from redn_lib.rednet import COMPACT, RedNet
from redn_lib.widgets.scrubber import scrubber

torch.manual_seed(0)
torch.set_num_threads(1)
widths = ((4, 8), (8, 8), (8, 8), (8, 8))
small = replace(COMPACT, widths=widths, regression_width=8, size=32, sigma=2.0, hidden=12)
model = RedNet(small).eval()
torch.nn.init.normal_(model.regression.out.weight, std=0.5)
for layer in (model.memory.unpool, model.memory.prior):
    torch.nn.init.normal_(layer.weight, std=0.3)
def video(seed):
    rough = np.random.default_rng(seed).integers(0, 255, (14, 14, 3), np.uint8)
    whole = cv2.resize(rough, (190, 170), interpolation=cv2.INTER_CUBIC)
    face = (MEAN_SHAPE * 40 + (95, 85)).astype(np.float32)
    pictures = np.stack([whole[:150, s : s + 150] for s in range(0, 16, 2)])
    return Clip(pictures, np.stack([face - [s, 0] for s in range(0, 16, 2)]).astype(np.float32), "Ann", f"video {seed}")
scrubber(model, [video(0), video(1)], enters=3, lasts=2, frame=3, forget=4, steps=1)
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
