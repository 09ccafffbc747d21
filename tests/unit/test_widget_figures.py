"""Static figures show the numbers they are given; the loss curve grows and survives bad values."""

import base64
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from redn_lib.data.clip import Face
from redn_lib.landmarks import MEAN_SHAPE
from redn_lib.widgets import figures, loss_curve
from redn_lib.widgets.loss_curve import live_losses

KEY = ["prediction", "label", "error: the line between the two"]
POINTS = (MEAN_SHAPE * 30 + 60).astype(np.float32)
FACE = Face(np.full((120, 120, 3), 90, np.uint8), POINTS, "Ann", "Ann 0")


def drawn(figure):
    data, metadata = figure._repr_mimebundle_()
    json.dumps(data)
    mime = f"image/{figure.kind}"
    assert data["text/plain"] == metadata[mime]["alt"] == figure.alt != ""
    return cv2.imdecode(np.frombuffer(base64.b64decode(data[mime]), np.uint8), cv2.IMREAD_COLOR)


def keys(figure):
    return [[text.get_text() for text in legend.get_texts()] for legend in figure.legends]


def test_a_figure_is_shown_as_a_picture_without_pyplot():
    code = (
        "import sys, numpy as np; from redn_lib.widgets.figures import ced_curves;"
        "from IPython.core.formatters import *;"
        "data, _ = DisplayFormatter().format(ced_curves({'a': np.array([.01, .02])}));"
        "assert 'image/png' in data and data['text/plain'].startswith('Cumulative'), data;"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_grid_has_a_place_for_every_face_and_its_caption():
    figure = figures.faces_grid([FACE] * 5, captions=[f"face {i}" for i in range(5)], columns=3)
    shown = [a for a in figure.axes if a.images]
    assert [a.get_title() for a in shown] == [f"face {i}" for i in range(5)] and len(figure.axes) == 6
    assert drawn(figure).shape[1] == pytest.approx(720, abs=2) and keys(figure) == []
    plain = figures.faces_grid([FACE], labels=False).axes[0].images[0].get_array()
    assert (plain == 90).all()
    wrong = figures.faces_grid([FACE], [POINTS + 5])
    assert keys(wrong) == [KEY]
    errors = wrong.axes[0].images[0].get_array()
    labels = figures.faces_grid([FACE]).axes[0].images[0].get_array()
    assert (errors != labels).any() and (labels != 90).any()
    with pytest.raises(ValueError, match="as many points"):
        figures.faces_grid([FACE], [POINTS, POINTS])


def test_intervals_are_hollow_where_they_hold_zero():
    figure = figures.intervals({"z drawn": (-0.4, -0.6, -0.2), "z blank": (0.1, -0.3, 0.5)}, "change of NME")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["z drawn", "z blank"]
    (hollow,) = [line for line in axes.lines if min(to_rgb(line.get_markerfacecolor())) > 0.9]
    assert hollow.get_xydata().tolist() == [[0.1, 1]]
    assert figure.alt.endswith("z drawn -0.40 (-0.60 to -0.20); z blank +0.10 (-0.30 to +0.50)")
    assert drawn(figure).shape[1] == pytest.approx(960, abs=2)


def test_ced_curve_and_its_legend():
    figure = figures.ced_curves({"good": np.full(10, 0.02), "bad": np.array([0.01, np.nan])})
    axes = figure.axes[0]
    good, bad = (line.get_xydata() for line in axes.lines)
    assert good[good[:, 0] < 1.99, 1].max() == 0 and good[-1].tolist() == [8, 1]
    assert bad[-1].tolist() == [8, 0.5]
    words = [t.get_text() for t in axes.get_legend().get_texts()]
    assert words == ["good: AUC 0.75, 0.0% fail", "bad: AUC 0.44, 50.0% fail"]
    assert len({line.get_linestyle() for line in axes.lines}) == 2


@settings(max_examples=15, deadline=None)
@given(st.lists(st.one_of(st.floats(-1e30, 1e30), st.sampled_from([np.nan, np.inf])), max_size=30))
def test_loss_curve_survives_any_numbers(values):
    assert drawn(loss_curve.loss_curve([[v] for v in values], 30)).shape == (240, 640, 3)


def test_live_curve_hands_on_every_batch_and_ends_with_all_losses(monkeypatch):
    shown = []

    class Handle:
        def update(self, image):
            shown.append(image)

    monkeypatch.setattr(loss_curve, "display", lambda image, display_id: Handle())
    losses = []
    for batch in live_losses(range(7), losses, 7):
        losses.append([1.0 / (batch + 1)])
    assert len(losses) == 7 and "7 of 7" in shown[-1].alt
    with pytest.raises(RuntimeError):
        for _ in live_losses(range(3), losses, 3):
            raise RuntimeError("stopped")
    assert len(shown) >= 2


def test_bars_of_parts():
    truth = np.stack([POINTS] * 2)
    off = truth.copy()
    off[:, :17, 0] += 4
    heights = [bar.get_height() for bar in figures.part_errors({"a": off}, truth).axes[0].patches]
    eyes = np.linalg.norm(POINTS[36] - POINTS[45])
    np.testing.assert_allclose(heights, [400 / eyes] + [0] * 7, atol=1e-4)


def test_loss_curves_are_the_running_means_of_each_step():
    assert "still empty" in loss_curve.loss_curve([], 100).alt
    axes = loss_curve.loss_curve([[1 / (i + 1), 2 / (i + 1)] for i in range(50)], 100).axes[0]
    assert [line.get_label() for line in axes.lines] == ["step 1", "step 2"]
    x, y = axes.lines[1].get_data()
    assert len(x) == 50 and y[0] == 2 and y[-1] == pytest.approx(np.mean([2 / i for i in range(41, 51)]))
    low, high = axes.get_ylim()
    assert low < axes.lines[0].get_ydata().min() and high > 2


def test_curves_over_time_stand_in_panels_of_their_own_before_the_share_that_is_occluded():
    rise, hidden = np.arange(5.0), np.array([0, 0.5, 1, 0.5, 0])
    figure = figures.curves_over_time({"error": {"ours": rise, "theirs": -rise}, "gate": {"f": rise}}, hidden, alt="x")
    first, second = figure.axes
    assert [line.get_ydata().tolist() for line in first.lines] == [rise.tolist(), (-rise).tolist()]
    assert [axes.get_ylabel() for axes in figure.axes] == ["error", "gate"] and "occluded" in second.get_xlabel()
    assert len(first.collections) == 1 and drawn(figure).size
    assert figures.curves_over_time({"error": {"ours": rise}}, alt="x").axes[0].get_xlabel() == "frame"


def test_dots_stand_in_the_row_of_their_name_with_their_interval():
    panels = {"NME": {"a": {"one": (3.0,), "two": (5.0,)}}, "change": {"a": {"two": (-1.0, -2.0, 1.0)}, "b": {}}}
    figure = figures.dots_by_row(panels, alt="x")
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["one", "two"]
    assert [dot.lines[0].get_xydata().tolist() for dot in left.containers] == [[[3, 0], [5, 1]]]
    dot, nothing = right.containers
    assert not len(nothing.lines[0].get_xdata())
    assert dot.lines[0].get_xdata().tolist() == [-1] and dot.lines[2][0].get_segments()[0][:, 0].tolist() == [-2, 1]
    assert len(right.lines) > len(dot.lines[1]) + 1 and drawn(figure).size  # and the line at 0
