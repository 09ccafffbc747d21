"""A whole person as one mesh: skin, eyes, mouth, ears, neck and shoulders, hair, glasses. (our choice)"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from redn_lib.data.occluder import fill_polygon, fixed_point, lay_over
from redn_lib.data.synthetic.expression import EYE_RADIUS, Expression, eye_centres
from redn_lib.data.synthetic.head import template, texture_uv
from redn_lib.data.synthetic.people import GLASSES, Person
from redn_lib.data.synthetic.scene import openness
from redn_lib.data.synthetic.texture import CLOTH, EYE, HAIR, MOUTH, SIDE


@dataclass(frozen=True)
class Part:
    """What of a piece of mesh never changes.

    triangles: (M, 3) indices of vertices.
    uv: (V, 2) atlas pixels.
    shade: (V,) share of the light that gets in.
    shine: strength of highlights.
    two_sided: seen from both sides.
    turn: share of the head's rotation that it follows, a number or (V,).
    """

    triangles: np.ndarray
    uv: np.ndarray
    shade: np.ndarray
    shine: float
    two_sided: bool
    turn: float | np.ndarray = 1.0


def sheet(rows: int, columns: int, closed: bool = False) -> np.ndarray:
    """Triangles of a rows x columns grid of vertices; `closed` joins the last column to the first."""
    r, c = np.mgrid[: rows - 1, : columns if closed else columns - 1]
    a, b = r * columns + c, r * columns + (c + 1) % columns
    return np.stack([a, b, a + columns, b, b + columns, a + columns], -1).reshape(-1, 3)


def repeated(triangles: np.ndarray, n: int, copies: int) -> np.ndarray:
    """The same triangles for `copies` groups of n vertices."""
    return np.vstack([triangles + k * n for k in range(copies)])


_RING_ANGLES, _AROUND_BALL = np.meshgrid(
    np.radians([3.0, 14.0, 27.0, 34.0, 56.0, 82.0]), np.linspace(0, 2 * np.pi, 14, endpoint=False), indexing="ij"
)
_BALL = np.stack(
    [np.sin(_RING_ANGLES) * np.cos(_AROUND_BALL), np.sin(_RING_ANGLES) * np.sin(_AROUND_BALL), np.cos(_RING_ANGLES)], -1
).reshape(-1, 3)
"""Unit eyeball: six rings of 14 vertices."""


def eyes_part() -> Part:
    """Both eyeballs' fronts; the texture is centred on the pupil."""
    uv = np.array(EYE[:2]) + EYE[2] * (0.5 + 0.48 * _BALL[:, :2])
    under_lid = np.clip(0.85 + 0.9 * _BALL[:, 1], 0.5, 1) * np.repeat([1, 1, 1, 0.95, 0.8, 0.5], 14)
    return Part(repeated(sheet(6, 14, True)[:, ::-1], 84, 2), np.tile(uv, (2, 1)), np.tile(under_lid, 2), 1.5, False)


def eyes(controls: np.ndarray, expression: Expression) -> np.ndarray:
    """Vertices (168, 3): eyeballs turned by the gaze."""
    gaze = Rotation.from_euler("xy", [-expression.gaze_y, expression.gaze_x], degrees=True)
    shut = np.maximum([expression.blink_right, expression.blink_left], 0)
    back = shut[:, None, None] * (0, 0, -0.06)
    return (eye_centres(controls)[:, None] + gaze.apply(EYE_RADIUS * _BALL) + back).reshape(-1, 3)


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
        x = middle + 1.05 * wide * _TOOTH_X
        rows = [np.column_stack([x, np.full(9, y), z - curve * _TOOTH_X**2]) for y, z in ((y0, z0), (y1, z1))]
        return np.vstack(rows)

    hidden = 0.5 * float(np.clip(1 - (low[1] - top[1]) / 0.06, 0, 1))
    bag = pair(top[1] - 0.2, low[1] + 0.2, top[2] - 0.42, low[2] - 0.38, 0.6)
    edge = top[1] + 0.045 + 0.04 * expression.lip_raise + 0.02 * max(expression.smile, 0)
    upper = pair(edge - 0.16, edge, top[2] - 0.075 - hidden, top[2] - 0.06 - hidden, 1.9)
    lower = pair(low[1] - 0.035, low[1] + 0.06, low[2] - 0.09 - hidden, low[2] - 0.09 - hidden, 1.9)
    tongue = pair(low[1] - 0.05, low[1] + 0.12, low[2] - 0.30, low[2] - 0.12, 1.2)
    return np.vstack([bag, upper, lower, tongue])


