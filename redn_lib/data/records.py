"""What a published layout gives: a plan of units, each a run of annotated images that is read as a whole."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from redn_lib.data.clip import Face
from redn_lib.data.images import read_image


class Piece(NamedTuple):
    """An image inside a file of a converted dataset: the file, its first byte, and how many bytes."""

    path: Path
    offset: int
    count: int

    def read(self) -> bytes:
        """The bytes of the image."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.count)


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """One annotated image of a dataset, its pixels still on disk.

    name: name within the dataset, such as "helen-train/232194_1".
    person: who is shown; a name of its own for each image or video of a dataset that does not tell.
    video: the video that it is a frame of; a still image is its own.
    split: the published split, such as "cat3".
    number: number of the frame in its video.
    points: (68, 2) float32, 0-based pixels of the upright image; NaN where the mark-up has no such point.
    box: (4,) x0, y0, x1, y1 of the face, same pixels.
    source: an image file, a piece of a converted dataset, or the image (H, W, 3) uint8 RGB itself.
    fps: frames a second of its video.
    """

    name: str
    person: str
    video: str
    split: str
    number: int
    points: np.ndarray
    box: np.ndarray
    source: Path | Piece | np.ndarray
    fps: float = 25.0

    def face(self) -> Face:
        """The image with its points. Raises FileNotFoundError or ValueError, naming file and remedy, where the image is
        gone or damaged, or the face is not in it.
        """
        where = self.name
        if isinstance(self.source, np.ndarray):
            image = self.source
        elif isinstance(self.source, Piece):
            where = f"{self.name} in {self.source.path}"
            image = read_image(self.source.read(), where)
        else:
            where = str(self.source)
            image = read_image(self.source)
        size = np.array(image.shape[1::-1])
        low, high = self.box[:2], self.box[2:]
        if not ((high - low >= 1) & (high >= 0) & (low < size)).all():
            raise ValueError(f"{where}: the points lie outside the image or on one spot; mend or delete them")
        return Face(image, self.points, self.person, self.name)


@dataclass(frozen=True)
class Unit:
    """A video, or some hundred still images.

    key: names its part of a converted dataset.
    files: what it is read from.
    count: how many images it should have.
    read: of a list of problems: the images, with a sentence appended on each thing that is left out.
    """

    key: str
    files: tuple[Path, ...]
    count: int
    read: Callable[[list[str]], Iterator[AnnotatedImage]]

    def fingerprint(self) -> str:
        """Changes when a file of the unit changes, comes or goes: names, sizes and times of change."""
        told = sha256(self.key.encode())
        for path in self.files:
            state = path.stat() if path.exists() else None
            told.update(f"{path.name}|{state and (state.st_size, state.st_mtime_ns)}\n".encode())
        return told.hexdigest()[:24]


@dataclass
class Plan:
    """What can be read of some folders.

    units: to be read.
    problems: a sentence, with its remedy, on each thing that cannot be read (an image without points).
    """

    units: list[Unit] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Link(NamedTuple):
    """A file that may be downloaded directly. hash: "md5:..." or "sha256:...", where one is published."""

    url: str
    hash: str | None = None


@dataclass(frozen=True)
class Layout:
    """A published dataset and how its folders are read. A new one is a file with a `Layout`, entered in `SETS`.

    name: on the command line, such as "300w".
    title: in a few words.
    about: what it is, its licence, its size, how to get it, its layout.
    plan: of folders: what can be read of them.
    sign: pattern of the path of a file that tells the layout from others.
    expected: how many images each split has.
    groups: names for several splits together, such as "test".
    links: what may be downloaded directly.
    identities: whether it says who is shown; else each image or video counts as a person of its own.
    is_videos: whether it must be converted before it is read.
    """

    name: str
    title: str
    about: str
    plan: Callable[[Sequence[Path]], Plan]
    sign: str
    expected: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    identities: bool = False
    is_videos: bool = False


def in_units(key: str, items: Sequence, read: Callable, files: Callable, size: int = 400) -> Iterable[Unit]:
    """Units of `size` items (our choice: little is lost when interrupted). read(items, problems) gives the images,
    files(item) the paths of an item.
    """
    for start in range(0, len(items), size):
        some = items[start : start + size]
        paths = tuple(path for item in some for path in files(item))
        yield Unit(f"{key}-{start // size:04d}", paths, len(some), lambda problems, some=some: read(some, problems))
