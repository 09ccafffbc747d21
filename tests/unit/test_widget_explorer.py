"""The explorer in the kernel: every control moves the picture, nothing fails silently."""

from dataclasses import replace

import numpy as np
import pytest
from made_steps import peaked, rough_face

from redn_lib.data.clip import Clip
from redn_lib.metrics import nme
from redn_lib.tracking.align import align
from redn_lib.widgets import explorer as module
from redn_lib.widgets.explorer import (
    SMALL,
    ExplorerState,
    compose,
    disturb,
    explore,
    explorer,
    to_examples,
)
from redn_lib.widgets.panels import CAPTION_HEIGHT, GAP


@pytest.fixture(scope="module")
def model():
    return peaked()


@pytest.fixture(scope="module")
def faces():
    return [rough_face(0), rough_face(1), rough_face(2)]


def test_numbers_of_the_line_are_those_of_align(model, faces):
    fit = align(model, faces[1].image, faces[1].box)
    live = explorer(model, faces, image=1, step=2)
    assert f"NME {nme(fit.steps[1], faces[1].points):.2%}" in live.line.value
    assert "Ann 1" in live.line.value and "step 2 of 3" in live.line.value
    live.set(point=36)
    assert "point 36, right eye" in live.line.value and "px" in live.line.value
    live.set(occluder=True, blank_z=True, shift_x=0.1)
    assert all(words in live.line.value for words in ("occluder of 50%", "z kept blank", "box +10% across"))


def test_disturbances_reach_the_network(model, faces):
    example = to_examples(faces)[0]
    plain = explore(model, example, ExplorerState(step=3))
    for change in ({"shift_x": 0.2}, {"shift_y": -0.2}, {"scale": 1.4}, {"turn": 30}, {"occluder": True}):
        other = explore(model, example, ExplorerState(step=3, **change))
        assert (other.fit.crop_images[0] != plain.fit.crop_images[0]).any(), change
    blank = explore(model, example, ExplorerState(step=3, blank_z=True))
    assert (blank.fit.z == 0).all() and (plain.fit.z[1:] > 0).any()
    assert not np.allclose(blank.fit.steps[2], plain.fit.steps[2])


def test_box_and_occluder_go_where_the_controls_say(faces):
    example = to_examples(faces)[0]
    side = float((example.box[2:] - example.box[:2]).max())
    _, box = disturb(example, ExplorerState(shift_x=0.1, shift_y=-0.2, scale=2.0))
    np.testing.assert_allclose((box[:2] + box[2:] - example.box[:2] - example.box[2:]) / 2, [0.1 * side, -0.2 * side])
    np.testing.assert_allclose(box[2:] - box[:2], 2 * (example.box[2:] - example.box[:2]))
    image, _ = disturb(example, ExplorerState(occluder=True, occluder_x=0.2, occluder_y=0.1, occluder_size=0.3))
    ys, xs = np.nonzero((image != example.image).any(-1))
    middle = (example.box[:2] + example.box[2:]) / 2 + side * np.array([0.2, 0.1])
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
    result = explore(model, to_examples(faces)[0], ExplorerState(step=step + 1, point=point))
    z, at = spikes(result.fit.z, step, point)
    maps, _ = spikes(result.fit.response_maps, step, point)
    crops = np.zeros_like(result.fit.crop_images)
    picture = compose(replace(result, fit=replace(result.fit, z=z, response_maps=maps, crop_images=crops)))
    row, column = SMALL + CAPTION_HEIGHT + GAP, SMALL + GAP
    corners = {"z": (0, column), "map": (row, 0)}
    for y, x in corners.values():
        top, left = GAP + CAPTION_HEIGHT + y, 1000 - GAP - SMALL - column + x
        panel = picture[top : top + SMALL, left : left + SMALL].astype(int).sum(-1)
        cell = np.unravel_index(panel.reshape(32, 8, 32, 8).mean((1, 3)).argmax(), (32, 32))
        assert np.abs(np.array(cell) - at).max() <= 1


def test_moving_step_or_point_computes_nothing_again(model, faces, monkeypatch):
    calls = []
    monkeypatch.setattr(module, "align", lambda *given, **how: calls.append(1) or align(*given, **how))
    live = explorer(model, faces)
    before = len(calls)
    live.set(step=3, point=5)
    assert len(calls) == before
    live.set(turn=5)
    assert len(calls) == before + 1


def test_inputs_of_every_kind(model, faces):
    images = [f.image for f in faces]
    boxes = np.stack([f.box for f in faces])
    truths = np.stack([f.points for f in faces])
    clip = Clip(np.stack(images), truths, "Ann", "clip")
    assert len(to_examples(faces[0])) == 1 and to_examples(clip)[2].name == "clip[2]"
    untrue = to_examples(np.stack(images), boxes=boxes)
    assert untrue[0].truth is None
    single = to_examples(images[0], boxes[0])
    assert len(single) == 1 and np.allclose(single[0].box, boxes[0])
    live = explorer(model, images, boxes)
    assert "no labels" in live.line.value
    live.set(point=3)
    live.set(point=-1, step=1)


def test_wrong_inputs_are_named(model, faces):
    with pytest.raises(ValueError, match="image 0 has no box"):
        explorer(model, [faces[0].image])
    with pytest.raises(ValueError, match="2 boxes for 3 images"):
        explorer(model, faces, boxes=np.zeros((2, 4)))
    with pytest.raises(ValueError, match="at least one"):
        explorer(model, [])
    with pytest.raises(ValueError, match="step must be 1 to 3"):
        explorer.figure(model, faces, step=4)


def test_alt_text_follows_the_picture(model, faces):
    live = explorer(model, faces, step=1)
    live.set(step=3, occluder=True)
    assert "step 3 of 3" in live.image.tooltip and "occluder" in live.image.tooltip