_EAR_RIM = np.column_stack(
    [
        [0.02, 0.0, 0.0, 0.05, 0.17, 0.31, 0.39, 0.38, 0.29, 0.19, 0.08],
        [0.30, 0.10, -0.12, -0.30, -0.40, -0.37, -0.22, -0.02, 0.16, 0.33, 0.38],
    ]
)
"""Outline of an ear: (backwards, down)."""


def ears_part() -> Part:
    """Rim, inner ring and middle of both ears."""
    inner = 11 + np.arange(11)
    rings = np.vstack([sheet(2, 11, True), np.column_stack([np.full(11, 22), inner, np.roll(inner, -1)])])
    spot = texture_uv(np.array([0.8, -0.2, -0.6])) * SIDE
    uv = spot + 20 * _EAR_RIM[[*range(11), *range(11), 0]]
    return Part(repeated(rings, 23, 2), np.tile(uv, (2, 1)), np.tile([1.0] * 11 + [0.60] * 11 + [0.42], 2), 0.6, True)


def ears(controls: np.ndarray, size: float, out: float) -> np.ndarray:
    """Vertices (46, 3). size: 1 the mean; out: 0 flat to the head, 1 sticking out."""
    pieces = []
    for jaw, back_of, side in zip((0, 16), template().at("ear_back"), (-1, 1), strict=True):
        anchor = 0.6 * controls[jaw] + 0.4 * controls[back_of] + (0.0, 0.10, -0.02)
        back, down = size * _EAR_RIM.T
        rim = anchor + np.column_stack([side * (0.01 + back * (0.30 + 0.6 * out)), down, -back * 0.9])
        hub = rim.mean(0)
        inner = hub + 0.62 * (rim - hub) - (0.05 * side, 0, 0)
        pieces += [rim, inner, hub[None] - (0.10 * side, 0, 0)]
    return np.vstack(pieces)


ROWS, COLUMNS = 10, 22


@cache
def _scalp() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which skin vertices can ever carry hair, their mean places, and their directions from the middle of the skull."""
    mean = template().spread @ template().controls
    able = np.flatnonzero(_inside(mean, -0.75, 0.5, 0.7) > -0.15)
    towards = mean[able] - (0, -0.75, -1.15)
    return able, mean[able], towards / np.linalg.norm(towards, axis=1, keepdims=True)


def _inside(place: np.ndarray, front: float, temple: float, side: float) -> np.ndarray:
    """How far inside the hair each place (V, 3) of the mean head lies, negative on bare skin."""
    z = [-2.6, -1.75, -1.35, -1.12, -0.98, -0.85, -0.62, -0.42, -0.15, 0.2]
    y = [0.45, 0.40, 0.05, side - 0.30, side - 0.38, 0.3 * side - 0.66]
    y += [-temple - 0.94, -temple - 1.16, -front - 1.36, -front - 1.42]
    return np.interp(place[:, 2], z, y) - place[:, 1]


def hair_part() -> Part:
    """The lifted skin, on the skin's own vertices."""
    able, _, _ = _scalp()
    new = np.full(len(template().uv), -1)
    new[able] = np.arange(len(able))
    triangles = new[template().triangles]
    triangles = triangles[(triangles >= 0).all(1)]
    uv = np.array(HAIR[:2]) + HAIR[2] * np.clip(0.5 + 0.475 * (template().uv[able] - 0.5), 0.02, 0.98)
    return Part(triangles, uv, np.ones(len(able)), 0.7, False)


