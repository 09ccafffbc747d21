"""All factors of one image, and the image or clip that they make: triangles to pixels, light, camera. (our choice)"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import cv2
import numpy as np

from redn_lib.data.animation.curves import blinks
from redn_lib.data.clip import Clip, Face
from redn_lib.data.synthetic import body
from redn_lib.data.synthetic.head import TABLES, landmarks, project, rotation, turned
from redn_lib.data.synthetic.people import Expression, Person, bell, draw, identity, shape
from redn_lib.data.synthetic.scene import Camera, Light, SceneOccluder, background, develop, direction, lit, take
from redn_lib.data.synthetic.texture import HEIGHT, WIDTH, paint, skin_colour
from redn_lib.landmarks import tight_box


def rasterise(xy: np.ndarray, near: np.ndarray, triangles: np.ndarray, two_sided: np.ndarray, side: int) -> tuple:
    """The nearest triangle at every pixel centre of an image of side x side.

    xy: (V, 2) pixels. near: (V,), greater is nearer. triangles: (M, 3). two_sided: (M,) bool; the others show only
    their front, whose corners run clockwise in the image.
    Returns of each covered pixel its index in the flattened image (P,), its triangle (P,) and its barycentric weights
    (P, 3); and the depth (side, side), -inf where empty.
    """
    p, q, r = (xy[triangles[:, k]] for k in range(3))
    edge1, edge2 = q - p, r - p
    area = edge1[:, 0] * edge2[:, 1] - edge1[:, 1] * edge2[:, 0]
    low = np.maximum(np.ceil(np.minimum(np.minimum(p, q), r)), 0).astype(np.int32)
    high = np.minimum(np.floor(np.maximum(np.maximum(p, q), r)), side - 1).astype(np.int32)
    wide, tall = (high - low + 1).T
    keep = np.flatnonzero(((area > 1e-6) | (two_sided & (area < -1e-6))) & (wide > 0) & (tall > 0))
    wide, low, p, edge1, edge2, area = wide[keep], low[keep], p[keep], edge1[keep], edge2[keep], area[keep]

    count = wide * tall[keep]
    own = np.repeat(np.arange(len(keep), dtype=np.int32), count)
    step = np.arange(len(own), dtype=np.int32) - (np.cumsum(count) - count).astype(np.int32)[own]
    row = step // wide[own]
    column = step - row * wide[own] + low[own, 0]
    row += low[own, 1]

    x, y = column - p[own, 0], row - p[own, 1]
    w1 = (x * edge2[own, 1] - y * edge2[own, 0]) / area[own]
    w2 = (y * edge1[own, 0] - x * edge1[own, 1]) / area[own]
    inside = np.flatnonzero((w1 >= -1e-4) & (w2 >= -1e-4) & (w1 + w2 <= 1.0001))
    own, w1, w2 = own[inside], w1[inside].astype(np.float32), w2[inside].astype(np.float32)
    pixel = row[inside] * side + column[inside]

    z0, z1, z2 = (near[triangles[keep, k]][own] for k in range(3))
    z = z0 + w1 * (z1 - z0) + w2 * (z2 - z0)
    key = ((z.astype(np.float64) + 64) * 65536).astype(np.int64) << 20 | np.arange(len(z))
    best = np.full(side * side, -1, np.int64)
    np.maximum.at(best, pixel, key)
    filled = np.flatnonzero(best >= 0)
    pick = best[filled] & 0xFFFFF
    depth = np.full(side * side, -np.inf, np.float32)
    depth[filled] = z[pick]
    w1, w2 = w1[pick], w2[pick]
    return filled, keep[own[pick]], np.column_stack([1 - w1 - w2, w1, w2]), depth.reshape(side, side)


def shade(value: np.ndarray, albedo: np.ndarray, light: Light) -> np.ndarray:
    """Linear colour (P, 3) of surface of this albedo (P, 3); value: (P, 6) normal, share of the lamp, shade, shine."""
    normal = value[:, :3] / np.maximum(np.sqrt((value[:, :3] ** 2).sum(1, keepdims=True)), 1e-6)
    normal *= np.where(normal[:, 2:] < 0, -1, 1)
    towards = direction(light)
    facing = np.maximum((normal @ towards + 0.12) / 1.12, 0) * value[:, 3]
    up = 0.5 - 0.5 * normal[:, 1]
    around = light.ambient * (up + (1 - up) * light.below) * (0.35 + 0.65 * normal[:, 2]) * value[:, 4]
    lamp, sky = np.array(light.colour, np.float32), np.array(light.ambient_colour, np.float32)
    half = towards + (0, 0, 1)
    half = (half / np.linalg.norm(half)).astype(np.float32)
    gleam = np.maximum(normal @ half, 0)
    broad = np.square(np.square(gleam)) * np.square(np.square(np.square(gleam)))
    narrow = np.square(np.square(broad)) * np.square(broad)
    gloss = light.specular * light.lamp * value[:, 5] * value[:, 3] * value[:, 4] * (0.5 * broad + 0.9 * narrow)
    received = around[:, None] * sky + (light.lamp * facing * value[:, 4])[:, None] * lamp
    return albedo * received + gloss[:, None] * lamp


@dataclass(frozen=True)
class Factors:
    """Everything that an image depends on; change one with `dataclasses.replace` and render again."""

    person: Person
    expression: Expression = field(default_factory=Expression)
    yaw: float = 0.0  # degrees, to the image's right
    pitch: float = 0.0  # degrees, up
    roll: float = 0.0  # degrees, clockwise
    light: Light = field(default_factory=Light)
    camera: Camera = field(default_factory=Camera)
    occluder: SceneOccluder | None = None
    scene: int = 0  # the background's seed
    distance: float = 14.0  # from the camera in head units (78 mm)
    scale: float = 0.25  # a head unit's share of the image's side
    x: float = 0.5  # place of the head's pivot, share of the side
    y: float = 0.5
    size: int = 192  # side in pixels, 16 to 512

    def __post_init__(self) -> None:
        if not 16 <= self.size <= 512 or self.camera.resolution < 16:
            raise ValueError(f"size is 16 to 512, resolution 16 or more, not {self.size} and {self.camera.resolution}")

    def numbers(self) -> Mapping[str, float | int | str | np.ndarray]:
        """All factors flat by name: numbers, and arrays for colours and `identity`."""
        occluder = self.occluder or SceneOccluder("hand", size=0.0)
        flat = {"identity": self.person.shape.copy(), "person_seed": self.person.seed, **self.person.traits}
        flat |= {k: getattr(self, k) for k in ("yaw", "pitch", "roll", "scene", "distance", "scale", "x", "y")}
        flat |= vars(self.expression)
        for prefix, group in (("light", self.light), ("camera", self.camera), ("occluder", occluder)):
            flat |= {f"{prefix}_{k}": v for k, v in vars(group).items()}
        flat["occluder_kind"] = occluder.kind if self.occluder else "none"
        return {k: np.array(v, np.float32) if isinstance(v, tuple) else v for k, v in flat.items()}


@lru_cache(maxsize=8)
def _controls(person: Person, expression: Expression) -> np.ndarray:
    return shape(person.shape, expression)


def project_points(factors: Factors) -> np.ndarray:
    """The 68 points alone, (68, 2) float32 in pixels of the image, without drawing it."""
    f = factors
    spots = landmarks(_controls(f.person, f.expression), rotation(f.yaw, f.pitch, f.roll), f.roll)
    place = np.array([f.x, f.y]) * f.size - 0.5
    return project(spots, f.distance, f.scale * f.size, place).astype(np.float32)


def _light_field(f: Factors, controls: np.ndarray, pixels: Callable, scene: np.ndarray) -> np.ndarray:
    """Lays the person's linear light over that of the background (side, side, 3); returns the depth (side, side)."""
    traits, side = f.person.traits, len(scene)
    mesh, is_corner = body.mesh(bool(traits["hair"]), bool(traits["long_hair"]))
    xy, solid = pixels(body.vertices(controls, traits, f.expression, f.person.seed), mesh.turn)
    pixel, triangle, weight, depth = rasterise(xy.astype(np.float32), solid[:, 2], mesh.triangles, mesh.two_sided, side)
    corners = mesh.triangles[triangle]
    texel = np.zeros((side * side, 2), np.float32)
    inside = np.einsum("pkc,pk->pc", mesh.uv[corners], weight)
    texel[pixel] = np.clip(inside, 0, (WIDTH - 1, HEIGHT - 1))
    albedo = cv2.remap(paint(f.person), texel.reshape(side, side, 2), None, cv2.INTER_LINEAR).reshape(-1, 3)
    a, b, c = (solid[mesh.triangles[:, k]] for k in range(3))
    normals = is_corner @ np.cross(b - a, c - a)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    attributes = np.column_stack([normals, lit(solid, f.light), mesh.shade, mesh.shine]).astype(np.float32)
    value = np.einsum("pkc,pk->pc", attributes[corners], weight)
    scene.reshape(-1, 3)[pixel] = shade(value, albedo[pixel], f.light)
    return depth


