"""The memory microscope in JupyterLab in a real browser: by keyboard alone, by pointer, and how it looks."""

import re

import pytest
from browser.pages import fits, opened
from playwright.sync_api import expect

CELL = """\
from redn_lib.widgets.memory import memory_microscope
from unit.made_steps import remembering, video

memory_microscope(remembering(), [video(0, 8), video(1, 8)], enters=3, lasts=2, frame=3, forget=(4,), steps=1)
"""
NAMES = """▶ Play; frame; forget here; point; clip; occluder; from; for; hides; moves; filter; steps; start again;
Occluder"""
FRAME = "() => document.querySelector('.mic').page.shown.t"


@pytest.fixture
def scope(notebook, root):
    yield opened(notebook, root, "memory", CELL)
    assert notebook.errors == [] and notebook.blocked == []


def test_by_keyboard_alone(scope):
    page, start = scope.page, scope.state()
    scope.reaches(NAMES)
    scope.to("frame")
    scope.press("ArrowRight")
    expect(scope.status).to_contain_text("frame 4 of 0 to 7")
    expect(page.locator(".mem-forget")).to_have_attribute("aria-pressed", "true")
    scope.press("f")
    expect(scope.status).to_contain_text("memory never cleared")
    assert scope.state()["forget"] == []
    scope.to("point")
    page.keyboard.press("3")  # as in every list: the option that begins so
    expect(scope.status).to_contain_text("3: jaw, right side: error no memory")
    scope.to("clip")
    scope.press("ArrowDown")
    expect(scope.status).to_contain_text("video 1")
    for name, key, field in (
        ("occluder", "ArrowDown", "occluder"),
        ("from", "ArrowUp", "enters"),
        ("for", "ArrowUp", "lasts"),
        ("hides", "ArrowRight", "share"),
        ("moves", "ArrowUp", "direction"),
        ("moves", "ArrowDown", "direction"),
        ("filter", "ArrowDown", "baseline"),
        ("steps", "ArrowUp", "steps"),
        ("Occluder", "ArrowLeft", "aside"),
        ("Occluder", "-", "share"),
        ("Occluder", "]", "direction"),
        ("Occluder", "Delete", "occluder"),
    ):
        scope.to(name)
        before = scope.state()
        scope.press(key)
        changed = [k for k, value in scope.state().items() if value != before[k]]
        assert changed == [field]
    assert scope.state()["direction"] == 15, "0 was reached on the way down"
    expect(scope.status).to_contain_text("0 % of the face occluded")
    scope.to("start again")
    scope.press("Space")
    assert scope.state() == start


def test_by_pointer(scope):
    page = scope.page
    hidden = re.compile(r"frame 3 of 0 to 7 · \d+ % of the face occluded")
    expect(scope.status).to_contain_text(hidden)
    before = page.evaluate("() => Array.from(document.querySelector('.mic').page.clip.occluded)")
    with scope.answered():
        middle = scope.place("circle.mic-frame")
        scope.drag(middle, (middle[0] + 40, middle[1] + 5))
    assert scope.state()["aside"][0] > 0.2
    after = page.evaluate("() => Array.from(document.querySelector('.mic').page.clip.occluded)")
    assert after[3] < before[3]
    with scope.answered():
        page.mouse.click(*scope.place(".mem-time", 0.95, 0.5))
    assert page.evaluate(FRAME) == 7
    with scope.answered():  # pulled in at the edge of the image, it enters in this frame
        edge = scope.place("circle.mic-frame")
        scope.drag(edge, scope.place(".mem-panel svg"))
    assert scope.state()["enters"] == 7
    assert page.evaluate("() => document.querySelector('.mic').page.clip.occluded[7]") > 0.4
    lane = page.evaluate("() => 39 / document.querySelector('.mem-time').clientHeight")
    with scope.answered():
        page.mouse.click(*scope.place(".mem-time", 0.4, lane))
    assert len(scope.state()["forget"]) == 2
    page.mouse.move(*scope.place(".mem-time", 0.95, 0.97))
    expect(page.locator(".mic-hint")).to_contain_text(re.compile(r"Unit \d+ in frame 7: forget gate \d"))
    at = page.evaluate("""() => {
        const m = document.querySelector('.mic').page, p = m.clip.points[0][7][30];
        return p.map(v => (v + 0.5) / m.setup.patch);
    }""")
    page.mouse.click(*scope.place(".mem-panel canvas", *at))
    chosen = int(page.locator(".mic-point").input_value())
    assert chosen >= 0
    expect(scope.status).to_contain_text(f"{chosen}: ")
    page.keyboard.press("Escape")
    page.locator(".mic-play").click()
    expect(page.locator(".mic-play")).to_have_text("▶ Play", timeout=20_000)
    assert page.evaluate(FRAME) == 7


@pytest.mark.parametrize("width", [1366, 1100])
def test_it_fits_and_has_no_serious_finding(notebook, root, width):
    fits(notebook, root, "memory", CELL, width, {"all": ""})
