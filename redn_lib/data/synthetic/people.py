"""Who a procedural person is: sliders that shape the head, and colours, hair and clothes, drawn from one number.
(our choice)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from redn_lib.data.synthetic.expression import Expression, express
from redn_lib.data.synthetic.head import near, ramp, template

SLIDERS = (
    *("face_width", "lower_face", "middle_face", "forehead", "jaw_width", "chin_width", "chin_out"),
    *("cheek_bones", "cheek_full", "nose_width", "nose_out", "nose_bump", "nose_tip_up", "nose_root"),
    *("mouth_width", "upper_lip", "lower_lip", "mouth_out", "mouth_height", "eye_spacing", "eye_open"),
    *("eye_width", "eye_tilt", "eye_deep", "brow_height", "brow_tilt", "brow_arch", "brow_spacing"),
    *("head_depth", "skew_mouth", "skew_jaw", "skew_eyes"),
    *("mix_1", "mix_2", "mix_3", "mix_4", "mix_5", "mix_6"),
)
"""Names of the identity vector's numbers, in order."""

_UNUSED_DRAWS = 4
"""Numbers drawn before those of the mixes that move nothing: with them a seed keeps its face of earlier versions."""


@cache
def fields() -> np.ndarray:
    """Movement of every control by each slider at 1: (S, C, 3)."""
    mean = template()
    p, at = mean.controls, mean.names
    x, y, z = p.T
    side, front = np.sign(x), ramp(z, -1.3, -0.7)
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
    brows = points(*range(17, 27), "ridge_in", "ridge", "ridge_out", "glabella") * 0.75
    brows += 0.25 * near(p, 0.45, -0.95, 0.4)
    eyes = points(*range(36, 48), "crease_in", "lid_crease", "crease_out", "bag_in", "bag", "bag_out")
    put("face_width", 0, 0.045 * x)
    put("lower_face", 1, 0.075 * np.maximum(y - 0.05, 0) * ramp(z, -2.2, -1.0))
    put("middle_face", 1, 0.05 * ramp(y, -0.55, 0.0) * ramp(z, -2.2, -1.0))
    put("forehead", 1, -0.09 * ramp(-y, 0.9, 1.6))
    put("jaw_width", 0, 0.065 * side * ramp(np.abs(x), 0.2, 0.7) * ramp(y, -0.2, 0.45) * ramp(z, -1.6, -0.9))
    put("chin_width", 0, 0.06 * side * ramp(np.abs(x), 0.0, 0.3) * near(p, 0.3, 0.82, 0.3))
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
    put("eye_width", 0, 0.014 * side * (points(36, 45) - points(39, 42)))
    put("eye_width", 0, 0.006 * side * (points(37, 41, 44, 46) - points(38, 40, 43, 47)))
    put("eye_tilt", 1, eyes * (0.42 - np.abs(x)) * 0.11)
    put("eye_deep", 2, 0.035 * brows - 0.02 * eyes)
    put("brow_height", 1, -0.040 * brows)
    put("brow_tilt", 1, points(*range(17, 27)) * (0.5 - np.abs(x)) * 0.10)
    put("brow_arch", 1, -0.030 * points(18, 19, 20, 23, 24, 25) + 0.012 * points(17, 21, 22, 26))
    put("brow_spacing", 0, 0.030 * side * points(20, 21, 22, 23))
    put("head_depth", 2, 0.06 * (z + 0.4) * ramp(-z, 0.3, 1.0))
    put("skew_mouth", 0, 0.02 * mouth)
    put("skew_mouth", 1, 0.03 * x * mouth)
    put("skew_jaw", 0, 0.03 * ramp(y, 0.2, 0.9) * front)
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
            put(name, axis, 0.011 * wave * (np.sign(x) * ramp(np.abs(x), 0, 0.15) if axis == 0 else 1) * front)
    return np.stack([out[name] for name in SLIDERS]).astype(np.float32)


