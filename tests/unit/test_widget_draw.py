"""Drawing: pixels change where they should, and only there."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redn_lib.landmarks import MEAN_SHAPE
from redn_lib.widgets.draw import colour_map, draw_box, draw_face, draw_response_map, occlude, to_peaks
from redn_lib.widgets.panels import CAPTION_HEIGHT, caption, fit_into, side_by_side, stack
from redn_lib.widgets.style import ANSWER, CARD, INK, MISS, OCCLUDER, TRUTH

GREY = np.full((200, 240, 3), 120, np.uint8)
POINTS = (MEAN_SHAPE * 80 + (120, 100)).astype(np.float32)


def near(picture, point, colour, reach=3, tolerance=12):
    """Is there a pixel of the colour within `reach` of the point?"""
    x, y = np.rint(point).astype(int)
    patch = picture[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1].astype(int)
    return bool((np.abs(patch - colour).max(-1) <= tolerance).any())


def test_every_point_is_drawn_where_it_is_and_the_input_stays():
    before = GREY.copy()
    picture = draw_face(GREY, POINTS)
    assert all(near(picture, p, ANSWER) for p in POINTS)
    assert (GREY == before).all()
    assert (picture[:10] == 120).all() and (picture[:, :20] == 120).all()


@settings(max_examples=20, deadline=None)
@given(zoom=st.floats(0.7, 4), x=st.floats(30, 200), y=st.floats(30, 170))
def test_zoom_takes_points_along(zoom, x, y):
    points = np.full((68, 2), np.nan)
    points[30] = x, y
    picture = draw_face(GREY, points, zoom=zoom, lines=False)
    changed = np.argwhere((picture != 120).any(-1))[:, ::-1]
    np.testing.assert_allclose(changed.mean(0), (np.array([x, y]) + 0.5) * zoom - 0.5, atol=0.75)


def test_errors_join_points_and_labels():
    truth = POINTS + (12, 0)
    picture = draw_face(GREY, POINTS, truth=truth, only=[30], lines=False)
    assert near(picture, POINTS[30], ANSWER) and near(picture, truth[30], TRUTH)
    assert near(picture, POINTS[30] + (6, 0), MISS, reach=1)
    assert not near(picture, truth[8], TRUTH)


def test_unsure_points_are_hollow():
    sure = draw_face(GREY, POINTS, np.ones(68), only=[30], lines=False, zoom=4)
    unsure = draw_face(GREY, POINTS, np.zeros(68), only=[30], lines=False, zoom=4)
    middle = np.rint((POINTS[30] + 0.5) * 4 - 0.5).astype(int)
    assert np.abs(sure[middle[1], middle[0]].astype(int) - ANSWER).max() < 12
    assert (unsure[middle[1], middle[0]] == 120).all() and (unsure != 120).any()


def test_a_small_ring_is_round():
    points = np.full((68, 2), np.nan)
    points[30] = 100, 90
    ring = np.argwhere((np.abs(draw_face(GREY, points, np.zeros(68), lines=False).astype(int) - 120) > 25).any(-1))
    off = np.abs(ring - (90, 100))
    assert off[off[:, 0] == off[:, 1]].max() * np.sqrt(2) > 0.8 * off.max(), (
        "a diamond's sides run through half of that"
    )


def test_points_that_are_lost_or_far_outside_do_no_harm():
    lost = np.full((68, 2), np.nan)
    assert (draw_face(GREY, lost, truth=lost) == GREY).all()
    assert draw_face(GREY, POINTS * 1e6).shape == GREY.shape


def test_response_map_glows_at_its_peak():
    maps = np.zeros((68, 32, 32), np.float32)
    maps[5, 8, 24] = maps[6, 24, 8] = 1
    maps[6] *= 1e-3
    square = np.full((128, 128, 3), 120, np.uint8)
    picture = draw_response_map(square, maps)
    at = ((24.5 * 4 - 0.5, 8.5 * 4 - 0.5), (8.5 * 4 - 0.5, 24.5 * 4 - 0.5))
    bright = [picture[round(y), round(x)].astype(int).sum() for x, y in at]
    dark = picture[64, 64].astype(int).sum()
    assert min(bright) > dark + 200, "each map is scaled to its own peak"
    assert draw_response_map(square, maps[5], zoom=2).shape == (256, 256, 3)


def test_empty_maps_stay_empty():
    assert (to_peaks(np.zeros((68, 4, 4))) == 0).all()
    assert (colour_map(np.zeros((4, 4))) == colour_map(np.zeros((1, 1)))[0, 0]).all()


def test_box_is_drawn_on_its_border_only():
    picture = draw_box(GREY, np.array([40, 50, 180, 150]))
    changed = (picture != 120).any(-1)
    assert changed[50, 100] and changed[100, 40] and changed[150, 100] and changed[100, 180]
    assert not changed[60:140, 50:170].any() and not changed[:45].any()


@settings(max_examples=30, deadline=None)
@given(x=st.floats(-300, 500), y=st.floats(-300, 500), side=st.floats(0, 400))
def test_occluder_hides_its_square_and_nothing_else(x, y, side):
    picture = occlude(GREY, (x, y), side)
    yy, xx = np.mgrid[:200, :240]
    away = np.maximum(abs(xx - x), abs(yy - y)) - side / 2
    hidden = (picture == OCCLUDER).all(-1)
    assert hidden[away < -1].all() and not hidden[away > 1].any()


def test_a_caption_is_written_above_the_picture_and_never_cut():
    for words in ("response map", "response map " * 40, ""):
        picture = caption(GREY, words, "note")
        assert len(picture) == 200 + CAPTION_HEIGHT and (picture[CAPTION_HEIGHT:, :240] == GREY).all()
        assert (picture[:CAPTION_HEIGHT] != CARD).any() and (picture[:, -1] == CARD).all() == (words.count(" ") > 1)
    assert near(caption(GREY, "response map"), (60, 10), INK, reach=20, tolerance=40)


def test_layout_keeps_every_picture():
    a, b = np.full((50, 60, 3), 10, np.uint8), np.full((80, 30, 3), 20, np.uint8)
    row = side_by_side([a, b], ["one", "two"], gap=7)
    assert row.shape == (80 + CAPTION_HEIGHT, 97, 3)
    assert (row == 10).all(-1).sum() == 3000 and (row == 20).all(-1).sum() == 2400
    column = stack([a, b], gap=7)
    assert column.shape == (137, 60, 3) and (column[57:, :30] == 20).all()
    assert caption(a, "one").shape == (50 + CAPTION_HEIGHT, 60, 3)
    with pytest.raises(ValueError, match="shorter"):
        side_by_side([a, b], ["one"])


@given(height=st.integers(1, 90), width=st.integers(1, 90))
@settings(max_examples=30, deadline=None)
def test_fit_into_keeps_the_shape_of_the_image(height, width):
    image = np.full((height, width, 3), 9, np.uint8)
    out = fit_into(image, 64, 80)
    assert out.shape == (64, 80, 3)
    ys, xs = np.nonzero((out == 9).all(-1))
    scale = min(64 / height, 80 / width)
    assert abs(np.ptp(ys) + 1 - max(height * scale, 1)) <= 1 and abs(np.ptp(xs) + 1 - max(width * scale, 1)) <= 1


def test_pixels_of_a_small_view_stay_square():
    chess = np.uint8(np.indices((8, 8)).sum(0) % 2 * 255)[..., None].repeat(3, -1)
    out = fit_into(chess, 64, 64)
    assert (out == cv2.resize(chess, (64, 64), interpolation=cv2.INTER_NEAREST)).all()
