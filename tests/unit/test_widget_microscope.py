"""The loop microscope in the kernel: all requests are answered, changes of z change later steps only."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_steps import rough_face, small
from torch.nn import functional as F

from redn_lib.data.clip import Clip
from redn_lib.feedback import FeedbackForm
from redn_lib.landmarks import N_POINTS, POINT_NAMES
from redn_lib.metrics import point_errors
from redn_lib.presets import PAPER
from redn_lib.rednet import RedNet
from redn_lib.tracking.align import align
from redn_lib.widgets import microscope as module
from redn_lib.widgets.disturbed_loop import (
    MOST_STEPS,
    NO_VALUE,
    Edit,
    MicroscopeState,
    first_state,
    forms_of,
    inputs,
    inside_step,
    open_step,
    places,
    probe_cell,
    step_arrays,
    subjects_of,
)
from redn_lib.widgets.microscope import microscope

SIZE, CELLS = 32, 8
FACE = rough_face(0)
BOX = FACE.box.astype(float)
KINDS = ("paint", "erase", "blank", "exchange")
STROKE = Edit("paint", 2, (), ((1.0, 1.0), (2.5, 3.0)))


@pytest.fixture(scope="module")
def model():
    return small()


@pytest.fixture(scope="module")
def subject(model):
    return subjects_of(model, FACE)[0]


@pytest.fixture
def start(subject):
    return first_state([subject])


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
    yield from (replace(start, **{part: False}) for part in ("memory", "features"))
    yield replace(start, edits=(STROKE, Edit("blank", MOST_STEPS), Edit("erase", 1, (), ((4, 4),))))


def test_every_control_value_is_answered(subject, start):
    for state in states(start):
        state = replace(state, form=FeedbackForm(state.form.draw, bool(state.form.recrop), bool(state.form.average)))
        arrays, k = step_arrays(subject.run(state)), state.steps
        shapes = {name: values.shape for name, values in arrays.items()}
        assert shapes == {
            "crops": (k, SIZE, SIZE, 3),
            "matrices": (k, 2, 3),
            "z": (k, N_POINTS, CELLS, CELLS),
            "maps": (k, N_POINTS, CELLS, CELLS),
            "points": (k, N_POINTS, 2),
            "confidence": (k, N_POINTS),
        }
        assert all(np.isfinite(values).all() for values in arrays.values()), state
        assert {values.dtype.name for values in arrays.values()} == {"uint8", "float32"}


def test_numbers_are_those_of_align(subject, start):
    ran, fit = subject.run(start), align(subject.model, FACE.image, BOX)
    arrays = step_arrays(ran)
    np.testing.assert_array_equal(arrays["points"], fit.steps)
    np.testing.assert_allclose(subject.errors(ran), point_errors(fit.steps, FACE.points), rtol=1e-5)
    assert (arrays["maps"].max((2, 3)) == 255).all()


def test_disturbances_reach_the_network(subject, start):
    plain = subject.run(start)
    for change in (
        replace(start, turn=30.0),
        replace(start, occluder=(80.0, 75.0, 40.0)),
        first_state([subject], shift=0.2),
        first_state([subject], scale=1.4),
    ):
        assert (subject.run(change).crop_images[0] != plain.crop_images[0]).any()


def test_the_first_box_is_moved_and_enlarged_in_box_widths(subject, start):
    (x0, y0, x1, y1), side = start.box, max(np.subtract(start.box[2:], start.box[:2]))
    np.testing.assert_allclose(first_state([subject], shift=-0.1).box, np.array([x0, y0, x1, y1]) - [0.1 * side, 0] * 2)
    larger = first_state([subject], scale=2.0).box
    np.testing.assert_allclose(larger, [1.5 * x0 - x1 / 2, 1.5 * y0 - y1 / 2, 1.5 * x1 - x0 / 2, 1.5 * y1 - y0 / 2])
    with pytest.raises(ValueError, match="image must be 0 to 0, got 3"):
        first_state([subject], image=3)
    with pytest.raises(TypeError, match="nose"):
        first_state([subject], nose=1)


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
    live = microscope(model, FACE)
    asked = live.setup["state"] | {"edits": [{"kind": "blank", "step": 2}], "turn": 10}
    first, plain, again = (live.respond({"state": s})["arrays"] for s in (asked, live.setup["state"], asked))
    assert all((first[name] == again[name]).all() for name in first) and (first["points"] != plain["points"]).any()


def test_an_answer_to_the_page(model):
    live = microscope(model, FACE.image, BOX)
    answer, buffers = live.reply({"state": live.setup["state"], "probe": {"step": 2, "point": -1, "x": 3, "y": 4}}, [])
    assert answer["home"] and "step 3 0.0%" in answer["line"] and "undisturbed prediction" in answer["line"]
    saliency = buffers[answer["arrays"].index({"name": "saliency", "shape": [SIZE, SIZE], "type": "uint8"})]
    assert len(saliency) == SIZE * SIZE and max(saliency) == 255
    assert live.state == MicroscopeState.read(live.setup["state"]) == first_state(live.subjects)


def test_a_cell_of_a_map_and_where_it_comes_from(subject, start):
    fit = subject.run(start)
    inside = probe_cell(subject.model, fit, start, 2, -1, 3, 4)
    assert 0 <= inside["chosen"][0] < N_POINTS and inside["saliency"].shape == (SIZE, SIZE)
    assert inside["pools"].shape == (3, 4) and inside["stages"].tolist() == [4, 3, 2]
    assert (inside["own"] == [2, 1, 1]).all()  # the cell is (3, 4) of 8x8, (1, 2) of 4x4, (0, 1) of 2x2
    sums = inside["pools"].sum(1)
    assert (np.isclose(sums, 1) | (sums == 0)).all()
    for wrong in ((0, 0, 0, 0), (4, 0, 0, 0), (1, 68, 0, 0), (1, 0, 8, 0), (1, 0, 0, -1)):
        with pytest.raises(ValueError, match="no cell"):
            probe_cell(subject.model, fit, start, *wrong)


def test_an_opened_step_is_the_networks(subject, start):
    model, fit = subject.model, subject.run(start)
    given = inputs(model, fit, 1)
    with torch.inference_mode():
        opened, plain = open_step(model, *given), model.one_step(*given)
    assert torch.equal(opened.detection, plain[0]) and torch.equal(opened.regression, plain[1])
    np.testing.assert_array_equal(fit.steps, align(model, FACE.image, BOX).steps)
    for s, back in opened.back.items():
        assert back.shape == opened.before[s].shape
        torch.testing.assert_close(back.sum(), opened.held[s].sum())
        remembered = torch.zeros(back.shape, dtype=torch.bool).flatten(2).scatter(2, opened.where[s].flatten(2), True)
        assert not back.flatten(2)[~remembered].any()


def test_switches_change_what_they_say_and_no_more(subject, start):
    given = inputs(subject.model, subject.run(start), 0)
    with torch.inference_mode():
        whole, forgot = open_step(subject.model, *given), open_step(subject.model, *given, memory=False)
        blind = open_step(subject.model, *given, features=False)
        laid_out = copy.deepcopy(subject.model).to(memory_format=torch.channels_last)  # as weights are loaded
        torch.testing.assert_close(open_step(laid_out, *given, memory=False).detection, forgot.detection)
    deepest = max(whole.held)
    assert torch.equal(forgot.held[deepest], whole.held[deepest])
    assert not torch.equal(forgot.back[deepest], whole.back[deepest])
    assert torch.equal(blind.detection, whole.detection) and not torch.equal(blind.regression, whole.regression)
    assert all(map(torch.equal, forgot.where, whole.where))


def test_places_of_maxima_and_of_a_pool_that_forgot(subject, start):
    values = torch.zeros(1, 1, 4, 4)
    values[..., 1, 2] = 5
    assert places(F.max_pool2d(values, 2, return_indices=True)[1])[0, 0, 0, 1] == 2
    with torch.inference_mode():
        forgot = open_step(subject.model, *inputs(subject.model, subject.run(start), 0), memory=False)
    for s, back in forgot.back.items():
        assert torch.equal(back[..., ::2, ::2], forgot.held[s])
        assert back.count_nonzero() == forgot.held[s].count_nonzero()


def test_what_is_shown_inside_a_step(subject, start):
    for state in (start, replace(start, memory=False)):
        fit = subject.run(state)
        arrays, words = inside_step(subject, fit, state, 2, 3, 2, 36)
        opened = open_step(subject.model, *inputs(subject.model, fit, 1), memory=state.memory)
        side, shapes = opened.before[2].shape[-1], {name: values.shape for name, values in arrays.items()}
        assert shapes.pop("detection") == opened.detection.shape[2:]
        halves = dict.fromkeys(("pooled", "held", "places"), (side // 2, side // 2))
        assert shapes == halves | dict.fromkeys(("before", "back"), (side, side))
        assert all(values.dtype == np.uint8 for values in arrays.values())
        assert ((arrays["places"] == NO_VALUE) == (arrays["pooled"] == 0)).all()
        assert f"pool 3 keeps {opened.where[2].numel()} of {opened.before[2].numel()} values" in words
        assert "rank 2 is channel" in words and "with all parts on" in words
        peak = opened.detection[0].softmax(0)[1 + 36].argmax()
        assert arrays["detection"].flatten()[peak] == 255
    for wrong in ((2, 1, 1, 36), (2, 3, 99, 36)):
        with pytest.raises(ValueError, match="pool must be one of 4, 3, 2"):
            inside_step(subject, fit, start, *wrong)


def test_faces_of_every_kind(model):
    faces = [FACE, rough_face(1), rough_face(2)]
    images, boxes = [face.image for face in faces], np.stack([face.box for face in faces])
    clip = Clip(np.stack(images), np.stack([face.points for face in faces]), "Ann", "clip")
    assert [s.name for s in subjects_of(model, clip)][2] == "clip[2]" and len(subjects_of(model, FACE)) == 1
    mixed = subjects_of(model, [FACE, images[1]], boxes[:2])
    assert [s.labelled for s in mixed] == [True, False] and mixed[1].name == "image 1"
    (single,) = subjects_of(model, images[0], boxes[0])
    np.testing.assert_allclose(single.box, boxes[0])
    for given, around, words in (
        ([images[0]], None, "image 0 has no box"),
        (images, boxes[:2], "2 boxes for 3 images"),
        ([], None, "0 boxes for 0 images"),
    ):
        with pytest.raises(ValueError, match=words):
            subjects_of(model, given, around)


def test_all_ends_are_swept_in_ci(model, monkeypatch):
    asked = []
    monkeypatch.setenv("REDN_CI", "1")
    monkeypatch.setattr(module.Microscope, "respond", lambda _self, request: asked.append(request["state"]))
    live = microscope(model, [FACE, rough_face(1)])
    assert {state["image"] for state in asked} == {0, 1} and {state["steps"] for state in asked} == {1, 3, MOST_STEPS}
    assert len({str(state["form"]) for state in asked}) == len(forms_of(model)) and asked[-1] == live.setup["state"]
    monkeypatch.undo()
    live.sweep()
    assert live.state == first_state(live.subjects)


def test_another_face_is_asked_for(model):
    live = microscope(model, [FACE, rough_face(1)])
    asked = live.setup["state"] | {"image": 1}
    assert "Ann 1" in live.respond({"state": asked})["line"]
    with pytest.raises(IndexError):
        live.respond({"state": asked | {"image": 2}})


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
        ({"box": [1, 2, 3]}, "box"),
        ({"box": [50, 50, 40, 90]}, "box"),
        ({"box": [900, 900, 990, 990]}, "outside"),
        ({"form": {"draw": "squares"}}, "cannot run"),
        ({"form": {"colour": 1}}, "colour"),
        ({"edits": [{"kind": "melt", "step": 2}]}, "melt"),
        ({"edits": [{"kind": "paint", "step": 2, "channels": [68], "at": [[1, 2]]}]}, "68"),
        ({"edits": [{"kind": "paint"}]}, "step"),
        ({"zoom": 2}, "zoom"),
    ],
)
def test_nonsense_is_refused_in_words(model, change, words):
    live = microscope(model, FACE.image, BOX)
    before = live.state
    answer, _ = live.reply({"state": live.setup["state"] | change, "probe": None}, [])
    assert "Error: " in answer["error"] and words in answer["error"]
    assert live.state == before


@pytest.mark.parametrize(
    ("face", "box", "words"),
    [
        (FACE.image.astype(float), BOX, "uint8"),
        (FACE.image, BOX[:3], "box"),
        (FACE.image, BOX + 900, "outside"),
        (replace(FACE, points=np.where(np.arange(68)[:, None] > 50, np.float32(np.nan), FACE.points)), BOX, "marked"),
    ],
)
def test_bad_input_gets_a_clear_error(model, face, box, words):
    with pytest.raises(ValueError, match=words):
        subjects_of(model, [face], [box])


@pytest.mark.parametrize("inside", [None, {"step": 1, "pool": 2, "rank": 1, "point": -1}])
def test_a_still_picture_stands_in(model, inside):
    shown, about = microscope(model, FACE, inside=inside, steps=5)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in shown and "image/jpeg" in shown
    alone = microscope.figure(model, FACE, inside=inside, steps=5)
    assert about["image/jpeg"]["alt"] == alone.alt and alone.alt.startswith("Loop microscope")
    assert "step 5" in alone.alt and "labels" in alone.alt and "Ann 0" in alone.alt
    assert ("pool 2 keeps" in alone.alt) == bool(inside)


def test_points_have_names():
    assert len(set(POINT_NAMES[36:48])) == 12 and len(POINT_NAMES) == N_POINTS
    assert [POINT_NAMES[i] for i in (8, 30, 36, 45)] == [
        "jaw, chin",
        "nose, tip",
        "right eye, outer corner",
        "left eye, outer corner",
    ]
