"""The one crop convention: a square cut from an image by a similarity transform, and the way back.

Two crops are taken from every face: first the patch, here, shrunk without aliasing; from it, as tensors in
`redn_lib.feedback`, the crops that the network sees.
"""

from dataclasses import dataclass

import cv2
import numpy as np

PATCH_SIZE = 224  # side of the patch in pixels (our choice)
PATCH_MARGIN = 2.0  # side of the patch over the larger side of the box: crops move and turn in it (our choice)
# The margins of the crops that the network sees are others: `margin` and `first_margin` in presets.py.


@dataclass(frozen=True)
class Crop:
    """A square crop.

    matrix: (2, 3) float64, crop pixels to image pixels.
    size: side in crop pixels.
    """

    matrix: np.ndarray
    size: int

    @classmethod
    def around(
        cls, box: np.ndarray, *, margin: float = PATCH_MARGIN, size: int = PATCH_SIZE, turn: float = 0.0
    ) -> "Crop":
        """Square crop centred on a box (x0, y0, x1, y1), `margin` times its larger side, `turn` degrees clockwise.

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
        """Image pixels per crop pixel."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    def take(self, image: np.ndarray) -> np.ndarray:
        """Cut the crop: image (H, W, C) uint8 to (size, size, C); black outside the image."""
        image, matrix = self._shrunk(image) if self.scale > 1.5 else (image, self.matrix)
        return cv2.warpAffine(image, matrix, (self.size, self.size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)

    def _shrunk(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The part of the image under the crop, shrunk by area so that it does not alias, and the matrix into it."""
        last = self.size - 1
        corners = self.to_frame(np.array([[0, 0], [last, 0], [0, last], [last, last]], float))
        low = np.maximum(np.floor(corners.min(0)).astype(int) - 2, 0)
        high = np.minimum(np.ceil(corners.max(0)).astype(int) + 3, image.shape[1::-1])
        if (high - low < 2).any():  # the crop lies outside the image
            return image, self.matrix
        wanted = np.maximum(np.round((high - low) / self.scale), 1).astype(int)
        part = image[low[1] : high[1], low[0] : high[0]]
        small = cv2.resize(part, tuple(int(n) for n in wanted), interpolation=cv2.INTER_AREA)
        shrink = np.diag(wanted / (high - low))
        return small, np.c_[shrink @ self.matrix[:, :2], shrink @ (self.matrix[:, 2] - low + 0.5) - 0.5]

    def inner(self, matrix: np.ndarray, size: int) -> "Crop":
        """A crop of this crop, with `matrix` (2, 3) to pixels of this crop, as a crop of the image."""
        return Crop(np.c_[self.matrix[:, :2] @ matrix[:, :2], self.to_frame(matrix[:, 2])], size)

    def to_frame(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) in crop pixels to image pixels."""
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) in image pixels to crop pixels."""
        return (points - self.matrix[:, 2]) @ np.linalg.inv(self.matrix[:, :2]).T


def cut_around(image: np.ndarray, box: np.ndarray, reach: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """The upright part of an image up to `reach` larger sides of a box (4,) from its middle, at its own resolution.

    Returns (the part (h, w, C), its upper left corner (2,) in pixels of the image).
    """
    middle, half = (box[:2] + box[2:]) / 2, reach * (box[2:] - box[:2]).max()
    low = np.maximum(np.floor(middle - half), 0).astype(int)
    high = np.ceil(middle + half).astype(int) + 1
    return np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]]), low
