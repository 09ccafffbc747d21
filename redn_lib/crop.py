"""The one crop convention: a square cut from a frame by a similarity transform, and the way back.

A crop's own pixels and the frame's are tied by `matrix` (2, 3): `frame_xy = matrix @ (x, y, 1)`. Everything the network
sees is a crop; everything it answers goes back through the same matrix.
"""

from dataclasses import dataclass

import cv2
import numpy as np

PATCH_SIZE = 224
PATCH_MARGIN = 2.0
"""The patch handed to the network: a square of twice the larger side of the box, so that a crop can be taken anew in it
(our choice).
"""


@dataclass(frozen=True)
class Crop:
    """A square crop. matrix: (2, 3) float64, crop pixels to frame pixels; size: side in crop pixels."""

    matrix: np.ndarray
    size: int

    @classmethod
    def around(
        cls, box: np.ndarray, *, margin: float = PATCH_MARGIN, size: int = PATCH_SIZE, turn: float = 0.0
    ) -> "Crop":
        """Square crop centred on a box (x0, y0, x1, y1), `margin` times its larger side, turned by `turn` degrees
        (clockwise on screen).

        Raises ValueError for a box that is not four finite numbers with positive width and height.
        """
        box = np.asarray(box, float)
        if box.shape != (4,) or not np.isfinite(box).all() or (box[2:] <= box[:2]).any():
            raise ValueError(f"a box must be four finite numbers x0 < x1, y0 < y1 in pixels, got {box.tolist()}")
        scale = margin * (box[2:] - box[:2]).max() / (size - 1)
        c, s = scale * np.cos(np.deg2rad(turn)), scale * np.sin(np.deg2rad(turn))
        linear = np.array([[c, -s], [s, c]])
        middle = (box[:2] + box[2:]) / 2
        return cls(np.c_[linear, middle - linear @ np.full(2, (size - 1) / 2)], size)

    @property
    def scale(self) -> float:
        """Frame pixels per crop pixel."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    def take(self, image: np.ndarray) -> np.ndarray:
        """Cut the crop: image (H, W, C) uint8 to (size, size, C); black outside the image. Shrinks by area first, so
        that large faces do not alias.
        """
        matrix = self.matrix
        if self.scale > 1.5:
            corners = self.to_frame(
                np.array([[0, 0], [self.size - 1, 0], [0, self.size - 1], [self.size - 1, self.size - 1]], float)
            )
            low = np.maximum(np.floor(corners.min(0)).astype(int) - 2, 0)
            high = np.minimum(np.ceil(corners.max(0)).astype(int) + 3, image.shape[1::-1])
            if (high - low >= 2).all():
                image = image[low[1] : high[1], low[0] : high[0]]
                wanted = np.maximum(np.round((high - low) / self.scale), 1).astype(int)
                factor = wanted / (high - low)
                image = cv2.resize(image, tuple(int(n) for n in wanted), interpolation=cv2.INTER_AREA)
                shrink = np.diag(factor)
                matrix = np.c_[shrink @ matrix[:, :2], shrink @ (matrix[:, 2] - low + 0.5) - 0.5]
        return cv2.warpAffine(image, matrix, (self.size, self.size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)

    def to_frame(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) in crop pixels to frame pixels."""
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) in frame pixels to crop pixels."""
        return (points - self.matrix[:, 2]) @ np.linalg.inv(self.matrix[:, :2]).T
