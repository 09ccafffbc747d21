"""Paints the texture of one person: skin with its make-up of masks, brows, eyes, teeth, hair and clothes, in linear
light. (our choice)"""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from redn_lib.data.synthetic.atlas import (
    CLOTH,
    EYE,
    HAIR,
    HEIGHT,
    MOUTH,
    NOISES,
    SIDE,
    SKIN_MASKS,
    WIDTH,
    area,
    mask_of,
    noise_pool,
    skin_masks,
)
from redn_lib.data.synthetic.head import smooth_line, template, texture_uv

_SKIN_STOPS = np.log(
    [(0.78, 0.48, 0.37), (0.66, 0.36, 0.24), (0.47, 0.24, 0.14), (0.26, 0.125, 0.068), (0.10, 0.048, 0.030)]
)
_HAIR_STOPS = np.log(
    [
        (0.010, 0.009, 0.009),
        (0.035, 0.022, 0.015),
        (0.10, 0.055, 0.030),
        (0.30, 0.17, 0.08),
        (0.50, 0.38, 0.22),
        (0.48, 0.47, 0.46),
    ]
)
_IRIS = np.log([(0.03, 0.018, 0.01), (0.08, 0.04, 0.02), (0.12, 0.13, 0.07), (0.10, 0.16, 0.22), (0.22, 0.24, 0.25)])


def blend(stops: np.ndarray, at: float) -> np.ndarray:
    """Colour (3,) at `at` in [0, 1] along evenly spaced stops."""
    place = min(max(at, 0.0), 1.0) * (len(stops) - 1)
    below = min(int(place), len(stops) - 2)
    return (stops[below] + (place - below) * (stops[below + 1] - stops[below])).astype(np.float32)


def skin_colour(look: Mapping[str, Any]) -> np.ndarray:
    """Mean reflectance of the skin, (3,), linear."""
    warm = (
        np.array([0.10, 0, -0.05], np.float32) * look["skin_red"]
        + np.array([0.03, 0.0, -0.10], np.float32) * look["skin_yellow"]
    )
    return np.exp(blend(_SKIN_STOPS, look["skin_tone"]) + warm)


def _brows(look: Mapping[str, Any], hairs: np.ndarray) -> np.ndarray:
    points = texture_uv(template().controls[17:22]) * SIDE
    line = smooth_line(points, 4, False)
    along = np.linspace(0, 1, len(line))
    thick = look["brow_thick"] * np.interp(along, [0, 0.35, 0.85, 1], [0.25, 0.85, 1.0, 0.75])
    upper, lower = line - np.array([[0, 0.25]]) * thick[:, None], line + np.array([[0, 0.75]]) * thick[:, None]
    mask = area(np.vstack([upper, lower[::-1]]), 0.8)
    return np.maximum(mask, mask[:, ::-1]) * np.clip(0.9 + 0.2 * hairs, 0, 1.3)


def _skin(look: Mapping[str, Any], rng: np.random.Generator) -> np.ndarray:
    shift = tuple(rng.integers(0, 256, 2))
    noise = noise_pool()[rng.integers(NOISES), 1:]
    blotches, grain = (np.roll(n, shift, (0, 1))[:SIDE, :SIDE] for n in noise)
    tone, hair = np.log(skin_colour(look)), blend(_HAIR_STOPS, look["hair_tone"])
    beard_hair = blend(_HAIR_STOPS, min(1.0, look["hair_tone"] + look["beard_grey"]))
    old, dark = look["age"], np.array([-0.9, -1.0, -1.0])
    red, strength = (
        np.array([0.02, -0.14, -0.10]),
        {
            "lip_line": 0.9,
            "lash_up": 1.6 * look["lash"],
            "lash_low": 0.6 * look["lash"],
            "crease": 0.5 * look["lid_crease"],
            "socket": 0.25,
            "bag": 0.10 + 0.35 * old,
            "nostril": 1.3,
            "wing": 0.45,
            "fold": 0.12 + 0.4 * old,
            "brow_lines": 0.45 * old,
            "crow": 0.4 * old,
            "chin_crease": 0.25,
        },
    )
    mix = {name: dark * s for name, s in strength.items()} | {
        "lips": np.array([-0.08, -0.6, -0.42]) * look["lip_red"] - look["lip_dark"],
        "lid": np.array(look["eye_shadow"]),
        "nose_red": red * look["blush"],
        "blush": red * look["blush"],
        "scalp": (hair - tone) * look["stubble_head"],
        "t_zone": np.array([0.06, 0.05, 0.05]),
    }
    weights = np.stack([mix[name] for name in SKIN_MASKS]).T.astype(np.float32)
    colour = (weights @ skin_masks()).reshape(3, SIDE, SIDE)
    colour += tone[:, None, None]
    hairy = np.clip(0.9 + 0.15 * grain, 0, 1.2) * (beard_hair - tone)[:, None, None]
    for name in ("beard", "moustache"):
        if look[name] > 0.02:
            colour += look[name] * mask_of(name) * hairy
    colour += (0.05 * look["mottle"]) * (1.3 * blotches + grain)
    brow_hair = look["brow_dark"] * np.minimum(blend(_HAIR_STOPS, look["brow_tone"]) - tone, -0.3)
    colour += _brows(look, grain) * brow_hair[:, None, None]
    colour = cv2.merge(list(colour))
    return cv2.exp(colour)


