"""The tracker on scenes of bright squares: it follows, notices a loss, finds again, and is not fooled by a wall."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from redn_lib.data.images import read_image
from redn_lib.data.samples import carphone, file_of_package
from redn_lib.landmarks import MEAN_SHAPE, tight_box
from redn_lib.pretrained import load_pretrained
from redn_lib.tracking import tracker as module
from redn_lib.tracking.align import Fit
from redn_lib.tracking.detector import FaceDetector, Faces, overlap
from redn_lib.tracking.tracker import CHECK_EVERY, MAX_UNSEEN, Tracker, is_face, misfit
from redn_lib.tracking.video import frames

FACE, FADED = 255, 200
"""Brightness of a face; of one that the network still follows but the detector misses."""


def scene(*faces, wall=40):
    """A wall with square faces, each (x, y, side) or (x, y, side, brightness)."""
    image = np.full((120, 160, 3), wall, np.uint8)
    for x, y, side, *brightness in faces:
        image[y : y + side, x : x + side] = brightness[0] if brightness else FACE
    return image


def bright_boxes(image, least):
    _, _, stats, _ = cv2.connectedComponentsWithStats((image[..., 0] >= least).astype(np.uint8))
    boxes = [[x, y, x + w - 1, y + h - 1] for x, y, w, h, _ in stats[1:]]
    return np.array(sorted(boxes, key=lambda b: (b[0] - b[2]) * (b[3] - b[1])), np.float32).reshape(-1, 4)


def face_shape(box):
    """The mean shape with its tight box on a square box."""
    middle = (box[:2] + box[2:]) / 2
    return (middle + MEAN_SHAPE * (box[2] - box[0]) / 2).astype(np.float32)


def make_fit(points, confidence):
    points = np.asarray(points, np.float32)
    return Fit(points, np.full(68, confidence, np.float32), points[None], patch=None)


def good_align(model, image, box, steps, **memory):
    """Finds the square that the box touches most; where there is none, the mean shape with little confidence."""
    grown = np.round(box + np.array([-1, -1, 1, 1]) * 0.1 * (box[2] - box[0])).astype(int)
    inside = [b for b in bright_boxes(image, FADED) if (b[:2] <= grown[2:]).all() and (b[2:] >= grown[:2]).all()]
    if not inside:
        return make_fit(face_shape(np.asarray(box)), 0.05)
    nearest = min(inside, key=lambda b: np.abs(b - box).sum())
    return make_fit(face_shape(nearest), 0.9)


class Detector:
    """Finds squares of full brightness, and counts its calls."""

    turn = 0.0

    def __init__(self):
        self.calls = 0

    def detect(self, image, sides=None):
        self.calls += 1
        boxes = bright_boxes(image, FACE)
        return Faces(boxes, np.full(len(boxes), 0.9), np.full(len(boxes), self.turn))


@pytest.fixture
def detector():
    return Detector()


@pytest.fixture
def world(monkeypatch, detector):
    """track(scenes, align) -> list of TrackedFrame, with this file's detector and network."""
    monkeypatch.setattr(module, "fast", lambda model: model)

    def track(scenes, align=good_align):
        monkeypatch.setattr(module, "align", align)
        return list(Tracker(None, detector=detector).track(scenes))

    return track


def boxes_of(tracked):
    return np.array([f.box for f in tracked])


def test_follows_a_moving_face(world):
    scenes = [scene((20 + 3 * t, 30 + t, 40)) for t in range(25)]
    tracked = world(scenes)
    assert [f.lost for f in tracked] == [False] * 25
    assert [f.index for f in tracked] == list(range(25))
    assert np.diff([f.time for f in tracked]) == pytest.approx(0.04)
    expected = [[20 + 3 * t, 30 + t] for t in range(25)]
    assert np.abs(boxes_of(tracked)[:, 0] - np.array(expected)[:, 0]).max() < 1.5
    for frame, image in zip(tracked, scenes, strict=True):
        assert frame.image is image
        assert frame.points.shape == (68, 2) and frame.points.dtype == np.float32
        assert frame.confidence.shape == (68,)
        assert np.allclose(frame.box, tight_box(frame.points))


def test_the_detector_checks_a_face_only_now_and_then(world, detector):
    world([scene((20, 30, 40))] * 41)
    assert detector.calls == 1 + 40 // CHECK_EVERY


