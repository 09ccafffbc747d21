"""Light on the head: a lamp with soft shadows, sky and ground, highlights; all in linear light. (our choice)"""

from dataclasses import dataclass

import cv2
import numpy as np

from redn_lib.data.synthetic.rasterise import Fragments


@dataclass(frozen=True)
class Light:
    """A lamp and its surroundings.

    yaw, pitch: where the lamp stands, degrees (0, 0 behind the camera; yaw > 0 to the picture's right, pitch > 0
    above). lamp: its strength beside ambient's. colour, ambient_colour: tints. below: light from the ground as a share
    of the sky's. specular: strength of highlights. shadow: 0 none to 1 dark.
    """

    yaw: float = 20.0
    pitch: float = 35.0
    lamp: float = 0.7
    ambient: float = 0.4
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    ambient_colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    below: float = 0.4
    specular: float = 0.1
    shadow: float = 0.7


def _towards(light: Light) -> np.ndarray:
    y, p = np.radians([light.yaw, light.pitch])
    return np.array([np.sin(y) * np.cos(p), -np.sin(p), np.cos(y) * np.cos(p)], np.float32)


def neighbours(triangles: np.ndarray, n: int) -> np.ndarray:
    """Triangles round each of n vertices: (n, 10) indices, len(triangles) where there is none."""
    table = [[] for _ in range(n)]
    for i, tri in enumerate(triangles):
        for v in tri:
            table[v].append(i)
    return np.array([(row + [len(triangles)] * 10)[:10] for row in table])


def normals(vertices: np.ndarray, triangles: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3) of a mesh."""
    a, b, c = vertices[triangles[:, 0]], vertices[triangles[:, 1]], vertices[triangles[:, 2]]
    u, v = b - a, c - a
    face = np.zeros((len(triangles) + 1, 3), np.float32)
    face[:-1, 0] = u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1]
    face[:-1, 1] = u[:, 2] * v[:, 0] - u[:, 0] * v[:, 2]
    face[:-1, 2] = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    total = face[neighbours[:, 0]]
    for k in range(1, neighbours.shape[1]):
        total += face[neighbours[:, k]]
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)


def openness(vertices: np.ndarray) -> np.ndarray:
    """How much of the sky in front of the face each vertex of the mean head sees, (V,), about 1 on the forehead."""
    lamps = [Light(yaw=float(y), pitch=float(p), shadow=1.0) for y in range(-75, 76, 30) for p in range(-60, 76, 27)]
    seen = np.mean([lit(vertices, lamp) for lamp in lamps], 0)
    return np.clip(0.45 + 0.65 * seen, 0.4, 1.1)


def lit(vertices: np.ndarray, light: Light) -> np.ndarray:
    """Share of the lamp that reaches each vertex, (V,): 1 in the light, 1 - light.shadow behind something."""
    towards = _towards(light)
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


def shade(
    fragments: Fragments, corners: np.ndarray, attributes: np.ndarray, albedo: np.ndarray, light: Light
) -> np.ndarray:
    """Linear colour (P, 3) of every fragment.

    corners: (P, 3) vertex indices of its triangle. attributes: (V, 6) normal, share of the lamp, shade, shine. albedo:
    (P, 3).
    """
    value = np.einsum("pkc,pk->pc", attributes[corners], fragments.weight)
    normal = value[:, :3] / np.maximum(np.sqrt((value[:, :3] ** 2).sum(1, keepdims=True)), 1e-6)
    normal *= np.where(normal[:, 2:] < 0, -1, 1)
    towards = _towards(light)
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
    return (
        albedo * (around[:, None] * sky + (light.lamp * facing * value[:, 4])[:, None] * lamp) + gloss[:, None] * lamp
    )
