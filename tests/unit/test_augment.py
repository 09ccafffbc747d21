"""Augmented still images: points and their visibility follow the image; and the similarity fit."""

from dataclasses import replace

import numpy as np
import pytest

from redn_lib.data.augment import augment, mirror
from redn_lib.data.occluder import occlude_image, visibility
from redn_lib.data.synthetic import still_image
from redn_lib.landmarks import MEAN_SHAPE, MIRROR, fit_similarity

FACE = still_image(3, 96)


def test_mirror_moves_the_picture_and_renames_the_points():
    image, points = mirror(FACE.image, FACE.points)
    assert np.array_equal(image[10, 5], FACE.image[10, 90])
    assert np.allclose(points[36], [95 - FACE.points[45, 0], FACE.points[45, 1]])
    assert np.array_equal(mirror(image, points)[0], FACE.image) and np.allclose(mirror(image, points)[1], FACE.points)


def test_same_random_stream_same_picture():
    first, again, other = (augment(FACE, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert np.array_equal(first.image, again.image) and np.array_equal(first.points, again.points)
    assert not np.array_equal(first.image, other.image)


def test_points_behind_an_occluder_are_not_visible():
    grey = np.full((96, 96, 3), 90, np.uint8)
    image, mask = occlude_image(grey, FACE.points, np.random.default_rng(1))
    assert set(np.unique(mask)) == {0, 255} and (image[mask == 0] == 90).all() and (image[mask == 255] != 90).any()
    (visible,), (share,) = visibility(FACE.points[None], [mask])
    x, y = np.round(FACE.points).astype(int).T
    assert np.array_equal(visible, mask[y, x] == 0) and 0 < visible.sum() < 68 and 0 < share < 1


def test_visibility_goes_with_the_points():
    hidden = np.arange(68) < 8
    results = [augment(replace(FACE, visible=~hidden), np.random.default_rng(seed)) for seed in range(30)]
    same, flipped = ([not face.visible[which].any() for face in results] for which in (hidden, hidden[MIRROR]))
    assert all(np.array(same) | flipped) and any(same) and any(flipped)
    assert any(face.visible.sum() == 60 for face in results) and any(face.visible.sum() < 60 for face in results)


def test_similarity_fit_finds_turn_scale_and_shift():
    c, s = 2 * np.cos(0.3), 2 * np.sin(0.3)
    matrix = np.array([[c, -s, 5.0], [s, c, -7.0]])
    target = MEAN_SHAPE @ matrix[:, :2].T + matrix[:, 2]
    assert np.allclose(np.column_stack(fit_similarity(MEAN_SHAPE, target)), matrix, atol=1e-5)
    noisy = target + np.random.default_rng(0).normal(0, 0.1, target.shape)
    fitted = np.column_stack(fit_similarity(MEAN_SHAPE, noisy))
    error = np.square(MEAN_SHAPE @ fitted[:, :2].T + fitted[:, 2] - noisy).sum()
    for i, j in np.ndindex(2, 3):
        other = fitted.copy()
        other[i, j] += 0.02
        if j < 2:
            other[1 - i, 1 - j] += 0.02 if i == j else -0.02  # still a similarity
        assert np.square(MEAN_SHAPE @ other[:, :2].T + other[:, 2] - noisy).sum() > error


def test_similarity_fit_does_not_mirror():
    fitted = np.column_stack(fit_similarity(MEAN_SHAPE, MEAN_SHAPE * (-1, 1)))
    assert np.linalg.det(fitted[:, :2]) == pytest.approx(fitted[0, 0] ** 2 + fitted[1, 0] ** 2) and fitted[0, 0] > -1
