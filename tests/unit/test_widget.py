"""What every widget does: each control moves the picture, a still picture stands in, errors are seen."""

import json
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from made_steps import peaked, rough_face, shown, tracked_frame
from unit.made_grid import write_tables

from redn_lib.widgets.ablation import AblationBoard
from redn_lib.widgets.clip_browser import clip_browser
from redn_lib.widgets.head_sliders import head_sliders
from redn_lib.widgets.mixer import code_mixer
from redn_lib.widgets.widget import Drawing, Live, Panel, Scene, setting

FACES = [rough_face(seed, bent=True) for seed in range(3)]
WIDGETS = {
    "head": (head_sliders, head_sliders.figure, {"person": 5, "yaw": 10}),
    "mixer": (code_mixer, code_mixer.figure, {"a": 0, "b": 1, "identity": 0.5, "changing": 0.5, "point": 3}),
    "browser": (clip_browser, clip_browser.figure, {"frame": 2}),
    "board": (AblationBoard, AblationBoard.figure, {"spatial": False}),
}


@pytest.fixture(params=WIDGETS)
def widget(request, tmp_path):
    """Live and still of one widget, from the same start."""
    live, figure, start = WIDGETS[request.param]
    of = {
        "head": lambda: [],
        "browser": lambda: [[tracked_frame(i, lost=i in (3, 4)) for i in range(8)], {"height": np.arange(8.0)}],
        "board": lambda: [write_tables(tmp_path)],
    }.get(request.param, lambda: [peaked(), FACES])()
    return live(*of, **start), figure(*of, **start)


def pixels(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def seen(answer: dict) -> list:
    """All that a page shows of an answer."""
    pictures = [values.tobytes() for values in answer["arrays"].values()]
    return [answer["rows"], answer["line"], answer["about"], pictures]


def test_every_control_has_words_and_changes_what_is_seen_at_its_ends(widget):
    live, _ = widget
    first = seen(shown(live))
    for name, control in live.scene.controls.items():
        assert control["label"] and control["help"]
        begins, ends = live.setup["state"][name], (control["range"][0], control["range"][-1])
        away = [value for value in ends if value != begins]
        assert away, name
        if isinstance(live, AblationBoard) and name in ("f_cls", "apart", "detection"):
            continue  # they weigh in a training, which this board has not run
        for value in away:
            assert seen(shown(live, **{name: value})) != first, f"{name} = {value}"
    assert seen(shown(live)) == first


def test_a_still_picture_stands_in_where_no_widget_runs(widget):
    live, figure = widget
    data, metadata = live._repr_mimebundle_()
    json.dumps(data)
    assert {"image/jpeg", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert figure.alt == data["text/plain"] == metadata["image/jpeg"]["alt"] == live.setup["about"] != ""
    assert shown(live)["about"] in figure.alt and figure.data == live.setup["still"]
    assert 500 <= pixels(figure.data).shape[1] == metadata["image/jpeg"]["width"] <= 1100


@dataclass(frozen=True)
class OneState:
    x: int = setting(5, "x", "how grey", (0, 10))
    on: bool = setting(False, "on", "a switch")


def broken(limit: int, calls: list | None = None) -> Scene:
    """Draws grey up to a limit, above it there is a bug."""

    def draw(state: OneState) -> Drawing:
        if calls is not None:
            calls.append((state.x, state.on))
        if state.x > limit:
            raise RuntimeError("the drawing <b>broke</b>")
        return Drawing(
            [[Panel(np.full((20, 30, 3), state.x, np.uint8), "grey")]], f"grey {state.x}", [[f"x is {state.x}"]]
        )

    return Scene(draw, OneState())


def test_a_bug_fails_the_cell_at_once_or_is_told_where_it_is_met(monkeypatch):
    monkeypatch.delenv("REDN_CI", raising=False)
    with pytest.raises(RuntimeError, match="broke"):
        Live(broken(4))
    live = Live(broken(8))
    assert live.reply({"state": {"x": 9}}, []) == ({"error": "RuntimeError: the drawing <b>broke</b>"}, [])
    answer, (picture,) = live.reply({"state": {"x": 7, "on": True}}, [])
    assert answer["line"] == "x is 7" and live.state == OneState(7, True)
    assert answer["arrays"] == [{"name": "0", "shape": [len(picture)], "type": "uint8"}]
    assert "TypeError" in live.reply({"state": {"y": 7}}, [])[0]["error"]


def test_all_ends_are_tried_in_ci(monkeypatch):
    monkeypatch.setenv("REDN_CI", "1")
    with pytest.raises(RuntimeError, match="broke"):
        Live(broken(8))
    calls = []
    Live(broken(10, calls))
    assert set(calls) == {(5, False), (0, False), (10, False), (5, True)} and calls[-1] == (5, False)


def test_wrong_starts_are_named():
    with pytest.raises(TypeError, match="nose"):
        head_sliders(nose=1)
    with pytest.raises(ValueError, match="x must be 0 to 3, got 5"):
        Scene(None, OneState(), x=(0, 3))
    with pytest.raises(ValueError, match="places must be one of A, B, C, got 'D'"):
        code_mixer.figure(peaked(), FACES, places="D")