def render(factors: Factors) -> Face:
    """The image of these factors with its 68 points, their visibility and `Face.factors`.

    Same factors, same image, bit for bit. A point is visible when it lies in the image and neither the head nor an
    occluder is before it (glasses and closed lids hide nothing).
    """
    f, side = factors, min(factors.camera.resolution, factors.size)
    turn, unit, place = rotation(f.yaw, f.pitch, f.roll), f.scale * side, np.array([f.x, f.y]) * side - 0.5
    controls = _controls(f.person, f.expression)

    def pixels(points: np.ndarray, share: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Points (..., 3) of the head in the image (..., 2), and turned."""
        solid = turned(points, turn, share)
        return project(solid, f.distance, unit, place), solid

    skin = skin_colour(f.person.traits)
    light = 0.6 * f.light.ambient + 0.55 * f.light.lamp
    gain = f.camera.exposure / float(light * np.sqrt(0.35 * skin.mean()))  # dark skin stays darker
    scene = background(f.scene, side) * np.float32(f.camera.exposure / gain)
    depth = _light_field(f, controls, pixels, scene)
    image = develop(scene, gain, f.camera)
    if f.person.traits["glasses"]:
        white = 255 * min(1, 1.3 * f.camera.exposure**0.5)
        body.draw_glasses(image, controls, f.person.traits, lambda places: pixels(places)[0], unit, white)
    spots = landmarks(controls, turn, f.roll)
    points = project(spots, f.distance, unit, place)
    pixel = np.round(points).astype(int)
    column, row = np.clip(pixel, 0, side - 1).T
    visible = ((pixel >= 0) & (pixel < side)).all(1)
    visible &= spots[:, 2] > cv2.erode(depth, np.ones((3, 3), np.uint8))[row, column] - 0.10
    if f.occluder:
        visible &= f.occluder.draw(image, points, unit, np.sqrt(skin * gain * 0.6) * 255)[row, column] < 128
    points = ((points + 0.5) * (f.size / side) - 0.5).astype(np.float32)
    return Face(take(image, f.camera, f.size), points, f.person.name, f.person.name, visible, f.numbers())


def _tint(rng: np.random.Generator, strength: float) -> tuple[float, float, float]:
    return tuple(float(c) for c in 1 + strength * rng.uniform(-1, 1, 3))


def _light(rng: np.random.Generator) -> Light:
    soft, tint = rng.random(), 0.35 * rng.random() ** 2
    return Light(
        yaw=bell(rng, 0, 45, -110, 110),
        pitch=bell(rng, 32, 25, -35, 80),
        lamp=1 - 0.75 * soft,
        ambient=0.12 + 0.7 * soft,
        colour=_tint(rng, tint),
        ambient_colour=_tint(rng, tint),
        below=rng.uniform(0.2, 0.8),
        specular=0.15 * rng.random() ** 1.5,
        shadow=rng.uniform(0.3, 0.95),
    )


def _camera(rng: np.random.Generator, size: int) -> Camera:
    coarse, grey, shaking = rng.random() < 0.5, rng.random() < 0.03, rng.random() < 0.1
    return Camera(
        exposure=float(0.33 * np.exp(rng.normal(0, 0.42))),
        contrast=rng.uniform(0.85, 1.45),
        saturation=0.0 if grey else bell(rng, 1.1, 0.28, 0, 1.8),
        cast=_tint(rng, 0.3 * rng.random() ** 2),
        resolution=max(min(size, 64), int(rng.uniform(0.35, 1.0) * size)) if coarse else size,
        blur=rng.uniform(0.4, 0.9) + 1.2 * rng.random() ** 6,
        motion=tuple(float(m) for m in rng.normal(size=2) * 3) if shaking else (0.0, 0.0),
        noise=8 * rng.random() ** 3,
        jpeg=int(rng.integers(25, 96)),
        seed=int(rng.integers(1 << 30)),
    )


def _expression(rng: np.random.Generator) -> Expression:
    talking, shut = rng.random() < 0.55, rng.random() < 0.07
    blink = rng.uniform(0.7, 1.0) if shut else bell(rng, 0.05, 0.18, -0.35, 0.6)
    drawn = draw("expression", rng, "" if talking else "silent")
    drawn["mouth_open"] = abs(drawn["mouth_open"])
    drawn["blink_left"] = float(np.clip(blink + drawn["blink_left"], -0.4, 1))
    return Expression(**drawn, blink_right=blink)


def _occluder(rng: np.random.Generator) -> SceneOccluder:
    things = TABLES["occluders"]
    kind = str(rng.choice([*things], p=[share for share, _ in things.values()]))
    return SceneOccluder(kind, **draw("occluder", rng, kind), seed=int(rng.integers(1 << 30)))


def framed(factors: Factors, share: float, shift: np.ndarray) -> Factors:
    """The same factors with a tight box whose larger side is `share` of the image, and `shift` (2,) off the centre."""
    box = tight_box(project_points(factors))
    scale = factors.scale * share * factors.size / float(max(box[2] - box[0], box[3] - box[1]))
    middle = (box[:2] + box[2:] + 1) / (2 * factors.size)
    x, y = 0.5 + shift + (np.array([factors.x, factors.y]) - middle) * scale / factors.scale
    return replace(factors, scale=scale, x=float(x), y=float(y))


def factors(seed: int, size: int = 192, person: int | None = None) -> Factors:
    """All factors of still number `seed`; `person` chooses who it shows, by default person number `seed`."""
    rng = np.random.default_rng([seed, 2])
    drawn = Factors(
        identity(seed if person is None else person),
        _expression(rng),
        yaw=bell(rng, 0, 14 if rng.random() < 0.5 else 32, -62, 62),
        pitch=bell(rng, 0, 10, -30, 30),
        roll=bell(rng, 0, 9, -30, 30),
        light=_light(rng),
        camera=_camera(rng, size),
        occluder=_occluder(rng) if rng.random() < 0.14 else None,
        scene=int(rng.integers(1 << 30)),
        distance=float(np.exp(rng.uniform(np.log(7), np.log(30)))),
        size=size,
    )
    return framed(drawn, rng.uniform(0.44, 0.56), rng.uniform(-0.07, 0.07, 2))


def still_image(seed: int, size: int = 192) -> Face:
    """Image number `seed` of a new person, `size` pixels a side. Same seed and size, same image bit for bit."""
    return render(factors(seed, size))


def _wander(rng: np.random.Generator, seconds: np.ndarray, spread: float, fastest: float) -> np.ndarray:
    """A smooth curve of about the given spread that starts anywhere: waves of up to `fastest` Hz, (T,)."""
    rate = fastest * rng.uniform(0.15, 1, 4)
    phase, weight = rng.uniform(0, 2 * np.pi, 4), rng.uniform(0.4, 1, 4) * (0.25 * fastest / rate) ** 0.5
    return spread * (weight * np.sin(2 * np.pi * rate * seconds[:, None] + phase)).sum(1)


def clip(seed: int, frames: int = 50, size: int = 192, fps: float = 25.0) -> Clip:
    """Clip number `seed` of person number `seed`: one scene, smooth 3D motion, exact points.

    size: pixels a side. Same arguments, same frames bit for bit. Raises ValueError for no frames or a rate of 0.
    """
    if frames < 1 or fps <= 0:
        raise ValueError(f"a clip needs at least one frame and a positive rate, got {frames} frames at {fps} a second")
    first, rng = factors(seed, size), np.random.default_rng([seed, 4])
    base, seconds = first.expression, np.arange(frames) / fps
    strength, talking = rng.uniform(0.3, 1.2), rng.random() < 0.7

    def moved(start: float, spread: float, fastest: float, low: float, high: float) -> np.ndarray:
        return np.clip(start + _wander(rng, seconds, spread * strength, fastest), low, high)

    head = {name: moved(getattr(first, name), *span) for name, span in TABLES["head_motion"].items()}
    head["scale"] = first.scale * np.exp(_wander(rng, seconds, 0.02 * strength, 0.4))
    mouth = base.mouth_open + _wander(rng, seconds, 0.12 if talking else 0.01, 3.0 if talking else 0.5)
    shut = blinks(rng, seconds, seconds[-1] + 1, (0, 3), (2, 6), 0.075)
    spans = TABLES["face_motion"] | ({} if talking else TABLES["variants"]["no talk"])
    face = {"mouth_open": np.hypot(mouth, 0.03)}
    face |= {name: moved(getattr(base, name), *span) for name, span in spans.items()}
    for blink in ("blink_right", "blink_left"):
        face[blink] = getattr(base, blink) + (1 - getattr(base, blink)) * shut
    faces = []
    for t in range(frames):
        expression = replace(base, **{name: float(values[t]) for name, values in face.items()})
        camera = replace(first.camera, seed=first.camera.seed + t)
        places = {name: float(values[t]) for name, values in head.items()}
        faces.append(render(replace(first, **places, expression=expression, camera=camera)))
    person = first.person.name
    return Clip.of(faces, person=person, name=f"{person}-clip-{seed}", fps=fps)
