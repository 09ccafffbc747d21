"""From the head to the picture: turning, perspective, the 68 points with the jaw on the seen outline. (our choice)"""

import numpy as np

from redn_lib.data.synthetic.head import template
from redn_lib.landmarks import MEAN_SHAPE

PIVOT = np.array([0.0, 0.15, -0.95], np.float32)
"""Top of the spine: what the head turns about."""


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Matrix (3, 3) of a turn in degrees: yaw > 0 to the picture's right, pitch > 0 looking up, roll > 0 clockwise in
    the picture."""
    (cy, cp, cr), (sy, sp, sr) = np.cos(np.radians([yaw, pitch, roll])), np.sin(np.radians([yaw, pitch, roll]))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (about_z @ about_x @ about_y).astype(np.float32)


def turned(points: np.ndarray, turn: np.ndarray, share: np.ndarray | None = None) -> np.ndarray:
    """Points (..., 3) turned about PIVOT; `share` (N,) mixes turned and unturned places, for the neck."""
    moved = (points - PIVOT) @ turn.T + PIVOT
    return moved if share is None else points + share[:, None] * (moved - points)


def project(points: np.ndarray, distance: float, scale: float, place: np.ndarray) -> np.ndarray:
    """Pixels (..., 2) of points (..., 3) seen from `distance` head units; scale: pixels a unit at z = PIVOT's; place:
    (2,) pixel of PIVOT."""
    return (points[..., :2] - PIVOT[:2]) * (scale * distance / (distance + PIVOT[2] - points[..., 2:])) + place


def outward(roll: float) -> np.ndarray:
    """Which way is out of the face at every jaw point, in the picture: (17, 2) unit vectors."""
    side = MEAN_SHAPE[:17] * (1.0, 0.0) + np.clip(MEAN_SHAPE[:17] - (0, 0.45), 0, None) * (0, 1.0)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    return side @ np.array([[c, s], [-s, c]])


def landmarks(controls: np.ndarray, turn: np.ndarray, roll: float) -> np.ndarray:
    """The 68 points in the turned head's space, (68, 3); a jaw point slides along the cheek to where the outline is
    seen."""
    points = turned(controls[:68], turn)
    paths = turned(template().contour @ controls, turn)
    out = (paths[..., :2] * outward(roll)[:, None]).sum(-1)
    weight = np.exp(60 * (out - out.max(1, keepdims=True)))
    weight /= weight.sum(1, keepdims=True)
    points[:17] = (weight[..., None] * paths).sum(1)
    return points
