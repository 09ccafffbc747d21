"""What shapes a head: identity sliders and expressions, both as movements of the control points. (our choice)

Every slider is a number of about unit spread; 0 is the mean head. Unit of length: see head.py.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from redn_lib.data.procedural.head import template
from redn_lib.landmarks import N_POINTS

SLIDERS = (
    "face_width", "lower_face", "middle_face", "forehead", "jaw_width", "chin_width", "chin_out", "cheek_bones",
    "cheek_full",
    "nose_width", "nose_out", "nose_bump", "nose_tip_up", "nose_root", "mouth_width", "upper_lip", "lower_lip",
    "mouth_out",
    "mouth_height", "eye_spacing", "eye_open", "eye_width", "eye_tilt", "eye_deep", "brow_height", "brow_tilt",
    "brow_arch", "brow_spacing",
    "head_depth", "skew_mouth", "skew_jaw", "skew_eyes", "mix_1", "mix_2", "mix_3", "mix_4", "mix_5", "mix_6",
)  # fmt: skip
"""Names of the identity vector's numbers, in order."""

EYE_RADIUS = 0.172
HINGE = np.array([0.0, -0.35, -1.0], np.float32)
"""Axis of the jaw, parallel to x."""


@dataclass(frozen=True)
class Expression:
    """What the face does. mouth_open, smile, pucker, lip_raise, brow_raise, frown, squint: 0 none to 1 full (smile and
    brow_raise to -1);
    blink_right, blink_left: 0 open to 1 shut (below 0 wide open); gaze_x, gaze_y: degrees to the picture's right and
    down; jaw_side: -1 to 1."""

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


