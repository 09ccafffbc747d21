"""The one crop convention, there and back; the mark-up and the similarity fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redn_lib.crop import Crop
from redn_lib.landmarks import LINES, MEAN_SHAPE, MIRROR, fit_similarity, mirror_points, tight_box

sides = st.floats(5, 900)
places = st.floats(-200, 900)


@given(places, places, sides, sides, st.floats(-180, 180), st.floats(1, 3))
def test_points_go_into_the_crop_and_back(x, y, w, h, turn, margin):
    crop = Crop.around(np.array([x, y, x + w, y + h]), margin=margin, turn=turn)
    points = np.random.default_rng(0).uniform(-100, 1000, (68, 2))
    np.testing.assert_allclose(crop.to_frame(crop.to_crop(points)), points, atol=1e-6)
    middle = crop.to_frame(np.full(2, (crop.size - 1) / 2))
    np.testing.assert_allclose(middle, [x + w / 2, y + h / 2], atol=1e-6)
    assert crop.scale * (crop.size - 1) == pytest.approx(margin * max(w, h))


@pytest.mark.parametrize("frame", [120, 400, 1500])
def test_a_bright_spot_is_where_the_crop_says_at_any_scale(frame):
    image = np.zeros((frame, frame, 3), np.uint8)
    at = np.array([0.6, 0.45]) * frame
    r = max(frame // 60, 2)
    yy, xx = np.mgrid[:frame, :frame]
    image[np.hypot(xx - at[0], yy - at[1]) < r] = 255
    crop = Crop.around(np.array([0.3, 0.3, 0.7, 0.7]) * frame, turn=20)
    cut = crop.take(image)[..., 0].astype(float)
    yy, xx = np.mgrid[: crop.size, : crop.size]
    spot = np.array([(cut * xx).sum(), (cut * yy).sum()]) / cut.sum()
    np.testing.assert_allclose(crop.to_frame(spot), at, atol=max(0.4, 0.3 * crop.scale))


@pytest.mark.parametrize("box", [[0, 0, 0, 10], [0, 0, 10, np.nan], [5, 5, 1, 9], [1, 2, 3]])
def test_a_box_that_is_none_is_refused(box):
    with pytest.raises(ValueError, match="box must be four finite numbers"):
        Crop.around(np.array(box, float))


def test_mirror_order_is_an_involution_and_keeps_the_mean_shape():
    assert (MIRROR[MIRROR] == np.arange(68)).all()
    np.testing.assert_allclose(mirror_points(MEAN_SHAPE, 1), MEAN_SHAPE, atol=1e-4)
    assert tight_box(MEAN_SHAPE)[[0, 2]].tolist() == [-1, 1]


def test_lines_go_once_through_every_point():
    assert sorted(point for points, _ in LINES for point in points) == list(range(68))
    assert [closed for _, closed in LINES] == [False] * 5 + [True] * 4


@given(st.floats(0.1, 9), st.floats(-3, 3), places, places)
def test_a_similarity_is_found_and_noise_is_averaged(scale, turn, x, y):
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = MEAN_SHAPE @ linear.T + [x, y]
    found, translation = fit_similarity(MEAN_SHAPE, np.stack([moved, moved]))
    np.testing.assert_allclose(found, [linear] * 2, atol=1e-6)
    np.testing.assert_allclose(translation, [[x, y]] * 2, atol=1e-4)
    noise = np.random.default_rng(0).normal(0, 0.1 * scale, MEAN_SHAPE.shape)
    found, translation = fit_similarity(MEAN_SHAPE, moved + noise)
    rest = moved + noise - MEAN_SHAPE @ found.T - translation
    for change in (np.eye(2), np.array([[0, -1], [1, 0]])):  # no scale or turn is left in the rest
        assert abs((rest * (MEAN_SHAPE @ change.T)).sum()) < 1e-4 * scale
    np.testing.assert_allclose(rest.mean(0), 0, atol=1e-4)
