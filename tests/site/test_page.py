"""The microscope in the page computes what the library does; camera and pictures work there and stay there."""

import base64
from dataclasses import asdict
from html.parser import HTMLParser
from itertools import islice
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zipfile import ZipFile

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from redn_lib.data.samples import astronaut, carphone
from redn_lib.data.synthetic import still_image
from redn_lib.feedback import FeedbackForm
from redn_lib.landmarks import tight_box
from redn_lib.pretrained import load_pretrained
from redn_lib.tracking.detector import FaceDetector, overlap
from redn_lib.tracking.video import Frames
from redn_lib.widgets.disturbed_loop import Edit, first_state, subjects_of

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
LOOP = """async ([png, state]) => {
    const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
    const { image } = await pictureOf(new Blob([bytes]), Infinity);
    const steps = await runLoop(document.querySelector('#touch').stage.network, image, state);
    return steps.map(({ points }) => [...points]);
}"""
RESPOND = """async (request) => {
    const { arrays, ...words } = await document.querySelector('#touch').stage.model.respond(request);
    const text = (bytes) => btoa(bytes.reduce((all, v) => all + String.fromCharCode(v), ''));
    const plain = ({ shape, type, data }) => ({ shape, type, data: text(data) });
    const entries = Object.entries(arrays).map(([name, array]) => [name, plain(array)]);
    return { ...words, arrays: Object.fromEntries(entries) };
}"""
LIVE = """() => {
    const { picture, steps } = document.querySelector('#touch').camera;
    return [picture.canvas.toDataURL('image/png').split(',')[1], steps && [...steps.at(-1).points]];
}"""


@pytest.fixture(scope="module")
def model():
    return load_pretrained(device="cpu")


def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def test_points_are_the_librarys_on_ten_images(opened, model):
    photo = astronaut()
    box = FaceDetector().detect(photo).boxes[0].astype(float)
    large, flipped = cv2.resize(photo, None, fx=2, fy=2), np.ascontiguousarray(photo[:, ::-1])
    sizes = {40: 160, 52: 192, 42: 256, 43: 320, 44: 384, 45: 450, 46: 512}  # faces that rounding does not move
    drawn = [still_image(seed, size) for seed, size in sizes.items()]
    images = [photo, large, flipped, *(face.image for face in drawn)]
    x0, y0, x1, y1 = box
    boxes = [box, 2 * box + 0.5, np.array([511 - x1, y0, 511 - x0, y1]), *(face.box for face in drawn)]
    edits = (Edit("paint", 2, (3,), ((4.0, 5.0), (9.2, 3.0))), Edit("exchange", 2, (36, 45)), Edit("erase", 3))
    starts = [{}, {"shift": 0.3, "scale": 1.3, "turn": 30.0}, {"steps": 5}, {"form": FeedbackForm("softmax")}]
    starts += [{"form": FeedbackForm("softmax", recrop=False)}, {"form": FeedbackForm("nothing", average=False)}]
    starts += [{"memory": False}, {"features": False}, {"edits": edits}, {"shift": -0.1, "turn": -10.0}]
    with opened("microscope.html") as page:
        for image, around, start in zip(images, boxes, starts, strict=True):
            subjects = subjects_of(model, image, around)
            state = first_state(subjects, **start)
            fit = subjects[0].run(state)
            found = page.evaluate(LOOP, [base64.b64encode(png(image)).decode(), asdict(state)])
            np.testing.assert_allclose(np.reshape(found, (-1, 68, 2)), fit.steps, atol=0.1, err_msg=str(state))


def test_an_answer_is_the_kernels(opened, model):
    import page_data

    widget = page_data.widget(model)
    first = widget.setup["state"]
    inside = {"step": 2, "pool": 3, "rank": 2, "point": 36}
    probe = {"step": 3, "point": 30, "x": 15, "y": 18}
    requests = [{"state": first, "probe": None, "inside": inside}]
    requests += [{"state": first | {"memory": False}, "probe": None, "inside": inside | {"point": -1}}]
    requests += [{"state": first | {"occluder": (230.0, 130.0, 40.0)}, "probe": probe, "inside": None}]
    face = widget.setup["faces"][1]
    requests += [{"state": first | {"image": 1, "box": face["box"], "turn": 0.0}, "probe": None, "inside": None}]
    with opened("microscope.html") as page:
        for request in requests:
            found, wanted = page.evaluate(RESPOND, request), widget.respond(request)
            assert found.keys() == wanted.keys() and found["arrays"].keys() == wanted["arrays"].keys()
            for words in ("line", "home", "opened"):
                assert found[words] == wanted[words]
            for name, array in wanted["arrays"].items():
                got = found["arrays"][name]
                assert (tuple(got["shape"]), got["type"]) == (array.shape, array.dtype.name), name
                if name != "saliency":  # needs a kernel
                    values = np.frombuffer(base64.b64decode(got["data"]), got["type"]).reshape(got["shape"])
                    close = 2 if got["type"] == "uint8" else 0.05
                    np.testing.assert_allclose(np.float64(values), np.float64(array), atol=close)


