"""NME and its relatives on numbers small enough to check by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redn_lib.landmarks import MEAN_SHAPE
from redn_lib.metrics import auc, ced, failure_rate, jitter, nme, nme_of_parts

FACE = MEAN_SHAPE.astype(float) * 50 + 100


@given(st.floats(0.1, 10), st.floats(-3, 3), st.floats(-100, 100))
def test_nme_does_not_change_when_the_picture_is_scaled_turned_or_shifted(scale, turn, shift):
    rng = np.random.default_rng(0)
    guess = FACE + rng.normal(0, 2, FACE.shape)
    turned = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    assert nme(guess @ turned.T + shift, FACE @ turned.T + shift) == pytest.approx(nme(guess, FACE))


def test_nme_by_hand():
    eyes = np.linalg.norm(FACE[36] - FACE[45])
    assert nme(FACE + [3, 4], FACE) == pytest.approx(5 / eyes)
    one_off = FACE.copy()
    one_off[8] += [0, 6.8]
    assert nme(one_off, FACE) == pytest.approx(0.1 / eyes)
    parts = nme_of_parts(one_off[None], FACE[None])
    assert parts["jaw"] == pytest.approx(6.8 / 17 / eyes) and parts["nose"] == 0


def test_ced_auc_and_failure_rate_by_hand():
    errors = np.array([0.02, 0.04, 0.1, np.nan])
    at, share = ced(errors)
    assert share[np.searchsorted(at, 0.03)] == 0.25 and share[-1] == 0.5
    assert failure_rate(errors) == 0.5
    assert auc(errors) == pytest.approx((0.06 + 0.04) / 4 / 0.08, abs=2e-3)
    assert auc(np.zeros(3)) == pytest.approx(1)


def test_no_errors_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        ced(np.array([]))


def test_jitter_is_zero_for_steady_motion_and_skips_lost_frames():
    t = np.arange(10.0)[:, None, None]
    track = FACE + t * [3.0, -1.0]
    assert jitter(track) == pytest.approx(0, abs=1e-12)
    track[4] = np.nan
    assert jitter(track) == pytest.approx(0, abs=1e-12)
    shaken = FACE + (np.arange(10) % 2)[:, None, None] * [1.0, 0]
    assert jitter(shaken) == pytest.approx(2 / np.linalg.norm(FACE[36] - FACE[45]))
    assert np.isnan(jitter(track[:2]))
