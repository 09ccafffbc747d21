"""The explorer in JupyterLab in a real browser, driven by the keyboard alone."""

import pytest
from browser.driven import driving

CELL = """\
import cv2, numpy as np, torch
from redn_lib.data.clip import Face
from redn_lib.landmarks import MEAN_SHAPE
from redn_lib.rednet import RedNet
from redn_lib.widgets.explorer import explorer

torch.manual_seed(0)
torch.set_num_threads(1)
model = RedNet.from_preset("compact").eval()
torch.nn.init.normal_(model.regression.out.weight, std=0.5)
rough = np.random.default_rng(0).integers(0, 255, (12, 12, 3), np.uint8)
image = cv2.resize(rough, (160, 150), interpolation=cv2.INTER_CUBIC)
points = (MEAN_SHAPE * 45 + (80, 75)).astype(np.float32)
explorer(model, [Face(image, points, "Ann"), Face(image[::-1].copy(), points, "Bo")], step=1)
"""
KEYS = {"slider": "ArrowRight", "INPUT": "Space", "BUTTON": "Space"}
CONTROLS = """step; image; point; box across; box down; box scale; turn (°); keep z blank; occluder;
occluder across; occluder down; occluder size; start again"""


@pytest.fixture
def driven(notebook, root):
    yield from driving(notebook, root, "explorer", CELL, "step")


def test_arrow_keys_step_through_the_loop(driven):
    for step in (2, 3):
        driven.press("ArrowRight")
        driven.says(f"step {step} of 3")
        assert f"step {step} of 3" in driven.image.get_attribute("title")
    driven.press("ArrowLeft")
    driven.says("step 2 of 3")


def test_every_control_is_reached_with_tab_and_moves_the_picture(driven):
    moved = driven.press_all(KEYS)
    assert moved == [name.strip() for name in CONTROLS.split(";")]
    driven.says("image 0 · step 1 of 3")  # the last one puts all back


def test_occluder_hides_part_of_the_face(driven):
    def on_face():
        return driven.colour(200, 380, 60, 30)

    clear = on_face()
    driven.page.get_by_role("checkbox", name="occluder").focus()
    driven.press("Space")
    driven.says("occluder of 50")
    hidden = on_face()
    assert max(abs(a - b) for a, b in zip(hidden, (90, 96, 104), strict=True)) < 25
    assert max(abs(a - b) for a, b in zip(hidden, clear, strict=True)) > 10
    driven.press("Space")
    assert max(abs(a - b) for a, b in zip(on_face(), clear, strict=True)) < 6
