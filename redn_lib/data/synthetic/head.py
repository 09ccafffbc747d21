"""The head: 160 control points in 3D, a matrix that spreads them over a mesh of skin, the way to the image.

Unit: half the width of the mean face (about 78 mm). x to the right of the image, y down, z to the viewer; the root
of the nose lies near z = 0. Everything that shapes a face (identity, expression) moves control points; the mesh follows
by interpolation on the sphere of directions seen from inside the skull. The first 68 controls ARE the 68 points.
(our choice)
"""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from scipy.interpolate import CubicHermiteSpline, RBFInterpolator
from scipy.spatial import Delaunay
from scipy.spatial.transform import Rotation

from redn_lib.landmarks import MEAN_SHAPE, N_POINTS

TABLES = json.loads(Path(__file__).with_name("tables.json").read_text(encoding="utf-8"))
"""All numbers of the head and of the people who wear it; the file says what each table is."""

CENTRE = np.array([0.0, -0.35, -1.1], np.float32)  # inside the skull: from there every point of the skin is seen once
PIVOT = np.array([0.0, 0.15, -0.95], np.float32)  # top of the spine: what the head turns about
SIDE = 208  # of the skin's texture in pixels
UV_RADIUS = 1.35  # in texture co-ordinates, of the part of the head that the skin texture covers
RIMS = ((range(36, 42), 4), (range(42, 48), 4), (range(60, 68), 6), (range(48, 60), 3))
"""Closed rims of lids and lips: controls, and mesh vertices for each; the first three are holes."""


class Template(NamedTuple):
    """What all heads share."""

    controls: np.ndarray  # (C, 3) mean positions; the first 68 are the 68 points
    names: dict[str, list]  # of a control, a mirrored pair of them or a region, to indices or other names
    spread: np.ndarray  # (V, C), vertices = spread @ controls
    uv: np.ndarray  # (V, 2) place of each vertex in the unit texture, [0, 1] on the front of the head
    triangles: np.ndarray  # (M, 3) indices of vertices, with holes at eyes and mouth
    contour: np.ndarray  # (17, J, C) spread of J places along the cheek to which a jaw point may slide

    def at(self, *which: int | str) -> list[int]:
        """Indices of controls given by number, name or region of the tables."""
        return [i for w in which for i in (self.at(*self.names[w]) if isinstance(w, str) else [w])]

    def moves(self, name: str) -> np.ndarray:
        """Movement (C, 3) of the controls by a slider or an expression, as far as the tables say."""
        moved = np.zeros_like(self.controls)
        for move, which in TABLES["moves"].get(name, []):
            moved[self.at(*which)] += np.array(move, np.float32)
        moved[:, 0] *= np.sign(self.controls[:, 0])
        return moved


def flat(directions: np.ndarray) -> np.ndarray:
    """Directions from CENTRE, (..., 3), to the plane, (..., 2): the radius is the angle from straight ahead."""
    unit = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    angle = 2 * np.arcsin(np.sqrt(np.clip((1 - unit[..., 2]) / 2, 0, 1)))
    side = np.maximum(np.hypot(unit[..., 0], unit[..., 1]), 1e-6)
    return unit[..., :2] * (angle / side)[..., None]


def texture_pixels(points: np.ndarray) -> np.ndarray:
    """Pixels of mean-head points (..., 3) in the skin's texture: (..., 2), in it on the front of the head."""
    return (0.5 + 0.5 * flat(points - CENTRE) / UV_RADIUS) * SIDE


def smooth_line(points: np.ndarray, per_side: int, closed: bool) -> np.ndarray:
    """Catmull-Rom curve through (N, D) points with `per_side` samples between neighbours: (n, D)."""
    p = np.pad(points, ((1, 2 if closed else 1), (0, 0)), "wrap" if closed else "edge")
    sides = len(p) - 3
    curve = CubicHermiteSpline(np.arange(sides + 1), p[1:-1], (p[2:] - p[:-2]) / 2)
    return curve(np.arange(sides * per_side + (not closed)) / per_side)