def _step(x: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _near(p: np.ndarray, x: float, y: float, radius: float) -> np.ndarray:
    """1 at (+-x, y) on the front of the head, falling off like a bell."""
    d2 = (np.abs(p[:, 0]) - x) ** 2 + (p[:, 1] - y) ** 2
    return np.exp(-d2 / radius**2) * _step(p[:, 2], -1.4, -0.6)


@cache
def fields() -> np.ndarray:
    """Movement of every control by each slider at 1: (S, C, 3)."""
    mean = template()
    p, at = mean.controls, mean.names
    x, y, z = p.T
    side, front = np.sign(x), _step(z, -1.3, -0.7)
    out = {name: np.zeros_like(p) for name in SLIDERS}

    def put(name: str, axis: int, amount: np.ndarray) -> None:
        out[name][:, axis] += amount

    def points(*which: int | str) -> np.ndarray:
        mask = np.zeros(len(p), np.float32)
        for w in which:
            mask[list(at[w]) if isinstance(w, str) else w] = 1
        return mask

    nose = points(*range(28, 36), "columella", "tip_side", "wing", "wing_top", "nostril", "bridge_side", "bridge_low")
    wings = points(31, 32, 34, 35, "wing", "wing_top", "nostril")
    mouth = _near(p, 0.15, 0.33, 0.36)
    brows = points(*range(17, 27), "ridge_in", "ridge", "ridge_out", "glabella") * 0.75 + 0.25 * _near(
        p, 0.45, -0.95, 0.4
    )
    eyes = points(*range(36, 48), "crease_in", "lid_crease", "crease_out", "bag_in", "bag", "bag_out")
    put("face_width", 0, 0.045 * x)
    put("lower_face", 1, 0.075 * np.maximum(y - 0.05, 0) * _step(z, -2.2, -1.0))
    put("middle_face", 1, 0.05 * _step(y, -0.55, 0.0) * _step(z, -2.2, -1.0))
    put("forehead", 1, -0.09 * _step(-y, 0.9, 1.6))
    put("jaw_width", 0, 0.065 * side * _step(np.abs(x), 0.2, 0.7) * _step(y, -0.2, 0.45) * _step(z, -1.6, -0.9))
    put("chin_width", 0, 0.06 * side * _step(np.abs(x), 0.0, 0.3) * _near(p, 0.3, 0.82, 0.3))
    put("chin_out", 2, 0.07 * _near(p, 0.0, 0.8, 0.35))
    put("cheek_bones", 0, 0.03 * side * _near(p, 0.78, -0.32, 0.3))
    put("cheek_bones", 2, 0.035 * _near(p, 0.6, -0.32, 0.25))
    put("cheek_full", 0, 0.045 * side * _near(p, 0.7, 0.2, 0.35))
    put("cheek_full", 2, 0.04 * _near(p, 0.6, 0.15, 0.35))
    put("nose_width", 0, 0.030 * side * wings + 0.012 * side * points("tip_side", "bridge_low"))
    put("nose_out", 2, 0.19 * np.maximum(z + 0.02, 0) * nose)
    put("nose_bump", 2, 0.035 * points(28, "bridge_side") + 0.025 * points(29, "bridge_low"))
    put("nose_tip_up", 1, -0.035 * points(30, "columella", "tip_side", "nostril") - 0.012 * points(31, 32, 33, 34, 35))
    put("nose_root", 2, 0.035 * points(27, "root_side", "glabella") + 0.02 * points(28))
    put("nose_root", 0, 0.012 * side * points("bridge_side", "root_side"))
    put("mouth_width", 0, 0.10 * x * mouth)
    put("upper_lip", 1, -0.024 * points(50, 51, 52) - 0.018 * points(49, 53) - 0.01 * points("upper_lip", "upper_mid"))
    put("upper_lip", 2, 0.015 * points("upper_lip", "upper_mid", 50, 51, 52))
    put("lower_lip", 1, 0.028 * points(56, 57, 58) + 0.018 * points(55, 59) + 0.013 * points("lower_lip", "lower_mid"))
    put("lower_lip", 2, 0.02 * points("lower_lip", "lower_mid", 56, 57, 58))
    put("mouth_out", 2, 0.055 * mouth)
    put("mouth_height", 1, 0.035 * mouth)
    put("eye_spacing", 0, 0.022 * side * np.maximum(eyes, brows) + 0.008 * side * _near(p, 0.4, -0.6, 0.4))
    lids = {37: -1, 38: -1, 43: -1, 44: -1, 40: 0.6, 41: 0.6, 46: 0.6, 47: 0.6}
    put("eye_open", 1, 0.013 * np.array([lids.get(i, 0) for i in range(len(p))]))
    put(
        "eye_width",
        0,
        0.014 * side * (points(36, 45) - points(39, 42))
        + 0.006 * side * (points(37, 41, 44, 46) - points(38, 40, 43, 47)),
    )
    put("eye_tilt", 1, eyes * (0.42 - np.abs(x)) * 0.11)
    put("eye_deep", 2, 0.035 * brows - 0.02 * eyes)
    put("brow_height", 1, -0.040 * brows)
    put("brow_tilt", 1, points(*range(17, 27)) * (0.5 - np.abs(x)) * 0.10)
    put("brow_arch", 1, -0.030 * points(18, 19, 20, 23, 24, 25) + 0.012 * points(17, 21, 22, 26))
    put("brow_spacing", 0, 0.030 * side * points(20, 21, 22, 23))
    put("head_depth", 2, 0.06 * (z + 0.4) * _step(-z, 0.3, 1.0))
    put("skew_mouth", 0, 0.02 * mouth)
    put("skew_mouth", 1, 0.03 * x * mouth)
    put("skew_jaw", 0, 0.03 * _step(y, 0.2, 0.9) * front)
    put("skew_eyes", 1, 0.012 * side * np.maximum(eyes, brows))
    rng = np.random.default_rng(68)
    for name in SLIDERS[-6:]:
        for axis in range(3):
            wave = sum(
                rng.normal()
                * np.cos(rng.uniform(0.8, 3.0) * (np.abs(x) + rng.uniform(0, 6)))
                * np.cos(rng.uniform(0.8, 3.5) * (y + rng.uniform(0, 6)))
                for _ in range(3)
            )
            put(name, axis, 0.011 * wave * (np.sign(x) * _step(np.abs(x), 0, 0.15) if axis == 0 else 1) * front)
    return np.stack([out[name] for name in SLIDERS]).astype(np.float32)


@cache
def _jaw_weight() -> np.ndarray:
    p, at = template().controls, template().names
    w = _step(p[:, 1], 0.30, 0.50) * _step(p[:, 2], -1.15, -0.35)
    w = np.maximum(w, 0.85 * _step(p[:, 1], 0.15, 0.75) * _step(p[:, 2], -1.3, -0.6))
    w[[55, 56, 57, 58, 59, 65, 66, 67]] = 1
    w[[48, 54, 60, 64]] = 0.42
    w[[0, 1, 15, 16]] = 0
    for name, value in {
        "lower_lip": 1,
        "lower_mid": 1,
        "mouth_side": 0.45,
        "below_lip": 1,
        "neck_front": 0.2,
        "throat": 0.6,
        "neck_jaw": 0.2,
        "neck_side": 0,
    }.items():
        w[list(at[name])] = value
    w[[i for i in range(len(p)) if p[i, 1] < 0.28 and i > N_POINTS and p[i, 2] > -0.3]] *= 0.5
    return w.astype(np.float32)


def turn_jaw(points: np.ndarray, weight: np.ndarray | float, mouth_open: float) -> np.ndarray:
    """Points (N, 3) turned about the jaw's axis; `weight` 1 moves with the jaw, 0 stays. The mean head's lips are a
    little apart."""
    angle = np.radians(-4.6 + 23 * mouth_open) * np.broadcast_to(weight, len(points))
    d = points - HINGE
    c, s = np.cos(angle), np.sin(angle)
    return np.column_stack(
        [points[:, 0], HINGE[1] + d[:, 1] * c + d[:, 2] * s, HINGE[2] - d[:, 1] * s + d[:, 2] * c]
    ).astype(np.float32)


def eye_centres(controls: np.ndarray) -> np.ndarray:
    """Centres of the eyeballs, the person's right one first: (2, 3)."""
    corners = np.stack([controls[[36, 39]].mean(0), controls[[42, 45]].mean(0)])
    return corners - np.array([0, 0.004, 0.105], np.float32)


def shape(identity: np.ndarray, expression: Expression) -> np.ndarray:
    """Controls (C, 3) of this person with this expression. identity: (len(SLIDERS),)."""
    t, e = template(), expression
    neutral = t.controls + np.tensordot(np.asarray(identity, np.float32), fields(), 1)
    p, at = neutral.copy(), t.names
    x = p[:, 0].copy()
    side, corners = np.sign(t.controls[:, 0]), _near(t.controls, 0.36, 0.30, 0.17)
    corners[[49, 53, 55, 59, 61, 63, 65, 67]] *= 0.6
    cheeks = _near(t.controls, 0.52, -0.12, 0.26)
    p[:, 0] += e.smile * 0.085 * side * corners + e.smile * 0.02 * side * cheeks
    p[:, 1] += -e.smile * 0.075 * corners - max(e.smile, 0) * 0.06 * cheeks
    p[:, 2] += -e.smile * 0.05 * corners + max(e.smile, 0) * 0.05 * cheeks
    upper = [49, 50, 51, 52, 53, 61, 62, 63, *at["upper_lip"], *at["upper_mid"]]
    p[upper, 1] -= 0.065 * e.lip_raise + 0.012 * max(e.smile, 0)
    p[[31, 32, 33, 34, 35, *at["wing"]], 1] -= 0.012 * e.lip_raise
    around = _near(t.controls, 0.2, 0.32, 0.26)
    p[:, 0] -= e.pucker * 0.36 * x * around
    p[:, 2] += e.pucker * 0.09 * around
    brow = np.zeros(len(p), np.float32)
    brow[17:27] = 1
    brow[[*at["ridge_in"], *at["ridge"], *at["ridge_out"]]] = 0.6
    brow[[*at["brow_mid"], *at["glabella"]]] = 0.6
    p[:, 1] -= brow * 0.10 * e.brow_raise
    inner = _near(t.controls, 0.22, -0.88, 0.16) * brow
    p[:, 0] -= side * 0.05 * e.frown * inner
    p[:, 1] += 0.06 * e.frown * inner
    p = turn_jaw(p, _jaw_weight(), e.mouth_open)
    p[:, 0] += 0.05 * e.jaw_side * _jaw_weight()
    for top, low in ((61, 67), (62, 66), (63, 65)):
        overlap = p[top, 1] - p[low, 1]
        if overlap > 0:
            p[[top, low], 1] += np.array([-0.5, 0.5], np.float32) * overlap
            p[[top, low], 2] = p[[top, low], 2].mean()
    for centre, shut, (lids_up, lids_down), corner in zip(
        eye_centres(neutral),
        (e.blink_right, e.blink_left),
        (((37, 38), (41, 40)), ((43, 44), (47, 46))),
        ((36, 39), (42, 45)),
        strict=True,
    ):
        for up, down in zip(lids_up, lids_down, strict=True):
            opening = p[down, 1] - p[up, 1]
            p[up, 1] += opening * (shut * 0.9 if shut > 0 else shut * 0.5) + 0.0016 * e.gaze_y * (1 - max(shut, 0))
            p[down, 1] -= opening * (0.1 * max(shut, 0) + 0.3 * e.squint)
            p[down, 1] = max(p[down, 1], p[up, 1])
            for lid in (up, down):
                flat2 = ((p[lid, :2] - centre[:2]) ** 2).sum()
                p[lid, 2] = centre[2] + 0.03 + np.sqrt(max((1.1 * EYE_RADIUS) ** 2 - flat2, 0.004))
        for i in corner:
            flat2 = ((p[i, :2] - centre[:2]) ** 2).sum()
            p[i, 2] = max(p[i, 2], centre[2] + 0.03 + np.sqrt(max((1.02 * EYE_RADIUS) ** 2 - flat2, 0)))
    return p