def hair(skin: np.ndarray, traits: Mapping[str, Any], rng: np.random.Generator) -> np.ndarray:
    """Vertices of the lifted skin; below the skin, and so unseen, where no hair grows."""
    able, place, towards = _scalp()
    lumps = rng.normal(size=len(able))
    inside = _inside(place, traits["hair_front"], traits["hair_temple"], traits["sideburn"])
    parting = traits["hair_part"] * np.sin(2.4 * place[:, 0]) * (place[:, 2] > -0.6)
    inside += 0.22 * parting + 0.05 * lumps * traits["hair_ragged"]
    top = np.clip(-place[:, 1] - 0.9, 0, 1)
    rise = (
        traits["hair_volume"] * (0.5 + 0.8 * traits["hair_top"] * top) * (1 + 0.2 * lumps * traits["hair_ragged"])
        + 0.03
    )
    thick = np.where(inside > 0, np.minimum(rise, 0.02 + 1.2 * np.maximum(inside, 0)), -0.05)
    bare = -place[:, 1] + 0.25 * place[:, 2] > 2.2 - 1.6 * traits["bald"]
    return skin[able] + towards * np.where(bare, -0.05, thick)[:, None]


def curtain_part() -> Part:
    """Long hair behind and beside the face."""
    c, r = np.meshgrid(np.linspace(0.03, 0.97, COLUMNS), np.linspace(0.05, 0.95, ROWS))
    uv = np.array(HAIR[:2]) + HAIR[2] * np.column_stack([c.ravel(), r.ravel()])
    return Part(sheet(ROWS, COLUMNS), uv, np.ones(ROWS * COLUMNS), 0.6, True)


def curtain(skin: np.ndarray, traits: Mapping[str, Any], rng: np.random.Generator) -> np.ndarray:
    """Vertices (ROWS * COLUMNS, 3) of long hair."""
    lumps = rng.normal(size=(ROWS, COLUMNS))
    wide = np.abs(skin[:, 0]).max()
    angle = np.linspace(traits["hair_open"], 2 * np.pi - traits["hair_open"], COLUMNS)
    t = np.linspace(0, 1, ROWS)[:, None]
    y = -1.5 + t * (traits["hair_end"] + 1.5)
    dome = np.sqrt(np.clip(1 - (np.minimum(y + 0.75, 0) / 1.4) ** 2, 0.03, 1))
    radius = (wide + 0.02 + traits["hair_volume"] + traits["hair_flare"] * np.clip(t - 0.35, 0, 1)) * dome
    radius = radius + 0.05 * lumps * traits["hair_wave"]
    x, z = radius * np.sin(angle), -1.18 + 1.1 * radius * np.cos(angle)
    return np.stack(np.broadcast_arrays(x, y + 0 * x, z), -1).reshape(-1, 3)


_TORSO_AROUND = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_TORSO = np.array(
    [
        (0.45, 0.52, 0.48, -1.12, 1.00, 0.02, 0.25),
        (0.90, 0.66, 0.56, -1.06, 0.85, 0.10, 0.32),
        (1.15, 0.68, 0.62, -1.10, 0.50, 0.20, 0.55),
        (1.36, 0.74, 0.68, -1.14, 0.20, 0.32, 0.80),
        (1.50, 1.10, 0.78, -1.14, 0.00, 0.42, 0.92),
        (1.72, 1.80, 0.86, -1.15, 0.00, 0.60, 1.00),
        (2.05, 2.35, 0.96, -1.15, 0.00, 0.75, 1.00),
        (3.80, 2.60, 1.20, -1.20, 0.00, 0.98, 1.00),
    ]
)
"""Rings from neck to chest: y, half width, half depth, middle z, share of the head's turn, texture row, light."""


