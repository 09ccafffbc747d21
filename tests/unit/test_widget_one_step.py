"""Inside one step: every control moves the picture, what is drawn is what the network does, and switches do switch."""

import cv2
import numpy as np
import pytest
import torch
from made_steps import peaked, rough_face
from torch.nn import functional as F

from redn_lib.metrics import nme
from redn_lib.tracking.align import align
from redn_lib.widgets.explorer import to_examples
from redn_lib.widgets.one_step import (
    GREEN,
    GRID,
    PLACES,
    SIDE,
    inside_step,
    one_step,
    place_colours,
    upper_left,
    windows,
)
from redn_lib.widgets.panels import CAPTION_HEIGHT, GAP


@pytest.fixture(scope="module")
def model():
    return peaked()


@pytest.fixture(scope="module")
def live(model):
    return one_step(model, [rough_face(0), rough_face(1)], pool=3, rank=2)


def test_what_is_drawn_is_what_the_network_does(model):
    (example,) = to_examples(rough_face(0))
    inside, fit = inside_step(model, example), align(model, example.image, example.box, 1)
    np.testing.assert_allclose(inside.maps, fit.response_maps[0], atol=5e-4)  # the crop comes in 8 bits
    np.testing.assert_allclose(fit.crops[0].to_frame(inside.points), fit.points, atol=0.1)
    assert inside.error == pytest.approx(float(nme(fit.points, example.truth)), rel=0.02)
    for s, back in inside.back.items():
        assert back.shape == inside.before[s].shape and back.sum() == pytest.approx(inside.held[s].sum(), rel=1e-4)
        remembered = np.zeros(back.shape, bool).reshape(len(back), -1)
        np.put_along_axis(remembered, inside.where[s].reshape(len(back), -1), True, 1)
        assert not back.reshape(len(back), -1)[~remembered].any()


def test_a_pool_that_forgot_names_the_upper_left_of_each_window():
    _, where = F.max_pool2d(torch.rand(2, 3, 4, 6), 2, return_indices=True)
    forgot = upper_left(where)
    assert forgot.shape == where.shape and forgot[1, 2].tolist() == [[0, 2, 4], [12, 14, 16]]


def test_switches_change_what_they_say_and_no_more(model):
    (example,) = to_examples(rough_face(1))
    whole, forgot, blind = (inside_step(model, example, *on) for on in ((True, True), (False, True), (True, False)))
    deepest = max(whole.held)
    assert (forgot.held[deepest] == whole.held[deepest]).all() and (forgot.back[deepest] != whole.back[deepest]).any()
    assert (blind.detection == whole.detection).all() and (blind.maps != whole.maps).any()
    assert all((a == b).all() for a, b in zip(forgot.where, whole.where, strict=True))


def test_places_are_coloured_by_where_the_maximum_was():
    before = np.zeros((4, 4), np.float32)
    before[1, 2] = 5
    _, where = F.max_pool2d(torch.from_numpy(before)[None], 2, return_indices=True)
    coloured = place_colours(before, where[0].numpy())
    assert tuple(coloured[0, 1]) == GREEN and tuple(coloured[1, 0]) == GRID
    assert windows(before)[0, 1].tolist() == [0, 0, 5, 0]


def test_the_picture_has_a_key_to_the_places(live):
    x, y = 3 * (SIDE + GAP) + GAP, slice(GAP, GAP + CAPTION_HEIGHT)
    picture = cv2.imdecode(np.frombuffer(live.image.value, np.uint8), cv2.IMREAD_COLOR)
    caption = picture[y, x : x + SIDE, ::-1].astype(int)
    ys, xs = zip(*(np.argwhere(np.abs(caption - colour).max(-1) < 30).mean(0) for colour in PLACES[:4]), strict=True)
    assert max(ys[:2]) < min(ys[2:]) and max(xs[::2]) < min(xs[1::2]), "a window, each place in its colour"


def test_line_and_alt_text_follow(live, model):
    assert "with all parts on" in live.line.value
    assert "rank 2 is channel " in live.line.value
    live.set(memory=False)
    assert "upper left" in live.line.value and "upper left" in live.image.tooltip
    live.reset()
    plain = one_step.figure(model, [rough_face(0).image], [rough_face(0).box], features=False)
    assert "f_REG sees no features" in plain.alt


def test_wrong_starts_are_named(model):
    with pytest.raises(ValueError, match="pool must be 2 to 4, got 1"):
        one_step.figure(model, rough_face(0), pool=1)