def test_a_face_that_leaves_is_lost_at_once_and_found_elsewhere(world):
    tracked = world([scene((20, 30, 40))] * 4 + [scene()] * 5 + [scene((100, 60, 30))] * 3)
    assert [f.lost for f in tracked] == [False] * 4 + [True] * 5 + [False] * 3
    for frame in tracked[4:9]:
        assert np.isnan(frame.points).all() and np.isnan(frame.box).all() and (frame.confidence == 0).all()
    assert tracked[9].box[0] == pytest.approx(100, abs=1.5)


GONE = module.SAME_AFTER


@pytest.mark.parametrize(
    ("scenes", "numbers"),
    [
        ([scene((20, 30, 40))] * 3 + [scene()] * 2 + [scene((22, 30, 40))] * 2, [1, 1, 1, 1, 1, 1, 1]),
        ([scene((20, 30, 40))] * 3 + [scene()] * 2 + [scene((100, 60, 30))] * 2, [1, 1, 1, 1, 1, 2, 2]),
        ([scene((20, 30, 40))] * 2 + [scene()] * GONE + [scene((20, 30, 40))] * 2, [1, 1, *[1] * GONE, 2, 2]),
        ([scene((20, 30, 50))] * 2 + [scene((20, 30, 50), wall=120)] * 2, [1, 1, 2, 2]),
    ],
    ids=["in its place", "elsewhere", "long after", "after a cut"],
)
def test_a_face_that_may_be_another_one_has_a_new_number(world, scenes, numbers):
    assert [frame.face for frame in world(scenes)] == numbers


def test_a_scene_cut_goes_to_the_face_of_the_new_scene(world):
    tracked = world([scene((20, 30, 50))] * 3 + [scene((90, 50, 40), wall=120)] * 3)
    assert not any(f.lost for f in tracked)
    assert boxes_of(tracked)[:, 0] == pytest.approx([20] * 3 + [90] * 3, abs=1.5)


def test_a_cut_to_a_larger_face_in_the_old_place_is_found_again_whole(world):
    tracked = world([scene((60, 40, 30), wall=0)] * 3 + [scene((20, 5, 110), wall=90)] * 2)
    assert tracked[3].box == pytest.approx([20, 5, 129, 114], abs=8)


def test_of_two_faces_the_largest_is_tracked_and_kept(world):
    scenes = [scene((10, 10, 30 + 2 * t), (90, 50, 50)) for t in range(15)]
    assert boxes_of(world(scenes))[:, 0] == pytest.approx([90] * 15, abs=1.5)


def test_a_detection_that_the_network_does_not_confirm_is_no_face(world):
    tracked = world(
        [scene((20, 30, 40))] * 3, lambda model, image, box, steps, **memory: make_fit(face_shape(box), 0.05)
    )
    assert all(f.lost for f in tracked)


def test_where_the_largest_is_not_confirmed_the_next_is_taken(world):
    def unsure_of_the_left(model, image, box, steps, **memory):
        return make_fit(face_shape(box), 0.05 if box[0] < 50 else 0.9)

    tracked = world([scene((0, 10, 60), (90, 50, 40))], unsure_of_the_left)
    assert tracked[0].box[0] == pytest.approx(90, abs=1.5)


def sure_of_anything(model, image, box, steps, **memory):
    """A network that finds a face in every box."""
    return make_fit(face_shape(np.asarray(box)), 0.9)


def test_a_network_that_is_sure_of_a_wall_is_given_up(world):
    tracked = world([scene((20, 30, 40))] + [scene()] * 20, sure_of_anything)
    stuck = sum(not f.lost for f in tracked) - 1
    assert stuck <= CHECK_EVERY + MAX_UNSEEN
    assert all(f.lost for f in tracked[-5:])


def test_an_unsure_network_is_checked_at_once(world):
    """A wall with just enough confidence is given up without waiting for the next regular check."""

    def unsure_of_walls(model, image, box, steps, **memory):
        return make_fit(face_shape(np.asarray(box)), 0.9 if (image == FACE).any() else module.SURE - 0.01)

    tracked = world([scene((20, 30, 40))] * 2 + [scene()] * MAX_UNSEEN, unsure_of_walls)
    assert [f.lost for f in tracked] == [False] * (1 + MAX_UNSEEN) + [True]


