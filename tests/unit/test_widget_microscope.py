"""The loop microscope in the kernel: all requests are answered, changes of z change later steps only."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_steps import rough_face

from redn_lib.feedback import FeedbackForm
from redn_lib.landmarks import N_POINTS, POINT_NAMES
from redn_lib.metrics import point_errors
from redn_lib.presets import COMPACT, PAPER
from redn_lib.rednet import RedNet
from redn_lib.tracking.align import align
from redn_lib.widgets.disturbed_loop import (
    KINDS,
    MOST_STEPS,
    Edit,
    MicroscopeState,
    Subject,
    answer_arrays,
    forms_of,
    probe_cell,
)
from redn_lib.widgets.microscope import first_state, microscope, microscope_figure

SIZE, CELLS = 32, 8
FACE = rough_face(0)
BOX = FACE.box.astype(float)
STROKE = Edit("paint", 2, (), ((1.0, 1.0), (2.5, 3.0)), 1.0)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    net = RedNet(replace(COMPACT, widths=((4, 8),) + ((8, 8),) * 3, regression_width=8, size=SIZE, sigma=2.0)).eval()
    torch.nn.init.normal_(net.regression.out.weight, std=2.0)
    torch.nn.init.normal_(net.encoder.z_conv.weight, std=1.0)
    return net


@pytest.fixture(scope="module")
def subject(model):
    return Subject.of(model, FACE.image, BOX, FACE.points)


@pytest.fixture
def start(subject):
    return first_state(subject)


def states(start):
    """The ends of every control."""
    x, y, side = 80.0, 75.0, 90.0
    yield from (replace(start, steps=k) for k in range(1, MOST_STEPS + 1))
    yield from (replace(start, turn=turn) for turn in (-180.0, -35.0, 180.0))
    yield from (replace(start, box=box) for box in ((0.0, 0.0, 12.0, 12.0), (-90.0, -90.0, 250.0, 240.0)))
    yield from (
        replace(start, occluder=(*at, size)) for at, size in (((x, y), side), ((0.0, 0.0), 4.0), ((159, 149), 160))
    )
    yield from (
        replace(start, form=FeedbackForm(draw, r, a))
        for draw in ("gaussians", "softmax", "nothing")
        for r, a in ((0, 1), (1, 0))
    )
    yield from (
        replace(start, edits=(Edit(kind, 2, (3, 60) if kind == "exchange" else (5,), ((0, 7),)),)) for kind in KINDS
    )
    yield replace(start, edits=(STROKE, Edit("blank", MOST_STEPS), Edit("erase", 1, (), ((4, 4),))))


def test_every_control_value_is_answered(subject, start):
    for state in states(start):
        state = replace(state, form=FeedbackForm(state.form.draw, bool(state.form.recrop), bool(state.form.average)))
        arrays, k = answer_arrays(subject, subject.run(state)), state.steps
        shapes = {name: values.shape for name, values in arrays.items()}
        assert shapes == {
            "crops": (k, SIZE, SIZE, 3),
            "matrices": (k, 2, 3),
            "z": (k, N_POINTS, CELLS, CELLS),
            "maps": (k, N_POINTS, CELLS, CELLS),
            "points": (k, N_POINTS, 2),
            "errors": (k, N_POINTS),
            "confidence": (k, N_POINTS),
        }
        assert all(np.isfinite(values).all() for values in arrays.values()), state
        assert {values.dtype.name for values in arrays.values()} == {"uint8", "float32"}


def test_numbers_are_those_of_align(subject, start):
    arrays, fit = answer_arrays(subject, subject.run(start)), align(subject.model, FACE.image, BOX)
    np.testing.assert_array_equal(arrays["points"], fit.steps)
    np.testing.assert_allclose(arrays["errors"], point_errors(fit.steps, FACE.points), rtol=1e-5)
    assert (arrays["maps"].max((2, 3)) == 255).all()


def test_disturbances_reach_the_network(subject, start):
    plain = subject.run(start)
    for change in (
        replace(start, turn=30.0),
        replace(start, occluder=(80.0, 75.0, 40.0)),
        replace(start, box=(50, 40, 110, 100)),
    ):
        assert (subject.run(change).crop_images[0] != plain.crop_images[0]).any()


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_changes_of_z_change_later_steps_only(subject, start, kind, step):
    start = replace(start, edits=(Edit("paint", 1, (7,), ((2, 2),)),))  # the first z would be blank
    changed = Edit(kind, step, (7, 30) if kind == "exchange" else (7,), ((2, 2),) if kind == "erase" else ((5, 5),))
    if step > 1 and kind == "erase":
        changed = replace(changed, channels=(), at=tuple((x, y) for x in range(CELLS) for y in range(CELLS)))
    plain, other = subject.run(start), subject.run(replace(start, edits=(*start.edits, changed)))
    np.testing.assert_array_equal(plain.steps[: step - 1], other.steps[: step - 1])
    np.testing.assert_array_equal(plain.z[: step - 1], other.z[: step - 1])
    assert (plain.z[step - 1] != other.z[step - 1]).any()
    assert not np.array_equal(plain.steps[step - 1], other.steps[step - 1])


def test_what_an_edit_does():
    z = torch.rand(1, 4, 8, 8)
    assert (Edit("blank", 1, (2,)).apply(z)[0, 2] == 0).all() and (Edit("blank", 1).apply(z) == 0).all()
    swapped = Edit("exchange", 1, (0, 3)).apply(z)
    assert (swapped[0, 0] == z[0, 3]).all() and (swapped[0, 3] == z[0, 0]).all() and (swapped[0, 1] == z[0, 1]).all()
    painted, erased = (Edit(kind, 1, (1,), ((3, 5),)).apply(z)[0] for kind in ("paint", "erase"))
    assert painted[1, 5, 3] == 1 and erased[1, 5, 3] == 0
    assert (painted[1] >= z[0, 1]).all() and (erased[1] <= z[0, 1]).all() and (painted[0] == z[0, 0]).all()


def test_same_state_same_answer(model, start):
    live = microscope(model, FACE.image, BOX, FACE.points)
    asked = live.setup["state"] | {"edits": [{"kind": "blank", "step": 2}], "turn": 10}
    first, plain, again = (live.respond({"state": s})["arrays"] for s in (asked, live.setup["state"], asked))
    assert first == again != plain


def test_page_and_kernel_through_the_traits(model):
    live = microscope(model, FACE.image, BOX)
    live.request = {"number": 7, "state": live.setup["state"], "probe": {"step": 2, "point": -1, "x": 3, "y": 4}}
    assert live.answer["number"] == 7 and live.answer["home"]
    assert "step 3 0.0%" in live.answer["line"] and "undisturbed prediction" in live.answer["line"]
    packed = live.answer["arrays"]["saliency"]
    assert len(packed["data"]) == np.prod(packed["shape"]) == SIZE * SIZE and max(packed["data"]) == 255
    assert live.state == MicroscopeState.read(live.setup["state"]) == first_state(live.subject)


def test_a_cell_of_a_map_and_where_it_comes_from(subject, start):
    fit = subject.run(start)
    inside = probe_cell(subject.model, fit, 2, -1, 3, 4)
    assert 0 <= inside["chosen"][0] < N_POINTS and inside["saliency"].shape == (SIZE, SIZE)
    assert inside["pools"].shape == (3, 4) and inside["stages"].tolist() == [4, 3, 2]
    assert (inside["own"] == [2, 1, 1]).all()  # the cell is (3, 4) of 8x8, (1, 2) of 4x4, (0, 1) of 2x2
    sums = inside["pools"].sum(1)
    assert (np.isclose(sums, 1) | (sums == 0)).all()
    for wrong in ((0, 0, 0, 0), (4, 0, 0, 0), (1, 68, 0, 0), (1, 0, 8, 0), (1, 0, 0, -1)):
        with pytest.raises(ValueError, match="no cell"):
            probe_cell(subject.model, fit, *wrong)


def test_forms_that_the_weights_can_run(model):
    forms = forms_of(model)
    assert forms[0] == model.preset.form and len(forms) == 12
    assert {form.draw for form in forms} == {"gaussians", "softmax", "nothing"}
    assert {form.draw for form in forms_of(RedNet(replace(PAPER, widths=((4,),) * 5, regression_width=4)))} == {
        "squares"
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 0}, "steps"),
        ({"steps": 6}, "steps"),
        ({"steps": 2.5}, "steps"),
        ({"turn": float("nan")}, "turn"),
        ({"box": [1, 2, 3]}, "box"),
        ({"box": [50, 50, 40, 90]}, "box"),
        ({"box": [900, 900, 990, 990]}, "outside"),
        ({"occluder": [1, 2, 0]}, "occluder"),
        ({"form": {"draw": "squares"}}, "cannot run"),
        ({"form": {"colour": 1}}, "colour"),
        ({"edits": [{"kind": "melt", "step": 2}]}, "melt"),
        ({"edits": [{"kind": "blank", "step": 0}]}, "step"),
        ({"edits": [{"kind": "exchange", "step": 2, "channels": [1]}]}, "two"),
        ({"edits": [{"kind": "paint", "step": 2, "channels": [68]}]}, "67"),
        ({"edits": [{"kind": "paint", "step": 2, "at": [[1, 2, 3]]}]}, "places"),
        ({"edits": [{"kind": "paint", "step": 2, "at": [[1, 2]], "radius": 0}]}, "radius"),
        ({"zoom": 2}, "zoom"),
    ],
)
def test_nonsense_is_refused_in_words(model, monkeypatch, change, words):
    monkeypatch.delenv("REDN_CI", raising=False)
    live = microscope(model, FACE.image, BOX)
    before = live.state
    live.request = {"number": 1, "state": live.setup["state"] | change, "probe": None}
    assert live.answer["error"].startswith("ValueError") and words in live.answer["error"]
    assert live.state == before
    monkeypatch.setenv("REDN_CI", "1")
    with pytest.raises(ValueError, match=words):
        live.request = {"number": 2, "state": live.setup["state"] | change, "probe": None}


@pytest.mark.parametrize(
    ("image", "box", "truth", "words"),
    [
        (FACE.image.astype(float), BOX, None, "uint8"),
        (FACE.image, BOX[:3], None, "box"),
        (FACE.image, BOX + 900, None, "outside"),
        (FACE.image, BOX, FACE.points[:5], "truth"),
        (FACE.image, BOX, np.full((68, 2), np.nan), "truth"),
    ],
)
def test_bad_input_gets_a_clear_error(model, image, box, truth, words):
    with pytest.raises(ValueError, match=words):
        microscope(model, image, box, truth)


def test_a_still_picture_stands_in(model):
    shown, about = microscope(model, FACE.image, BOX, FACE.points)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in shown and "image/jpeg" in shown
    alone = microscope_figure(model, FACE.image, BOX, FACE.points, MicroscopeState(tuple(BOX), steps=5))
    assert about["image/jpeg"]["alt"].startswith("Loop microscope") and "step 5" in alone.alt and "labels" in alone.alt


def test_points_have_names():
    assert len(set(POINT_NAMES[36:48])) == 12 and len(POINT_NAMES) == N_POINTS
    assert [POINT_NAMES[i] for i in (8, 30, 36, 45)] == [
        "jaw, chin",
        "nose, tip",
        "right eye, outer corner",
        "left eye, outer corner",
    ]
