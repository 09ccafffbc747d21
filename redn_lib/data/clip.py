"""What a sample is: a `Clip`, the same for real, animated and synthetic faces; `Face` is one frame of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

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

    Raises ValueError where a shape or type is wrong, a coordinate is infinite, or no point is marked.
    """

    image: np.ndarray
    points: np.ndarray
    person: str
    name: str = ""
    visible: np.ndarray | None = None
    factors: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_image(self.image)
        visible = _checked(self.visible, self.points, (N_POINTS, 2), f"face {self.name or self.person!r}")
        object.__setattr__(self, "visible", visible)

    @property
    def box(self) -> np.ndarray:
        """Tight box (x0, y0, x1, y1) of the points, in pixels. Raises ValueError where not all 68 are marked."""
        if not np.isfinite(self.points).all():
            raise ValueError(f"face {self.name or self.person!r}: without all of the 68 points it has no box")
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

    def __post_init__(self) -> None:
        visible = _checked(self.visible, self.points, (len(self.frames), N_POINTS, 2), f"clip {self.name!r}")
        object.__setattr__(self, "visible", visible)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, t: int) -> Face:
        name = self.name if len(self) == 1 else f"{self.name}[{t}]"
        factors = None if self.factors is None else {k: v[t] for k, v in self.factors.items()}
        return Face(self.frames[t], self.points[t], self.person, name, self.visible[t], factors)


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
