"""Other mark-ups in terms of the 68: same places only, and boxes of faces that are marked in part."""

import numpy as np
import pytest
from made_sets import shape

from redn_lib.data.layouts.movies import which_68
from redn_lib.data.markups import IBUG68, SEVEN7, XM2VTS68, face_box, markup_of
from redn_lib.landmarks import MIRROR, SEVEN, tight_box

ALL = pytest.mark.parametrize("markup", [IBUG68, SEVEN7, XM2VTS68], ids=lambda markup: markup.name)


def marked(markup, points):
    """The points of a mark-up on a face whose 68 are known; those that we do not have lie on its middle."""
    own = np.tile(points.mean(0), (markup.count, 1))
    for theirs, ours in markup.same.items():
        own[theirs] = points[ours]
    return own


@ALL
def test_same_places_are_taken_over_and_the_rest_is_nan(markup):
    points = shape(0)
    taken = markup.to_68(marked(markup, points))
    known = sorted(markup.same.values())
    np.testing.assert_allclose(taken[known], points[known])
    assert np.isnan(np.delete(taken, known, 0)).all()
    assert set(SEVEN) <= set(known) and {int(MIRROR[i]) for i in known} == set(known)


@ALL
def test_the_box_of_a_face_marked_in_part_is_near_that_of_all(markup):
    turn = np.array([[0.9, -0.3], [0.3, 0.9]])
    points = shape(1) @ turn.T * 3
    box, truth = face_box(markup.to_68(marked(markup, points))), tight_box(points)
    assert np.abs(box - truth).max() < 0.12 * (truth[2:] - truth[:2]).max()


def test_too_few_points_find_no_face():
    points = np.full((68, 2), np.nan)
    points[30] = 3, 4
    with pytest.raises(ValueError, match="1 of the 68 points are marked"):
        face_box(points)


def test_the_markup_follows_from_the_number():
    assert markup_of(np.zeros((68, 2)), "a.pts") is IBUG68 and markup_of(np.zeros((7, 2)), "a.pts") is SEVEN7
    with pytest.raises(ValueError, match=r"a\.pts: 98 points; only mark-ups of 7, 68 are known"):
        markup_of(np.zeros((98, 2)), "a.pts")


@pytest.mark.parametrize("seed", range(5))
def test_the_older_68_points_are_told_from_ours(seed):
    points = shape(seed)
    assert which_68(points, "a.pts") is IBUG68 and which_68(marked(XM2VTS68, points), "a.pts") is XM2VTS68
