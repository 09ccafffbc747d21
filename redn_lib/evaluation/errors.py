"""What a network is worth on annotated faces: its predictions from given boxes or by tracking, and their errors."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np
from tqdm import tqdm

from redn_lib.data.clip import Face
from redn_lib.data.dataset import Sample
from redn_lib.feedback import Change
from redn_lib.metrics import point_errors
from redn_lib.rednet import RedNet
from redn_lib.tracking.align import align
from redn_lib.tracking.tracker import Tracker

SHIFTED_BY, SHIFTED_SCALE = 0.08, (0.85, 1.2)  # uniform disturbance of a box, as shares of its sides (our choice)


def disturbed_box(box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A box (x0, y0, x1, y1) shifted and scaled at random."""
    middle, side = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    middle = middle + rng.uniform(-SHIFTED_BY, SHIFTED_BY, 2) * side
    side = side * rng.uniform(*SHIFTED_SCALE)
    return np.r_[middle - side / 2, middle + side / 2]


def images_of(samples: Sequence[Sample]) -> Iterator[np.ndarray]:
    """The image (H, W, 3) uint8 RGB of each sample, read when asked for; shows a progress bar."""
    for sample in tqdm(samples, unit="face", leave=False):
        yield sample.face().image


def labels_of(samples: Sequence[Sample]) -> np.ndarray:
    """(N, 68, 2) in pixels of the images, NaN where a set does not mark a point."""
    return np.stack([sample.points for sample in samples])


def predictions_of(
    model: RedNet,
    images: Iterable[np.ndarray],
    boxes: Iterable[np.ndarray],
    steps: int | None = None,
    **changes: Change,
) -> np.ndarray:
    """Points after every step (N, K, 68, 2), in pixels of the images, each from its box (4,). changes: of `align`.

    Raises ValueError where one is not finite.
    """
    pairs = zip(images, boxes, strict=True)
    found = np.array([align(model, image, box, steps, **changes).steps for image, box in pairs])
    if not np.isfinite(found).all():
        raise ValueError("the network's predictions are not finite (NaN or infinity): its weights are damaged")
    return found


def tracked_predictions(model: RedNet, samples: Sequence[Sample], steps: int | None = None) -> np.ndarray:
    """Points of the tracker, given no box, in each video in turn: (N, 1, 68, 2), NaN where the face is lost."""
    tracker, images = Tracker(model, steps), images_of(samples)
    predictions = []
    for _, frames in groupby(samples, lambda sample: sample.video):
        video = (next(images) for _ in frames)
        predictions += [frame.points[None] for frame in tracker.track(video)]
    return np.array(predictions)


def errors_of(
    model: RedNet,
    faces: Sequence[Face],
    steps: int | None = None,
    box_of: Callable = lambda face: face.box,
    **changes: Change,
) -> np.ndarray:
    """Error of every point after every step: (N, K, 68), as a share of the eye distance.

    box_of: the box given; changes: of `align`.
    """
    predictions = predictions_of(model, (face.image for face in faces), map(box_of, faces), steps, **changes)
    return point_errors(predictions, np.stack([face.points for face in faces])[:, None])
