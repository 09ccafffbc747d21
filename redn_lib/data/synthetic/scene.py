"""What surrounds a person: background, light, things before the face, and what the camera makes of it. (our choice)"""

from dataclasses import dataclass
from functools import cache, lru_cache

import cv2
import numpy as np

from redn_lib.data.augment import jpeg
from redn_lib.data.occluder import fill_polygon, fixed_point, lay_over, roundness
from redn_lib.data.synthetic.head import TABLES
from redn_lib.data.synthetic.texture import NOISES, noise_pool

SCENE_KINDS = tuple(TABLES["occluders"])


def _colour(rng: np.random.Generator) -> np.ndarray:
    grey = rng.random() ** 1.6 * 0.85 + 0.005
    return np.clip(grey * (1 + rng.uniform(0, 0.9) * rng.uniform(-1, 1, 3)), 0.002, 1.0).astype(np.float32)


@lru_cache(maxsize=8)
def background(seed: int, size: int) -> np.ndarray:
    """Image (size, size, 3) float32, linear light. Drawn small and enlarged where it is out of focus."""
    rng = np.random.default_rng([seed, 7])
    side = min(256, max(12, int(size / (1 + 7 * rng.random() ** 2))))
    ramp = np.linspace(0, 1, side, dtype=np.float32)
    first, second = _colour(rng), _colour(rng)
    mix = ramp[None, :] * np.float32(rng.uniform(-1, 1)) + ramp[:, None] * np.float32(rng.uniform(-1, 1))
    mix = np.clip((mix - mix.min()) / max(float(np.ptp(mix)), 0.3), 0, 1)[..., None]
    scene = first + (second - first) * mix
    for _ in range(int(rng.integers(0, 9))):
        colour = tuple(float(c) for c in _colour(rng))
        x, y = (int(v) for v in rng.integers(-side // 4, side * 5 // 4, 2))
        w, h = (int(v) for v in rng.integers(side // 16 + 1, side, 2))
        kind = rng.integers(4)
        if kind == 0:
            cv2.rectangle(scene, (x, y), (x + w // 2, y + h), colour, -1, cv2.LINE_AA)
        elif kind == 1:
            turn = float(rng.uniform(0, 180))
            cv2.ellipse(scene, (x, y), (w // 3, h // 3), turn, 0, 360, colour, -1, cv2.LINE_AA)
        elif kind == 2:
            end = (x + w - side // 2, y + h)
            cv2.line(scene, (x, y), end, colour, int(rng.integers(1, 2 + side // 12)), cv2.LINE_AA)
        else:
            for k in range(int(rng.integers(3, 8))):
                left = x + k * w // 8
                cv2.rectangle(scene, (left, y), (left + w // 16, y + h // 3), colour, -1)
    weights = rng.uniform(0, 1, 3) ** 2 * (0.5, 0.35, 0.2)
    coarse, middle, fine = noise_pool()[rng.integers(NOISES)][:, :side, :side]
    texture = np.float32(weights[0]) * coarse + np.float32(weights[1]) * middle + np.float32(weights[2]) * fine
    scene *= np.exp(np.clip(texture, -1.5, 1.5))[..., None]
    return cv2.resize(scene, (size, size), interpolation=cv2.INTER_LINEAR) if side < size else scene


@dataclass(frozen=True)
class Light:
    """A lamp and its surroundings."""

    yaw: float = 20.0  # where the lamp stands, degrees to the image's right; 0: behind the camera
    pitch: float = 35.0  # degrees above the camera
    lamp: float = 0.7  # strength of the lamp
    ambient: float = 0.4  # strength of the surroundings
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)  # tint of the lamp
    ambient_colour: tuple[float, float, float] = (1.0, 1.0, 1.0)  # tint of the surroundings
    below: float = 0.4  # light from the ground as a share of the sky's
    specular: float = 0.1  # strength of highlights
    shadow: float = 0.7  # 0 none to 1 dark


def direction(light: Light) -> np.ndarray:
    y, p = np.radians([light.yaw, light.pitch])
    return np.array([np.sin(y) * np.cos(p), -np.sin(p), np.cos(y) * np.cos(p)], np.float32)


def lit(vertices: np.ndarray, light: Light) -> np.ndarray:
    """Share of the lamp that reaches each vertex, (V,): 1 in the light, 1 - light.shadow behind something."""
    towards = direction(light)
    right = np.array([towards[2], 0, -towards[0]], np.float32)
    right /= np.linalg.norm(right) + 1e-9
    frame = np.stack([right, np.cross(towards, right), towards], 1)
    x, y, depth = (vertices @ frame).T
    cell = np.clip(np.stack([x, y]) * 13 + 40, 0, 79).astype(np.int32)
    index = cell[1] * 80 + cell[0]
    nearest = np.full(80 * 80, -20, np.float32)
    np.maximum.at(nearest, index, depth)
    nearest = cv2.dilate(nearest.reshape(80, 80), np.ones((3, 3), np.uint8))
    blocked = np.clip((cv2.blur(nearest, (3, 3)).ravel()[index] - depth - 0.10) / 0.16, 0, 1)
    return 1 - light.shadow * blocked


@dataclass(frozen=True)
class SceneOccluder:
    """One thing before the face of a synthetic scene. Raises ValueError for another kind."""

    kind: str  # one of SCENE_KINDS; a mask sits on mouth and nose and uses only the seed
    x: float = 0.0  # its middle, in head units right of the middle of the face
    y: float = 0.3  # and below it
    size: float = 1.0  # 1 covers about a third of the face
    angle: float = 0.0  # degrees
    seed: int = 0  # of its colour

    def __post_init__(self) -> None:
        if self.kind not in SCENE_KINDS:
            raise ValueError(f"no occluder {self.kind!r}; there are {', '.join(SCENE_KINDS)}")

    def draw(self, image: np.ndarray, points: np.ndarray, unit: float, skin: np.ndarray) -> np.ndarray:
        """Draw it over the image (r, r, 3) in place; returns its mask (r, r) uint8. unit: pixels of a head unit."""
        rng = np.random.default_rng([self.seed, 13])
        colour = rng.uniform(10, 245, 3) * rng.uniform(0.3, 1)
        if self.kind == "hand" and rng.random() < 0.8:
            colour = skin * rng.uniform(0.75, 1.15)
        elif self.kind == "microphone" and rng.random() < 0.7:
            colour = np.full(3, rng.uniform(5, 90))
        elif self.kind == "mask":
            cloth = ((225, 230, 235), (150, 185, 215), (40, 40, 44))
            colour = np.array(cloth[rng.integers(len(cloth))]) * rng.uniform(0.8, 1)
        mask = np.zeros(image.shape[:2], np.uint8)
        if self.kind == "mask":
            rim = np.vstack([points[2:15], points[[14, 35]].mean(0), points[[28]], points[[2, 31]].mean(0)])
            fill_polygon(mask, cv2.convexHull(rim.astype(np.float32))[:, 0])
        else:  # in its own frame 1 is a head unit times its size, y goes down along its stem
            turn, grow = np.radians(self.angle), unit * self.size
            frame = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
            middle = points[[27, 30, 33]].mean(0) + unit * np.array([self.x, self.y])
            circle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            for form in TABLES["occluders"][self.kind][1]:
                if np.ndim(form) == 1:
                    y, wide, tall = form
                    form = np.column_stack([wide * np.cos(circle), y + tall * np.sin(circle)])
                fill_polygon(mask, middle + grow * np.array(form) @ frame)
            for k in range(4 * (self.kind == "hand")):
                root, tip = ((k - 1.5) * 0.21, 0.15), ((k - 1.5) * 0.25, 0.15 - rng.uniform(0.35, 0.75))
                ends = fixed_point(middle + grow * np.array([root, tip]) @ frame)
                cv2.line(mask, ends[0].tolist(), ends[1].tolist(), 255, max(1, int(0.19 * grow)), cv2.LINE_AA, 4)
        light = 0.55 + 0.5 * roundness(mask, max(0.2 * unit * self.size, 1))
        light *= 0.9 + 0.2 * np.linspace(0, 1, len(image), dtype=np.float32)[:, None]
        lay_over(image, mask, colour.astype(np.float32) * light[..., None])
        return mask


@dataclass(frozen=True)
class Camera:
    """How the image is taken."""

    exposure: float = 0.35  # brightness of the skin, about 0.1 to 0.6
    contrast: float = 1.0  # 1 unchanged
    saturation: float = 1.0  # 1 unchanged
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)  # colour gains
    resolution: int = 160  # pixels a side that it is taken with before it is scaled to its size
    blur: float = 0.6  # spread in pixels of these
    motion: tuple[float, float] = (0.0, 0.0)  # x, y length of motion blur in pixels
    noise: float = 2.0  # spread, of 255
    jpeg: int = 80  # quality 1 to 100, 0 none
    seed: int = 0  # of the noise


def develop(light: np.ndarray, gain: float, camera: Camera) -> np.ndarray:
    """Linear light (r, r, 3) to an image (r, r, 3) float32 of 0 to 255."""
    image = light * (np.array(camera.cast, np.float32) * np.float32(gain))
    image = np.sqrt(image / (1 + 0.25 * image)) * 255
    if camera.saturation != 1:
        grey = image.mean(2, keepdims=True)
        image = grey + (image - grey) * np.float32(camera.saturation)
    return (image - 110) * np.float32(camera.contrast) + 110


@cache
def _grain_pool() -> np.ndarray:
    rng = np.random.default_rng(512)
    return rng.standard_normal((512, 512, 1), np.float32) + 0.4 * rng.standard_normal((512, 512, 3), np.float32)


def take(image: np.ndarray, camera: Camera, size: int) -> np.ndarray:
    """Lens, sensor and file: (r, r, 3) float of 0 to 255 to (size, size, 3) uint8."""
    length = float(np.hypot(*camera.motion))
    if length > 1:
        n = 2 * int(np.ceil(length / 2)) + 1
        kernel = np.zeros((n, n), np.float32)
        step = np.array(camera.motion) / 2 * 16
        middle = np.array([n // 2, n // 2]) * 16
        ends = [tuple(int(v) for v in middle + s * step) for s in (-1, 1)]
        cv2.line(kernel, *ends, 1.0, 1, cv2.LINE_AA, 4)
        image = cv2.filter2D(image, -1, kernel / kernel.sum())
    if camera.blur > 0.2:
        image = cv2.GaussianBlur(image, (0, 0), camera.blur)
    if camera.noise > 0:
        y, x = np.random.default_rng([camera.seed, 11]).integers(0, 513 - len(image), 2)
        image = image + np.float32(camera.noise) * _grain_pool()[y : y + len(image), x : x + len(image)]
    image = np.clip(image, 0, 255).astype(np.uint8)
    if camera.jpeg:
        image = jpeg(image, camera.jpeg)
    return image if len(image) == size else cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC)
