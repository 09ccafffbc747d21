"""The pose of points: it follows a turn, a nod and an open mouth, but not size, place and in-plane rotation."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from redn_lib.data.synthetic import factors, project_points
from redn_lib.identity import POSE, pose_echo, pose_of

PLAIN = replace(factors(3), yaw=0.0, pitch=0.0, roll=0.0)
PLAIN = replace(PLAIN, expression=replace(PLAIN.expression, mouth_open=0.0))


def read(**changes) -> dict[str, float]:
    face = replace(PLAIN, **changes)
    return dict(zip(POSE, pose_of(torch.from_numpy(project_points(face)).float()[None])[0].tolist(), strict=True))


@pytest.mark.parametrize(
    "name, low, high",
    [
        ("turn", {"yaw": -25.0}, {"yaw": 25.0}),
        ("nod", {"pitch": -15.0}, {"pitch": 15.0}),
        ("mouth", {}, {"expression": replace(PLAIN.expression, mouth_open=0.6)}),
    ],
)
def test_each_number_follows_what_it_is_named_for(name, low, high):
    assert abs(read(**high)[name] - read(**low)[name]) > 1
    others = set(POSE) - {name}
    assert all(abs(read(**high)[o] - read(**low)[o]) < abs(read(**high)[name] - read(**low)[name]) for o in others)


@given(st.floats(0.2, 5), st.floats(-3, 3), st.floats(-100, 100), st.floats(-100, 100))
def test_size_place_and_in_plane_rotation_do_not_matter(scale, turn, x, y):
    points = project_points(factors(8)).astype(float)
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    moved = points @ np.array([[c, s], [-s, c]]) + [x, y]
    np.testing.assert_allclose(pose_of(torch.tensor(moved[None])), pose_of(torch.tensor(points[None])), atol=1e-4)


def test_points_that_are_no_face_give_numbers():
    assert torch.isfinite(pose_of(torch.zeros(2, 68, 2))).all()


def test_a_code_that_holds_the_pose_echoes_it():
    points = torch.from_numpy(np.stack([project_points(factors(i)) for i in range(200)])).float()
    pose, other = pose_of(points), torch.randn(200, 3)
    assert pose_echo(pose, points) > 0.9
    assert pose_echo(other, points) < 0.05
