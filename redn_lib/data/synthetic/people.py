"""Who a procedural person is: sliders that shape the head, and colours, hair and clothes, drawn from one number.
(our choice)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from redn_lib.data.synthetic.expression import Expression, express
from redn_lib.data.synthetic.head import TABLES, near, ramp, template

Traits = Mapping[str, Any]
SLIDERS = tuple(TABLES["sliders"])
"""Names of the identity vector's numbers, in order."""
GLASSES = tuple(TABLES["glasses"])


@cache
def fields() -> np.ndarray:
    """Movement of every control by each slider at 1: (S, C, 3)."""
    t = template()
    p = t.controls
    x, y, z = p.T
    wide, side, front = np.abs(x), np.sign(x), ramp(z, -1.3, -0.7)

    def points(*which: int | str) -> np.ndarray:
        mask = np.zeros(len(p), np.float32)
        mask[t.at(*which)] = 1
        return mask

    eyes, mouth = points("eyes"), near(p, 0.15, 0.33, 0.36)
    brows = points("brows") * 0.75 + 0.25 * near(p, 0.45, -0.95, 0.4)
    smooth = {  # what the tables cannot say: (slider, axis) to the movement along it
        ("face_width", 0): 0.045 * x,
        ("lower_face", 1): 0.075 * np.maximum(y - 0.05, 0) * ramp(z, -2.2, -1.0),
        ("middle_face", 1): 0.05 * ramp(y, -0.55, 0.0) * ramp(z, -2.2, -1.0),
        ("forehead", 1): -0.09 * ramp(-y, 0.9, 1.6),
        ("jaw_width", 0): 0.065 * side * ramp(wide, 0.2, 0.7) * ramp(y, -0.2, 0.45) * ramp(z, -1.6, -0.9),
        ("chin_width", 0): 0.06 * side * ramp(wide, 0.0, 0.3) * near(p, 0.3, 0.82, 0.3),
        ("chin_out", 2): 0.07 * near(p, 0.0, 0.8, 0.35),
        ("cheek_bones", 0): 0.03 * side * near(p, 0.78, -0.32, 0.3),
        ("cheek_bones", 2): 0.035 * near(p, 0.6, -0.32, 0.25),
        ("cheek_full", 0): 0.045 * side * near(p, 0.7, 0.2, 0.35),
        ("cheek_full", 2): 0.04 * near(p, 0.6, 0.15, 0.35),
        ("nose_out", 2): 0.19 * np.maximum(z + 0.02, 0) * points("nose"),
        ("mouth_width", 0): 0.10 * x * mouth,
        ("mouth_out", 2): 0.055 * mouth,
        ("mouth_height", 1): 0.035 * mouth,
        ("eye_spacing", 0): 0.022 * side * np.maximum(eyes, brows) + 0.008 * side * near(p, 0.4, -0.6, 0.4),
        ("eye_tilt", 1): eyes * (0.42 - wide) * 0.11,
        ("eye_deep", 2): 0.035 * brows - 0.02 * eyes,
        ("brow_height", 1): -0.040 * brows,
        ("brow_tilt", 1): points(*range(17, 27)) * (0.5 - wide) * 0.10,
        ("head_depth", 2): 0.06 * (z + 0.4) * ramp(-z, 0.3, 1.0),
        ("skew_mouth", 0): 0.02 * mouth,
        ("skew_mouth", 1): 0.03 * x * mouth,
        ("skew_jaw", 0): 0.03 * ramp(y, 0.2, 0.9) * front,
        ("skew_eyes", 1): 0.012 * side * np.maximum(eyes, brows),
    }
    rng = np.random.default_rng(68)
    for name in SLIDERS[-6:]:
        for axis in range(3):
            wave = sum(
                rng.normal()
                * np.cos(rng.uniform(0.8, 3.0) * (wide + rng.uniform(0, 6)))
                * np.cos(rng.uniform(0.8, 3.5) * (y + rng.uniform(0, 6)))
                for _ in range(3)
            )
            edge = np.sign(x) * ramp(wide, 0, 0.15) if axis == 0 else 1
            smooth[name, axis] = 0.011 * wave * edge * front
    out = np.stack([t.moves(name) for name in SLIDERS])
    for (name, axis), movement in smooth.items():
        out[SLIDERS.index(name), :, axis] += movement
    return out


def shape(identity: np.ndarray, expression: Expression) -> np.ndarray:
    """Controls (C, 3) of this person with this expression. identity: (len(SLIDERS),)."""
    neutral = template().controls + np.tensordot(np.asarray(identity, np.float32), fields(), 1)
    return express(neutral, expression)


@dataclass(frozen=True, eq=False)
class Person:
    """One person.

    seed: what it was drawn from.
    shape: (len(SLIDERS),) float32.
    traits: every other number by name, colours as triples.
    """

    seed: int
    shape: np.ndarray
    traits: Traits

    @property
    def name(self) -> str:
        """`procedural-` and the seed in six digits."""
        return f"procedural-{self.seed:06d}"


