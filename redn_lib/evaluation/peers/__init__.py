"""Other programs that find 68 points, each an optional package with its weights and one file here.

A peer's file ends with its `PEER`, which is all that it takes to be known. A peer has one or more inputs, such as the
given box or its own detector's: which one suits it best, and the box that it expects, is our choice; each file
says why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

import numpy as np

Predict = Callable[[np.ndarray, np.ndarray], np.ndarray | None]
"""(image (H, W, 3) uint8 RGB, box (4,) around the 68 points) to points (68, 2) in 0-based pixels of the image, or None.
"""


@dataclass(frozen=True)
class Peer:
    """A program to compare with.

    name: also of the extra in pyproject.toml that installs it.
    package: as it is imported.
    trained_on: what is known of its training data, which no digest can be checked against.
    load: loads it; gives what predicts, by the name of its input.
    """

    name: str
    package: str
    trained_on: str
    load: Callable[[], dict[str, Predict]]

    @property
    def version(self) -> str:
        """Version of the package."""
        return str(import_module(self.package).__version__)

    def loaded(self) -> dict[str, Predict]:
        """What predicts, by the name of its input. Raises ValueError with the remedy where the package or its weights
        are not installed.
        """
        try:
            return self.load()
        except ImportError as error:
            raise ValueError(f"peer {self.name} is not installed ({error}); {install(self.name)}") from error
        except FileNotFoundError as error:
            raise ValueError(f"peer {self.name} cannot run: {error}") from error


def install(extra: str) -> str:
    """How to install a peer: in an environment of its own, since mediapipe brings a second OpenCV and an old protobuf;
    the suite first and by its pins, the peer after it and without them.
    """
    return (
        "install it beside, not in, the suite's own environment: python3 -m venv peers && peers/bin/pip install "
        f'-c constraints.txt -e . && peers/bin/pip install -e ".[{extra}]", then run peers/bin/redn compare'
    )


def cut_around(image: np.ndarray, box: np.ndarray, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """(the part of the image within a square `margin` times the larger side of the box, its corner x, y in pixels):
    what a peer with a detector of its own may see, so that it finds the same face as the others.
    """
    middle, half = (box[:2] + box[2:]) / 2, margin * (box[2:] - box[:2]).max() / 2
    low = np.maximum(np.floor(middle - half), 0).astype(int)
    high = np.ceil(middle + half).astype(int) + 1
    return np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]]), low


_FILES = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
PEERS: dict[str, Peer] = {file.PEER.name: file.PEER for file in _FILES}