def _eye(look: Mapping[str, Any]) -> np.ndarray:
    size = EYE[2]
    eye = np.empty((size, size, 3), np.float32)
    eye[:] = np.array([0.60, 0.54, 0.51]) * look["sclera"]
    centre, iris = ((size - 1) * 8, (size - 1) * 8), np.exp(blend(_IRIS, look["iris"]))
    for radius, colour in ((13.8, iris * 0.2), (11.6, iris * 0.8), (6.2, (0.004, 0.004, 0.004))):
        cv2.circle(eye, centre, int(radius * 16), tuple(float(c) for c in colour), -1, cv2.LINE_8, 4)
    return cv2.GaussianBlur(eye, (0, 0), 0.9)


def _mouth(look: Mapping[str, Any]) -> np.ndarray:
    patch = np.zeros((60, 60, 3), np.float32)
    patch[:] = (0.06, 0.015, 0.012)
    teeth = np.array([0.68, 0.62, 0.52], np.float32) * look["teeth"]
    patch[14:44] = teeth
    patch[14:44, 4::7] *= 0.72
    patch[44:] = (0.36, 0.12, 0.11)
    return patch


def _hair(look: Mapping[str, Any], rng: np.random.Generator) -> np.ndarray:
    coarse, middle, fine = noise_pool()[rng.integers(NOISES)][:, :142, :142]
    strand = cv2.resize(fine[:24], (142, 142), interpolation=cv2.INTER_LINEAR)
    if look["hair_curl"] > 0.5:
        strand = middle
    colour = blend(_HAIR_STOPS, look["hair_tone"]) + np.array([0.25, 0, -0.1], np.float32) * look["hair_red"]
    if look["covered"] > 0.5:
        colour, strand = np.log(np.array(look["cloth"], np.float32) * 0.9 + 0.01), coarse
    return np.exp(colour + (0.28 * strand * look["hair_streak"] + 0.12 * coarse)[..., None])


def _cloth(look: Mapping[str, Any], rng: np.random.Generator) -> np.ndarray:
    """Neck above, clothes below; columns run from the throat to the nape."""
    _, _, width, height = CLOTH
    skin = skin_colour(look) * 0.92
    first, second = np.array(look["cloth"], np.float32), np.array(look["cloth_2"], np.float32)
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    patch = np.empty((height, width, 3), np.float32)
    patch[:] = skin
    edge = 0.36 + look["neckline"] * np.maximum(0, 0.30 - x) * 1.4
    style = look["cloth_style"]
    body = np.broadcast_to(first, patch.shape).copy()
    if style < 0.35:
        shirt = x < 0.13 * (1.0 - 0.6 * (y - 0.4))
        body[shirt] = second
        if style < 0.2:
            body[x < 0.028] = np.array(look["cloth_3"])
    elif style > 0.75:
        body[(np.floor(y * 26) % 2 == 0)] = second
    body *= np.exp(0.18 * noise_pool()[rng.integers(NOISES), 0, :height, :width, None])
    dressed = y > edge
    patch[dressed] = body[dressed]
    return patch


def paint(look: Mapping[str, Any], seed: int) -> np.ndarray:
    """Atlas (HEIGHT, WIDTH, 3) float32, linear reflectance. look: numbers drawn by people.py; seed: of the noise."""
    rng = np.random.default_rng([seed, 3])
    atlas = np.full((HEIGHT, WIDTH, 3), 0.3, np.float32)
    atlas[:SIDE, :SIDE] = _skin(look, rng)
    for (x, y, w, h), patch in (
        (HAIR, _hair(look, rng)),
        (EYE, _eye(look)),
        (MOUTH, _mouth(look)),
        (CLOTH, _cloth(look, rng)),
    ):
        atlas[y : y + h, x : x + w] = patch
    return atlas
