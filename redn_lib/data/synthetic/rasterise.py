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
    their front, whose corners run clockwise in the picture.
    """
    p, q, r = (xy[triangles[:, k]] for k in range(3))
    edge1, edge2 = q - p, r - p
    area = edge1[:, 0] * edge2[:, 1] - edge1[:, 1] * edge2[:, 0]
    low = np.maximum(np.ceil(np.minimum(np.minimum(p, q), r)), 0).astype(np.int32)
    high = np.minimum(np.floor(np.maximum(np.maximum(p, q), r)), (width - 1, height - 1)).astype(np.int32)
    wide, tall = (high - low + 1).T
    keep = np.flatnonzero(((area > 1e-6) | (two_sided & (area < -1e-6))) & (wide > 0) & (tall > 0))
    wide, low, p, edge1, edge2, area = wide[keep], low[keep], p[keep], edge1[keep], edge2[keep], area[keep]

    count = wide * tall[keep]
    own = np.repeat(np.arange(len(keep), dtype=np.int32), count)
    step = np.arange(len(own), dtype=np.int32) - (np.cumsum(count) - count).astype(np.int32)[own]
    row = step // wide[own]
    column = step - row * wide[own] + low[own, 0]
    row += low[own, 1]

    # each weight is a plane over the picture: a x + b y + c
    a1, b1, a2, b2 = edge2[:, 1] / area, -edge2[:, 0] / area, -edge1[:, 1] / area, edge1[:, 0] / area
    planes = np.stack([a1, b1, -(a1 * p[:, 0] + b1 * p[:, 1]), a2, b2, -(a2 * p[:, 0] + b2 * p[:, 1])], 1)
    a1, b1, c1, a2, b2, c2 = planes.astype(np.float32)[own].T
    w1, w2 = a1 * column + b1 * row + c1, a2 * column + b2 * row + c2
    inside = np.flatnonzero((w1 >= -1e-4) & (w2 >= -1e-4) & (w1 + w2 <= 1.0001))
    own, w1, w2 = own[inside], w1[inside].astype(np.float32), w2[inside].astype(np.float32)
    pixel = row[inside] * width + column[inside]

    z0, z1, z2 = (near[triangles[keep, k]][own] for k in range(3))
    z = z0 + w1 * (z1 - z0) + w2 * (z2 - z0)
    key = ((z.astype(np.float64) + 64) * 65536).astype(np.int64) << 20 | np.arange(len(z))
    best = np.full(height * width, -1, np.int64)
    np.maximum.at(best, pixel, key)
    covered = np.flatnonzero(best >= 0)
    pick = best[covered] & 0xFFFFF
    depth = np.full(height * width, -np.inf, np.float32)
    depth[covered] = z[pick]
    w1, w2 = w1[pick], w2[pick]
    return Fragments(covered, keep[own[pick]], np.column_stack([1 - w1 - w2, w1, w2]), depth.reshape(height, width))
