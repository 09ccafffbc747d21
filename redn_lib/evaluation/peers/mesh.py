"""mediapipe's face mesh with attention (Grishchenko et al. 2020): 478 points, of which 68 of ours are made.

It takes no box, so it sees the surroundings of the given one and finds the face by its own detector. It runs as for
images that have nothing to do with one another, and, better, twice for the same image: as in a video, the second
pass begins where the first found the mesh. Versions from 0.10.30 on bring no weights and are refused.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from redn_lib.evaluation.peers import Peer, Predict, cut_around

MARGIN = 2.0
"""Side of what mediapipe sees, in larger sides of the box."""

# fmt: off
PLACES: tuple[tuple[int, ...], ...] = (
    (127,), (234,), (93,), (132, 58), (58, 172), (136,), (150,), (176,), (152,), (400,), (379,), (365,), (397, 288),
    (361,), (323,), (454,), (356,),
    (70,), (63,), (105,), (66,), (107,), (336,), (296,), (334,), (293,), (300,),
    (168, 6), (197, 195), (5,), (4,), (75,), (97,), (2,), (326,), (305,),
    (33,), (160,), (158,), (133,), (153,), (144,), (362,), (385,), (387,), (263,), (373,), (380,),
    (61,), (39,), (37,), (0,), (267,), (269,), (291,), (321,), (314,), (17,), (84,), (91,),
    (78,), (82,), (13,), (312,), (308,), (317,), (14,), (87,),
)
# fmt: on
"""For each of the 68 points the mesh points whose mean is nearest to it, as published by P. Yan in
Mediapipe_2_Dlib_Landmarks (first edition); that it is this list is our choice. The mesh's own jaw is no outline."""


def load() -> dict[str, Predict]:
    """One pass, and two. Raises ImportError for a mediapipe without its weights."""
    import mediapipe

    if not hasattr(mediapipe, "solutions"):
        raise ImportError(f"mediapipe {mediapipe.__version__} comes without weights")
    still, video = (
        mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=still, max_num_faces=1, refine_landmarks=True)
        for still in (True, False)
    )

    def once(image: np.ndarray, box: np.ndarray) -> np.ndarray | None:
        cut, corner = cut_around(image, box, MARGIN)
        return to_68(still.process(cut), cut, corner)

    def twice(image: np.ndarray, box: np.ndarray) -> np.ndarray | None:
        cut, corner = cut_around(image, box, MARGIN)
        with no_messages():
            video.reset()
            video.process(cut)
            return to_68(video.process(cut), cut, corner)

    return {"one pass": once, "two passes": twice}


@contextmanager
def no_messages() -> Iterator[None]:
    """Nothing on stderr: mediapipe warns at every new start, from threads that Python's own redirection misses."""
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def to_68(result, cut: np.ndarray, corner: np.ndarray) -> np.ndarray | None:
    """Points (68, 2) in pixels of the image that `cut` was taken from at `corner`; None where no face was found.
    mediapipe's numbers run from edge to edge, ours from the middle of the first pixel.
    """
    if not result.multi_face_landmarks:
        return None
    mesh = np.array([(p.x, p.y) for p in result.multi_face_landmarks[0].landmark])
    return np.array([mesh[list(place)].mean(0) for place in PLACES]) * cut.shape[1::-1] - 0.5 + corner


PEER = Peer("mediapipe", "mediapipe", "a set of its own", load)
