"""What a sample is: a still (`Face`) or a sequence (`Clip`), the same for real, animated and procedural faces."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from redn_lib.landmarks import N_POINTS, tight_box


@dataclass(frozen=True)
class Face:
    """One annotated picture of one person.

    image: (H, W, 3) uint8 RGB. points: (68, 2) float32, 0-based pixels of the image. visible: (68,) bool where known.
    factors: every number that made a procedural face, by name; None for real faces.
    Raises ValueError where a shape or type is wrong or a point is not a number.
    """

    image: np.ndarray
    points: np.ndarray
    person: str
    name: str = ""
    visible: np.ndarray | None = None
    factors: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_image(self.image)
        if self.points.shape != (N_POINTS, 2) or not np.isfinite(self.points).all():
            raise ValueError(
                f"face {self.name or self.person!r}: points must be (68, 2) finite numbers, got {self.points.shape}"
            )

    @property
    def box(self) -> np.ndarray:
        """Tight box (x0, y0, x1, y1) of the points, in pixels."""
        return tight_box(self.points)


@dataclass(frozen=True)
class Clip:
    """An annotated sequence of one person: frames (T, H, W, 3) uint8 RGB, points (T, 68, 2) float32 in pixels;
    `clip[t]` is a Face.

    visible: (T, 68) bool where known; factors: arrays of length T by name; fps: frames a second.
    Raises ValueError where frames and points differ in number.
    """

    frames: np.ndarray
    points: np.ndarray
    person: str
    name: str = ""
    visible: np.ndarray | None = None
    factors: Mapping[str, np.ndarray] | None = None
    fps: float = 25.0

    def __post_init__(self) -> None:
        if len(self.frames) != len(self.points):
            raise ValueError(f"clip {self.name!r}: {len(self.frames)} frames but {len(self.points)} sets of points")

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, t: int) -> Face:
        return Face(
            self.frames[t],
            self.points[t],
            self.person,
            f"{self.name}[{t}]",
            None if self.visible is None else self.visible[t],
            None if self.factors is None else {k: v[t] for k, v in self.factors.items()},
        )


def check_image(image: np.ndarray) -> None:
    """Raise ValueError unless image is a picture as the library means it: (H, W, 3) uint8 RGB, at least 8 pixels a
    side.
    """
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(
            f"an image must be a (H, W, 3) uint8 RGB array, got {what}; convert grey or BGR pictures with "
            "cv2.cvtColor first"
        )
    if min(image.shape[:2]) < 8:
        raise ValueError(f"an image must have at least 8 pixels a side, got {image.shape[1]}x{image.shape[0]}")
