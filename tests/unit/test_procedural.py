"""The procedural faces: same seed same image, points that move as the factors say, and numbers for everything."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redn_lib.data import synthetic
from redn_lib.data.synthetic import SLIDERS, project_points
from redn_lib.data.synthetic.head import TABLES, template
from redn_lib.data.synthetic.people import shape
from redn_lib.data.synthetic.render import rasterise
from redn_lib.landmarks import MEAN_SHAPE, MIRROR, mirror_points

MEAN = synthetic.Person(0, np.zeros(len(SLIDERS), np.float32), synthetic.identity(0).traits)
NEUTRAL = synthetic.Factors(MEAN, size=128)
SHARP = synthetic.Camera(noise=0, jpeg=0, blur=0)


def eye_distance(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[36] - points[45]))


def test_same_seed_same_picture_another_seed_another():
    first, again, other = synthetic.still_image(7, 96), synthetic.still_image(7, 96), synthetic.still_image(8, 96)
    assert np.array_equal(first.image, again.image) and np.array_equal(first.points, again.points)
    assert not np.array_equal(first.image, other.image)
    assert first.person == "procedural-000007" and other.person != first.person


def test_same_seed_same_clip():
    first, again = synthetic.clip(3, 4, 64), synthetic.clip(3, 4, 64)
    assert np.array_equal(first.frames, again.frames) and np.array_equal(first.points, again.points)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31))
def test_any_seed_gives_a_valid_well_framed_face(seed):
    face = synthetic.still_image(seed, 96)
    assert face.image.shape == (96, 96, 3) and face.image.dtype == np.uint8
    assert face.points.dtype == np.float32 and face.visible.shape == (68,) and face.visible.dtype == bool
    side = max(face.box[2] - face.box[0], face.box[3] - face.box[1])
    assert 0.4 * 96 < side < 0.6 * 96
    assert (face.points > 0).all() and (face.points < 95).all()
    assert face.image.std() > 2
    signed = face.points[36:42]
    assert eye_distance(face.points) > 8 and np.ptp(signed[:, 0]) > 0


def test_every_factor_is_returned_by_name():
    light, camera = synthetic.Light(yaw=-30.0, colour=(1.0, 0.9, 0.8)), synthetic.Camera(blur=0.7)
    expression = synthetic.Expression(smile=0.6, blink_left=0.2)
    occluder = synthetic.SceneOccluder("cup", size=0.5)
    asked = replace(NEUTRAL, yaw=12.0, scene=9, expression=expression, light=light, camera=camera, occluder=occluder)
    found = synthetic.render(asked).factors
    expected = {
        "yaw": 12,
        "pitch": 0,
        "scene": 9,
        "smile": 0.6,
        "blink_left": 0.2,
        "light_yaw": -30,
        "camera_blur": 0.7,
    }
    assert {name: found[name] for name in expected} == expected
    assert found["occluder_kind"] == "cup" and found["occluder_size"] == 0.5
    assert np.allclose(found["light_colour"], (1.0, 0.9, 0.8)) and found["skin_tone"] == MEAN.traits["skin_tone"]
    assert synthetic.render(NEUTRAL).factors["occluder_kind"] == "none"


def test_factors_of_a_clip_are_those_of_its_frames():
    sequence = synthetic.clip(4, 3, 64)
    first = synthetic.factors(4, 64)
    assert all(len(values) == 3 for values in sequence.factors.values())
    assert np.array_equal(sequence.factors["identity"], np.tile(first.person.shape, (3, 1)))
    person, frame = synthetic.identity(4), {name: values[2] for name, values in sequence.factors.items()}
    names = ("yaw", "pitch", "roll", "distance", "scale", "x", "y")
    expression = synthetic.Expression(**{name: frame[name] for name in vars(synthetic.Expression())})
    again = synthetic.Factors(person, expression, size=64, **{name: frame[name] for name in names})
    assert np.allclose(project_points(again), sequence.points[2], atol=1e-3)


def test_a_number_keeps_its_face():
    """The shipped weights and the tables were made with these faces: what is drawn from a number must not change."""
    person, face = synthetic.identity(3), synthetic.still_image(3, 128)
    assert np.allclose(person.shape[[0, 10, 31, 32, 37]], [0.01404, -0.24127, 0.04334, 0.71585, 0.12523], atol=1e-4)
    assert person.traits["skin_tone"] == pytest.approx(0.22477, abs=1e-4)
    expected = [(21.824, 70.565), (82.678, 97.962), (73.454, 63.414), (78.668, 46.521)]
    assert np.allclose(face.points[[0, 8, 30, 45]], expected, atol=0.01)
    assert face.image.mean() == pytest.approx(88.96, abs=0.3)


def test_every_slider_moves_the_head_in_a_way_of_its_own():
    assert [name for name in SLIDERS if name.startswith("mix")] == [f"mix_{k}" for k in range(1, 7)]
    expression = synthetic.Expression()
    neutral = shape(np.zeros(len(SLIDERS)), expression)
    moves = np.stack([shape(one, expression) - neutral for one in np.eye(len(SLIDERS))]).reshape(len(SLIDERS), -1)
    unmoved = [name for name, move in zip(SLIDERS, moves, strict=True) if np.abs(move).max() < 0.008]
    assert not unmoved
    assert np.linalg.matrix_rank(moves, tol=1e-3) == len(SLIDERS)


def test_neutral_head_is_its_own_mirror_image_and_near_the_mean_shape():
    points = project_points(NEUTRAL)
    middle = points[27, 0]
    flipped = mirror_points(points, 2 * middle + 1)
    assert np.abs(flipped - points).max() < 0.02
    fitted = (points - points.mean(0)) / np.ptp(points, axis=0).max()
    mean = (MEAN_SHAPE - MEAN_SHAPE.mean(0)) / np.ptp(MEAN_SHAPE, axis=0).max()
    assert np.abs(fitted - mean).max() < 0.05


def test_controls_and_mesh_are_symmetric():
    t = template()
    mirror = np.concatenate([MIRROR, *(t.at(name)[::-1] for name in TABLES["controls"])])
    assert np.allclose(t.controls[mirror] * (-1, 1, 1), t.controls)
    assert np.allclose(t.spread.sum(1), 1, atol=1e-3)


@pytest.mark.parametrize("yaw", [15.0, 40.0, 60.0])
def test_yaw_moves_the_nose_to_the_right_and_its_opposite_mirrors(yaw):
    straight, right, left = (project_points(replace(NEUTRAL, yaw=y)) for y in (0.0, yaw, -yaw))
    assert right[30, 0] - right[27, 0] > straight[30, 0] - straight[27, 0] + 0.5
    middle = straight[27, 0]
    assert np.abs(mirror_points(right, 2 * middle + 1) - left).max() < 0.02
    far, near = right[16, 0] - right[27, 0], right[27, 0] - right[0, 0]
    assert far < near


def test_turned_jaw_lies_on_the_outline():
    turned = replace(
        NEUTRAL,
        yaw=45.0,
        person=replace(MEAN, traits=MEAN.traits | {"hair": 0, "long_hair": 0, "glasses": 0}),
        camera=SHARP,
    )
    controls_x = project_points(turned)[13:16, 0]
    bare = synthetic.render(turned)
    assert bare.visible[30] and bare.visible[8]
    assert (np.diff(controls_x) > -3).all() and controls_x.min() > bare.points[45, 0]


def test_pitch_and_roll_turn_the_way_they_say():
    straight, up, clockwise = (
        project_points(f) for f in (NEUTRAL, replace(NEUTRAL, pitch=20.0), replace(NEUTRAL, roll=30.0))
    )
    assert up[30, 1] - up[27, 1] < straight[30, 1] - straight[27, 1] - 1
    across = clockwise[45] - clockwise[36]
    assert np.degrees(np.arctan2(across[1], across[0])) == pytest.approx(30, abs=1)


def test_mouth_lids_brows_and_smile_move_their_points():
    def gap(a: int, b: int, **expression: float) -> float:
        points = project_points(replace(NEUTRAL, expression=synthetic.Expression(**expression)))
        return float((points[b, 1] - points[a, 1]) / eye_distance(points))

    assert gap(62, 66) < 0.03 < 0.25 < gap(62, 66, mouth_open=1.0)
    assert gap(37, 41, blink_right=1.0) < 0.02 < gap(37, 41)
    assert gap(43, 47, blink_right=1.0) == pytest.approx(gap(43, 47), abs=1e-4)
    assert gap(19, 37, brow_raise=1.0) > gap(19, 37) + 0.05
    wide, plain = (project_points(replace(NEUTRAL, expression=synthetic.Expression(smile=s))) for s in (1.0, 0.0))
    assert wide[54, 0] - wide[48, 0] > 1.1 * (plain[54, 0] - plain[48, 0]) and wide[48, 1] < plain[48, 1]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(-0.5, 1))
def test_lips_and_lids_never_cross(seed, mouth_open, smile):
    points = shape(
        synthetic.identity(seed).shape, synthetic.Expression(mouth_open=mouth_open, smile=smile, blink_left=1.0)
    )
    for upper, lower in ((61, 67), (62, 66), (63, 65), (43, 47), (44, 46), (37, 41), (38, 40)):
        assert points[lower, 1] >= points[upper, 1] - 1e-5


def test_picture_shows_the_factors():
    base = replace(NEUTRAL, camera=SHARP, scene=3)
    plain = synthetic.render(base)
    lit = synthetic.render(replace(base, light=replace(base.light, yaw=80.0, pitch=0.0, lamp=1.0, ambient=0.1)))
    mirrored = synthetic.render(replace(base, light=replace(base.light, yaw=-80.0, pitch=0.0, lamp=1.0, ambient=0.1)))
    cheeks = np.round(plain.points[[2, 14]] + (plain.points[[30]] - plain.points[[2, 14]]) * 0.35).astype(int)
    bright = [[int(f.image[y, x].sum()) for x, y in cheeks] for f in (lit, mirrored)]
    assert bright[0][0] < bright[0][1] and bright[1][0] > bright[1][1]
    assert np.array_equal(plain.points, lit.points)


def test_points_behind_an_occluder_are_invisible_and_no_others():
    base = replace(NEUTRAL, camera=SHARP)
    free = synthetic.render(base)
    hidden = synthetic.render(replace(base, occluder=synthetic.SceneOccluder("screen", x=0.3, y=0.2, size=1.2)))
    unit = base.scale * base.size
    middle = free.points[[27, 30, 33]].mean(0) + unit * np.array([0.3, 0.2])
    beside = np.abs(free.points - middle) - 1.2 * unit * np.array([0.7, 0.5])  # above 0: outside of the screen
    inside, outside = (beside < -1).all(1), (beside > 1).any(1)
    assert inside.sum() > 10 and outside.sum() > 10
    assert not hidden.visible[inside].any() and np.array_equal(hidden.visible[outside], free.visible[outside])


def test_the_head_hides_its_far_side_and_the_border_what_is_outside():
    bare = replace(MEAN, traits=MEAN.traits | {"hair": 0, "long_hair": 0})
    turned = synthetic.render(replace(NEUTRAL, person=bare, yaw=75.0)).visible
    assert not turned[[14, 26, 45, 54]].any() and turned[[2, 17, 30, 36, 48]].all()
    assert synthetic.render(replace(NEUTRAL, person=bare)).visible.all()
    shifted = synthetic.render(replace(NEUTRAL, person=bare, x=1.0))
    outside = shifted.points[:, 0] > NEUTRAL.size
    assert 20 < outside.sum() < 50 and not shifted.visible[outside].any() and shifted.visible[30:33].any()


def test_an_unknown_occluder_is_refused():
    with pytest.raises(ValueError, match="umbrella"):
        synthetic.SceneOccluder("umbrella")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_clips_move_smoothly(seed):
    sequence = synthetic.clip(seed, 20, 64)
    unit = eye_distance(sequence.points[0])
    outline = np.r_[0:36, 48, 54]
    jerk = np.linalg.norm(np.diff(sequence.points[:, outline], n=2, axis=0), axis=-1) / unit
    assert jerk.max() < 0.12
    assert np.linalg.norm(np.diff(sequence.points, axis=0), axis=-1).max() > 0
    assert len({sequence[t].person for t in range(20)}) == 1


@pytest.mark.parametrize(
    "call", [lambda: synthetic.clip(1, 0), lambda: synthetic.clip(1, 5, fps=0), lambda: synthetic.identity(-1)]
)
def test_bad_numbers_are_refused(call):
    with pytest.raises(ValueError):
        call()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-5, 25), st.floats(-5, 25)), min_size=3, max_size=3))
def test_rasterised_triangle_covers_the_pixels_inside_it(corners):
    xy = np.array(corners, np.float32)
    pixel, _, weight, _ = rasterise(xy, np.zeros(3, np.float32), np.array([[0, 1, 2]]), np.array([True]), 20)
    (ax, ay), (bx, by), (cx, cy) = xy.astype(float)
    y, x = np.mgrid[:20, :20]
    sides = [
        (bx - ax) * (y - ay) - (by - ay) * (x - ax),
        (cx - bx) * (y - by) - (cy - by) * (x - bx),
        (ax - cx) * (y - cy) - (ay - cy) * (x - cx),
    ]
    area = abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
    if area < 1:
        return
    deep = np.all([s > 0.02 * area for s in sides], 0) | np.all([s < -0.02 * area for s in sides], 0)
    outside = ~(np.all([s > -0.02 * area for s in sides], 0) | np.all([s < 0.02 * area for s in sides], 0))
    covered = np.zeros(400, bool)
    covered[pixel] = True
    assert covered.reshape(20, 20)[deep].all() and not covered.reshape(20, 20)[outside].any()
    where = weight @ xy
    assert np.allclose(where, np.column_stack([pixel % 20, pixel // 20]), atol=0.02)


def test_the_nearer_triangle_wins():
    xy = np.array([(0, 0), (30, 0), (0, 30)] * 2, np.float32)
    near = np.array([0, 0, 0, 1, 1, 1], np.float32)
    pixel, triangle, _, _ = rasterise(xy, near, np.array([[3, 4, 5], [0, 1, 2]]), np.array([True, True]), 10)
    assert (triangle == 0).all() and len(pixel) == 100
