"""Eyeballs, teeth and ears: sheets of triangles that ride on the controls of the head. (our choice)"""

from dataclasses import dataclass

import numpy as np

from redn_lib.data.synthetic.atlas import EYE, MOUTH, SIDE
from redn_lib.data.synthetic.expression import EYE_RADIUS, Expression, eye_centres
from redn_lib.data.synthetic.head import template, texture_uv


@dataclass(frozen=True)
class Part:
    """What of a piece of mesh never changes.

    triangles: (M, 3). uv: (V, 2) atlas pixels. shade: (V,) share of the light that gets in. shine: strength of
    highlights. two_sided: seen from both sides.
    """

    triangles: np.ndarray
    uv: np.ndarray
    shade: np.ndarray
    shine: float
    two_sided: bool


def sheet(rows: int, columns: int, closed: bool = False) -> np.ndarray:
    """Triangles of a rows x columns grid of vertices; `closed` joins the last column to the first."""
    r, c = np.mgrid[: rows - 1, : columns if closed else columns - 1]
    a, b = r * columns + c, r * columns + (c + 1) % columns
    return np.stack([a, b, a + columns, b, b + columns, a + columns], -1).reshape(-1, 3)


def repeated(triangles: np.ndarray, n: int, copies: int) -> np.ndarray:
    """The same triangles for `copies` groups of n vertices."""
    return np.vstack([triangles + k * n for k in range(copies)])


_RINGS = np.radians([3.0, 14.0, 27.0, 34.0, 56.0, 82.0])
_AROUND = np.linspace(0, 2 * np.pi, 14, endpoint=False)
_BALL = np.stack(
    np.broadcast_arrays(
        np.sin(_RINGS)[:, None] * np.cos(_AROUND), np.sin(_RINGS)[:, None] * np.sin(_AROUND), np.cos(_RINGS)[:, None]
    ),
    -1,
).reshape(-1, 3)


def eyes_part() -> Part:
    """Both eyeballs' fronts; the texture is centred on the pupil."""
    uv = np.array(EYE[:2]) + EYE[2] * (0.5 + 0.48 * _BALL[:, :2])
    under_lid = np.clip(0.85 + 0.9 * _BALL[:, 1], 0.5, 1) * np.repeat([1, 1, 1, 0.95, 0.8, 0.5], len(_AROUND))
    return Part(repeated(sheet(6, 14, True)[:, ::-1], 84, 2), np.tile(uv, (2, 1)), np.tile(under_lid, 2), 1.5, False)


def eyes(controls: np.ndarray, expression: Expression) -> np.ndarray:
    """Vertices (168, 3): eyeballs turned by the gaze."""
    gx, gy = np.radians([expression.gaze_x, expression.gaze_y])
    turn_x = np.array([[np.cos(gx), 0, np.sin(gx)], [0, 1, 0], [-np.sin(gx), 0, np.cos(gx)]])
    turn_y = np.array([[1, 0, 0], [0, np.cos(gy), np.sin(gy)], [0, -np.sin(gy), np.cos(gy)]])
    ball = EYE_RADIUS * _BALL @ (turn_x @ turn_y).T
    shut = np.maximum([expression.blink_right, expression.blink_left], 0)
    back = np.zeros((2, 1, 3))
    back[:, 0, 2] = -0.06 * shut
    return (eye_centres(controls)[:, None] + ball + back).reshape(-1, 3)


_TOOTH_X = np.linspace(-0.30, 0.30, 9)


def mouth_part() -> Part:
    """Dark bag, upper teeth, lower teeth, tongue: four sheets of 2 x 9."""
    v = np.repeat([0.03, 0.1, 0.28, 0.48, 0.53, 0.70, 0.80, 0.95], 9)
    uv = np.array(MOUTH[:2]) + MOUTH[2] * np.column_stack([np.tile(np.linspace(0.06, 0.94, 9), 8), v])
    return Part(repeated(sheet(2, 9), 18, 4), uv, np.repeat([0.1, 0.1, 0.4, 0.8, 0.5, 0.3, 0.2, 0.55], 9), 1.2, True)


def mouth(controls: np.ndarray, expression: Expression) -> np.ndarray:
    """Vertices (72, 3), behind the lips."""
    middle, wide = controls[[48, 54], 0].mean(), min(1.0, (controls[54, 0] - controls[48, 0]) / 0.62)
    top, low = controls[62], controls[66]

    def pair(y0: float, y1: float, z0: float, z1: float, curve: float) -> np.ndarray:
        rows = [
            np.column_stack([middle + 1.05 * wide * _TOOTH_X, np.full(9, y), z - curve * _TOOTH_X**2])
            for y, z in ((y0, z0), (y1, z1))
        ]
        return np.vstack(rows)

    hidden = 0.5 * float(np.clip(1 - (low[1] - top[1]) / 0.06, 0, 1))
    bag = pair(top[1] - 0.2, low[1] + 0.2, top[2] - 0.42, low[2] - 0.38, 0.6)
    edge = top[1] + 0.045 + 0.04 * expression.lip_raise + 0.02 * max(expression.smile, 0)
    upper = pair(edge - 0.16, edge, top[2] - 0.075 - hidden, top[2] - 0.06 - hidden, 1.9)
    lower = pair(low[1] - 0.035, low[1] + 0.06, low[2] - 0.09 - hidden, low[2] - 0.09 - hidden, 1.9)
    tongue = pair(low[1] - 0.05, low[1] + 0.12, low[2] - 0.30, low[2] - 0.12, 1.2)
    return np.vstack([bag, upper, lower, tongue])


_EAR_RIM = np.array(
    [
        (0.02, 0.30),
        (0.0, 0.10),
        (0.0, -0.12),
        (0.05, -0.30),
        (0.17, -0.40),
        (0.31, -0.37),
        (0.39, -0.22),
        (0.38, -0.02),
        (0.29, 0.16),
        (0.19, 0.33),
        (0.08, 0.38),
    ]
)
"""Outline of an ear: (backwards, down)."""


def ears_part() -> Part:
    """Rim, inner ring and middle of both ears."""
    rings = np.vstack(
        [sheet(2, 11, True), np.column_stack([np.full(11, 22), 11 + np.arange(11), 11 + (np.arange(11) + 1) % 11])]
    )
    spot = texture_uv(np.array([0.8, -0.2, -0.6])) * SIDE
    uv = spot + 20 * _EAR_RIM[[*range(11), *range(11), 0]]
    return Part(repeated(rings, 23, 2), np.tile(uv, (2, 1)), np.tile([1.0] * 11 + [0.60] * 11 + [0.42], 2), 0.6, True)


def ears(controls: np.ndarray, size: float, out: float) -> np.ndarray:
    """Vertices (46, 3). size: 1 the mean; out: 0 flat to the head, 1 sticking out."""
    pieces = []
    for jaw, back_of, side in zip((0, 16), template().names["ear_back"], (-1, 1), strict=True):
        anchor = 0.6 * controls[jaw] + 0.4 * controls[back_of] + (0.0, 0.10, -0.02)
        back, down = size * _EAR_RIM.T
        rim = anchor + np.column_stack([side * (0.01 + back * (0.30 + 0.6 * out)), down, -back * 0.9])
        hub = rim.mean(0)
        inner = hub + 0.62 * (rim - hub) - (0.05 * side, 0, 0)
        pieces += [rim, inner, hub[None] - (0.10 * side, 0, 0)]
    return np.vstack(pieces)
