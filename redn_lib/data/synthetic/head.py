"""The head: 160 control points in 3D, a matrix that spreads them over a mesh of skin, the way to the image.

Unit: half the width of the mean face (about 78 mm). x to the right of the image, y down, z to the viewer; the root
of the nose lies near z = 0. Everything that shapes a face (identity, expression) moves control points; the mesh follows
by interpolation on the sphere of directions seen from inside the skull. The first 68 controls ARE the 68 points.
(our choice)
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from redn_lib.landmarks import MEAN_SHAPE, MIRROR, N_POINTS

CENTRE = np.array([0.0, -0.35, -1.1], np.float32)
"""The place inside the skull from which every point of the skin is seen once."""

UV_RADIUS = 1.35
"""Radius, in texture co-ordinates, of the part of the head that the skin texture covers."""

# fmt: off
_HALF_DEPTH = {
    0: -1.06, 1: -1.06, 2: -1.03, 3: -0.96, 4: -0.83, 5: -0.62, 6: -0.37, 7: -0.13, 8: -0.01, 17: -0.30, 18: -0.13,
    19: -0.03, 20: 0.02, 21: 0.04, 27: 0.00, 28: 0.11, 29: 0.22, 30: 0.33, 31: 0.05, 32: 0.12, 33: 0.15, 36: -0.30,
    37: -0.20, 38: -0.16, 39: -0.19, 40: -0.16, 41: -0.20, 48: -0.08, 49: 0.07, 50: 0.15, 51: 0.145, 57: 0.13,
    58: 0.10, 59: 0.03, 60: -0.07, 61: 0.115, 62: 0.125, 66: 0.115, 67: 0.10,
}
"""Depth of the middle and right-hand points; the left ones mirror them."""

EXTRA = {
    "glabella": (0, -0.86, 0.07), "forehead": (0, -1.10, 0.05), "forehead_high": (0, -1.40, -0.06),
    "hairline": (0, -1.66, -0.30), "vertex": (0, -2.02, -1.15), "crown": (0, -1.70, -2.05),
    "back": (0, -0.90, -2.45), "nape": (0, 0.10, -2.05), "neck_back": (0, 0.75, -1.75),
    "columella": (0, -0.055, 0.255), "philtrum": (0, 0.11, 0.135), "upper_lip": (0, 0.232, 0.155),
    "lower_lip": (0, 0.405, 0.150), "crease": (0, 0.57, 0.05), "chin": (0, 0.74, 0.09),
    "throat": (0, 1.02, -0.25), "neck_front": (0, 1.10, -0.60), "brow_mid": (0.36, -1.12, -0.01),
    "forehead_side": (0.38, -1.40, -0.13), "temple_high": (0.72, -1.30, -0.38), "temple": (0.86, -1.00, -0.47),
    "top_side": (0.45, -1.80, -0.70), "parietal": (0.98, -1.30, -1.15), "side_top": (0.62, -1.82, -1.20),
    "crown_side": (0.72, -1.45, -1.95), "back_side": (0.75, -0.75, -2.15), "ear_back": (0.98, -0.50, -1.45),
    "temple_low": (0.955, -0.75, -0.80), "nape_side": (0.60, 0.15, -1.80), "neck_side": (0.62, 0.70, -1.20),
    "neck_jaw": (0.52, 0.96, -0.70), "under_jaw": (0.40, 0.92, -0.42), "ridge_in": (0.20, -0.77, -0.01),
    "ridge": (0.42, -0.83, -0.04), "ridge_out": (0.66, -0.75, -0.22), "crease_in": (0.255, -0.70, -0.12),
    "lid_crease": (0.42, -0.735, -0.125), "crease_out": (0.555, -0.70, -0.22), "bag_in": (0.30, -0.545, -0.13),
    "bag": (0.43, -0.525, -0.135), "bag_out": (0.57, -0.56, -0.25), "eye_side": (0.69, -0.62, -0.42),
    "root_side": (0.10, -0.61, -0.075), "bridge_side": (0.105, -0.44, 0.01), "bridge_low": (0.115, -0.29, 0.09),
    "tip_side": (0.085, -0.145, 0.26), "wing_top": (0.145, -0.145, 0.155), "wing": (0.178, -0.075, 0.10),
    "nostril": (0.082, -0.035, 0.185), "cheek_nose": (0.24, -0.20, 0.00), "fold": (0.27, -0.02, 0.00),
    "fold_low": (0.40, 0.16, -0.05), "infraorbital": (0.44, -0.37, -0.09), "cheek": (0.50, -0.10, -0.08),
    "cheek_bone": (0.74, -0.36, -0.33), "cheek_side": (0.89, -0.30, -0.66), "cheek_out": (0.80, 0.05, -0.50),
    "cheek_low": (0.58, 0.28, -0.20), "cheek_jaw": (0.72, 0.40, -0.52), "masseter": (0.87, 0.10, -0.78),
    "jowl": (0.50, 0.56, -0.20), "upper_side": (0.19, 0.115, 0.085), "upper_mid": (0.13, 0.243, 0.135),
    "lower_mid": (0.13, 0.395, 0.130), "mouth_side": (0.46, 0.31, -0.12), "below_lip": (0.20, 0.545, 0.035),
    "chin_side": (0.24, 0.72, 0.04), "chin_out": (0.34, 0.76, -0.08),
}
"""Controls beside the 68; those with x > 0 stand for a mirrored pair."""
# fmt: on


@dataclass(frozen=True)
class Template:
    """What all heads share.

    controls: (C, 3) mean positions; the first 68 are the 68 points.
    mirror: (C,) index of each control's mirror image.
    names: of a control or a pair of them, to indices.
    spread: (V, C), vertices = spread @ controls.
    uv: (V, 2) place of each vertex in the unit texture, [0, 1] on the front of the head.
    triangles: (M, 3) indices of vertices, with holes at eyes and mouth.
    contour: (17, J, C) spread of J places along the cheek where a jaw point may lie, from its own to the face's middle.
    """

    controls: np.ndarray
    mirror: np.ndarray
    names: dict[str, tuple[int, ...]]
    spread: np.ndarray
    uv: np.ndarray
    triangles: np.ndarray
    contour: np.ndarray


def flat(directions: np.ndarray) -> np.ndarray:
    """Directions from CENTRE, (..., 3), to the plane, (..., 2): the radius is the angle from straight ahead."""
    unit = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    angle = 2 * np.arcsin(np.sqrt(np.clip((1 - unit[..., 2]) / 2, 0, 1)))
    side = np.maximum(np.hypot(unit[..., 0], unit[..., 1]), 1e-6)
    return unit[..., :2] * (angle / side)[..., None]


def texture_uv(points: np.ndarray) -> np.ndarray:
    """Place of mean-head points (..., 3) in the unit texture: (..., 2), inside [0, 1] on the front of the head."""
    return 0.5 + 0.5 * flat(points - CENTRE) / UV_RADIUS


def smooth_line(points: np.ndarray, per_side: int, closed: bool) -> np.ndarray:
    """Catmull-Rom curve through (N, D) points with `per_side` samples between neighbours: (n, D)."""
    n = len(points)
    at = (np.arange(-1, n + 2) % n) if closed else np.clip(np.arange(-1, n + 1), 0, n - 1)
    p = points[at]
    t = (np.arange(per_side) / per_side)[:, None, None]
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    curve = curve.swapaxes(0, 1).reshape(-1, points.shape[1])
    return curve if closed else np.vstack([curve, points[-1:]])


def ramp(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smooth step: 0 below `low`, 1 above `high`."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def near(p: np.ndarray, x: float, y: float, radius: float) -> np.ndarray:
    """1 at the places (+-x, y) on the front of the mean head, falling off like a bell; p: (N, 3) to (N,)."""
    d2 = (np.abs(p[:, 0]) - x) ** 2 + (p[:, 1] - y) ** 2
    return np.exp(-d2 / radius**2) * ramp(p[:, 2], -1.4, -0.6)


def _mean_controls() -> tuple[np.ndarray, np.ndarray, dict[str, tuple[int, ...]]]:
    depth = np.zeros(N_POINTS, np.float32)
    for i, z in _HALF_DEPTH.items():
        depth[[i, MIRROR[i]]] = z
    points = [np.column_stack([MEAN_SHAPE, depth])]
    mirror, names = list(MIRROR), {}
    for name, (x, y, z) in EXTRA.items():
        k = len(mirror)
        pair = [(-x, y, z), (x, y, z)] if x else [(x, y, z)]
        points.append(np.array(pair, np.float32))
        mirror += [k + 1, k] if x else [k]
        names[name] = tuple(range(k, k + len(pair)))
    return np.vstack(points).astype(np.float32), np.array(mirror), names


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    r2 = ((a[:, None] - b[None]) ** 2).sum(-1)
    return r2 * np.log(r2 + 1e-12)


def _interpolate(controls: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Matrix (N, C) of the thin-plate interpolation from control directions to directions `where` (N, 3)."""
    n = len(controls)
    poly = np.hstack([np.ones((n, 1)), controls])
    system = np.block([[_kernel(controls, controls) - 2e-4 * np.eye(n), poly], [poly.T, np.zeros((4, 4))]])
    right = np.hstack([_kernel(where, controls), np.ones((len(where), 1)), where])
    return np.linalg.solve(system, right.T).T[:, :n].astype(np.float32)


