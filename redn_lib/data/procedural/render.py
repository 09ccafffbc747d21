"""All factors of one picture, and the picture that they make. (our choice)"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from redn_lib.data.faces import Face
from redn_lib.data.procedural import body, occluders, pose
from redn_lib.data.procedural.atlas import HEIGHT, WIDTH
from redn_lib.data.procedural.background import background
from redn_lib.data.procedural.camera import Camera, develop, take
from redn_lib.data.procedural.light import Light, lit, normals, shade
from redn_lib.data.procedural.occluders import Occluder
from redn_lib.data.procedural.people import Person
from redn_lib.data.procedural.rasterise import rasterise
from redn_lib.data.procedural.shape import Expression, shape
from redn_lib.data.procedural.texture import paint, skin_colour


@dataclass(frozen=True)
class Factors:
    """Everything that a picture depends on; change one with `dataclasses.replace` and render again.

    yaw, pitch, roll: degrees (yaw > 0 to the picture's right, pitch > 0 up, roll > 0 clockwise). distance: from the
    camera in head units (78 mm).
    scale: a head unit's share of the picture's side. x, y: place of the head's pivot, share of the side. size: side in
    pixels. scene: the background's seed.
    """

    person: Person
    expression: Expression = field(default_factory=Expression)
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    light: Light = field(default_factory=Light)
    camera: Camera = field(default_factory=Camera)
    occluder: Occluder | None = None
    scene: int = 0
    distance: float = 14.0
    scale: float = 0.25
    x: float = 0.5
    y: float = 0.5
    size: int = 192

    def numbers(self) -> Mapping[str, float | int | str | np.ndarray]:
        """All factors flat by name: numbers, and arrays for colours and `identity`."""
        flat = {"identity": self.person.shape.copy(), "person_seed": self.person.seed}
        flat |= {name: np.array(v, np.float32) if isinstance(v, tuple) else v for name, v in self.person.look.items()}
        flat |= {k: getattr(self, k) for k in ("yaw", "pitch", "roll", "scene", "distance", "scale", "x", "y")}
        flat |= vars(self.expression)
        for prefix, group in (("light", self.light), ("camera", self.camera)):
            flat |= {
                f"{prefix}_{k}": np.array(v, np.float32) if isinstance(v, tuple) else v for k, v in vars(group).items()
            }
        veil = self.occluder or Occluder("hand", size=0.0)
        flat |= {f"occluder_{k}": v for k, v in vars(veil).items()}
        flat["occluder_kind"] = veil.kind if self.occluder else "none"
        return flat


@lru_cache(maxsize=8)
def _texture(person: Person) -> np.ndarray:
    return paint(person.look, person.seed)


@lru_cache(maxsize=8)
def _scene(seed: int, size: int) -> np.ndarray:
    return background(seed, size)


def project_points(factors: Factors) -> np.ndarray:
    """The 68 points alone, (68, 2) float32 in pixels of the picture, without drawing it."""
    f = factors
    spots = pose.landmarks(shape(f.person.shape, f.expression), pose.rotation(f.yaw, f.pitch, f.roll), f.roll)
    place = np.array([f.x, f.y]) * f.size - 0.5
    return pose.project(spots, f.distance, f.scale * f.size, place).astype(np.float32)


def render(factors: Factors) -> Face:
    """The picture of these factors with its 68 points, their visibility and `Face.factors`. Same factors, same
    picture, bit for bit."""
    f, look, side = factors, factors.person.look, min(factors.camera.resolution, factors.size)
    turn, unit = pose.rotation(f.yaw, f.pitch, f.roll), f.scale * side
    place = np.array([f.x, f.y]) * side - 0.5
    controls = shape(f.person.shape, f.expression)
    mesh = body.mesh(bool(look["hair"]), bool(look["long_hair"]))
    solid = pose.turned(body.vertices(controls, look, f.expression, f.person.seed), turn, mesh.turn)
    xy = pose.project(solid, f.distance, unit, place).astype(np.float32)
    fragments = rasterise(xy, solid[:, 2], mesh.triangles, mesh.two_sided, side, side)
    attributes = np.column_stack(
        [normals(solid, mesh.triangles, mesh.neighbours), lit(solid, f.light), mesh.shade, mesh.shine]
    ).astype(np.float32)
    corners = mesh.triangles[fragments.triangle]
    uv = np.einsum("pkc,pk->pc", mesh.uv[corners], fragments.weight)
    where = np.zeros((side * side, 2), np.float32)
    where[fragments.pixel] = np.clip(uv, 0, (WIDTH - 1, HEIGHT - 1))
    albedo = cv2.remap(_texture(f.person), where.reshape(side, side, 2), None, cv2.INTER_LINEAR)
    scene = _scene(f.scene, side).copy()
    gain = f.camera.exposure / (
        0.35**0.5 * skin_colour(look).mean() ** 0.5 * (0.6 * f.light.ambient + 0.55 * f.light.lamp)
    )
    scene = (scene * (f.camera.exposure / gain)).reshape(-1, 3)
    scene[fragments.pixel] = shade(fragments, corners, attributes, albedo.reshape(-1, 3)[fragments.pixel], f.light)
    picture = develop(scene.reshape(side, side, 3), gain, f.camera)
    spots = pose.landmarks(controls, turn, f.roll)
    points = pose.project(spots, f.distance, unit, place)
    if look["glasses"]:
        lenses, arms = (
            pose.project(pose.turned(p, turn), f.distance, unit, place)
            for p in occluders.glasses_outline(controls, f.person)
        )
        occluders.wear_glasses(picture, lenses, arms, f.person, unit, 255 * min(1, 1.3 * f.camera.exposure**0.5))
    pixel = np.round(points).astype(int)
    inside = ((pixel >= 0) & (pixel < side)).all(1)
    column, row = np.clip(pixel, 0, side - 1).T
    nearest = cv2.erode(fragments.depth, np.ones((3, 3), np.uint8))
    visible = inside & (spots[:, 2] > nearest[row, column] - 0.10)
    if f.occluder:
        skin = np.sqrt(skin_colour(look) * gain * 0.6) * 255
        visible &= occluders.cover(picture, f.occluder, points, unit, skin)[row, column] < 128
    points = ((points + 0.5) * (f.size / side) - 0.5).astype(np.float32)
    image = take(picture, f.camera, f.size)
    return Face(image, points, f.person.name, f.person.name, visible, f.numbers())
