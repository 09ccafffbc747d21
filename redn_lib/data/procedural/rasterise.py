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


def rasterise(
    xy: np.ndarray, near: np.ndarray, triangles: np.ndarray, two_sided: np.ndarray, height: int, width: int
) -> Fragments:
    """The nearest triangle at every pixel centre.

    xy: (V, 2) pixels. near: (V,), greater is nearer. triangles: (M, 3). two_sided: (M,) bool; the others show only
    their front.
    """
    corner = xy[triangles]
    first, edge1, edge2 = corner[:, 0], corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    area = edge1[:, 0] * edge2[:, 1] - edge1[:, 1] * edge2[:, 0]
    low, high = np.ceil(corner.min(1)), np.floor(corner.max(1))
    low = np.maximum(low, 0).astype(np.int32)
    high = np.minimum(high, (width - 1, height - 1)).astype(np.int32)
    wide, tall = (high - low + 1).T
    keep = np.flatnonzero(((area > 1e-6) | (two_sided & (area < -1e-6))) & (wide > 0) & (tall > 0))
    wide, low = wide[keep], low[keep]
    count = wide * tall[keep]
    start = np.cumsum(count) - count
    own = np.repeat(np.arange(len(keep), dtype=np.int32), count)
    step = np.arange(len(own), dtype=np.int32) - start.astype(np.int32)[own]
    row = step // wide[own]
    x = (step - row * wide[own] + low[own, 0]).astype(np.float32)
    y = (row + low[own, 1]).astype(np.float32)
    inverse = (1 / area[keep]).astype(np.float32)
    plane = np.empty((len(keep), 6), np.float32)
    f, e1, e2 = first[keep], edge1[keep], edge2[keep]
    plane[:, 0], plane[:, 1] = e2[:, 1] * inverse, -e2[:, 0] * inverse
    plane[:, 3], plane[:, 4] = -e1[:, 1] * inverse, e1[:, 0] * inverse
    plane[:, 2] = -(plane[:, 0] * f[:, 0] + plane[:, 1] * f[:, 1])
    plane[:, 5] = -(plane[:, 3] * f[:, 0] + plane[:, 4] * f[:, 1])
    a, b, c, d, e, g = plane[own].T
    w1, w2 = a * x + b * y + c, d * x + e * y + g
    inside = np.flatnonzero((w1 >= -1e-4) & (w2 >= -1e-4) & (w1 + w2 <= 1.0001))
    own, w1, w2 = own[inside], w1[inside], w2[inside]
    pixel = y[inside].astype(np.int32) * width + x[inside].astype(np.int32)
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
