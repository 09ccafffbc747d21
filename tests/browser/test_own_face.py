"""One's own face in JupyterLab in a real browser: a camera from a file, a dropped picture, the keyboard, the looks."""

import base64
import json

import cv2
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.conftest import FLAGS, OpenNotebook
from browser.pages import CUT, opened
from playwright.sync_api import expect

from redn_lib.data.samples import astronaut, carphone
from redn_lib.tracking.video import frames

CELL = """\
from dataclasses import replace
import redn_lib as redn
from redn_lib.data.samples import carphone
from redn_lib.tracking.video import frames
from redn_lib.training.fine_tune import TUNE
from redn_lib.widgets.own_face import own_face

sample = [image for t, _, image in frames(carphone()) if t < 4]
own = own_face(redn.load_pretrained(device="cpu"), sample, replace(TUNE, iterations=2))
own
"""
NAMES = "camera; sample; file; point; drag moves; fine-tune; network; start again; No picture yet"
DROP = """([type, name, text]) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)), data = new DataTransfer();
    data.items.add(new File([bytes], name, { type }));
    document.querySelector('.mic').dispatchEvent(new DragEvent('drop', { bubbles: true, dataTransfer: data }));
}"""
SHOWN = "() => document.querySelector('.mic').page.view?.goal?.length"
LIVE = (
    "() => document.querySelector('.mic').page.view?.points?.length === 68 && document.querySelector('.mic').page.live"
)


@pytest.fixture(scope="module")
def camera_browser(chromium, playwright, tmp_path_factory):
    """A browser whose camera is a file with the clip of the set-up."""
    path = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    images = [image for t, _, image in frames(carphone()) if t < 30]
    path.write_bytes(
        b"".join(cv2.imencode(".jpg", cv2.resize(i, None, fx=2, fy=2)[..., ::-1])[1].tobytes() for i in images)
    )
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    flags = [*FLAGS, *fake, f"--use-file-for-fake-video-capture={path}"]
    running = playwright.chromium.launch(executable_path=chromium, args=flags, headless=True)
    yield running
    running.close()


@pytest.fixture
def scope(camera_browser, lab, root):
    context = camera_browser.new_context(viewport={"width": 1400, "height": 1000}, accept_downloads=True)
    notebook = OpenNotebook(context.new_page(), lab)
    notebook.page.on("pageerror", lambda error: notebook.errors.append(str(error)))
    outside = lambda url: not url.startswith((lab.url + "/", "data:", "blob:", lab.url.replace("http", "ws") + "/"))  # noqa: E731
    notebook.page.on("request", lambda r: notebook.blocked.append(r.url) if outside(r.url) else None)
    yield opened(notebook, root, "own_face", CELL)
    assert notebook.errors == [] and notebook.blocked == [], "no picture goes anywhere else"
    notebook.page.evaluate("() => window.jupyterapp?.serviceManager.sessions.shutdownAll()")
    context.close()


def drop(scope, content: bytes, name: str, kind: str = "image/png") -> None:
    scope.page.evaluate(DROP, [kind, name, base64.b64encode(content).decode()])


def test_camera_freeze_correct_tune_and_save(scope):
    page = scope.page
    page.locator(".own-camera").click()
    page.wait_for_function(LIVE, timeout=60_000)
    expect(scope.status).to_contain_text("live, shipped network: confidence")
    page.locator(".own-freeze").click()
    page.wait_for_function(SHOWN, timeout=60_000)
    expect(page.locator(".own-camera")).to_have_attribute("aria-pressed", "false")
    expect(scope.status).to_contain_text("frame 1, learnt from: no point moved yet")
    at = page.evaluate("""() => {
        const { view, part } = document.querySelector('.mic').page;
        return view.goal[33].map((v, i) => (v + 0.5 - part[i]) / part[2 + i]);
    }""")
    start = scope.place(".mic-image canvas", *at)
    with scope.answered():
        scope.drag(start, (start[0] + 30, start[1] + 5))
    expect(scope.status).to_contain_text("moved points (1)")
    page.locator(".mic-press").click()
    expect(page.locator(".mic-told")).to_contain_text("done", timeout=120_000)
    expect(scope.status).to_contain_text("→ tuned")
    for kind in ("csv", "png", "weights"):
        with page.expect_download() as download:
            page.locator(f"[data-kind={kind}]").click()
        assert download.value.suggested_filename == f"own_face.{'safetensors' if kind == 'weights' else kind}"
        assert download.value.path().stat().st_size > 2000
    stored = page.evaluate("() => JSON.stringify(window.jupyterapp.shell.currentWidget.context.model.toJSON())")
    assert "photo" not in stored


def test_a_dropped_picture_and_the_keyboard(scope):
    page = scope.page
    for name, begins in zip(scope.by_tab(".own-camera"), NAMES.split(";"), strict=True):
        assert name.startswith(begins.strip())
    with scope.answered():
        drop(scope, cv2.imencode(".png", astronaut()[..., ::-1])[1].tobytes(), "astronaut.png")
    expect(scope.status).to_contain_text("astronaut.png, learnt from")
    page.locator(".mic-image canvas").focus()
    with scope.answered():
        page.keyboard.press("n")
    with scope.answered():
        page.keyboard.press("Shift+ArrowUp")
    expect(scope.status).to_contain_text("moved points (1)")
    with scope.answered():
        page.keyboard.press("Delete")
    expect(scope.status).to_contain_text("no point moved")
    drop(scope, b"no image", "broken.png")
    expect(scope.status).to_contain_text("broken.png: no whole image")
    with scope.answered():
        page.locator(".mic-reset").click()
    assert page.locator(".own-card").count() == 0


@pytest.mark.parametrize("width", [1366, 1100])
def test_it_fits_and_has_no_serious_finding(scope, root, width):
    page = scope.page
    page.set_viewport_size({"width": width, "height": 768})
    for theme in ("Light", "Dark"):
        page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", f"JupyterLab {theme}"
        )
        page.wait_for_function(f"document.body.dataset.jpThemeLight === '{str(theme == 'Light').lower()}'")
        for words in ("empty", "live", "frozen"):
            if words == "live":
                page.locator(".own-sample").click()
                page.wait_for_function(LIVE, timeout=60_000)
            elif words == "frozen":
                page.locator(".own-freeze").click()
                page.wait_for_function(SHOWN, timeout=60_000)
                page.wait_for_timeout(300)
            page.screenshot(path=root / "build" / "browser" / f"own_face_{width}_{theme}_{words}.png")
            cut, height, room, spare = page.evaluate(CUT)
            assert cut == [] and spare >= 0 and height <= room, (cut, height, room)
        found = Axe().run(page, ".mic").response["violations"]
        serious = [v for v in found if v["impact"] in ("serious", "critical")]
        assert serious == [], json.dumps(serious, indent=1)[:3000]
        page.locator(".mic-reset").click()
        expect(page.locator(".own-card")).to_have_count(0)
