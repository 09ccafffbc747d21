"""One's own face in the kernel: the page is told what tracker and networks do, and no trait holds it."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest

from redn_lib.data.samples import astronaut, carphone
from redn_lib.metrics import point_errors
from redn_lib.pretrained import load_pretrained, load_weights
from redn_lib.tracking.align import align
from redn_lib.tracking.tracker import Tracker
from redn_lib.tracking.video import frames
from redn_lib.training.fine_tune import TUNE
from redn_lib.widgets.own_face import own_face

SHORT = replace(TUNE, iterations=2)


@pytest.fixture(scope="module")
def model():
    return load_pretrained(device="cpu")


@pytest.fixture(scope="module")
def sample():
    return [image for t, _, image in frames(carphone()) if t < 4]


@pytest.fixture
def own(model, sample, monkeypatch):
    monkeypatch.delenv("REDN_CI", raising=False)
    return own_face(model, sample, SHORT)


def jpeg(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image[..., ::-1])[1].tobytes()


def message(own, content: dict, *buffers: bytes) -> dict:
    """Ask as the page does; returns the answer without its arrays."""
    return own.reply(content, [memoryview(b) for b in buffers])[0]


def frozen(own) -> None:
    own.respond({"do": "follow", "sample": 0})
    own.respond({"do": "freeze"})


def lifted(own, number: int = 0) -> np.ndarray:
    points = own.pictures[number].points.copy()
    points[17:27, 1] -= 3
    return points


def test_a_live_frame_has_the_trackers_points_and_maps(own, model, sample):
    tracker = Tracker(model)
    for t, frame in enumerate(tracker.track(sample)):
        answer = own.respond({"do": "follow", "sample": t})["arrays"]
        np.testing.assert_allclose(answer["points"][-1], frame.points, atol=1e-4)
        assert answer["maps"].shape[:2] == (len(tracker.fit.done), 1) and answer["maps"].max() == 255
        shown = cv2.imdecode(answer["photo"], cv2.IMREAD_COLOR)
        assert shown.shape == sample[t].shape, "the page has no picture of the sample but this"


def test_two_frames_at_once_are_answered_one_after_the_other_and_no_trait_holds_them(own, sample):
    before = own.get_state()
    for _ in range(2):
        content, buffers = own.reply({"do": "follow"}, [jpeg(sample[0])])
        assert "confidence" in content["line"] and "photo" not in str(content["arrays"])
    sizes = [np.prod(a["shape"]) * np.dtype(a["type"]).itemsize for a in content["arrays"]]
    assert [len(b) for b in buffers] == sizes
    assert own.get_state() == before, "a notebook stores traits"


def test_frames_of_another_size_begin_again(own, sample):
    message(own, {"do": "follow"}, jpeg(sample[0]))
    larger = cv2.resize(sample[0], None, fx=2, fy=2)
    assert "confidence" in message(own, {"do": "follow"}, jpeg(larger))["line"]


def test_what_is_wrong_is_told(own, sample):
    def told(*buffers: bytes, **request) -> str:
        return message(own, request, *buffers)["error"]

    assert "start the camera or the sample" in told(do="freeze")
    blank = np.full((120, 160, 3), 90, np.uint8)
    assert "no face in this frame" in message(own, {"do": "follow"}, jpeg(blank))["line"]
    assert "no face to freeze" in told(do="freeze")
    assert "wall.jpg: no face found" in told(jpeg(blank), do="add", name="wall.jpg")
    assert "a.png: no whole image" in told(b"no image", do="add", name="a.png")
    assert "no whole image" in told(jpeg(sample[0])[:900], do="add", name="cut.jpg")
    assert "the camera's frame: no whole image" in told(b"\xff\xd8", do="follow")
    assert "no picture 3; there are 0" in told(do="correct", picture=3, points=np.zeros((68, 2)).tolist())
    assert "fine-tune first" in told(do="export", kind="weights")
    assert "there is no 'dance'" in told(do="dance")
    frozen(own)
    for points in ([[0, 0]], [[float("nan")] * 2] * 68):
        assert "must be (68, 2) finite numbers" in told(do="correct", picture=0, points=points)
    assert not own.pictures[0].moved.any(), "nothing is lost by a wrong request"


def test_corrections_errors_and_tuning(own, model):
    shipped = {name: value.clone() for name, value in model.state_dict().items()}
    frozen(own)
    own.respond({"do": "follow", "sample": 3})
    own.respond({"do": "freeze"})
    assert [p.learn for p in own.pictures] == [True, False], "the second is kept out"
    points = lifted(own)
    answer = own.respond({"do": "correct", "picture": 0, "points": points.tolist()})
    found = align(model, own.pictures[0].image, own.pictures[0].box).points
    due = point_errors(found, points)[17:27].mean()
    assert answer["pictures"][0]["errors"] == [pytest.approx(due)] and due > 0.01
    assert f"moved points (10) shipped {due:.1%} of" in answer["line"] and "the others shipped 0.0%" in answer["line"]
    tuned = own.run()
    assert own.tuned is tuned and own.told["words"] == "done" and own.told["done"] == 1
    assert all((model.state_dict()[name] == value).all() for name, value in shipped.items())
    answer = own.respond({"do": "show", "picture": 0, "network": "tuned"})
    arrays = answer["arrays"]
    np.testing.assert_array_equal(arrays["points"][-1], arrays["tuned"])
    np.testing.assert_array_equal(arrays["corrected"], points.astype(np.float32))
    assert (arrays["tuned"] != arrays["shipped"]).any() and "→ tuned" in answer["line"]
    assert len(answer["pictures"][1]["errors"]) == 2 and arrays["thumbs"].shape == (2, 48, 48, 3)


def test_a_press_tunes_aside_and_a_second_one_keeps_what_was_learnt(own):
    own.stage = replace(TUNE, iterations=10_000)
    frozen(own)
    message(own, {"press": True})
    thread = own._runner
    while "batch 2 of" not in own.told.get("words", ""):
        assert thread.is_alive()
    assert "confidence" in message(own, {"do": "follow", "sample": 1})["line"], "the camera goes on meanwhile"
    message(own, {"press": True})
    thread.join(60)
    assert own.tuned is not None and "stopped" in own.told["words"] and own.told["press"] == "fine-tune"


def test_without_a_tick_there_is_nothing_to_learn(own):
    frozen(own)
    own.respond({"do": "learn", "picture": 0, "learn": False})
    with pytest.raises(ValueError, match="no picture to learn from"):
        own.run()
    assert own.told["wrong"] and own.tuned is None


def test_exports_hold_what_the_page_shows(own, model):
    frozen(own)
    own.respond({"do": "correct", "picture": 0, "points": lifted(own).tolist()})
    own.run()

    def file(kind: str) -> bytes:
        answer = own.respond({"do": "export", "kind": kind, "picture": 0})
        assert answer["file"].startswith("own_face.")
        return answer["arrays"]["content"].tobytes()

    table = pd.read_csv(io.BytesIO(file("csv")))
    assert len(table) == 68 and table["learnt"].all() and table["name"][30] == "nose, tip"
    np.testing.assert_allclose(table[["corrected_x", "corrected_y"]], own.pictures[0].points, atol=0.01)
    np.testing.assert_allclose(table[["tuned_x", "tuned_y"]], own.pictures[0].fits["tuned"].points, atol=0.01)
    overlay = cv2.imdecode(np.frombuffer(file("png"), np.uint8), cv2.IMREAD_COLOR)
    assert overlay.shape[1] >= 640


def test_saved_weights_are_the_tuned_ones(own, tmp_path):
    frozen(own)
    own.run()
    path = tmp_path / "own.safetensors"
    path.write_bytes(own.respond({"do": "export", "kind": "weights"})["arrays"]["content"].tobytes())
    loaded, tuned = load_weights(path, device="cpu").state_dict(), own.tuned.state_dict()
    assert all((loaded[name] == value).all() for name, value in tuned.items())


def test_pictures_are_removed_and_all_is_forgotten(own):
    for name in ("one", "two"):
        own.respond({"do": "add", "image": jpeg(astronaut()), "name": name})
    answer = own.respond({"do": "remove", "picture": 0})
    assert [p["name"] for p in answer["pictures"]] == ["two"] and answer["shown"] == 0
    own.respond({"do": "learn", "picture": 0})
    own.run()
    answer = own.respond({"do": "start_again"})
    assert answer["pictures"] == [] and not answer["tuned"] and own.tuned is None
    with pytest.raises(ValueError, match="start the camera"):
        own.respond({"do": "freeze"})


def test_a_large_picture_is_shrunk(own):
    own.add(cv2.resize(astronaut(), (2048, 2048)), "large")
    assert own.pictures[0].image.shape == (1024, 1024, 3)


def test_a_still_picture_stands_in_and_all_acts_are_swept_in_ci(model, sample, monkeypatch):
    monkeypatch.setenv("REDN_CI", "1")
    widget = own_face(model, sample, SHORT)
    assert widget.pictures == [] and widget.tuned is None, "as it was before the sweep"
    shown, about = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert about["image/jpeg"]["alt"] == own_face.figure(model, sample).alt
    assert own_face.figure(model, [np.zeros((90, 120, 3), np.uint8)]).alt.startswith("Your own face")
