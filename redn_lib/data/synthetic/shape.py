"""Who a head belongs to: identity sliders, each a movement of the control points. (our choice)

Every slider is a number of about unit spread; 0 is the mean head. Unit of length: see head.py.
"""

from functools import cache

import numpy as np

from redn_lib.data.synthetic.expression import Expression, express
from redn_lib.data.synthetic.head import near, step, template

SLIDERS = (
    *("face_width", "lower_face", "middle_face", "forehead", "jaw_width", "chin_width", "chin_out"),
    *("cheek_bones", "cheek_full", "nose_width", "nose_out", "nose_bump", "nose_tip_up", "nose_root"),
    *("mouth_width", "upper_lip", "lower_lip", "mouth_out", "mouth_height", "eye_spacing", "eye_open"),
    *("eye_width", "eye_tilt", "eye_deep", "brow_height", "brow_tilt", "brow_arch", "brow_spacing"),
    *("head_depth", "skew_mouth", "skew_jaw", "skew_eyes", "mix_1", "mix_2", "mix_3", "mix_4", "mix_5"),
    *("mix_6"),
)
"""Names of the identity vector's numbers, in order."""


@cache
def fields() -> np.ndarray:
    """Movement of every control by each slider at 1: (S, C, 3)."""
    mean = template()
    p, at = mean.controls, mean.names
    x, y, z = p.T
    side, front = np.sign(x), step(z, -1.3, -0.7)
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
    mouth = near(p, 0.15, 0.33, 0.36)
    brows = points(*range(17, 27), "ridge_in", "ridge", "ridge_out", "glabella") * 0.75 + 0.25 * near(
        p, 0.45, -0.95, 0.4
    )
    eyes = points(*range(36, 48), "crease_in", "lid_crease", "crease_out", "bag_in", "bag", "bag_out")
    put("face_width", 0, 0.045 * x)
    put("lower_face", 1, 0.075 * np.maximum(y - 0.05, 0) * step(z, -2.2, -1.0))
    put("middle_face", 1, 0.05 * step(y, -0.55, 0.0) * step(z, -2.2, -1.0))
    put("forehead", 1, -0.09 * step(-y, 0.9, 1.6))
    put("jaw_width", 0, 0.065 * side * step(np.abs(x), 0.2, 0.7) * step(y, -0.2, 0.45) * step(z, -1.6, -0.9))
    put("chin_width", 0, 0.06 * side * step(np.abs(x), 0.0, 0.3) * near(p, 0.3, 0.82, 0.3))
    put("chin_out", 2, 0.07 * near(p, 0.0, 0.8, 0.35))
    put("cheek_bones", 0, 0.03 * side * near(p, 0.78, -0.32, 0.3))
    put("cheek_bones", 2, 0.035 * near(p, 0.6, -0.32, 0.25))
    put("cheek_full", 0, 0.045 * side * near(p, 0.7, 0.2, 0.35))
    put("cheek_full", 2, 0.04 * near(p, 0.6, 0.15, 0.35))
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
    put("eye_spacing", 0, 0.022 * side * np.maximum(eyes, brows) + 0.008 * side * near(p, 0.4, -0.6, 0.4))
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
    put("head_depth", 2, 0.06 * (z + 0.4) * step(-z, 0.3, 1.0))
    put("skew_mouth", 0, 0.02 * mouth)
    put("skew_mouth", 1, 0.03 * x * mouth)
    put("skew_jaw", 0, 0.03 * step(y, 0.2, 0.9) * front)
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
            put(name, axis, 0.011 * wave * (np.sign(x) * step(np.abs(x), 0, 0.15) if axis == 0 else 1) * front)
    return np.stack([out[name] for name in SLIDERS]).astype(np.float32)


def shape(identity: np.ndarray, expression: Expression) -> np.ndarray:
    """Controls (C, 3) of this person with this expression. identity: (len(SLIDERS),)."""
    neutral = template().controls + np.tensordot(np.asarray(identity, np.float32), fields(), 1)
    return express(neutral, expression)
