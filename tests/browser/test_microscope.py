"""The loop microscope in JupyterLab in a real browser: by keyboard alone, by pointer, and how it looks."""

import re

import pytest
from browser.pages import fits, opened
from playwright.sync_api import expect

SMALL = """\
from unit.made_steps import rough_face, small
from redn_lib.widgets.microscope import microscope

microscope(small(), [rough_face(0), rough_face(1)])
"""
SHIPPED = """\
from redn_lib.data.samples import astronaut
from redn_lib.pretrained import load_pretrained
from redn_lib.widgets.microscope import microscope

faces, boxes = [astronaut(), astronaut()[:, ::-1].copy()], [(181, 76, 267, 182), (244, 76, 330, 182)]
microscope(load_pretrained(device="cpu"), faces, boxes, shift=0.3, scale=1.3, turn=30)
"""
POINTS = "() => Array.from(document.querySelector('.mic').page.answer.arrays.points)"
NAMES = """▶ Play; steps; feedback; recrop; average; point; inside; in z; of step; blank; exchange; one channel;
other channel; image; whole; occluder; start again; first box; step 1: z; step 2: z; step 3: z;
step 1: response; step 2: response; step 3: response"""


@pytest.fixture
def scope(notebook, root):
    yield opened(notebook, root, "microscope", SMALL)
    assert notebook.errors == [] and notebook.blocked == []


def test_by_keyboard_alone(scope):
    page, start = scope.page, scope.state()
    scope.reaches(NAMES)
    scope.to("steps")
    scope.press("ArrowRight")
    expect(scope.status).to_contain_text("step 4")
    scope.press("ArrowLeft")
    scope.to("feedback")
    scope.press("ArrowDown")
    assert scope.state()["form"]["draw"] == "softmax"
    scope.press("ArrowUp")
    scope.to("recrop")
    scope.press("Space")
    assert not scope.state()["form"]["recrop"]
    scope.to("point")
    page.keyboard.press("3")  # as in every list: the option that begins so
    expect(scope.status).to_contain_text("3: jaw, right side")
    scope.to("occluder")
    scope.press("Space")
    scope.to("occluder: arrows")
    before = scope.state()["occluder"]
    scope.press("ArrowLeft", 3)
    assert scope.state()["occluder"][0] < before[0]
    scope.press("Delete")
    assert scope.state()["occluder"] is None
    scope.to("first box")
    for key, changed in {"ArrowRight": "box", "+": "box", "]": "turn"}.items():
        before = scope.state()
        scope.press(key)
        assert scope.state()[changed] != before[changed]
    scope.press("0")
    assert scope.state()["box"] == pytest.approx(start["box"]) and scope.state()["turn"] == 0
    scope.to("step 2: z")
    page.keyboard.press("ArrowLeft")
    scope.press("Space")
    assert scope.state()["edits"] == [{"kind": "paint", "step": 2, "channels": [3], "at": [[3, 4]]}]
    scope.to("step 2: response")
    scope.press("Enter")
    expect(page.locator(".mic-hint")).to_contain_text("of step 2, map of 3: jaw")
    scope.press("Control+z")
    assert scope.state()["edits"] == []
    scope.to("image")
    scope.press("ArrowDown")
    assert scope.state()["image"] == 1 and scope.state()["box"] != start["box"]
    expect(scope.status).to_contain_text("Ann 1")


def test_inside_a_step_by_keyboard(scope):
    page, hint = scope.page, scope.page.locator(".mic-hint")
    scope.to("inside")
    scope.press("Space")
    expect(hint).to_contain_text("pool 2 keeps 128 of 512 values")
    expect(page.locator("canvas.mic-places")).to_have_attribute("aria-label", re.compile("remembered"))
    before = page.evaluate(POINTS)
    page.locator(".mic-opened").focus()
    scope.press("2")
    scope.to("pool")
    scope.press("ArrowRight")
    expect(hint).to_contain_text("pool 3 keeps")
    scope.to("rank")
    scope.press("ArrowUp")
    expect(hint).to_contain_text("rank 2 is channel")
    scope.to("pools remember")
    scope.press("Space")
    expect(scope.status).to_contain_text("pools forget")
    scope.to("f_REG sees features")
    scope.press("Space")
    expect(scope.status).to_contain_text("f_REG sees no features")
    assert page.evaluate(POINTS) != before
    page.locator(".mic-open").focus()
    scope.press("Space")
    expect(page.locator("canvas.mic-z").first).to_be_visible()


def test_by_pointer(scope):
    page, state = scope.page, scope.state()
    with scope.answered():
        x, y = scope.place(".mic-frame")
        scope.drag((x + 15, y + 12), (x + 35, y + 12))
    moved = scope.state()
    assert moved["box"][0] > state["box"][0] and moved["box"][1] == pytest.approx(state["box"][1])
    with scope.answered():
        knob = scope.place("[data-part=turn]")
        scope.drag(knob, (knob[0] + 40, knob[1] + 10))
    assert scope.state()["turn"] > 5
    with scope.answered():
        corner = scope.place("[data-part=corner]")
        scope.drag(corner, (corner[0] - 12, corner[1] - 12))
    assert scope.state()["box"][0] < moved["box"][0]
    at = page.evaluate("""() => {
        const m = document.querySelector('.mic').page, p = m.points[0][8], [a, b, c, d, e, f] = m.inverses[0];
        return [a * p[0] + b * p[1] + c, d * p[0] + e * p[1] + f].map(v => (v + 0.5) / m.S);
    }""")
    page.mouse.click(*scope.place("canvas.mic-crop", *at))
    chosen = int(page.locator(".mic-point").input_value())
    assert chosen >= 0 and page.locator(".mic-of-z small").inner_text() == f"channel {chosen}"
    page.keyboard.press("Escape")
    before = page.evaluate(POINTS)
    second = "canvas.mic-z >> nth=1"
    with scope.answered():
        scope.drag(scope.place(second, 0.2, 0.2), scope.place(second, 0.6, 0.7))
    after = page.evaluate(POINTS)
    assert before[:136] == after[:136] and before[136:] != after[136:]
    assert len(scope.state()["edits"][0]["at"]) > 2
    with scope.answered():
        page.locator(".mic-exchange").click()
    assert [edit["kind"] for edit in scope.state()["edits"]] == ["paint", "exchange"]
    with scope.answered():
        page.mouse.click(*scope.place("canvas.mic-maps >> nth=2", 0.3, 0.3))
    expect(page.locator(".mic-hint")).to_contain_text("Cell (2, 2) of step 3")
    page.locator(".mic-play").click()
    expect(page.locator(".mic-play")).to_have_text("■ Stop")
    expect(page.locator(".mic-play")).to_have_text("▶ Play", timeout=20_000)
    with scope.answered():
        page.locator(".mic-reset").click()
    assert scope.state() == state


@pytest.mark.parametrize("width", [1366, 1100])
def test_it_fits_and_has_no_serious_finding(notebook, root, width):
    shown = {"3": "", "5": ".mic-choice input[value='5']", "inside": ".mic-open"}
    fits(notebook, root, "microscope", SHIPPED, width, shown)