def shape(identity: np.ndarray, expression: Expression) -> np.ndarray:
    """Controls (C, 3) of this person with this expression. identity: (len(SLIDERS),)."""
    neutral = template().controls + np.tensordot(np.asarray(identity, np.float32), fields(), 1)
    return express(neutral, expression)


GLASSES = ("none", "thin", "thick", "rimless", "dark")

_USUAL = {"lower_face": -0.4, "middle_face": -0.3, "nose_root": 0.3}
_USUAL |= dict.fromkeys(("chin_out", "cheek_full", "mouth_width", "eye_spacing", "eye_deep"), -0.2)
"""Where the middle of the crowd lies off the mean head: what fitting the head to real training people's points gave."""


@dataclass(frozen=True, eq=False)
class Person:
    """One person.

    seed: what it was drawn from.
    shape: (len(SLIDERS),) float32.
    traits: every other number by name, colours as triples.
    """

    seed: int
    shape: np.ndarray
    traits: Mapping[str, Any]

    @property
    def name(self) -> str:
        """`procedural-` and the seed in six digits."""
        return f"procedural-{self.seed:06d}"


def _colour(rng: np.random.Generator, low: float = 0.02, high: float = 0.8) -> tuple[float, float, float]:
    grey, tint = rng.uniform(low**0.5, high**0.5) ** 2, rng.uniform(0, 1) ** 2
    hue = rng.uniform(0.15, 1.0, 3)
    colour = grey * ((1 - tint) + tint * hue / hue.mean())
    return tuple(float(c) for c in np.clip(colour, 0.004, 0.95))


def _skin(rng: np.random.Generator, woman: bool, old: float, tone: float) -> dict[str, Any]:
    make_up = woman * rng.random()
    shadow = -rng.uniform(0, 0.5) * make_up * rng.uniform(0.4, 1.2, 3) - 0.05
    bearded, stubble = not woman and rng.random() < 0.38, not woman and rng.random() < 0.6
    full_beard, moustache = bearded and rng.random() < 0.6, bearded and rng.random() < 0.8
    return {
        "skin_tone": tone,
        "skin_red": rng.normal(),
        "skin_yellow": rng.normal(),
        "mottle": rng.uniform(0.1, 1.0),
        "blush": rng.uniform(0, 1.2),
        "lip_red": rng.uniform(0.4, 1.2) + 0.9 * make_up * rng.random(),
        "lip_dark": rng.uniform(-0.05, 0.4),
        "lash": rng.uniform(0.45, 1.1) + 0.6 * make_up,
        "lid_crease": rng.uniform(0, 1.4),
        "eye_shadow": tuple(float(s) for s in shadow),
        "sclera": rng.uniform(0.65, 1.1),
        "teeth": rng.uniform(0.65, 1.2),
        "brow_thick": rng.uniform(4.0, 7.5) if woman else rng.uniform(5.5, 11.0),
        "brow_dark": rng.uniform(0.25, 1.0),
        "beard": rng.uniform(0.4, 1.0) if full_beard else rng.uniform(0, 0.28) * stubble,
        "moustache": rng.uniform(0.4, 1.0) if moustache else rng.uniform(0, 0.22) * stubble,
        "beard_grey": rng.uniform(0, 0.3) * (old > 0.4),
    }


