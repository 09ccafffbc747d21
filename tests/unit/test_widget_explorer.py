"""The explorer in the kernel: every control moves the picture, nothing fails silently."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from made_steps import peaked, rough_face
from widget_sweep import assert_every_control_moves_it_and_comes_back, pixels

from redn_lib.data.clip import Clip
from redn_lib.metrics import nme
from redn_lib.tracking.align import align
from redn_lib.widgets.explorer import explorer, explorer_figure
from redn_lib.widgets.explorer_picture import SMALL, compose
from redn_lib.widgets.explorer_view import Explorer, State, disturb, to_pictures
from redn_lib.widgets.live import Drawing, Live
from redn_lib.widgets.panels import CAPTION_HEIGHT, GAP


@pytest.fixture(scope="module")
def model():
    return peaked()


@pytest.fixture(scope="module")
def faces():
    return [rough_face(0), rough_face(1), rough_face(2)]


def test_every_control_changes_the_picture_at_its_ends_and_comes_back(model, faces):
    assert_every_control_moves_it_and_comes_back(explorer(model, faces, occluder=True))


def test_numbers_of_the_line_are_those_of_align(model, faces):
    fit = align(model, faces[1].image, faces[1].box)
    live = explorer(model, faces, picture=1, step=2)
    assert f"NME {nme(fit.steps[1], faces[1].points):.2%}" in live.line.value
    assert "Ann 1" in live.line.value and "look 2 of 3" in live.line.value
    live.set(point=36)
    assert "point 36, right eye" in live.line.value and "px" in live.line.value
    live.set(occluder=True, blank_z=True, shift_x=0.1)
    assert all(words in live.line.value for words in ("occluder of 50%", "z kept blank", "box +10% across"))


def test_disturbances_reach_the_network(model, faces):
    crop = Explorer(model, to_pictures(faces), 3)
    plain = crop.look(State(step=2))
    for change in ({"shift_x": 0.2}, {"shift_y": -0.2}, {"scale": 1.4}, {"turn": 30}, {"occluder": True}):
        other = crop.look(State(step=2, **change))
        assert (other.fit.crop_images[0] != plain.fit.crop_images[0]).any(), change
    blank = crop.look(State(step=2, blank_z=True))
    assert (blank.fit.z == 0).all() and (plain.fit.z[1:] > 0).any()
    assert not np.allclose(blank.fit.steps[2], plain.fit.steps[2])


def test_box_and_occluder_go_where_the_controls_say(faces):
    picture = to_pictures(faces)[0]
    side = float((picture.box[2:] - picture.box[:2]).max())
    _, box = disturb(picture, State(shift_x=0.1, shift_y=-0.2, scale=2.0))
    np.testing.assert_allclose((box[:2] + box[2:] - picture.box[:2] - picture.box[2:]) / 2, [0.1 * side, -0.2 * side])
    np.testing.assert_allclose(box[2:] - box[:2], 2 * (picture.box[2:] - picture.box[:2]))
    image, _ = disturb(picture, State(occluder=True, occluder_x=0.2, occluder_y=0.1, occluder_size=0.3))
    ys, xs = np.nonzero((image != picture.image).any(-1))
    middle = (picture.box[:2] + picture.box[2:]) / 2 + side * np.array([0.2, 0.1])
    np.testing.assert_allclose([(np.ptp(xs) + 1) / side, (np.ptp(ys) + 1) / side], 0.3, atol=2 / side)
    np.testing.assert_allclose([(xs.min() + xs.max()) / 2, (ys.min() + ys.max()) / 2], middle, atol=1.5)


def spikes(like, step, point):
    """Maps like those given, all zero but for one cell that tells step and point."""
    maps = np.zeros_like(like)
    for k in range(len(maps)):
        for i in range(maps.shape[1]):
            maps[k, i, 4 + 8 * k, i % 32] = 1e-3
    cell = np.argwhere(maps[step, point] > 0)[0]
    return maps, cell


@pytest.mark.parametrize(("step", "point"), [(0, 3), (1, 17), (2, 17), (2, 30)])
def test_panels_show_z_and_map_of_the_step_and_point(model, faces, step, point):
    look = Explorer(model, to_pictures(faces), 3).look(State(step=step, point=point))
    z, at = spikes(look.fit.z, step, point)
    maps, _ = spikes(look.fit.response_maps, step, point)
    crops = np.zeros_like(look.fit.crop_images)
    picture = compose(replace(look, fit=replace(look.fit, z=z, response_maps=maps, crop_images=crops)))
    row, column = SMALL + CAPTION_HEIGHT + GAP, SMALL + GAP
    corners = {"z": (0, column), "map": (row, 0)}
    for y, x in corners.values():
        top, left = GAP + CAPTION_HEIGHT + y, 1000 - GAP - SMALL - column + x
        panel = picture[top : top + SMALL, left : left + SMALL].astype(int).sum(-1)
        cell = np.unravel_index(panel.reshape(32, 8, 32, 8).mean((1, 3)).argmax(), (32, 32))
        assert np.abs(np.array(cell) - at).max() <= 1


def test_moving_step_or_point_computes_nothing_again(model, faces):
    crop = Explorer(model, to_pictures(faces), 3)
    first = crop.look(State())
    assert crop.look(State(step=2, point=5)).fit is first.fit
    assert crop.look(State(turn=5)).fit is not first.fit


def test_inputs_of_every_kind(model, faces):
    images = [f.image for f in faces]
    boxes = np.stack([f.box for f in faces])
    truths = np.stack([f.points for f in faces])
    clip = Clip(np.stack(images), truths, "Ann", "clip")
    assert len(to_pictures(faces[0])) == 1 and to_pictures(clip)[2].name == "clip[2]"
    untrue = to_pictures(np.stack(images), boxes=boxes)
    assert untrue[0].truth is None
    np.testing.assert_allclose(to_pictures(images, truths=truths)[1].box, boxes[1])
    single = to_pictures(images[0], boxes[0], truths[0])
    assert len(single) == 1 and (single[0].truth == truths[0]).all() and np.allclose(single[0].box, boxes[0])
    live = explorer(model, images, boxes)
    assert "no truth known" in live.line.value
    live.set(point=3)
    live.set(point=-1, step=1)


def test_wrong_inputs_are_named(model, faces):
    with pytest.raises(ValueError, match="neither box nor truth"):
        explorer(model, [faces[0].image])
    with pytest.raises(ValueError, match="2 boxes for 3 pictures"):
        explorer(model, faces, boxes=np.zeros((2, 4)))
    with pytest.raises(ValueError, match="at least one"):
        explorer(model, [])
    with pytest.raises(TypeError, match="no control 'zoom'"):
        explorer(model, faces, zoom=2)
    with pytest.raises(ValueError, match="step must be 1 to 3"):
        explorer_figure(model, faces, step=4)


def test_button_puts_everything_back(model, faces):
    live = explorer(model, faces)
    begin, first = live.values(), live.image.value
    live.set(turn=20, step=1, occluder=True, point=8)
    assert live.image.value != first
    live.reset()
    assert live.values() == begin and (pixels(live) == cv2.imdecode(np.frombuffer(first, np.uint8), 1)).all()


def test_a_picture_stands_in_where_no_widget_runs(model, faces):
    live = explorer(model, faces, step=1)
    data, metadata = live._repr_mimebundle_()
    figure = explorer_figure(model, faces, step=1)
    assert {"image/jpeg", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert "look 1 of 3" in data["text/plain"] == metadata["image/jpeg"]["alt"] == figure.alt
    shown = cv2.imdecode(np.frombuffer(figure.data, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape[1] == 1000 and (shown == pixels(live)).all()
    json.dumps(data)


def test_alt_text_follows_the_picture(model, faces):
    live = explorer(model, faces, step=1)
    live.set(step=3, occluder=True)
    assert "look 3 of 3" in live.image.tooltip and "occluder" in live.image.tooltip


def broken(limit):
    def draw(x):
        if x > limit:
            raise RuntimeError("the drawing <b>broke</b>")
        return Drawing(np.full((20, 30, 3), x, np.uint8), f"x is {x}", f"grey {x}")

    return draw


@pytest.fixture
def slider():
    import ipywidgets

    return ipywidgets.IntSlider(5, min=0, max=10)


def test_a_bug_fails_the_cell_at_once(slider, monkeypatch):
    monkeypatch.delenv("REDN_CI", raising=False)
    with pytest.raises(RuntimeError, match="broke"):
        Live(broken(4), {"x": slider})


def test_a_bug_at_some_setting_is_seen_and_the_picture_stays(slider, monkeypatch):
    monkeypatch.delenv("REDN_CI", raising=False)
    live = Live(broken(8), {"x": slider})
    before = live.image.value
    slider.value = 9
    assert "RuntimeError: the drawing &lt;b&gt;broke" in live.line.value and "error-color" in live.line.value
    assert live.image.value == before
    slider.value = 7
    assert "x is 7" in live.line.value and "error-color" not in live.line.value


def test_a_bug_at_an_end_fails_in_ci(slider, monkeypatch):
    monkeypatch.setenv("REDN_CI", "1")
    with pytest.raises(RuntimeError, match="broke"):
        Live(broken(8), {"x": slider})
    assert Live(broken(10), {"x": slider}).values() == {"x": 5}
    live = Live(broken(10), {"x": slider})
    live.draw = broken(8)
    with pytest.raises(RuntimeError, match="broke"):
        slider.value = 9


def test_set_draws_once(slider):
    import ipywidgets

    calls = []

    def draw(x, on):
        calls.append((x, on))
        return broken(10)(x)

    live = Live(draw, {"x": slider, "on": ipywidgets.Checkbox(False)})
    calls.clear()
    live.set(x=2, on=True)
    assert calls == [(2, True)]
    slider.value = 3
    assert calls[1:] == [(3, True)]
    with pytest.raises(KeyError):
        live.set(y=1)