def ramp(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smooth step: 0 below `low`, 1 above `high`."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def near(p: np.ndarray, x: float, y: float, radius: float) -> np.ndarray:
    """1 at the places (+-x, y) on the front of the mean head, falling off like a bell; p: (N, 3) to (N,)."""
    d2 = (np.abs(p[:, 0]) - x) ** 2 + (p[:, 1] - y) ** 2
    return np.exp(-d2 / radius**2) * ramp(p[:, 2], -1.4, -0.6)


def _interpolate(controls: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Matrix (N, C) of the thin-plate interpolation from control directions (C, 3) to places (N, 2) in the plane."""
    angle = np.linalg.norm(places, axis=-1, keepdims=True)
    where = np.concatenate([places * np.sinc(angle / np.pi), np.cos(angle)], -1)  # `flat` backwards
    return RBFInterpolator(controls, np.eye(len(controls)), smoothing=-1e-4)(where).astype(np.float32)


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
    triangles = Delaunay(vertices).simplices
    middles = vertices[triangles].mean(1)
    triangles = triangles[np.all([_depth_inside(hole, middles) <= 0 for hole in holes], axis=0)]
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    turn = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    triangles[turn < 0] = triangles[turn < 0][:, ::-1]
    return vertices, triangles


@cache
def template() -> Template:
    """The mean head, built once a process (about 0.2 s)."""
    controls, names = [*np.column_stack([MEAN_SHAPE, TABLES["depth"]])], dict(TABLES["regions"])
    for name, (x, y, z) in TABLES["controls"].items():
        pair = [(-x, y, z), (x, y, z)] if x else [(x, y, z)]
        names[name] = list(range(len(controls), len(controls) + len(pair)))
        controls += pair
    controls = np.array(controls, np.float32)
    towards = controls - CENTRE
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    plane = flat(towards)
    vertices, triangles = _mesh(plane)
    spread = _interpolate(towards, vertices)
    rims = np.vstack([smooth_line(np.eye(len(controls), dtype=np.float32)[list(r)], n, True) for r, n in RIMS])
    spread[: len(rims)] = rims
    paths = plane[:17, None] * np.linspace(1, 0.35, 10)[None, :, None] ** (1.0, 0.35)
    contour = _interpolate(towards, paths.reshape(-1, 2)).reshape(17, 10, len(controls))
    uv = (0.5 + 0.5 * vertices / UV_RADIUS).astype(np.float32)
    return Template(controls, names, spread, uv, triangles.astype(np.int32), contour)


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Matrix (3, 3) of a turn in degrees: yaw > 0 to the image's right, pitch > 0 looking up, roll > 0 clockwise."""
    return Rotation.from_euler("yxz", [yaw, pitch, roll], degrees=True).as_matrix().astype(np.float32)


def turned(points: np.ndarray, turn: np.ndarray, share: np.ndarray | None = None) -> np.ndarray:
    """Points (..., 3) turned about PIVOT; `share` (N,) mixes turned and unturned places, for the neck."""
    moved = (points - PIVOT) @ turn.T + PIVOT
    return moved if share is None else points + share[:, None] * (moved - points)


def project(points: np.ndarray, distance: float, scale: float, place: np.ndarray) -> np.ndarray:
    """Pixels (..., 2) of points (..., 3) from `distance` head units; at PIVOT's depth a unit has `scale` pixels."""
    return (points[..., :2] - PIVOT[:2]) * (scale * distance / (distance + PIVOT[2] - points[..., 2:])) + place


def landmarks(controls: np.ndarray, turn: np.ndarray, roll: float) -> np.ndarray:
    """The 68 points in the turned head's space, (68, 3); a jaw point slides along the cheek to the visible outline."""
    points = turned(controls[:68], turn)
    paths = turned(template().contour @ controls, turn)
    side = MEAN_SHAPE[:17] * (1.0, 0.0) + np.clip(MEAN_SHAPE[:17] - (0, 0.45), 0, None) * (0, 1.0)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    outward = side @ np.array([[c, s], [-s, c]])
    out = (paths[..., :2] * outward[:, None]).sum(-1)
    weight = np.exp(60 * (out - out.max(1, keepdims=True)))
    weight /= weight.sum(1, keepdims=True)
    points[:17] = (weight[..., None] * paths).sum(1)
    return points