def _hair(rng: np.random.Generator, woman: bool, old: float, tone: float) -> dict[str, Any]:
    dark, grey = tone > 0.5 or rng.random() < 0.5, old > 0.45 and rng.random() < 0.7
    colour = rng.uniform(0.88, 1.0) if grey else rng.uniform(0, 0.28) if dark else rng.uniform(0.1, 0.8)
    odds = [0, 0.02, 0.13, 0.30, 0.50, 0.05] if woman else [0.11, 0.15, 0.52, 0.13, 0.05, 0.04]
    kind = str(rng.choice(["bald", "buzz", "short", "medium", "long", "headscarf"], p=odds))
    long, receding = kind in ("medium", "long", "headscarf"), old * (not woman)
    fringe = kind == "headscarf" or rng.random() < (0.3 if woman else 0.15)
    crown_bare = kind == "short" and not woman and rng.random() < 0.2 + 0.3 * old
    return {
        "hair": int(kind not in ("bald", "buzz")),
        "long_hair": int(long),
        "headscarf": int(kind == "headscarf"),
        "stubble_head": rng.uniform(0.3, 0.9) if kind == "buzz" else 0.0,
        "bald": rng.uniform(0.45, 0.7) if crown_bare else 0.0,
        "hair_tone": colour,
        "hair_red": rng.normal() * 0.6,
        "hair_streak": rng.uniform(0.3, 1.6),
        "hair_curl": rng.random(),
        "hair_front": -rng.uniform(0.10, 0.46) if fringe else rng.uniform(-0.10, 0.28) + 0.25 * receding,
        "hair_temple": rng.uniform(-0.35, 0.05) if long else rng.uniform(-0.1, 0.2) + 0.2 * receding,
        "sideburn": rng.uniform(-0.1, 0.35),
        "hair_part": rng.uniform(-1, 1) * (rng.random() < 0.6),
        "hair_ragged": rng.uniform(0.1, 1.0),
        "hair_volume": rng.uniform(0.03, 0.16) if kind == "short" else rng.uniform(0.06, 0.26),
        "hair_top": rng.uniform(0, 1.5),
        "hair_open": float(np.radians(rng.uniform(56, 95))),
        "hair_end": rng.uniform(-0.1, 0.7) if kind == "medium" else rng.uniform(1.0, 2.4),
        "hair_flare": rng.uniform(-0.15, 0.4),
        "hair_wave": rng.uniform(0.1, 1.2),
        "brow_tone": float(np.clip(colour + rng.normal() * 0.08 - 0.05, 0, 1)),
        "iris": rng.uniform(0, 0.4) if dark else rng.random(),
    }


def _outfit(rng: np.random.Generator, woman: bool) -> dict[str, Any]:
    return {
        "ear_size": rng.uniform(0.82, 1.15),
        "ear_out": rng.random() ** 1.5,
        "neck": rng.uniform(0.78, 0.95) if woman else rng.uniform(0.9, 1.18),
        "shoulders": rng.uniform(0.85, 1.15),
        "cloth": _colour(rng),
        "cloth_2": _colour(rng, 0.2, 0.9),
        "cloth_3": _colour(rng),
        "cloth_style": rng.random(),
        "neckline": rng.random() ** 1.5,
        "glasses": int(rng.choice(len(GLASSES), p=[0.76, 0.08, 0.08, 0.045, 0.035])),
        "glasses_width": rng.uniform(0.22, 0.28),
        "glasses_height": rng.uniform(0.12, 0.22),
        "glasses_square": rng.uniform(2, 5),
        "glasses_drop": rng.uniform(0, 0.06),
        "glasses_colour": _colour(rng, 0.005, 0.3),
        "glasses_glare": rng.random() ** 2,
    }


def identity(seed: int) -> Person:
    """The person number `seed` (0 or more): same number, same person. Raises ValueError for a negative seed."""
    if seed < 0:
        raise ValueError(f"a person's seed must be 0 or more, got {seed}")
    rng = np.random.default_rng([seed, 1])
    drawn = rng.normal(size=len(SLIDERS) + _UNUSED_DRAWS)
    drawn = np.delete(drawn, np.s_[-6 - _UNUSED_DRAWS : -6])
    shape = np.clip(0.8 * drawn, -2, 2) + [_USUAL.get(name, 0.0) for name in SLIDERS]
    woman, old = bool(rng.random() < 0.4), rng.random() ** 1.5
    tone = rng.uniform(0, 0.45) if rng.random() < 0.62 else rng.uniform(0.3, 1.0)
    traits = {"woman": int(woman), "age": old}
    traits |= _skin(rng, woman, old, tone) | _hair(rng, woman, old, tone) | _outfit(rng, woman)
    return Person(seed, shape.astype(np.float32), traits)
