"""Other mark-ups in terms of the 68: same places only, and boxes of faces that are marked in part."""

import numpy as np
import pytest
from made_sets import shape

from redn_lib.data.layouts.movies import which_68
from redn_lib.data.markups import AFLW21, CELEBA5, IBUG68, LFPW29, SEVEN7, XM2VTS68, markup_of
from redn_lib.landmarks import MIRROR, SEVEN, tight_box

ALL = [IBUG68, SEVEN7, AFLW21, LFPW29, CELEBA5, XM2VTS68]


def marked(markup, points):
    """The points of a mark-up on a face whose 68 are known."""
    return np.array([points[list(p)].mean(0) if p else (np.nan, np.nan) for p in markup.places])


@pytest.mark.parametrize("markup", ALL, ids=lambda m: m.name)
def test_same_places_are_taken_over_and_the_rest_is_unknown(markup):
    points = shape(0)
    taken = markup.to_68(marked(markup, points))
    known = sorted(p[0] for p in markup.places if len(p) == 1)
    np.testing.assert_allclose(taken[known], points[known])
    assert np.isnan(np.delete(taken, known, 0)).all() and len(set(known)) == len(known)


@pytest.mark.parametrize("markup", ALL, ids=lambda m: m.name)
def test_a_markup_is_symmetric(markup):
    known = {i for place in markup.places for i in place}
    assert {int(MIRROR[i]) for i in known} == known


@pytest.mark.parametrize("markup", [SEVEN7, AFLW21, LFPW29, XM2VTS68], ids=lambda m: m.name)
def test_the_seven_of_the_paper_are_in(markup):
    assert set(SEVEN) <= {p[0] for p in markup.places if len(p) == 1}


@pytest.mark.parametrize("markup", ALL, ids=lambda m: m.name)
def test_the_box_of_a_face_marked_in_part_is_near_that_of_all(markup):
    turn = np.array([[0.9, -0.3], [0.3, 0.9]])
    points = shape(1) @ turn.T * 3
    box, truth = markup.box(marked(markup, points)), tight_box(points)
    assert np.abs(box - truth).max() < 0.12 * (truth[2:] - truth[:2]).max()


def test_too_few_points_find_no_face():
    points = np.full((21, 2), np.nan)
    points[14] = 3, 4
    with pytest.raises(ValueError, match="1 of the 21 points are marked"):
        AFLW21.box(points)


@pytest.mark.parametrize(("count", "markup"), [(68, IBUG68), (29, LFPW29), (21, AFLW21), (7, SEVEN7)])
def test_the_markup_follows_from_the_number(count, markup):
    assert markup_of(np.zeros((count, 2)), "a.pts") is markup


@pytest.mark.parametrize("count", [0, 5, 19, 67, 98])
def test_other_numbers_are_refused(count):
    with pytest.raises(ValueError, match=rf"a\.pts: {count} points; only mark-ups of 7, 21, 29, 68"):
        markup_of(np.zeros((count, 2)), "a.pts")


@pytest.mark.parametrize("seed", range(5))
def test_the_older_68_points_are_told_from_ours(seed):
    points = shape(seed)
    older = np.where(np.isnan(marked(XM2VTS68, points)), points.mean(0), marked(XM2VTS68, points))
    assert which_68(points, "a.pts") is IBUG68 and which_68(older, "a.pts") is XM2VTS68
