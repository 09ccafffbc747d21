"""What a sample is: a `Clip`, the same for real, animated and synthetic faces; `Face` is one frame of it, `Sample` is
still on disk. What is converted as a whole is a `Unit`; a published dataset has a `Layout`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from redn_lib.data.images import read_image
from redn_lib.data.markups import face_box
from redn_lib.landmarks import N_POINTS, tight_box


@dataclass(frozen=True)
class Face:
    """One annotated image of one person.

    image: (H, W, 3) uint8 RGB.
    points: (68, 2) float32, 0-based pixels of the image; NaN for a point that the dataset's mark-up does not have.
    person: name of the person.
    name: name of the image.
    visible: (68,) bool, True where the point is in sight; None given: every point that is marked.
    factors: every number that made a synthetic face, by name; None for real faces.
    lean: how far right of a mirror-symmetric mark-up all points lie, over the eye distance, see `Layout.lean`.

    Raises ValueError where a shape or type is wrong, a coordinate is infinite, or no point is marked.
    """

    image: np.ndarray
    points: np.ndarray
    person: str
    name: str = ""
    visible: np.ndarray | None = None
    factors: Mapping[str, Any] | None = None
    lean: float = 0.0

    def __post_init__(self) -> None:
        check_image(self.image)
        visible = _checked(self.visible, self.points, (N_POINTS, 2), f"face {self.name or self.person!r}")
        object.__setattr__(self, "visible", visible)

    @property
    def box(self) -> np.ndarray:
        """Tight box (x0, y0, x1, y1) of the points, in pixels. Raises ValueError where not all 68 are marked."""
        if not np.isfinite(self.points).all():
            raise ValueError(f"face {self.name or self.person!r}: not all of the 68 points are marked, so no box")
        return tight_box(self.points)


@dataclass(frozen=True)
class Clip:
    """One annotated sequence of one person; a still image is a clip of T = 1. `clip[t]` is a Face, `len(clip)` is T.

    frames: (T, H, W, 3) uint8 RGB.
    points: (T, 68, 2) float32, 0-based pixels of the frames; NaN for a point that the dataset's mark-up does not have.
    person: name of the person.
    name: name of the clip.
    visible: (T, 68) bool, True where the point is in sight; None given: every point that is marked.
    factors: arrays of length T by name, for synthetic and animated clips only.
    fps: frames a second.
    video: name of the video; a still image is its own.
    split: published split, such as "helen-train" or "cat3".
    lean: as of a Face.

    Raises ValueError where frames, points and visible differ in number.
    """

    frames: np.ndarray
    points: np.ndarray
    person: str = ""
    name: str = ""
    visible: np.ndarray | None = None
    factors: Mapping[str, np.ndarray] | None = None
    fps: float = 25.0
    video: str = ""
    split: str = ""
    lean: float = 0.0

    def __post_init__(self) -> None:
        visible = _checked(self.visible, self.points, (len(self.frames), N_POINTS, 2), f"clip {self.name!r}")
        object.__setattr__(self, "visible", visible)

    @classmethod
    def of(cls, faces: Sequence[Face], **about: Any) -> "Clip":
        """The frames of one video as a clip; about: its other fields."""
        images, points, visible = (np.stack([getattr(f, k) for f in faces]) for k in ("image", "points", "visible"))
        factors = {key: np.stack([np.asarray(f.factors[key]) for f in faces]) for key in faces[0].factors or {}}
        return cls(images, points, visible=visible, factors=factors or None, **about)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, t: int) -> Face:
        name = self.name if len(self) == 1 else f"{self.name}[{t}]"
        factors = None if self.factors is None else {k: v[t] for k, v in self.factors.items()}
        return Face(self.frames[t], self.points[t], self.person, name, self.visible[t], factors, self.lean)


def _checked(visible: np.ndarray | None, points: np.ndarray, shape: tuple[int, ...], what: str) -> np.ndarray:
    """`visible` (..., 68), filled in from the points (..., 68, 2) where it is None."""
    if points.shape != shape:
        raise ValueError(f"{what}: points must be {shape}, got {points.shape}")
    marked = np.isfinite(points).all(-1)
    unmarked = np.isnan(points).all(-1)
    if not (marked | unmarked).all() or not marked.any(-1).all():
        raise ValueError(f"{what}: points must be finite numbers, or NaN twice for a point that is not marked")
    if visible is not None and visible.shape != marked.shape:
        raise ValueError(f"{what}: visible must be {marked.shape}, got {visible.shape}")
    return marked if visible is None else visible


def check_image(image: np.ndarray) -> None:
    """Raise ValueError unless image is as the library means it: (H, W, 3) uint8 RGB, at least 8 pixels a side."""
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"an image must be (H, W, 3) uint8 RGB, got {what}; convert it with cv2.cvtColor first")
    if min(image.shape[:2]) < 8:
        raise ValueError(f"an image must have at least 8 pixels a side, got {image.shape[1]}x{image.shape[0]}")


@dataclass(eq=False)
class Sample:
    """One annotated frame of a dataset, or consecutive ones of a video, still on disk: `load` reads them."""

    name: str  # within the dataset, such as "helen-train/232194_1"; of a window "114[3:11]"
    person: str  # who is shown; a name of its own for each image or video of a dataset that does not tell
    video: str  # the video that it is of; a still image is its own
    split: str  # the published split, such as "cat3"
    number: int  # of the (first) frame in its video, as the dataset counts
    points: np.ndarray  # (68, 2) float32 of the (first) frame, 0-based pixels, upright; NaN where not marked
    source: Path | np.ndarray  # a file, or the image (H, W, 3) uint8 RGB itself
    fps: float = 25.0  # frames a second of the video
    offset: int = 0  # first byte of the image in the file
    count: int = -1  # how many bytes are the image; -1: all
    crc: int | None = None  # checksum of these bytes, None where there is none
    dataset: Any = None  # the `dataset.Dataset` that it is from
    lean: float = 0.0  # as of a Face
    frames: tuple["Sample", ...] = ()  # the samples that a window is made of

    @property
    def box(self) -> np.ndarray:
        """(4,) x0, y0, x1, y1 of the face in the (first) frame: `markups.face_box` of the points."""
        return face_box(self.points)

    def load(self) -> Clip:
        """The frames with their points: a Clip of T = 1, or of a window's length.

        Raises FileNotFoundError or ValueError, naming the file, where an image is gone or damaged or lacks the face.
        """
        about = {key: getattr(self, key) for key in ("person", "name", "fps", "video", "split", "lean")}
        return Clip.of([sample.face() for sample in self.frames or (self,)], **about)

    def face(self) -> Face:
        """The (first) frame with its points. Raises as `load`."""
        image, where = self.source, self.name
        if isinstance(self.source, Path):
            image, where = read_image(self.source, self.offset, self.count, self.crc), f"{self.source} ({self.name})"
        low, high = self.box.reshape(2, 2)
        if not ((high - low >= 1) & (high >= 0) & (low < image.shape[1::-1])).all():
            raise ValueError(f"{where}: the points lie outside the image or on one spot; mend or delete them")
        return Face(image, self.points, self.person, self.name, lean=self.lean)


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
    labels: str = "people"  # who set the points: "people", or "network", another one
    lean: float = 0.0  # how far right of a mirror-symmetric mark-up people set the points, over the eye distance
    about: str = ""  # what it is, its licence, how to get it; the first line is its title
    videos: Mapping[str, str] = field(default_factory=dict)  # the names of the videos of each split, where it has some

    @property
    def title(self) -> str:
        """The dataset in a few words."""
        return self.about.partition("\n")[0]