def test_a_face_hidden_from_the_detector_for_a_moment_is_kept(world):
    hidden = [scene((20, 30, 40, FADED))] * (MAX_UNSEEN - 1)
    tracked = world([scene((20, 30, 40))] * CHECK_EVERY + hidden + [scene((20, 30, 40))] * 10)
    assert not any(f.lost for f in tracked)


def test_points_that_stay_behind_jump_to_the_face_near_by(world):
    """The face moves slowly away from a network that stays where it is: the detector's check brings the points back."""
    scenes = [scene((20 + 3 * t, 30, 40)) for t in range(30)]
    tracked = world(scenes, sure_of_anything)
    gap = boxes_of(tracked)[:, 0] - [20 + 3 * t for t in range(30)]
    assert np.abs(gap).max() <= 3 * 3 * CHECK_EVERY
    assert tracked[-1].box[0] > 60


def test_a_face_that_moved_far_is_aligned_twice(world):
    asked = []

    def half_way(model, image, box, steps, **memory):
        """Moves at most half of the way to the face."""
        asked.append(box)
        goal = bright_boxes(image, FADED)[0]
        return make_fit(face_shape(box + np.clip(goal - box, -10, 10)), 0.9)

    tracked = world([scene((20, 30, 40)), scene((40, 30, 40))], half_way)
    assert tracked[1].box[0] == pytest.approx(40, abs=1.5)
    assert len(asked) == 3


def test_a_sudden_change_of_size_is_a_loss(world):
    def shrinks(model, image, box, steps, **memory):
        middle, side = (box[:2] + box[2:]) / 2, 0.5 * (box[2] - box[0])
        return make_fit(face_shape(np.r_[middle - side / 2, middle + side / 2]), 0.9)

    assert world([scene((20, 30, 40))] * 2, shrinks)[1].lost


def test_every_call_starts_without_a_face(detector, monkeypatch):
    monkeypatch.setattr(module, "fast", lambda model: model)
    monkeypatch.setattr(module, "align", good_align)
    tracker = Tracker(None, detector=detector)
    assert not next(iter(tracker.track([scene((20, 30, 40))]))).lost
    assert next(iter(tracker.track([scene()]))).lost


def test_steps_and_model_reach_the_network(detector, monkeypatch):
    given = []

    def spy(model, image, box, steps, **memory):
        given.append((model, steps))
        return good_align(model, image, box, steps, **memory)

    monkeypatch.setattr(module, "fast", lambda model: model)
    monkeypatch.setattr(module, "align", spy)
    list(Tracker("the model", steps=2, detector=detector).track([scene((20, 30, 40))]))
    assert set(given) == {("the model", 2)}


def test_the_state_is_carried_and_dropped_with_the_face(world):
    carried = []

    def counting(model, image, box, steps, state, **options):
        carried.append(state)
        return replace(good_align(model, image, box, steps), state=(state or 0) + 1)

    here = scene((20, 30, 40))
    world([here] * 3 + [scene()] + [here] * 2, counting)
    assert carried[:3] == [None, 1, 2] and carried[-2:] == [None, 1]


def turned(points, degrees):
    a = np.deg2rad(degrees)
    return points @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])


@pytest.mark.parametrize("degrees", [0, 30, 180])
def test_a_moved_turned_and_scaled_mean_shape_fits_itself(degrees):
    assert misfit(7 * turned(MEAN_SHAPE, degrees) + [300, -20]) == pytest.approx(0, abs=1e-5)


def test_a_scrambled_face_a_line_and_a_dot_are_misfits():
    scrambled = np.random.default_rng(0).permutation(MEAN_SHAPE)
    line = MEAN_SHAPE * [1, 0.01]
    for points in (scrambled, line, MEAN_SHAPE * 0):
        assert misfit(points) > module.MAX_MISFIT


def test_a_face_is_confident_finite_and_inside_the_frame():
    image = scene()
    inside = face_shape(np.array([40.0, 20, 110, 90]))
    assert is_face(make_fit(inside, 0.9), image)
    assert not is_face(make_fit(inside, 0.01), image)
    assert is_face(make_fit(inside - [65, 0], 0.9), image)
    assert not is_face(make_fit(inside - [85, 0], 0.9), image)
    assert not is_face(make_fit(inside + [0, 75], 0.9), image)
    assert not is_face(make_fit(np.where(np.arange(68)[:, None] == 3, np.nan, inside), 0.9), image)
    assert not is_face(make_fit(inside[::-1] * [1, 0.3], 0.9), image)


