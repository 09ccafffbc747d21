"""dlib's 68 points: regression trees in a cascade (Kazemi and Sullivan, CVPR 2014), and the HOG detector they expect.

The trees were trained on that detector's boxes, and go far wrong from others on turned faces. So dlib runs twice: from
the given box, put where the detector's usually lies, and from its own detector's box, near the given one.
"""

from collections.abc import Sequence

import numpy as np

from redn_lib.data.samples import file_of_package
from redn_lib.evaluation.peers import Peer, Predict, cut_around
from redn_lib.tracking.detector import overlap

DETECTOR_BOX = np.array([0.0, -0.13, 1.0, 0.94])
"""dlib's detector's box in the tight box of the 68 points, as shares of its width and height: medians over training
people, `benchmarks/dlib_box.py` (our choice)."""

MARGIN = 2.0
SAME_FACE = 0.3
"""Side of what the detector sees, in larger sides of the box; least overlap of its box with the given one."""


def corners(found: Sequence) -> np.ndarray:
    """Rectangles of dlib as boxes: (N, 4)."""
    return np.array([(r.left(), r.top(), r.right(), r.bottom()) for r in found]).reshape(-1, 4)


def load() -> dict[str, Predict]:
    """From the given box, and from dlib's own."""
    import dlib

    weights = file_of_package(
        "face_recognition_models", "models/shape_predictor_68_face_landmarks.dat", "face_recognition_models"
    )
    trees, detector = dlib.shape_predictor(str(weights)), dlib.get_frontal_face_detector()

    def points(image: np.ndarray, rectangle: "dlib.rectangle") -> np.ndarray:
        return np.array([(p.x, p.y) for p in trees(image, rectangle).parts()], float)

    def given(image: np.ndarray, box: np.ndarray) -> np.ndarray:
        box = np.tile(box[:2], 2) + DETECTOR_BOX * np.tile(box[2:] - box[:2], 2)
        return points(image, dlib.rectangle(*(round(float(v)) for v in box)))

    def own(image: np.ndarray, box: np.ndarray) -> np.ndarray | None:
        cut, corner = cut_around(image, box, MARGIN)
        found = detector(cut, 1)  # 1: enlarged once, since it sees no face below 80 pixels
        near = overlap(corners(found), box - np.tile(corner, 2))
        return points(cut, found[int(near.argmax())]) + corner if near.max(initial=0) >= SAME_FACE else None

    return {"box given": given, "own detector": own}


PEER = Peer("dlib", "dlib", "300-W", load)
