"""What a published layout gives: a plan of units, each a run of samples that is read as a whole."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from redn_lib.data.clip import Clip, Face
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


@dataclass(eq=False)
class Sample:
    """One annotated frame of a dataset, or consecutive ones of a video, still on disk: `load` reads them.

    name: within the dataset, such as "helen-train/232194_1"; of a window "114[3:11]".
    person: who is shown; a name of its own for each image or video of a dataset that does not tell.
    video: the video that it is of; a still image is its own.
    split: the published split, such as "cat3".
    number: number of the (first) frame in its video, as the dataset counts.
    points: (68, 2) float32 of the (first) frame, 0-based pixels, upright; NaN where the mark-up has no such point.
    box: (4,) x0, y0, x1, y1 of the face in the (first) frame, same pixels.
    source: an image file, a piece of a converted dataset, or the image (H, W, 3) uint8 RGB itself.
    fps: frames a second of the video.
    dataset: the `dataset.Dataset` that it is from.
    frames: the samples that a window is made of.
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
    dataset: Any = None
    frames: tuple["Sample", ...] = ()

    def load(self) -> Clip:
        """The frames with their points: a Clip of T = 1, or of a window's length.

        Raises FileNotFoundError or ValueError, naming file and remedy, where an image is gone or damaged, or the face
        is not in it.
        """
        faces = [sample.face() for sample in self.frames or (self,)]
        if len({face.image.shape for face in faces}) > 1:
            raise ValueError(f"{self.name}: its images differ in size, so they are no video; leave it out")
        factors = {key: np.stack([np.asarray(f.factors[key]) for f in faces]) for key in faces[0].factors or {}}
        return Clip(
            frames=np.stack([face.image for face in faces]),
            points=np.stack([face.points for face in faces]),
            person=self.person,
            name=self.name,
            visible=np.stack([face.visible for face in faces]),
            factors=factors or None,
            fps=self.fps,
            video=self.video,
            split=self.split,
        )

    def face(self) -> Face:
        """The (first) frame with its points. Raises as `load`."""
        where = self.name
        if isinstance(self.source, np.ndarray):
            image = self.source
        elif isinstance(self.source, Piece):
            where = f"{self.name} in {self.source.path}"
            image = read_image(self.source.read(), where)
        else:
            where = str(self.source)
            image = read_image(self.source)
        low, high, size = self.box[:2], self.box[2:], image.shape[1::-1]
        if not ((high - low >= 1) & (high >= 0) & (low < size)).all():
            raise ValueError(f"{where}: the points lie outside the image or on one spot; mend or delete them")
        return Face(image, self.points, self.person, self.name)


@dataclass(frozen=True)
class Unit:
    """A video, or some hundred still images.

    key: names its part of a converted dataset.
    files: what it is read from.
    read: of a list of problems: the samples, with a sentence appended on each thing that is left out.
    labels: bytes of the points, where they are known.
    """

    key: str
    files: tuple[Path, ...]
    read: Callable[[list[str]], Iterator[Sample]]
    labels: bytes = b""

    def fingerprint(self) -> str:
        """Changes when a file of the unit (its name, size or time of change) or the labels change."""
        told = sha256(self.labels)
        for path in self.files:
            state = path.stat() if path.exists() else None
            told.update(f"{path.name!r} {state and (state.st_size, state.st_mtime_ns)}".encode())
        return told.hexdigest()[:24]


@dataclass
class Plan:
    """What can be read of some folders.

    units: to be read.
    problems: a sentence, with its remedy, on each thing that cannot be read (an image without points).
    """

    units: list[Unit] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add_stills(self, key: str, samples: Sequence[Sample], size: int = 400) -> None:
        """Add units of `size` still images (our choice: little is lost when interrupted)."""
        for start in range(0, len(samples), size):
            some = samples[start : start + size]
            files = tuple(sample.source for sample in some)
            labels = b"".join(sample.points.tobytes() for sample in some)
            self.units.append(Unit(f"{key}-{start // size:04d}", files, lambda _, some=some: iter(some), labels))


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
    plan: Callable[[Iterable[Path]], Plan]
    sign: str
    expected: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    identities: bool = False
    is_videos: bool = False
