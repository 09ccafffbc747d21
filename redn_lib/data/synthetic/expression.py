"""What a face does: expressions as movements of the control points. (our choice)"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from redn_lib.data.synthetic.head import TABLES, near, ramp, template
from redn_lib.landmarks import N_POINTS

EYE_RADIUS = 0.172
HINGE = np.array([0.0, -0.35, -1.0], np.float32)  # axis of the jaw, parallel to x
_UPPER_LIDS, _LOWER_LIDS, _CORNERS = [37, 38, 43, 44], [41, 40, 47, 46], [36, 39, 42, 45]
_LIP_PAIRS = np.array([(61, 67), (62, 66), (63, 65)])


@dataclass(frozen=True)
class Expression:
    """What the face does, 0 none to 1 full; smile and brow_raise may go to -1.

    blink_right, blink_left: 0 open to 1 shut, below 0 wide open.
    gaze_x, gaze_y: degrees to the image's right and down.
    jaw_side: -1 to 1, to the image's right.
    """

    mouth_open: float = 0.0
    smile: float = 0.0
    pucker: float = 0.0
    lip_raise: float = 0.0
    brow_raise: float = 0.0
    frown: float = 0.0
    squint: float = 0.0
    blink_right: float = 0.0
    blink_left: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    jaw_side: float = 0.0


@cache
def _fields() -> tuple[np.ndarray, np.ndarray]:
    """Movement of every control by six expressions (see `express`), (6, C, 3); share of each in the jaw's, (C,)."""
    t = template()
    p = t.controls
    side, still = np.sign(p[:, 0]), np.zeros(len(p))
    corners, cheeks, around = near(p, 0.36, 0.30, 0.17), near(p, 0.52, -0.12, 0.26), near(p, 0.2, 0.32, 0.26)
    corners[[49, 53, 55, 59, 61, 63, 65, 67]] *= 0.6
    smile = np.column_stack(
        [side * (0.085 * corners + 0.02 * cheeks), -0.075 * corners - 0.06 * cheeks, 0.05 * (cheeks - corners)]
    )
    smile[t.at("upper_mouth"), 1] -= 0.012
    sad = np.column_stack([-0.085 * side * corners, 0.075 * corners, 0.05 * corners])
    pucker = np.column_stack([-0.36 * p[:, 0] * around, still, 0.09 * around])
    brow_raise = t.moves("brow_raise")
    inner = near(p, 0.22, -0.88, 0.16) * -10 * brow_raise[:, 1]
    frown = np.column_stack([-0.05 * side * inner, 0.06 * inner, still])
    moves = np.stack([smile, sad, pucker, t.moves("lip_raise"), brow_raise, frown]).astype(np.float32)

    jaw = ramp(p[:, 1], 0.30, 0.50) * ramp(p[:, 2], -1.15, -0.35)
    jaw = np.maximum(jaw, 0.85 * ramp(p[:, 1], 0.15, 0.75) * ramp(p[:, 2], -1.3, -0.6))
    for share, which in TABLES["jaw"]:
        jaw[t.at(*which)] = share
    jaw[N_POINTS:][(p[N_POINTS:, 1] < 0.28) & (p[N_POINTS:, 2] > -0.3)] *= 0.5
    return moves, jaw.astype(np.float32)


def eye_centres(controls: np.ndarray) -> np.ndarray:
    """Centres of the eyeballs, the person's right one first: (2, 3)."""
    return controls[_CORNERS].reshape(2, 2, 3).mean(1) - np.array([0, 0.004, 0.105], np.float32)


def express(neutral: np.ndarray, expression: Expression) -> np.ndarray:
    """Controls (C, 3) of a neutral head, mouth as the mean head's, with this expression on it: (C, 3)."""
    e, (moves, weight) = expression, _fields()
    amount = [max(e.smile, 0), max(-e.smile, 0), e.pucker, e.lip_raise, e.brow_raise, e.frown]
    p = neutral + np.tensordot(np.array(amount, np.float32), moves, 1)

    # the jaw turns about its hinge; the mean head's lips are a little apart, so that 0 closes them
    angle = np.radians(-4.6 + 23 * e.mouth_open) * weight
    c, s = np.cos(angle), np.sin(angle)
    down, front = (p[:, 1:] - HINGE[1:]).T
    p[:, 1] = HINGE[1] + down * c + front * s
    p[:, 2] = HINGE[2] - down * s + front * c
    p[:, 0] += 0.05 * e.jaw_side * weight
    top, low = _LIP_PAIRS[p[_LIP_PAIRS[:, 0], 1] > p[_LIP_PAIRS[:, 1], 1]].T
    p[top, 1:] = p[low, 1:] = (p[top, 1:] + p[low, 1:]) / 2

    # the lids open and shut, and lie round the eyeballs
    shut = np.repeat([e.blink_right, e.blink_left], 2)
    closed = np.clip(shut, 0, 1)
    ball = np.repeat(eye_centres(p), 2, 0) + (0, 0, 0.03)
    opening = p[_LOWER_LIDS, 1] - p[_UPPER_LIDS, 1]
    fall = opening * np.where(shut > 0, 0.9 * closed, 0.5 * shut) + 0.0016 * e.gaze_y * (1 - closed)
    rise = opening * (0.1 * closed + 0.3 * e.squint)
    p[_UPPER_LIDS, 1] += fall
    p[_LOWER_LIDS, 1] = np.maximum(p[_LOWER_LIDS, 1] - rise, p[_UPPER_LIDS, 1])

    def on_ball(which: list[int], radius: float, least: float) -> np.ndarray:
        off = ((p[which, :2] - ball[:, :2]) ** 2).sum(1)
        return ball[:, 2] + np.sqrt(np.maximum((radius * EYE_RADIUS) ** 2 - off, least))

    for lids in (_UPPER_LIDS, _LOWER_LIDS):
        p[lids, 2] = on_ball(lids, 1.1, 0.004)
    p[_CORNERS, 2] = np.maximum(p[_CORNERS, 2], on_ball(_CORNERS, 1.02, 0))
    return p
