"""Images bent so that given points come to lie at other places exactly, smoothly and without tears. (our choice)

The field runs backward, from the new image to the old one: a sum of smooth tents over the new places plus an affine
part. It is computed on a coarse grid, and pixel by pixel where it changes fast (eyes and mouth).
"""

from functools import cache

import cv2
import numpy as np
from scipy.interpolate import CubicSpline, RBFInterpolator

STEP = 7  # pixels between the nodes of the coarse grid
ROUND = 0.05  # how far the tip of a tent is rounded, in half face widths
STIFF = 1e-4  # smoothing that keeps points that coincide solvable


class Bend:
    """The backward fields of T frames.

    old: (C, 2) places of the points in the old image, pixels. new: (T, C, 2) their new places, pixels of the old
    image. unit: pixels of half a face width there.
    """

    def __init__(self, old: np.ndarray, new: np.ndarray, unit: float):
        self.middle, self.unit = old.mean(0), unit
        # scipy's multiquadric is sqrt(1 + (epsilon r)^2): tents of slope 1 / ROUND, rounded over ROUND
        form = {"kernel": "multiquadric", "epsilon": 1 / ROUND, "smoothing": STIFF / ROUND, "degree": 1}
        self.fields = [RBFInterpolator((places - self.middle) / unit, old - places, **form) for places in new]

    def __call__(self, t: int, places: np.ndarray) -> np.ndarray:
        """How far from these places frame t takes its content, (N, 2) pixels of the old image to (N, 2) float32."""
        return self.fields[t]((places - self.middle) / self.unit).astype(np.float32)


def field(bend: Bend, t: int, back: np.ndarray, size: int, fine: list[np.ndarray]) -> np.ndarray:
    """Map for `cv2.remap`, (size, size, 2) float32: pixel of the new image to pixel of the old one.

    back: (2, 3) new pixels to the places that `bend` knows; fine: groups of points (n, 2) in new pixels around which
    the field is computed at every pixel.
    """
    nodes, spread = _coarse(size)
    coarse = bend(t, _grid(back, nodes, nodes)).reshape(len(nodes), len(nodes), 2)
    bent = cv2.merge([spread @ np.ascontiguousarray(coarse[..., k]) @ spread.T for k in range(2)])
    pixels = np.arange(size, dtype=np.float32)
    for group in fine:
        low = np.clip(np.floor(group.min(0)) - 5, 0, size).astype(int)
        high = np.clip(np.ceil(group.max(0)) + 6, 0, size).astype(int)
        if (high > low).all():
            x, y = pixels[low[0] : high[0]], pixels[low[1] : high[1]]
            inside = bend(t, _grid(back, x, y))
            bent[low[1] : high[1], low[0] : high[0]] = inside.reshape(len(y), len(x), 2)
    back = back.astype(np.float32)
    flat = pixels[None, :, None] * back[:, 0] + (pixels[:, None, None] * back[:, 1] + back[:, 2])
    return flat + bent


def extended(image: np.ndarray, low: np.ndarray, size: int) -> np.ndarray:
    """Square of the image whose first pixel is `low` (2,) int, (size, size, 3) uint8; where the image ends, its
    colours run on, ever more blurred, so that no second face and no black edge comes into the frame.
    """
    start, end = np.maximum(low, 0), np.minimum(low + size, image.shape[1::-1])
    rows, columns = slice(start[1] - low[1], end[1] - low[1]), slice(start[0] - low[0], end[0] - low[0])
    colours = np.zeros((size, size, 3), np.float32)
    known = np.zeros((size, size), np.float32)
    colours[rows, columns] = image[start[1] : end[1], start[0] : end[0]]
    known[rows, columns] = 1
    filled = _run_on(colours, known)
    filled[rows, columns] = colours[rows, columns]
    return filled.round().astype(np.uint8)


def _run_on(colours: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Unknown places filled from ever smaller copies of the image; colours are 0 where unknown."""
    share = np.minimum(3 * known, 1)[..., None]
    whole = colours / np.maximum(known, 1e-6)[..., None]
    if min(known.shape) < 4 or known.min() >= 1:
        return whole
    less = _run_on(cv2.pyrDown(colours), cv2.pyrDown(known))
    return share * whole + (1 - share) * cv2.pyrUp(less, dstsize=known.shape[::-1])


@cache
def _coarse(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (n,) of the coarse grid along a side, and the splines (size, n) between them."""
    nodes = np.linspace(0, size - 1, int(np.ceil((size - 1) / STEP)) + 1)
    return nodes, CubicSpline(nodes, np.eye(len(nodes)))(np.arange(size)).astype(np.float32)


def _grid(matrix: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Places (len(y) * len(x), 2) of a grid through an affine matrix (2, 3)."""
    return np.stack(np.broadcast_arrays(x[None], y[:, None]), -1).reshape(-1, 2) @ matrix[:, :2].T + matrix[:, 2]