def test_points_turned_otherwise_than_the_detector_says_are_not_believed(world, detector):
    detector.turn = 150.0
    assert all(f.lost for f in world([scene((20, 30, 40))] * 3))


@pytest.mark.parametrize("degrees", [-170, -90, 0, 25, 135])
def test_the_turn_of_points(degrees):
    assert module.turn_of(5 * turned(MEAN_SHAPE, degrees) + 40) == pytest.approx(degrees)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_face_on_its_side_or_upside_down_has_the_points_of_the_upright_one(quarters):
    image = next(iter(frames(carphone())))[2]
    model = load_pretrained()
    (upright,) = Tracker(model).track([image])
    (found,) = Tracker(model).track([np.ascontiguousarray(np.rot90(image, quarters))])
    points = found.points
    for n in range(quarters, 0, -1):  # back, clockwise
        height = image.shape[n % 2]
        points = np.stack([height - 1 - points[:, 1], points[:, 0]], 1)
    eyes = np.linalg.norm(upright.points[36] - upright.points[45])
    assert np.linalg.norm(points - upright.points, axis=1).mean() < 0.08 * eyes


def test_a_head_that_rolls_over_is_followed():
    image = cv2.copyMakeBorder(next(iter(frames(carphone())))[2], 40, 40, 24, 24, cv2.BORDER_CONSTANT)
    middle, count = (image.shape[1] / 2, image.shape[0] / 2), 60
    turns = [cv2.getRotationMatrix2D(middle, -6.0 * t, 1) for t in range(count)]
    scenes = [cv2.warpAffine(image, turn, image.shape[1::-1]) for turn in turns]
    tracked = list(Tracker(load_pretrained()).track(scenes))
    far = [
        abs((module.turn_of(f.points) - module.turn_of(tracked[0].points) - 6 * f.index + 180) % 360 - 180)
        for f in tracked
        if not f.lost
    ]
    assert len(far) >= 0.8 * count and max(far) < 20


def test_a_real_face_is_tracked_lost_and_found_in_its_mirror_image():
    """The shipped weights and the real detector on the carphone clip, with an empty scene in its middle."""
    clip = frames(carphone())
    real = [image for _, (_, _, image) in zip(range(12), clip, strict=False)]
    noise = np.random.default_rng(0).integers(0, 256, real[0].shape, np.uint8)
    scenes = real[:6] + [noise] * 2 + [image[:, ::-1].copy() for image in real[6:]]
    tracked = list(Tracker(load_pretrained()).track(scenes))
    assert [f.lost for f in tracked] == [False] * 6 + [True] * 2 + [False] * 6
    detector = FaceDetector()
    for frame in tracked[:6] + tracked[8:]:
        assert overlap(frame.box, detector.detect(frame.image)[0][0]) > 0.6
        assert misfit(frame.points) < 0.3


@pytest.mark.parametrize("name", ["motorcycle_left", "coffee", "grass"])
def test_what_is_no_face_gets_no_answer(name):
    """Among them a headlamp that earlier versions were sure of."""
    whole = read_image(file_of_package("skimage", f"data/{name}.png", "scikit-image"))
    h, w = whole.shape[:2]
    images = [np.ascontiguousarray(whole[: h // 2, : w // 2]), np.ascontiguousarray(whole[h // 4 :, w // 2 :])]
    tracker = Tracker(load_pretrained())
    assert all(frame.lost for image in images for frame in tracker.track([image]))


def test_inverted_colours_are_less_sure():
    """Of a face in inverted colours the points are several times farther off."""
    images = [image for index, _, image in frames(carphone()) if index % 40 == 0]
    tracker = Tracker(load_pretrained())
    sure, unsure = (
        [f.confidence.mean() for x in some for f in tracker.track([x])] for some in (images, [255 - x for x in images])
    )
    assert max(unsure) < min(sure) - 0.03


def test_frames_that_are_kept_hold_no_maps_and_the_tracker_those_of_the_last():
    tracker = Tracker(load_pretrained(device="cpu"))
    kept = list(tracker.track([image for t, _, image in frames(carphone()) if t < 3]))
    assert all(frame.state.face.fit.done == () for frame in kept)
    assert (tracker.fit.points == kept[-1].points).all() and tracker.fit.response_maps.shape[1] == 68
