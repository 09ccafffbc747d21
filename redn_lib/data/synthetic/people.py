"""Who a procedural person is: the shape sliders and the look, drawn from one number. (our choice)"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from redn_lib.data.synthetic.shape import SLIDERS

GLASSES = ("none", "thin", "thick", "rimless", "dark")

_USUAL = {
    "lower_face": -0.4,
    "middle_face": -0.3,
    "chin_out": -0.2,
    "cheek_full": -0.2,
    "mouth_width": -0.2,
    "eye_spacing": -0.2,
    "eye_deep": -0.2,
    "nose_root": 0.3,
}
"""Where the middle of the crowd lies off the mean head: what fitting the head to real training people's points gave."""


@dataclass(frozen=True, eq=False)
class Person:
    """One person. seed: what it was drawn from. shape: (len(SLIDERS),) float32. look: every other number by name,
    colours as triples."""

    seed: int
    shape: np.ndarray
    look: Mapping[str, Any]

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
    kind = str(rng.choice(["bald", "buzz", "short", "medium", "long", "covered"], p=odds))
    long, receding = kind in ("medium", "long", "covered"), old * (not woman)
    fringe = kind == "covered" or rng.random() < (0.3 if woman else 0.15)
    crown_bare = kind == "short" and not woman and rng.random() < 0.2 + 0.3 * old
    return {
        "hair": int(kind not in ("bald", "buzz")),
        "long_hair": int(long),
        "covered": int(kind == "covered"),
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
    shape = np.clip(0.8 * rng.normal(size=len(SLIDERS)), -2, 2) + [_USUAL.get(name, 0.0) for name in SLIDERS]
    woman, old = bool(rng.random() < 0.4), rng.random() ** 1.5
    tone = rng.uniform(0, 0.45) if rng.random() < 0.62 else rng.uniform(0.3, 1.0)
    look = {"woman": int(woman), "age": old}
    look |= _skin(rng, woman, old, tone) | _hair(rng, woman, old, tone) | _outfit(rng, woman)
    return Person(seed, shape.astype(np.float32), look)
