"""The head's sliders in the kernel: every control moves the picture, and the line tells the truth about it."""

import pytest
from made_steps import shown

from redn_lib.data.synthetic import render
from redn_lib.metrics import eye_distance
from redn_lib.widgets.head_sliders import HeadState, draw_head, head_factors, head_sliders


@pytest.fixture(scope="module")
def live():
    return head_sliders(person=5, yaw=10)


def test_line_tells_eye_distance_and_what_a_pixel_weighs(live):
    line = shown(live, yaw=40)["line"]
    eyes = float(eye_distance(render(head_factors(HeadState(person=5, yaw=40))).points))
    assert f"eye distance {eyes:.1f} px" in line
    assert f"NME of {1 / eyes:.2%}" in line


def test_camera_stands_still_while_the_head_turns():
    ahead, turned, tilted = (head_factors(HeadState(**v)) for v in ({}, {"yaw": 50}, {"mouth": 1, "roll": 20}))
    assert (ahead.scale, ahead.x, ahead.y) == (turned.scale, turned.x, turned.y) == (tilted.scale, tilted.x, tilted.y)
    assert eye_distance(render(turned).points) < 0.8 * eye_distance(render(ahead).points)


def test_occluder_hides_points():
    def in_sight(kind):
        return int(render(head_factors(HeadState(occluder=kind))).visible.sum())

    assert in_sight("none") > in_sight("mask") + 10


def test_glasses_are_worn_only_where_asked_for():
    for person in range(12):
        bare, worn = (head_factors(HeadState(person=person, occluder=kind)) for kind in ("none", "glasses"))
        assert (bare.person.traits["glasses"] == 0) and worn.person.traits["glasses"] and worn.occluder is None


def test_labels_can_be_taken_off():
    with_labels, without = (draw_head(HeadState(labels=on)) for on in (True, False))
    ((plain, labelled),), ((bare, empty),) = with_labels.rows, without.rows
    assert (plain.picture == bare.picture).all() and (labelled.picture != empty.picture).any()
    assert with_labels.numbers == without.numbers and with_labels.about != without.about


def test_alt_text_names_what_was_changed(live):
    assert "changed" not in head_sliders.figure().alt
    assert "yaw 40" in head_sliders.figure(yaw=40).alt
    about = shown(live, eyes_shut=1.0)["about"]
    assert "eyes shut 1.0" in about and "number 5" in about


def test_wrong_starts_are_named():
    with pytest.raises(ValueError, match="person must be 0 to 99, got -1"):
        head_sliders.figure(person=-1)
