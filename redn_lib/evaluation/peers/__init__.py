"""Other programs that find 68 points, each an optional package with its weights, looked at through one small interface.

A peer offers one or more ways of being asked, each a `Look`: the picture and the box of the face that everybody gets,
to the points or None. Which way of asking suits a peer best, and the box that it expects, is our choice; each file says
why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np

Look = Callable[[np.ndarray, np.ndarray], np.ndarray | None]
"""(image (H, W, 3) uint8 RGB, box (4,) around the 68 points) to points (68, 2) in 0-based pixels of the image, or None.
"""


@dataclass(frozen=True)
class Peer:
    """name: also of the extra in pyproject.toml that installs it; package: as it is imported; module: its file here,
    with `looks()`; trained_on: what is known of its training data, which no digest can be checked against.
    """

    name: str
    package: str
    module: str
    trained_on: str

    @property
    def version(self) -> str:
        """Version of the package."""
        return str(import_module(self.package).__version__)

    def looks(self) -> dict[str, Look]:
        """Its ways of being asked, by name. Raises ValueError with the remedy where the package or its weights are not
        installed.
        """
        try:
            return import_module(f"{__name__}.{self.module}").looks()
        except ImportError as error:
            raise ValueError(f"peer {self.name} is not installed ({error}); {install(self.name)}") from error
        except FileNotFoundError as error:
            raise ValueError(f"peer {self.name} cannot run: {error}") from error


PEERS: dict[str, Peer] = {
    p.name: p
    for p in (
        Peer("dlib", "dlib", "dlib68", "300-W"),
        Peer("mediapipe", "mediapipe", "mesh", "a set of its own"),
        Peer("face-alignment", "face_alignment", "fan", "300W-LP, made from 300-W"),
    )
}


def install(extra: str) -> str:
    """How to install a peer: in an environment of its own, since mediapipe brings a second OpenCV and an old protobuf;
    the suite first and by its pins, the peer after it and without them.
    """
    return (
        "install it beside, not in, the suite's own environment: python3 -m venv peers && peers/bin/pip install "
        f'-c constraints.txt -e . && peers/bin/pip install -e ".[{extra}]", then run peers/bin/redn compare'
    )


def cut_around(image: np.ndarray, box: np.ndarray, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """(the part of the picture within a square `margin` times the larger side of the box, its corner x, y in pixels):
    what a peer with a detector of its own may see, so that it finds the face that the others are asked for.
    """
    middle, half = (box[:2] + box[2:]) / 2, margin * (box[2:] - box[:2]).max() / 2
    low = np.maximum(np.floor(middle - half), 0).astype(int)
    high = np.ceil(middle + half).astype(int) + 1
    return np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]]), low
