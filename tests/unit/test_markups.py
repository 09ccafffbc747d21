"""Other mark-ups in terms of the 68: same places only, and boxes of faces that are marked in part."""

import numpy as np
import pytest
from made_sets import shape

from redn_lib.data.markups import IBUG68, SEVEN7, face_box
from redn_lib.data.pts import read_68, write_pts
from redn_lib.landmarks import MIRROR, SEVEN, tight_box

ALL = pytest.mark.parametrize(("markup", "count"), [(IBUG68, 68), (SEVEN7, 7)])


def read(path, markup, count, points):
    """What is read of a mark-up's file of a face whose 68 are known; points that we do not have lie on its middle."""
    own = np.tile(points.mean(0), (count, 1))
    for theirs, ours in markup.items():
        own[theirs] = points[ours]
    write_pts(path / "a.pts", own)
    return read_68(path / "a.pts")


@ALL
def test_same_places_are_taken_over_and_the_rest_is_nan(tmp_path, markup, count):
    points = shape(0)
    taken = read(tmp_path, markup, count, points)
    known = sorted(markup.values())
    np.testing.assert_allclose(taken[known], points[known])
    assert np.isnan(np.delete(taken, known, 0)).all()
    assert set(SEVEN) <= set(known) and {int(MIRROR[i]) for i in known} == set(known)


@ALL
def test_the_box_of_a_face_marked_in_part_is_near_that_of_all(tmp_path, markup, count):
    turn = np.array([[0.9, -0.3], [0.3, 0.9]])
    points = shape(1) @ turn.T * 3
    box, truth = face_box(read(tmp_path, markup, count, points)), tight_box(points)
    assert np.abs(box - truth).max() < 0.12 * (truth[2:] - truth[:2]).max()


def test_the_markup_follows_from_the_number(tmp_path):
    for count, known in ((68, list(range(68))), (7, sorted(SEVEN))):
        write_pts(tmp_path / "a.pts", np.zeros((count, 2)))
        assert np.flatnonzero(np.isfinite(read_68(tmp_path / "a.pts")).all(1)).tolist() == known
    write_pts(tmp_path / "a.pts", np.zeros((99, 2)))
    with pytest.raises(ValueError, match=r"a\.pts: 99 points are of no mark-up"):
        read_68(tmp_path / "a.pts")
