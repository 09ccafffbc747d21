"""Who a procedural person is and what the face does: sliders, traits and expressions of the head. (our choice)"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from redn_lib.data.synthetic.head import TABLES, near, ramp, template
from redn_lib.landmarks import N_POINTS

Traits = Mapping[str, Any]
SLIDERS = tuple(TABLES["sliders"])  # names of the identity vector's numbers, in order
GLASSES = tuple(TABLES["glasses"])
EYE_RADIUS = 0.172
HINGE = np.array([0.0, -0.35, -1.0], np.float32)  # axis of the jaw, parallel to x
_UPPER_LIDS, _LOWER_LIDS, _CORNERS = [37, 38, 43, 44], [41, 40, 47, 46], [36, 39, 42, 45]
_LIP_PAIRS = np.array([(61, 67), (62, 66), (63, 65)])


@dataclass(frozen=True)
class Expression:
    """What the face does, 0 none to 1 full; smile and brow_raise may go to -1."""

    mouth_open: float = 0.0
    smile: float = 0.0
    pucker: float = 0.0
    lip_raise: float = 0.0
    brow_raise: float = 0.0
    frown: float = 0.0
    squint: float = 0.0
    blink_right: float = 0.0  # 0 open to 1 shut, below 0 wide open
    blink_left: float = 0.0
    gaze_x: float = 0.0  # degrees to the image's right
    gaze_y: float = 0.0  # degrees down
    jaw_side: float = 0.0  # -1 to 1, to the image's right


@cache
def _expression_fields() -> tuple[np.ndarray, np.ndarray]:
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
    e, (moves, weight) = expression, _expression_fields()
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
    out = np.stack([t.moves(name) for name in SLIDERS])
    for name, bumps in TABLES["bumps"].items():
        for axis, most, is_sideways, *place in bumps:
            out[SLIDERS.index(name), :, axis] += most * (side if is_sideways else 1) * near(p, *place)
    smooth = {  # what the tables cannot say: (slider, axis) to the movement along it
        ("face_width", 0): 0.045 * x,
        ("lower_face", 1): 0.075 * np.maximum(y - 0.05, 0) * ramp(z, -2.2, -1.0),
        ("middle_face", 1): 0.05 * ramp(y, -0.55, 0.0) * ramp(z, -2.2, -1.0),
        ("forehead", 1): -0.09 * ramp(-y, 0.9, 1.6),
        ("jaw_width", 0): 0.065 * side * ramp(wide, 0.2, 0.7) * ramp(y, -0.2, 0.45) * ramp(z, -1.6, -0.9),
        ("chin_width", 0): 0.06 * side * ramp(wide, 0.0, 0.3) * near(p, 0.3, 0.82, 0.3),
        ("nose_out", 2): 0.19 * np.maximum(z + 0.02, 0) * points("nose"),
        ("mouth_width", 0): 0.10 * x * mouth,
        ("eye_spacing", 0): 0.022 * side * np.maximum(eyes, brows) + 0.008 * side * near(p, 0.4, -0.6, 0.4),
        ("eye_tilt", 1): eyes * (0.42 - wide) * 0.11,
        ("eye_deep", 2): 0.035 * brows - 0.02 * eyes,
        ("brow_height", 1): -0.040 * brows,
        ("brow_tilt", 1): points(*range(17, 27)) * (0.5 - wide) * 0.10,
        ("head_depth", 2): 0.06 * (z + 0.4) * ramp(-z, 0.3, 1.0),
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
    for (name, axis), movement in smooth.items():
        out[SLIDERS.index(name), :, axis] += movement
    return out


def shape(identity: np.ndarray, expression: Expression) -> np.ndarray:
    """Controls (C, 3) of this person with this expression. identity: (len(SLIDERS),)."""
    neutral = template().controls + np.tensordot(np.asarray(identity, np.float32), fields(), 1)
    return express(neutral, expression)


@dataclass(frozen=True, eq=False)
class Person:
    """One person."""

    seed: int  # what it was drawn from
    shape: np.ndarray  # (len(SLIDERS),) float32
    traits: Traits  # every other number by name, colours as triples

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
