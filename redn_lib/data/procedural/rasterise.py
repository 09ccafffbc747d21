"""Triangles to pixels with a depth buffer, all at once in numpy, no loop over triangles. (our choice)"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Fragments:
    """Visible surface, one entry a covered pixel.

    pixel: (P,) index into the flattened (h, w) picture. triangle: (P,) index. weight: (P, 3) barycentric. depth: (h,
    w), -inf where empty.
    """

    pixel: np.ndarray
    triangle: np.ndarray
    weight: np.ndarray
    depth: np.ndarray


def _weights(corner: np.ndarray, edge1: np.ndarray, edge2: np.ndarray, area: np.ndarray) -> np.ndarray:
    """The barycentric weights as planes a x + b y + c over the picture: (M, 3, 3)."""
    plane = np.empty((len(corner), 3, 3), np.float32)
    plane[:, 1, 0], plane[:, 1, 1] = edge2[:, 1] / area, -edge2[:, 0] / area
    plane[:, 2, 0], plane[:, 2, 1] = -edge1[:, 1] / area, edge1[:, 0] / area
    plane[:, 1:, 2] = -(plane[:, 1:, :2] * corner[:, :1]).sum(2)
    plane[:, 0] = np.array([0, 0, 1], np.float32) - plane[:, 1] - plane[:, 2]
    return plane


def _count_up(lengths: np.ndarray) -> np.ndarray:
    """0, 1, ... for each run of the given lengths, joined."""
    start = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum(), dtype=np.int32) - np.repeat(start, lengths).astype(np.int32)


def rasterise(
    xy: np.ndarray, near: np.ndarray, triangles: np.ndarray, two_sided: np.ndarray, height: int, width: int
) -> Fragments:
    """The nearest triangle at every pixel centre.

    xy: (V, 2) pixels. near: (V,), greater is nearer. triangles: (M, 3). two_sided: (M,) bool; the others show only
    their front.
    """
    corner = xy[triangles]
    edge1, edge2 = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    area = edge1[:, 0] * edge2[:, 1] - edge1[:, 1] * edge2[:, 0]
    top = np.maximum(np.ceil(corner[..., 1].min(1)), 0).astype(np.int32)
    tall = np.minimum(np.floor(corner[..., 1].max(1)), height - 1).astype(np.int32) - top + 1
    beside = (corner[..., 0].max(1) < 0) | (corner[..., 0].min(1) > width - 1)
    keep = np.flatnonzero(((area > 1e-6) | (two_sided & (area < -1e-6))) & (tall > 0) & ~beside)
    slope = _weights(corner[keep], edge1[keep], edge2[keep], area[keep])
    own = np.repeat(np.arange(len(keep), dtype=np.int32), tall[keep])
    y = (_count_up(tall[keep]) + top[keep][own]).astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        across = slope[own, :, 0]
        cut = -(slope[own, :, 1] * y[:, None] + slope[own, :, 2]) / across
    left = np.ceil(np.where(across > 1e-9, cut, -1).max(1).clip(-1, width) - 1e-4).clip(0).astype(np.int32)
    right = np.floor(np.where(across < -1e-9, cut, width).min(1).clip(-1, width) + 1e-4).clip(None, width - 1)
    wide = np.maximum(right.astype(np.int32) - left + 1, 0)
    row = np.repeat(np.arange(len(own), dtype=np.int32), wide)
    own, y, x = own[row], y[row], (_count_up(wide) + left[row]).astype(np.float32)
    a, b, c, d, e, g = slope.reshape(-1, 9)[:, 3:][own].T
    w1, w2 = a * x + b * y + c, d * x + e * y + g
    pixel = y.astype(np.int32) * width + x.astype(np.int32)
    corner_near = near[triangles[keep]][own]
    z = corner_near[:, 0] * (1 - w1 - w2) + corner_near[:, 1] * w1 + corner_near[:, 2] * w2
    key = ((z.astype(np.float64) + 64) * 65536).astype(np.int64) << 20 | np.arange(len(z))
    best = np.full(height * width, -1, np.int64)
    np.maximum.at(best, pixel, key)
    covered = np.flatnonzero(best >= 0)
    pick = best[covered] & 0xFFFFF
    depth = np.full(height * width, -np.inf, np.float32)
    depth[covered] = z[pick]
    w1, w2 = w1[pick], w2[pick]
    return Fragments(covered, keep[own[pick]], np.column_stack([1 - w1 - w2, w1, w2]), depth.reshape(height, width))