def _unflat(uv: np.ndarray) -> np.ndarray:
    angle = np.linalg.norm(uv, axis=-1, keepdims=True)
    return np.concatenate([uv * np.sinc(angle / np.pi), np.cos(angle)], -1)


RIMS = ((range(36, 42), 4), (range(42, 48), 4), (range(60, 68), 6), (range(48, 60), 3))
"""Closed rims of lids and lips: controls, and mesh vertices for each; the first three are holes."""


def _depth_inside(loop: np.ndarray, places: np.ndarray) -> np.ndarray:
    """How far inside a closed curve each place (N, 2) lies, (N,), negative outside."""
    return np.array([cv2.pointPolygonTest(loop, (float(x), float(y)), True) for x, y in places])


def _mesh(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices in the flat plane and triangles: contours of lids, lips, nose and jaw, filled with a hexagonal grid."""
    loops = [smooth_line(plane[list(r)], n, True).astype(np.float32) for r, n in RIMS]
    holes, lips, fill = loops[:3], loops[3], []
    fixed = np.vstack([*loops, plane[17:36], smooth_line(plane[:17], 2, False), plane[N_POINTS:]])
    for spacing, low, high in ((0.075, 0.0, 0.95), (0.14, 0.95, 1.75), (0.26, 1.75, 2.95)):
        y, x = np.mgrid[-3.2 : 3.2 : spacing * 0.866, -3.2:3.2:spacing]
        x = x + (np.arange(len(x)) % 2)[:, None] * spacing / 2
        grid = np.column_stack([x.ravel(), y.ravel()])
        radius = np.linalg.norm(grid * (1.0, 0.92), axis=1)
        grid = grid[(radius >= low) & (radius < high)]
        near = np.sqrt(((grid[:, None] - fixed[None]) ** 2).sum(-1)).min(1)
        fill.append(grid[(near > 0.62 * spacing) & (_depth_inside(lips, grid) <= 0)])
    vertices = np.vstack([fixed, *fill]).astype(np.float32)
    vertices = vertices[np.all([_depth_inside(hole, vertices) <= 0.003 for hole in holes], axis=0)]
    plan = cv2.Subdiv2D((-4, -4, 8, 8))
    number = {plan.insert((float(x), float(y))): i for i, (x, y) in enumerate(vertices)}
    edges = plan.getTriangleList().reshape(-1, 3, 2)
    edges = edges[(np.abs(edges) < 3.5).all((1, 2))]
    nearest = np.array([[number.get(plan.findNearest((float(x), float(y)))[0], -1) for x, y in tri] for tri in edges])
    solid = np.all([_depth_inside(hole, edges.mean(1)) <= 0 for hole in holes], axis=0)
    triangles = nearest[solid & (nearest >= 0).all(1)]
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    turn = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    triangles[turn < 0] = triangles[turn < 0][:, ::-1]
    return vertices, triangles


@cache
def template() -> Template:
    """The mean head, built once a process (about 0.2 s)."""
    controls, mirror, names = _mean_controls()
    towards = controls - CENTRE
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    plane = flat(towards)
    vertices, triangles = _mesh(plane)
    spread = _interpolate(towards, _unflat(vertices))
    rims = np.vstack([smooth_line(np.eye(len(controls), dtype=np.float32)[list(r)], n, True) for r, n in RIMS])
    spread[: len(rims)] = rims
    paths = plane[:17, None] * np.linspace(1, 0.35, 10)[None, :, None] ** (1.0, 0.35)
    return Template(
        controls,
        mirror,
        names,
        spread,
        (0.5 + 0.5 * vertices / UV_RADIUS).astype(np.float32),
        triangles.astype(np.int32),
        _interpolate(towards, _unflat(paths.reshape(-1, 2))).reshape(17, 10, len(controls)),
    )


PIVOT = np.array([0.0, 0.15, -0.95], np.float32)
"""Top of the spine: what the head turns about."""


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Matrix (3, 3) of a turn in degrees: yaw > 0 to the image's right, pitch > 0 looking up, roll > 0 clockwise."""
    return Rotation.from_euler("yxz", [yaw, pitch, roll], degrees=True).as_matrix().astype(np.float32)


def turned(points: np.ndarray, turn: np.ndarray, share: np.ndarray | None = None) -> np.ndarray:
    """Points (..., 3) turned about PIVOT; `share` (N,) mixes turned and unturned places, for the neck."""
    moved = (points - PIVOT) @ turn.T + PIVOT
    return moved if share is None else points + share[:, None] * (moved - points)


def project(points: np.ndarray, distance: float, scale: float, place: np.ndarray) -> np.ndarray:
    """Pixels (..., 2) of points (..., 3) from `distance` head units; scale: pixels a unit at PIVOT's depth; place: (2,)
    pixel of PIVOT.
    """
    return (points[..., :2] - PIVOT[:2]) * (scale * distance / (distance + PIVOT[2] - points[..., 2:])) + place


def outward(roll: float) -> np.ndarray:
    """Which way is out of the face at every jaw point, in the image: (17, 2) unit vectors."""
    side = MEAN_SHAPE[:17] * (1.0, 0.0) + np.clip(MEAN_SHAPE[:17] - (0, 0.45), 0, None) * (0, 1.0)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    return side @ np.array([[c, s], [-s, c]])


def landmarks(controls: np.ndarray, turn: np.ndarray, roll: float) -> np.ndarray:
    """The 68 points in the turned head's space, (68, 3); a jaw point slides along the cheek to the visible outline."""
    points = turned(controls[:68], turn)
    paths = turned(template().contour @ controls, turn)
    out = (paths[..., :2] * outward(roll)[:, None]).sum(-1)
    weight = np.exp(60 * (out - out.max(1, keepdims=True)))
    weight /= weight.sum(1, keepdims=True)
    points[:17] = (weight[..., None] * paths).sum(1)
    return points
