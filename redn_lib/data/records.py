"""A sample on disk, and what describes the published layout that it comes from."""

import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from redn_lib.data.clip import Clip, Face
from redn_lib.data.images import read_image

DAMAGED = (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading a missing or damaged `.npz` or `.json` raises."""


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
    source: a file, or the image (H, W, 3) uint8 RGB itself.
    fps: frames a second of the video.
    offset: first byte of the image in the file.
    count: how many bytes of the file are the image; -1: all.
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
    source: Path | np.ndarray
    fps: float = 25.0
    offset: int = 0
    count: int = -1
    dataset: Any = None
    frames: tuple["Sample", ...] = ()

    def load(self) -> Clip:
        """The frames with their points: a Clip of T = 1, or of a window's length.

        Raises FileNotFoundError or ValueError, naming the file, where an image is gone or damaged or lacks the face.
        """
        faces = [sample.face() for sample in self.frames or (self,)]
        images, points, visible = (np.stack([getattr(f, k) for f in faces]) for k in ("image", "points", "visible"))
        factors = {key: np.stack([np.asarray(f.factors[key]) for f in faces]) for key in faces[0].factors or {}}
        about = {key: getattr(self, key) for key in ("person", "name", "fps", "video", "split")}
        return Clip(images, points, visible=visible, factors=factors or None, **about)

    def face(self) -> Face:
        """The (first) frame with its points. Raises as `load`."""
        image, where = self.source, self.name
        if isinstance(self.source, Path):
            image, where = read_image(self.source, self.offset, self.count), f"{self.source} ({self.name})"
        low, high, size = self.box[:2], self.box[2:], image.shape[1::-1]
        if not ((high - low >= 1) & (high >= 0) & (low < size)).all():
            raise ValueError(f"{where}: the points lie outside the image or on one spot; mend or delete them")
        return Face(image, self.points, self.person, self.name)


class Unit(NamedTuple):
    """A video, or some hundred still images: what is converted as a whole."""

    key: str  # names its part of a converted dataset
    files: Sequence[Path]  # what it is read from
    read: Callable[[list[str]], Iterable[Sample]]  # appends a sentence on each thing that is left out
    labels: bytes = b""  # of the points, where they are known


@dataclass(frozen=True)
class Layout:
    """A published dataset and how its folders are read."""

    name: str  # on the command line, such as "300w"
    units: Callable[[Sequence[Path], list[str]], Iterable[Unit]]  # appends a sentence on each thing it cannot read
    sign: str  # pattern of the path of a file that tells the layout from others
    expected: Mapping[str, int] = field(default_factory=dict)  # how many images each split has
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)  # names for several splits, such as "test"
    links: Sequence[str] = ()  # addresses of what may be downloaded directly
    identities: bool = False  # whether it says who is shown; else each image or video is a person of its own
    is_videos: bool = False  # whether it must be converted before it is read

    @property
    def about(self) -> str:
        """The text about the dataset; its first line is the title."""
        return (Path(__file__).parent / "layouts" / f"{self.name}.txt").read_text(encoding="utf-8").rstrip()

    @property
    def title(self) -> str:
        """The dataset in a few words."""
        return self.about.partition("\n")[0]
