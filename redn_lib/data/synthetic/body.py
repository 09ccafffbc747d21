"""A whole person as one mesh: skin, eyes, mouth, ears, neck and shoulders, hair, glasses. (our choice)

`mesh` is what never changes; the other functions place the vertices (V, 3) of one piece each.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from scipy.sparse import csr_array
from scipy.spatial.transform import Rotation

from redn_lib.data.occluder import fill_polygon, fixed_point, lay_over
from redn_lib.data.synthetic.head import SIDE, TABLES, template, texture_pixels
from redn_lib.data.synthetic.people import EYE_RADIUS, GLASSES, Expression, Traits, eye_centres
from redn_lib.data.synthetic.scene import Light, lit
from redn_lib.data.synthetic.texture import PATCHES


class Part(NamedTuple):
    """What never changes of a piece of mesh, or of the pieces joined."""

    triangles: np.ndarray  # (M, 3) indices of vertices
    uv: np.ndarray  # (V, 2) atlas pixels
    shade: np.ndarray  # (V,) share of the light that gets in
    shine: float | np.ndarray  # (V,) strength of highlights
    two_sided: bool | np.ndarray  # (M,) seen from both sides
    turn: float | np.ndarray = 1.0  # (V,) share of the head's rotation that it follows


def sheet(rows: int, columns: int, closed: bool = False) -> np.ndarray:
    """Triangles of a rows x columns grid of vertices; `closed` joins the last column to the first."""
    r, c = np.mgrid[: rows - 1, : columns if closed else columns - 1]
    a, b = r * columns + c, r * columns + (c + 1) % columns
    return np.stack([a, b, a + columns, b, b + columns, a + columns], -1).reshape(-1, 3)


def repeated(triangles: np.ndarray, n: int, copies: int) -> np.ndarray:
    """The same triangles for `copies` groups of n vertices."""
    return np.vstack([triangles + k * n for k in range(copies)])


def in_patch(name: str, places: np.ndarray) -> np.ndarray:
    """Places (V, 2) in the unit square of a patch, in atlas pixels."""
    x, y, side, _ = PATCHES[name]
    return np.array([x, y]) + side * places


_RING_ANGLES, _AROUND_BALL = np.meshgrid(
    np.radians([3.0, 14.0, 27.0, 34.0, 56.0, 82.0]), np.linspace(0, 2 * np.pi, 14, endpoint=False), indexing="ij"
)
_BALL = np.stack(
    [np.sin(_RING_ANGLES) * np.cos(_AROUND_BALL), np.sin(_RING_ANGLES) * np.sin(_AROUND_BALL), np.cos(_RING_ANGLES)], -1
).reshape(-1, 3)  # unit eyeball: six rings of 14 vertices
_TOOTH_X = np.linspace(-0.30, 0.30, 9)
_EAR_RIM = np.array(TABLES["ear"])
_TORSO = np.array(TABLES["torso"])
_TORSO_AROUND = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_ROWS, _COLUMNS = 10, 22  # of long hair


def mouth(controls: np.ndarray, expression: Expression) -> np.ndarray:
    """Dark bag, upper teeth, lower teeth and tongue behind the lips: four sheets of 2 x 9."""
    middle, wide = controls[[48, 54], 0].mean(), min(1.0, (controls[54, 0] - controls[48, 0]) / 0.62)
    (_, top, top_z), (_, low, low_z) = controls[62], controls[66]
    hidden = 0.5 * float(np.clip(1 - (low - top) / 0.06, 0, 1))
    edge = top + 0.045 + 0.04 * expression.lip_raise + 0.02 * max(expression.smile, 0)
    anchors, x = {"top": (top, top_z), "low": (low, low_z), "edge": (edge, top_z)}, middle + 1.05 * wide * _TOOTH_X
    rows = []
    for name, down, forwards, curve, hides in TABLES["mouth"]:
        y, z = anchors[name]
        rows.append(np.column_stack([x, np.full(9, y + down), z + forwards - hidden * hides - curve * _TOOTH_X**2]))
    return np.vstack(rows)


def ears(controls: np.ndarray, size: float, out: float) -> np.ndarray:
    """Both ears. size: 1 the mean; out: 0 flat to the head, 1 sticking out."""
    pieces = []
    for jaw, back_of, side in zip((0, 16), template().at("ear_back"), (-1, 1), strict=True):
        anchor = 0.6 * controls[jaw] + 0.4 * controls[back_of] + (0.0, 0.10, -0.02)
        back, down = size * _EAR_RIM.T
        rim = anchor + np.column_stack([side * (0.01 + back * (0.30 + 0.6 * out)), down, -back * 0.9])
        hub = rim.mean(0)
        inner = hub + 0.62 * (rim - hub) - (0.05 * side, 0, 0)
        pieces += [rim, inner, hub[None] - (0.10 * side, 0, 0)]
    return np.vstack(pieces)


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


def hair(skin: np.ndarray, traits: Traits, rng: np.random.Generator) -> np.ndarray:
    """The lifted skin; below the skin, and so unseen, where no hair grows."""
    able, place, towards = _scalp()
    lumps, ragged = rng.normal(size=len(able)), traits["hair_ragged"]
    inside = _inside(place, traits["hair_front"], traits["hair_temple"], traits["sideburn"])
    parting = traits["hair_part"] * np.sin(2.4 * place[:, 0]) * (place[:, 2] > -0.6)
    inside += 0.22 * parting + 0.05 * lumps * ragged
    top = np.clip(-place[:, 1] - 0.9, 0, 1)
    rise = traits["hair_volume"] * (0.5 + 0.8 * traits["hair_top"] * top) * (1 + 0.2 * lumps * ragged) + 0.03
    thick = np.where(inside > 0, np.minimum(rise, 0.02 + 1.2 * np.maximum(inside, 0)), -0.05)
    bare = -place[:, 1] + 0.25 * place[:, 2] > 2.2 - 1.6 * traits["bald"]
    return skin[able] + towards * np.where(bare, -0.05, thick)[:, None]


def curtain(skin: np.ndarray, traits: Traits, rng: np.random.Generator) -> np.ndarray:
    """Long hair behind and beside the face."""
    lumps = rng.normal(size=(_ROWS, _COLUMNS))
    wide = np.abs(skin[:, 0]).max()
    angle = np.linspace(traits["hair_open"], 2 * np.pi - traits["hair_open"], _COLUMNS)
    t = np.linspace(0, 1, _ROWS)[:, None]
    y = -1.5 + t * (traits["hair_end"] + 1.5)
    dome = np.sqrt(np.clip(1 - (np.minimum(y + 0.75, 0) / 1.4) ** 2, 0.03, 1))
    radius = (wide + 0.02 + traits["hair_volume"] + traits["hair_flare"] * np.clip(t - 0.35, 0, 1)) * dome
    radius = radius + 0.05 * lumps * traits["hair_wave"]
    x, z = radius * np.sin(angle), -1.18 + 1.1 * radius * np.cos(angle)
    return np.stack(np.broadcast_arrays(x, y + 0 * x, z), -1).reshape(-1, 3)


def _parts() -> list[Part]:
    """Skin, eyeballs, mouth, ears, torso, short hair, long hair."""
    t = template()
    mean = t.spread @ t.controls
    lamps = [Light(yaw=float(y), pitch=float(p), shadow=1.0) for y in range(-75, 76, 30) for p in range(-60, 76, 27)]
    open_to_sky = np.clip(0.45 + 0.65 * np.mean([lit(mean, lamp) for lamp in lamps], 0), 0.4, 1.1)
    skin = Part(t.triangles, np.clip(SIDE * t.uv, 1, SIDE - 2), open_to_sky, 1.0, False)

    uv = np.tile(in_patch("eye", 0.5 + 0.48 * _BALL[:, :2]), (2, 1))  # the texture is centred on the pupil
    under_lid = np.clip(0.85 + 0.9 * _BALL[:, 1], 0.5, 1) * np.repeat([1, 1, 1, 0.95, 0.8, 0.5], 14)
    eyeballs = Part(repeated(sheet(6, 14, True)[:, ::-1], 84, 2), uv, np.tile(under_lid, 2), 1.5, False)

    v = np.repeat([0.03, 0.1, 0.28, 0.48, 0.53, 0.70, 0.80, 0.95], 9)
    uv = in_patch("mouth", np.column_stack([np.tile(np.linspace(0.06, 0.94, 9), 8), v]))
    inside = Part(repeated(sheet(2, 9), 18, 4), uv, np.repeat([0.1, 0.1, 0.4, 0.8, 0.5, 0.3, 0.2, 0.55], 9), 1.2, True)

    inner = 11 + np.arange(11)  # an ear is a rim, an inner ring and a middle
    rings = np.vstack([sheet(2, 11, True), np.column_stack([np.full(11, 22), inner, np.roll(inner, -1)])])
    uv = np.tile(texture_pixels(np.array([0.8, -0.2, -0.6])) + 20 * _EAR_RIM[[*range(11), *range(11), 0]], (2, 1))
    both_ears = Part(repeated(rings, 23, 2), uv, np.tile([1.0] * 11 + [0.60] * 11 + [0.42], 2), 0.6, True)

    left, top, width, height = PATCHES["cloth"]
    across = 2 * np.abs((_TORSO_AROUND / (2 * np.pi) + 0.5) % 1 - 0.5)
    turn, row, light = np.repeat(_TORSO[:, 4:], len(_TORSO_AROUND), 0).T
    uv = np.column_stack([np.tile(left + 1 + across * (width - 3), len(_TORSO)), top + row * (height - 1)])
    neck = Part(sheet(len(_TORSO), len(_TORSO_AROUND), True), uv, light, 0.15, False, turn)

    able, _, _ = _scalp()  # short hair is the skin lifted, on the skin's own vertices
    new = np.full(len(t.uv), -1)
    new[able] = np.arange(len(able))
    triangles = new[t.triangles]
    uv = in_patch("hair", np.clip(0.5 + 0.475 * (t.uv[able] - 0.5), 0.02, 0.98))
    short = Part(triangles[(triangles >= 0).all(1)], uv, np.ones(len(able)), 0.7, False)

    c, r = np.meshgrid(np.linspace(0.03, 0.97, _COLUMNS), np.linspace(0.05, 0.95, _ROWS))
    uv = in_patch("hair", np.column_stack([c.ravel(), r.ravel()]))
    long = Part(sheet(_ROWS, _COLUMNS), uv, np.ones(_ROWS * _COLUMNS), 0.6, True)
    return [skin, eyeballs, inside, both_ears, neck, short, long]


@cache
def mesh(with_hair: bool, long_hair: bool) -> tuple[Part, csr_array]:
    """The parts joined, and (V, M): 1 where a vertex is a corner of a triangle."""
    *pieces, short, long = _parts()
    pieces += [short] * with_hair + [long] * long_hair
    sizes = [len(p.uv) for p in pieces]
    start = np.cumsum(sizes) - sizes
    triangles = np.vstack([p.triangles + s for p, s in zip(pieces, start, strict=True)]).astype(np.int32)
    two_sided = np.concatenate([np.full(len(p.triangles), p.two_sided) for p in pieces])

    def per_vertex(name: str) -> np.ndarray:
        values = [np.broadcast_to(getattr(p, name), n) for p, n in zip(pieces, sizes, strict=True)]
        return np.concatenate(values).astype(np.float32)

    corners = csr_array((np.ones(triangles.size, np.float32), (triangles.ravel(), np.arange(triangles.size) // 3)))
    uv = np.vstack([p.uv for p in pieces]).astype(np.float32)
    return Part(triangles, uv, per_vertex("shade"), per_vertex("shine"), two_sided, per_vertex("turn")), corners


def vertices(controls: np.ndarray, traits: Traits, expression: Expression, seed: int) -> np.ndarray:
    """All vertices (V, 3) of `mesh` of these traits, before the head is turned; seed: of the hair's lumps."""
    skin, rng = template().spread @ controls, np.random.default_rng([seed, 5])
    gaze = Rotation.from_euler("xy", [-expression.gaze_y, expression.gaze_x], degrees=True)
    back = np.maximum([expression.blink_right, expression.blink_left], 0)[:, None, None] * (0, 0, -0.06)
    eyes = eye_centres(controls)[:, None] + gaze.apply(EYE_RADIUS * _BALL) + back

    y, width, depth, middle = _TORSO[:, :4].T[..., None]
    grow = np.where(np.arange(len(_TORSO)) < 4, traits["neck"], traits["shoulders"])[:, None]
    x, z = width * grow * np.sin(_TORSO_AROUND), middle + depth * np.cos(_TORSO_AROUND)
    torso = np.stack(np.broadcast_arrays(x, y, z), -1)

    pieces = [skin, eyes.reshape(-1, 3), mouth(controls, expression)]
    pieces += [ears(controls, traits["ear_size"], traits["ear_out"]), torso.reshape(-1, 3)]
    if traits["hair"]:
        pieces.append(hair(skin, traits, rng))
    if traits["long_hair"]:
        pieces.append(curtain(skin, traits, rng))
    return np.vstack(pieces).astype(np.float32)


