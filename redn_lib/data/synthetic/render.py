"""All factors of one picture, and the picture that they make. (our choice)"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from redn_lib.data.clip import Face
from redn_lib.data.synthetic import body, glasses, pose
from redn_lib.data.synthetic.atlas import HEIGHT, WIDTH
from redn_lib.data.synthetic.background import background
from redn_lib.data.synthetic.camera import Camera, develop, take
from redn_lib.data.synthetic.expression import Expression
from redn_lib.data.synthetic.light import Light, lit, normals, shade
from redn_lib.data.synthetic.occluders import Occluder, cover
from redn_lib.data.synthetic.people import Person
from redn_lib.data.synthetic.rasterise import rasterise
from redn_lib.data.synthetic.shape import shape
from redn_lib.data.synthetic.texture import paint, skin_colour


@dataclass(frozen=True)
class Factors:
    """Everything that a picture depends on; change one with `dataclasses.replace` and render again.

    yaw, pitch, roll: degrees (yaw > 0 to the picture's right, pitch > 0 up, roll > 0 clockwise). scene: the
    background's seed. distance: from the camera in head units (78 mm). scale: a head unit's share of the picture's
    side. x, y: place of the head's pivot, share of the side. size: side in pixels, 16 to 512.
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

    def __post_init__(self) -> None:
        if not 16 <= self.size <= 512 or self.camera.resolution < 16:
            raise ValueError(
                f"size must be 16 to 512 and resolution at least 16, got {self.size}, {self.camera.resolution}"
            )

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


@lru_cache(maxsize=8)
def _controls(person: Person, expression: Expression) -> np.ndarray:
    return shape(person.shape, expression)


def project_points(factors: Factors) -> np.ndarray:
    """The 68 points alone, (68, 2) float32 in pixels of the picture, without drawing it."""
    f = factors
    spots = pose.landmarks(_controls(f.person, f.expression), pose.rotation(f.yaw, f.pitch, f.roll), f.roll)
    place = np.array([f.x, f.y]) * f.size - 0.5
    return pose.project(spots, f.distance, f.scale * f.size, place).astype(np.float32)


def _gain(factors: Factors) -> float:
    """Exposure that shows this skin under this light at about camera.exposure; dark skin stays darker."""
    light = 0.6 * factors.light.ambient + 0.55 * factors.light.lamp
    return factors.camera.exposure / float(light * np.sqrt(0.35 * skin_colour(factors.person.look).mean()))


def _light_field(
    f: Factors, controls: np.ndarray, turn: np.ndarray, place: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Linear light (side, side, 3) of person and background before the lens, and the depth (side, side)."""
    look = f.person.look
    mesh = body.mesh(bool(look["hair"]), bool(look["long_hair"]))
    solid = pose.turned(body.vertices(controls, look, f.expression, f.person.seed), turn, mesh.turn)
    xy = pose.project(solid, f.distance, f.scale * side, place).astype(np.float32)
    seen = rasterise(xy, solid[:, 2], mesh.triangles, mesh.two_sided, side, side)
    corners = mesh.triangles[seen.triangle]
    texel = np.zeros((side * side, 2), np.float32)
    texel[seen.pixel] = np.clip(np.einsum("pkc,pk->pc", mesh.uv[corners], seen.weight), 0, (WIDTH - 1, HEIGHT - 1))
    albedo = cv2.remap(_texture(f.person), texel.reshape(side, side, 2), None, cv2.INTER_LINEAR).reshape(-1, 3)
    facing = normals(solid, mesh.triangles, mesh.neighbours)
    attributes = np.column_stack([facing, lit(solid, f.light), mesh.shade, mesh.shine]).astype(np.float32)
    scene = (_scene(f.scene, side) * np.float32(f.camera.exposure / _gain(f))).reshape(-1, 3)
    scene[seen.pixel] = shade(seen, corners, attributes, albedo[seen.pixel], f.light)
    return scene.reshape(side, side, 3), seen.depth


def render(factors: Factors) -> Face:
    """The picture of these factors with its 68 points, their visibility and `Face.factors`.

    Same factors, same picture, bit for bit. A point is visible when it lies in the picture and neither the head nor an
    occluder is before it (glasses and closed lids hide nothing).
    """
    f, side = factors, min(factors.camera.resolution, factors.size)
    turn, unit, place = pose.rotation(f.yaw, f.pitch, f.roll), f.scale * side, np.array([f.x, f.y]) * side - 0.5
    controls = _controls(f.person, f.expression)
    scene, depth = _light_field(f, controls, turn, place, side)
    picture = develop(scene, _gain(f), f.camera)
    if f.person.look["glasses"]:
        pieces = [pose.turned(p, turn) for p in glasses.outline(controls, f.person)]
        lenses, arms = (pose.project(p, f.distance, unit, place) for p in pieces)
        glasses.wear(picture, lenses, arms, f.person, unit, 255 * min(1, 1.3 * f.camera.exposure**0.5))
    spots = pose.landmarks(controls, turn, f.roll)
    points = pose.project(spots, f.distance, unit, place)
    pixel = np.round(points).astype(int)
    column, row = np.clip(pixel, 0, side - 1).T
    visible = ((pixel >= 0) & (pixel < side)).all(1)
    visible &= spots[:, 2] > cv2.erode(depth, np.ones((3, 3), np.uint8))[row, column] - 0.10
    if f.occluder:
        skin = np.sqrt(skin_colour(f.person.look) * _gain(f) * 0.6) * 255
        visible &= cover(picture, f.occluder, points, unit, skin)[row, column] < 128
    points = ((points + 0.5) * (f.size / side) - 0.5).astype(np.float32)
    return Face(take(picture, f.camera, f.size), points, f.person.name, f.person.name, visible, f.numbers())