def test_a_picture_of_ones_own(opened, tmp_path):
    image = astronaut()[40:440, 60:400]
    path = tmp_path / "own.png"
    path.write_bytes(png(image))
    box = FaceDetector().detect(image).boxes[0]
    with opened("microscope.html") as page:
        page.set_input_files("#file", path)
        expect(page.locator(".mic-status")).to_contain_text("own.png", timeout=60_000)
        state = page.evaluate("() => document.querySelector('#touch').stage.model.request.state")
        np.testing.assert_allclose(state["box"], box, atol=0.5)
        assert page.locator(".mic-verdict").inner_text() == "✓ home"
        path.write_bytes(png(np.full((200, 300, 3), 90, np.uint8)))
        page.set_input_files("#file", path)
        page.locator("#own-box").click(timeout=60_000)
        expect(page.locator("#own-box")).to_be_hidden(timeout=60_000)


def record(clip: Path, folder: Path) -> Path:
    """The first frames of a clip in twice their size, as Chromium's camera takes them."""
    shown = [cv2.resize(image, None, fx=2, fy=2) for _, _, image in islice(Frames(clip), 40)]
    path = folder / "camera.mjpeg"
    path.write_bytes(b"".join(cv2.imencode(".jpg", cv2.cvtColor(i, cv2.COLOR_RGB2BGR))[1].tobytes() for i in shown))
    return path


def test_the_camera_is_tracked(opened, tmp_path):
    recorded = record(carphone(), tmp_path)
    with opened("microscope.html", *CAMERA, f"--use-file-for-fake-video-capture={recorded}") as page:
        page.locator("#camera").click()
        page.wait_for_function("() => document.querySelector('#touch').camera.frames > 8", timeout=120_000)
        picture, points = page.evaluate(LIVE)
        print(page.locator("#live-status").inner_text())
        image = cv2.imdecode(np.frombuffer(base64.b64decode(picture), np.uint8), cv2.IMREAD_COLOR_RGB)
        face = FaceDetector().detect(image).boxes[0]
        assert overlap(tight_box(np.reshape(points, (68, 2))), face) > 0.5
        page.locator("#freeze").click()
        expect(page.locator(".mic-status")).to_contain_text("camera", timeout=60_000)
        assert (
            page.locator("#live").is_hidden()
            and page.evaluate("document.querySelector('#touch').camera.stream") is None
        )


def test_students_get_every_notebook_and_the_checks(site):
    (packed,) = site.glob("_downloads/*/student_notebooks.zip")
    notebooks = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert set(ZipFile(packed).namelist()) == notebooks | {"checks.zip"}


class Links(HTMLParser):
    """Where a page leads, and its pictures without an alt text."""

    def __init__(self, text: str):
        super().__init__()
        self.to, self.named, self.without_alt = [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.named.add(given.get("id"))
        if tag != "a" or not given.get("href", "").startswith("http"):  # a reader may follow a link out of the site
            self.to += [given[key] for key in ("href", "src") if given.get(key)]
        if tag == "img" and not given.get("alt"):
            self.without_alt.append(given.get("src"))


def test_every_link_leads_into_the_site_and_every_picture_has_words(site):
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    lessons = {path.stem for path in pages if path.parent.name == "notebooks"}
    assert lessons == {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    dead = []
    for path, links in pages.items():
        assert links.without_alt == [], path
        for link in links.to:
            parts = urlsplit(link)
            goal = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if parts.scheme not in ("", "data") or parts.netloc or (not parts.scheme and not goal.exists()):
                dead.append((path.name, link))
            elif goal in pages and parts.fragment and unquote(parts.fragment) not in pages[goal].named:
                dead.append((path.name, link))
    assert dead == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index.html", "microscope.html", "notebooks/03_spatial_feedback.html"])
def test_nothing_stands_in_a_readers_way(opened, name, scheme):
    from axe_playwright_python.sync_playwright import Axe

    with opened(name, scheme=scheme) as page:
        found = Axe().run(page, options={"preload": False}).response["violations"]  # it would ask for style sheets
        assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
