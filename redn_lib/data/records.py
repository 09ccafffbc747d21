"""What a layout gives the converter: a plan of units, each a run of frames that is read and written as a whole."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Frame:
    """One annotated picture on its way into the common form.

    jpeg: its bytes; size: (width, height). points: (68, 2) float32, box: (4,) x0, y0, x1, y1, both in 0-based pixels of
    the stored picture, points with NaN where the set marks none. origin: corner x, y of the cut and width, height of
    one stored pixel, so that `(xy + 0.5) * origin[2:] - 0.5 + origin[:2]` is the place in the set's own picture.
    number: of the frame in its video.
    """

    name: str
    person: str
    video: str
    number: int
    split: str
    jpeg: bytes
    size: tuple[int, int]
    points: np.ndarray
    box: np.ndarray
    origin: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    fps: float = 25.0


@dataclass(frozen=True)
class Unit:
    """A video or some hundred stills. read(problems): the frames, with a sentence on each thing left out appended.

    key: names its part of the output; files: what it is read from; count: frames it should have.
    """

    key: str
    files: tuple[Path, ...]
    count: int
    read: Callable[[list[str]], Iterator[Frame]]

    def fingerprint(self) -> str:
        """Changes when a file of the unit changes, comes or goes: names, sizes and times of change."""
        told = sha256(self.key.encode())
        for path in self.files:
            state = path.stat() if path.exists() else None
            told.update(f"{path.name}|{state and (state.st_size, state.st_mtime_ns)}\n".encode())
        return told.hexdigest()[:24]


@dataclass
class Plan:
    """Units to convert; problems: a sentence, with its remedy, for what cannot be (a picture without points)."""

    units: list[Unit] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Link:
    """A file that may be downloaded directly. md5: where the set's users agree on one."""

    url: str
    md5: str | None = None


@dataclass(frozen=True)
class DataSet:
    """A published set: about (what, licence, size, how to get it, layout), plan(folders), how many frames a split has.

    identities: whether it says who is shown; a still of unknown people counts as a person of its own.
    """

    name: str
    title: str
    about: str
    plan: Callable[[Sequence[Path]], Plan]
    expected: dict[str, int] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    identities: bool = False


def in_units(key: str, items: Sequence, read: Callable, files: Callable, size: int = 400) -> Iterable[Unit]:
    """Units of `size` items (our choice: little is lost when interrupted). read(items, problems) gives the frames,
    files(item) the paths of an item."""
    for start in range(0, len(items), size):
        some = items[start : start + size]
        paths = tuple(path for item in some for path in files(item))
        yield Unit(f"{key}-{start // size:04d}", paths, len(some), lambda problems, some=some: read(some, problems))