def draw(table: str, rng: np.random.Generator, *variants: str) -> dict[str, Any]:
    """Random numbers and colours by the ranges of a table, in its order; the variants' ranges stand in for its own."""
    spans, drawn = dict(TABLES[table]), {}
    for variant in variants:
        spans |= TABLES["variants"].get(variant, {})
    for name, span in spans.items():
        if isinstance(span, (int, float)):
            drawn[name] = rng.normal(0, span)
        elif len(span) == 2:
            drawn[name] = rng.uniform(*span)
        else:
            drawn[name] = _colour(rng, *span[1:]) if span[0] == "colour" else bell(rng, *span)
    return drawn


def bell(rng: np.random.Generator, middle: float, spread: float, low: float, high: float) -> float:
    """A normal number cut off at both ends."""
    return float(np.clip(rng.normal(middle, spread), low, high))


def _colour(rng: np.random.Generator, low: float, high: float) -> tuple[float, float, float]:
    grey, tint = rng.uniform(low**0.5, high**0.5) ** 2, rng.uniform(0, 1) ** 2
    hue = rng.uniform(0.15, 1.0, 3)
    colour = grey * ((1 - tint) + tint * hue / hue.mean())
    return tuple(float(c) for c in np.clip(colour, 0.004, 0.95))


def _skin(rng: np.random.Generator, woman: bool, old: float) -> dict[str, Any]:
    make_up = woman * rng.random()
    shadow = -rng.uniform(0, 0.5) * make_up * rng.uniform(0.4, 1.2, 3) - 0.05
    bearded, stubble = not woman and rng.random() < 0.38, not woman and rng.random() < 0.6
    grown = {"beard": bearded and rng.random() < 0.6, "moustache": bearded and rng.random() < 0.8}
    variants = [f"{'stubble' if stubble else 'no'} {name}" for name, full in grown.items() if not full]
    drawn = draw("skin", rng, "skin of a woman" if woman else "", *variants)
    drawn["lip_red"] += 0.9 * make_up * drawn.pop("lipstick")
    drawn["lash"] += 0.6 * make_up
    drawn["beard_grey"] *= old > 0.4
    return drawn | {"eye_shadow": tuple(float(s) for s in shadow)}


def _hair(rng: np.random.Generator, woman: bool, old: float, tone: float) -> dict[str, Any]:
    dark, grey = tone > 0.5 or rng.random() < 0.5, old > 0.45 and rng.random() < 0.7
    colour = rng.uniform(0.88, 1.0) if grey else rng.uniform(0, 0.28) if dark else rng.uniform(0.1, 0.8)
    odds = [0, 0.02, 0.13, 0.30, 0.50, 0.05] if woman else [0.11, 0.15, 0.52, 0.13, 0.05, 0.04]
    kind = str(rng.choice(["bald", "buzz", "short", "medium", "long", "headscarf"], p=odds))
    long, receding = kind in ("medium", "long", "headscarf"), old * (not woman)
    fringe = kind == "headscarf" or rng.random() < (0.3 if woman else 0.15)
    crown_bare = kind == "short" and not woman and rng.random() < 0.2 + 0.3 * old
    found = {"hair": int(kind not in ("bald", "buzz")), "long_hair": int(long), "headscarf": int(kind == "headscarf")}
    found["stubble_head"] = rng.uniform(0.3, 0.9) if kind == "buzz" else 0.0
    found["bald"] = rng.uniform(0.45, 0.7) if crown_bare else 0.0
    variants = {"fringe": fringe, "long hair": long, "dark": dark, kind: True}
    found |= draw("hair", rng, *(name for name, true in variants.items() if true)) | {"hair_tone": colour}
    found["hair_front"] = -found["hair_front"] if fringe else found["hair_front"] + 0.25 * receding
    found["hair_temple"] += 0.0 if long else 0.2 * receding
    found["hair_part"] *= found.pop("parted") < 0.6
    found["hair_open"] = float(np.radians(found["hair_open"]))
    found["brow_tone"] = float(np.clip(colour + found["brow_tone"] - 0.05, 0, 1))
    return found


def identity(seed: int) -> Person:
    """The person number `seed` (0 or more): same number, same person. Raises ValueError for a negative seed."""
    if seed < 0:
        raise ValueError(f"a person's seed must be 0 or more, got {seed}")
    rng = np.random.default_rng([seed, 1])
    drawn = rng.normal(size=len(SLIDERS) + 4)
    drawn = np.delete(drawn, np.s_[-10:-6])  # 4 draws that move nothing: with them a seed keeps its face
    shape = np.clip(0.8 * drawn, -2, 2) + [*TABLES["sliders"].values()]
    woman, old = bool(rng.random() < 0.4), rng.random() ** 1.5
    tone = rng.uniform(0, 0.45) if rng.random() < 0.62 else rng.uniform(0.3, 1.0)
    traits = {"woman": int(woman), "age": old, "skin_tone": tone}
    traits |= _skin(rng, woman, old) | _hair(rng, woman, old, tone)
    outfit = draw("outfit", rng, "outfit of a woman" if woman else "")
    for name, power in (("ear_out", 1.5), ("neckline", 1.5), ("glasses_glare", 2)):
        outfit[name] **= power
    odds = np.cumsum([share for share, _ in TABLES["glasses"].values()])
    outfit["glasses"] = int(np.searchsorted(odds / odds[-1], outfit["glasses"], "right"))
    return Person(seed, shape.astype(np.float32), traits | outfit)