@dataclass(frozen=True)
class Mesh:
    """The joined parts, skin first.

    triangles: (M, 3) indices of vertices.
    two_sided: (M,) bool.
    neighbours: (V, 10) triangles round a vertex, M for none.
    uv, shade, shine, turn: (V, 2) and (V,), see Part.
    """

    triangles: np.ndarray
    two_sided: np.ndarray
    neighbours: np.ndarray
    uv: np.ndarray
    shade: np.ndarray
    shine: np.ndarray
    turn: np.ndarray


def neighbours(triangles: np.ndarray, n: int) -> np.ndarray:
    """Triangles round each of n vertices: (n, 10) indices, len(triangles) where there is none."""
    table = [[] for _ in range(n)]
    for i, tri in enumerate(triangles):
        for v in tri:
            table[v].append(i)
    return np.array([(row + [len(triangles)] * 10)[:10] for row in table])


def _torso_part() -> Part:
    across = 2 * np.abs((_TORSO_AROUND / (2 * np.pi) + 0.5) % 1 - 0.5)
    u = np.tile(CLOTH[0] + 1 + across * (CLOTH[2] - 3), len(_TORSO))
    v = CLOTH[1] + np.repeat(_TORSO[:, 5], len(_TORSO_AROUND)) * (CLOTH[3] - 1)
    light, turn = (np.repeat(_TORSO[:, column], len(_TORSO_AROUND)) for column in (6, 4))
    return Part(sheet(len(_TORSO), len(_TORSO_AROUND), True), np.column_stack([u, v]), light, 0.15, False, turn)


def _torso(neck: float, shoulders: float) -> np.ndarray:
    grow = np.where(np.arange(len(_TORSO)) < 4, neck, shoulders)[:, None]
    x = _TORSO[:, 1:2] * grow * np.sin(_TORSO_AROUND)
    z = _TORSO[:, 3:4] + _TORSO[:, 2:3] * np.cos(_TORSO_AROUND)
    return np.stack([x, np.broadcast_to(_TORSO[:, :1], x.shape), z], -1).reshape(-1, 3)


@cache
def mesh(with_hair: bool, long_hair: bool) -> Mesh:
    """The joined mesh for a bald head, short hair or long hair."""
    t = template()
    skin = Part(t.triangles, np.clip(SIDE * t.uv, 1, SIDE - 2), openness(t.spread @ t.controls), 1.0, False)
    pieces = [skin, eyes_part(), mouth_part(), ears_part(), _torso_part()]
    pieces += [hair_part()] if with_hair else []
    pieces += [curtain_part()] if long_hair else []
    sizes = [len(p.uv) for p in pieces]
    start = np.cumsum(sizes) - sizes
    triangles = np.vstack([p.triangles + s for p, s in zip(pieces, start, strict=True)]).astype(np.int32)

    def per_vertex(name: str) -> np.ndarray:
        values = [np.broadcast_to(getattr(p, name), n) for p, n in zip(pieces, sizes, strict=True)]
        return np.concatenate(values).astype(np.float32)

    return Mesh(
        triangles,
        np.concatenate([np.full(len(p.triangles), p.two_sided) for p in pieces]),
        neighbours(triangles, sum(sizes)),
        np.vstack([p.uv for p in pieces]).astype(np.float32),
        per_vertex("shade"),
        per_vertex("shine"),
        per_vertex("turn"),
    )


def vertices(controls: np.ndarray, traits: Mapping[str, Any], expression: Expression, seed: int) -> np.ndarray:
    """All vertices (V, 3) of `mesh(traits has hair, traits has long hair)`, before the head is turned.

    seed: of the hair's lumps.
    """
    skin = template().spread @ controls
    pieces = [skin, eyes(controls, expression), mouth(controls, expression)]
    pieces += [
        ears(controls, traits["ear_size"], traits["ear_out"]),
        _torso(traits["neck"], traits["shoulders"]),
    ]
    rng = np.random.default_rng([seed, 5])
    if traits["hair"]:
        pieces.append(hair(skin, traits, rng))
    if traits["long_hair"]:
        pieces.append(curtain(skin, traits, rng))
    return np.vstack(pieces).astype(np.float32)