def draw_glasses(
    image: np.ndarray, controls: np.ndarray, traits: Traits, pixels: Callable, unit: float, white: float
) -> None:
    """Draws glasses in place; pixels: (N, 3) places of the head to (N, 2) in the image, with `unit` a head unit."""
    t = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    kind, shine = GLASSES[traits["glasses"]], traits["glasses_glare"]
    grow = 1.3 if kind == "dark" else 1.0
    x, y = (np.sign(f) * np.abs(f) ** (2 / traits["glasses_square"]) for f in (np.cos(t), np.sin(t)))
    lenses, arms = [], []
    for centre, side, ear in zip(eye_centres(controls), (-1, 1), (0, 16), strict=True):
        across = centre[0] + 0.03 * side + grow * traits["glasses_width"] * x
        down = centre[1] + 0.02 + traits["glasses_drop"] + grow * traits["glasses_height"] * y
        front = controls[27, 2] + 0.04 - 0.35 * np.maximum(np.abs(across) - 0.15, 0) ** 1.3
        lens = np.column_stack([across, down, front])
        hinge = lens[np.argmax(side * across)] - (0, 0.4 * traits["glasses_height"], 0)
        lenses.append(pixels(lens))
        arms.append(pixels(np.array([hinge, controls[ear] + (0.03 * side, 0.02, -0.1)])))
    lenses = np.stack(lenses)
    thick = max(1, round(unit * TABLES["glasses"][kind][1]))
    frame, glass, glare = np.zeros((3, *image.shape[:2]), np.uint8)
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
    if shine > 0.4:
        ends = lenses.mean((0, 1)) + unit * np.array([[shine - 0.95, 0.4], [shine - 0.45, -0.4]])
        cv2.polylines(glare, [fixed_point(ends)], False, 255, max(1, int(unit * 0.12)), cv2.LINE_AA, 4)
        image += (0.35 * white * shine / 255) * see_through * glare[..., None]
    lay_over(image, frame, np.sqrt(np.array(traits["glasses_colour"], np.float32)) * white)
