"""What every widget does: each control moves the picture, a still picture stands in, errors are seen."""

import json
from dataclasses import asdict, dataclass

import cv2
import numpy as np
import pytest
from made_steps import peaked, remembering, rough_face, tracked_frame, video
from unit.made_grid import write_tables

from redn_lib.widgets.ablation import AblationBoard
from redn_lib.widgets.clip_browser import clip_browser
from redn_lib.widgets.head_sliders import head_sliders
from redn_lib.widgets.mixer import code_mixer
from redn_lib.widgets.scrubber import scrubber
from redn_lib.widgets.widget import Drawing, Live, Scene, ends, setting

FACES = [rough_face(seed, bent=True) for seed in range(3)]
WIDGETS = {
    "head": (head_sliders, head_sliders.figure, {"person": 5, "yaw": 10}),
    "mixer": (code_mixer, code_mixer.figure, {"a": 0, "b": 1, "identity": 0.5, "changing": 0.5, "point": 3}),
    "browser": (clip_browser, clip_browser.figure, {"frame": 2}),
    "board": (AblationBoard, AblationBoard.figure, {"feedback": False}),
    "scrubber": (
        scrubber,
        scrubber.figure,
        {"frame": 3, "forget": 3, "enters": 1, "lasts": 3, "share": 0.5, "baseline": "Kalman", "steps": 2},
    ),
}


@pytest.fixture(params=WIDGETS)
def widget(request, tmp_path):
    """Live and still of one widget, from the same start."""
    live, figure, start = WIDGETS[request.param]
    of = {
        "head": lambda: [],
        "browser": lambda: [[tracked_frame(i, lost=i in (3, 4)) for i in range(8)], {"height": np.arange(8.0)}],
        "board": lambda: [write_tables(tmp_path)],
        "scrubber": lambda: [remembering(), [video(0), video(1)]],
    }.get(request.param, lambda: [peaked(), FACES])()
    return live(*of, **start), figure(*of, **start)


def pixels(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_every_control_has_words_and_changes_the_picture_at_its_ends(widget):
    live, _ = widget
    begin, first = asdict(live.state), live.image.value
    for name, control in live.controls.items():
        assert control.description and control.tooltip
        away = [value for value in ends(control) if value != begin[name]]
        assert away, name
        for value in away:
            control.value = value
            assert live.image.value != first and "--jp-error" not in live.line.value, f"{name} = {value}"
        control.value = begin[name]
        assert live.image.value == first, name
    live.set(**{name: ends(control)[1] for name, control in live.controls.items()})
    live.reset()
    assert asdict(live.state) == begin and live.image.value == first


def test_a_still_picture_stands_in_where_no_widget_runs(widget):
    live, figure = widget
    data, metadata = live._repr_mimebundle_()
    json.dumps(data)
    assert {"image/jpeg", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert figure.alt == data["text/plain"] == metadata["image/jpeg"]["alt"] == live.image.tooltip != ""
    assert figure.data == live.image.value and pixels(figure.data).shape[1] == metadata["image/jpeg"]["width"]
    assert 990 <= metadata["image/jpeg"]["width"] <= 1000


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
        return Drawing(np.full((20, 30, 3), state.x, np.uint8), f"grey {state.x}", [[f"x is {state.x}"]])

    return Scene(draw, OneState)


def test_a_bug_fails_the_cell_at_once_or_is_seen_where_it_is_met(monkeypatch):
    monkeypatch.delenv("REDN_CI", raising=False)
    with pytest.raises(RuntimeError, match="broke"):
        Live(broken(4))
    live = Live(broken(8))
    before = live.image.value
    live.controls["x"].value = 9
    assert "RuntimeError: the drawing &lt;b&gt;broke" in live.line.value and "error-color" in live.line.value
    assert live.image.value == before
    live.controls["x"].value = 7
    assert "x is 7" in live.line.value and "error-color" not in live.line.value


def test_a_bug_at_an_end_fails_in_ci(monkeypatch):
    monkeypatch.setenv("REDN_CI", "1")
    with pytest.raises(RuntimeError, match="broke"):
        Live(broken(8))
    live = Live(broken(10))
    assert live.state == OneState(5, False)
    live.draw = broken(8).draw
    with pytest.raises(RuntimeError, match="broke"):
        live.controls["x"].value = 9


def test_several_controls_are_set_with_one_drawing():
    calls = []
    live = Live(broken(10, calls))
    assert calls == [(5, False)]
    calls.clear()
    live.set(x=2, on=True)
    live.controls["x"].value = 3
    assert calls == [(2, True), (3, True)]
    with pytest.raises(TypeError):
        live.set(y=1)


def test_wrong_starts_are_named():
    with pytest.raises(TypeError, match="no control 'nose'; there are x, on"):
        Scene(None, OneState, {"nose": 1})
    with pytest.raises(ValueError, match="x must be 0 to 3, got 5"):
        Scene(None, OneState, {}, {"x": (0, 3)})
    with pytest.raises(ValueError, match="places must be one of A, B, C, got 'D'"):
        code_mixer.figure(peaked(), FACES, places="D")