_RIM = {"thin": 0.025, "thick": 0.06, "rimless": 0.012, "dark": 0.03}
"""Thickness of the frame in head units."""


def glasses_outline(controls: np.ndarray, person: Person) -> tuple[np.ndarray, np.ndarray]:
    """Rims of both lenses (2, 20, 3) and the arms' ends at lens and ear (2, 2, 3), in the head's own space."""
    traits, t = person.traits, np.linspace(0, 2 * np.pi, 20, endpoint=False)
    grow = 1.3 if GLASSES[traits["glasses"]] == "dark" else 1.0
    x, y = (np.sign(f) * np.abs(f) ** (2 / traits["glasses_square"]) for f in (np.cos(t), np.sin(t)))
    lenses, arms = [], []
    for centre, side, ear in zip(eye_centres(controls), (-1, 1), (0, 16), strict=True):
        across = centre[0] + 0.03 * side + grow * traits["glasses_width"] * x
        down = centre[1] + 0.02 + traits["glasses_drop"] + grow * traits["glasses_height"] * y
        front = controls[27, 2] + 0.04 - 0.35 * np.maximum(np.abs(across) - 0.15, 0) ** 1.3
        lens = np.column_stack([across, down, front])
        hinge = lens[np.argmax(side * across)] - (0, 0.4 * traits["glasses_height"], 0)
        lenses.append(lens)
        arms.append([hinge, controls[ear] + (0.03 * side, 0.02, -0.1)])
    return np.stack(lenses), np.array(arms)


def draw_glasses(
    image: np.ndarray, lenses: np.ndarray, arms: np.ndarray, person: Person, unit: float, brightness: float
) -> None:
    """Draws glasses over an image (r, r, 3) float of 0 to 255 in place.

    lenses: (2, 20, 2), arms: (2, 2, 2), both in pixels. unit: pixels of a head unit. brightness: of white, of 255.
    """
    traits, kind = person.traits, GLASSES[person.traits["glasses"]]
    thick = max(1, round(unit * _RIM[kind]))
    frame, glass = np.zeros(image.shape[:2], np.uint8), np.zeros(image.shape[:2], np.uint8)
    for lens in lenses:
        fill_polygon(glass, lens)
    gap = np.linalg.norm(lenses[0][:, None] - lenses[1][None], axis=-1)
    right, left = np.unravel_index(gap.argmin(), gap.shape)
    strokes = [np.stack([lenses[0][right], lenses[1][left]])]
    across = lenses[1].mean(0) - lenses[0].mean(0)
    strokes += [arm for arm, side in zip(arms, (-1, 1), strict=True) if side * (arm[1] - arm[0]) @ across > 0]
    cv2.polylines(frame, [fixed_point(s) for s in strokes], False, 255, thick, cv2.LINE_AA, 4)
    if kind != "rimless":
        cv2.polylines(frame, list(fixed_point(lenses)), True, 255, thick, cv2.LINE_AA, 4)
    see_through = glass.astype(np.float32)[..., None] / 255
    image *= 1 - (0.93 if kind == "dark" else 0.06) * see_through
    if traits["glasses_glare"] > 0.4:
        glare = np.zeros_like(glass)
        start = lenses.mean((0, 1)) + unit * np.array(
            [[traits["glasses_glare"] - 0.95, 0.4], [traits["glasses_glare"] - 0.45, -0.4]]
        )
        cv2.polylines(glare, [fixed_point(start)], False, 255, max(1, int(unit * 0.12)), cv2.LINE_AA, 4)
        image += (0.35 * brightness * traits["glasses_glare"] / 255) * see_through * glare[..., None]
    lay_over(image, frame, np.sqrt(np.array(traits["glasses_colour"], np.float32)) * brightness)
