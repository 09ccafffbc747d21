"""The one texture of a person: where each part lies in it, and the masks from which facial skin is mixed. (our
choice)"""

from functools import cache

import cv2
import numpy as np

from redn_lib.data.procedural.head import smooth_line, template, texture_uv

HEIGHT, WIDTH = 256, 400
SKIN = (0, 0, 256, 256)
HAIR = (257, 1, 142, 142)
EYE = (258, 146, 60, 60)
MOUTH = (322, 146, 60, 60)
CLOTH = (258, 210, 140, 44)
"""Patches of the atlas: (x, y, width, height) in its pixels."""

SKIN_MASKS = (
    "lips", "lip_line", "lash_up", "lash_low", "crease", "lid", "socket", "bag", "nostril", "wing", "nose_red",
    "fold", "brow_lines",
    "crow", "blush", "chin_crease", "scalp", "t_zone",
)  # fmt: skip
NOISES = 6


@cache
def noise_pool() -> np.ndarray:
    """Smooth noises of unit spread: (NOISES, 3, 256, 256), coarse, middle, fine. The same in every process."""
    rng = np.random.default_rng(20160)
    out = np.empty((NOISES, 3, 256, 256), np.float32)
    for k in range(NOISES):
        for channel, cells in enumerate((8, 40, 150)):
            small = rng.normal(size=(cells, cells)).astype(np.float32)
            big = cv2.resize(np.tile(small, (2, 2)), (512, 512), interpolation=cv2.INTER_CUBIC)[128:384, 128:384]
            out[k, channel] = big / big.std()
    return out


def _pixels(points: np.ndarray) -> np.ndarray:
    return texture_uv(points) * SKIN[2]


def stroke(points: np.ndarray, thick: int, blur: float) -> np.ndarray:
    """A soft line through texture pixels (N, 2) on a 256 x 256 mask in [0, 1]."""
    mask = np.zeros((256, 256), np.uint8)
    cv2.polylines(
        mask, [np.round(smooth_line(points, 6, False) * 16).astype(np.int32)], False, 255, thick, cv2.LINE_AA, 4
    )
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), blur)


def area(points: np.ndarray, blur: float) -> np.ndarray:
    """A soft polygon of texture pixels (N, 2) on a 256 x 256 mask in [0, 1]."""
    mask = np.zeros((256, 256), np.uint8)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), blur)


def _blob(x: float, y: float, z: float, radius: float) -> np.ndarray:
    yy, xx = np.mgrid[:256, :256].astype(np.float32)
    px, py = _pixels(np.array([x, y, z], np.float32))
    return np.exp(-((xx - px) ** 2 + (yy - py) ** 2) / (radius * 256 / 4) ** 2)


@cache
def skin_masks() -> np.ndarray:
    """The masks in the order of SKIN_MASKS, (len, 256 * 256) float32."""
    return np.stack([mask_of(name).ravel() for name in SKIN_MASKS])


def mask_of(name: str) -> np.ndarray:
    """One mask by name, (256, 256) float32: SKIN_MASKS, beard, moustache."""
    return _all_masks()[name]


@cache
def _all_masks() -> dict[str, np.ndarray]:
    t = template()
    p, at = t.controls, t.names
    texel = _pixels(p)
    yy, xx = np.mgrid[:256, :256].astype(np.float32)
    out = {}

    def control(*which: int | str, side: int = 0) -> np.ndarray:
        return texel[[at[w][side] if isinstance(w, str) else w for w in which]]

    def both(draw) -> np.ndarray:
        one = draw()
        return np.maximum(one, one[:, ::-1])

    outer, inner = smooth_line(texel[48:60], 6, True), smooth_line(texel[60:68], 6, True)
    out["lips"] = np.clip(area(outer, 0.9) - area(inner, 0.1), 0, 1)
    out["lip_line"] = np.clip(stroke(np.vstack([inner, inner[:1]]), 2, 0.8), 0, 1)
    out["lash_up"] = both(lambda: stroke(control(36, 37, 38, 39) - (0, 0.5), 2, 0.6))
    out["lash_low"] = both(lambda: stroke(control(36, 41, 40, 39), 1, 0.7))
    out["crease"] = both(
        lambda: stroke(0.55 * control("crease_out", "lid_crease", "crease_in") + 0.45 * control(37, 37, 38), 1, 0.9)
    )
    out["lid"] = both(
        lambda: area(np.vstack([control(36, 37, 38, 39), control("crease_in", "lid_crease", "crease_out")]), 1.5)
    )
    out["socket"] = both(lambda: _blob(-0.26, -0.72, -0.08, 0.16) + 0.6 * _blob(-0.45, -0.72, -0.12, 0.2))
    out["bag"] = both(lambda: stroke(control("bag_in", "bag", "bag_out"), 3, 2.0))
    out["nostril"] = both(
        lambda: area(
            0.5
            * (
                control("nostril", "wing", 31, 32, "columella")
                + control("nostril", "nostril", "nostril", 32, "nostril")
            ),
            1.0,
        )
    )
    out["wing"] = both(
        lambda: stroke(
            np.vstack([control("wing_top") - (3, 3), control("wing") - (4, 0), control(31) - (2, -1), control(32)]),
            1,
            1.1,
        )
    )
    out["nose_red"] = _blob(0, -0.16, 0.3, 0.3)
    out["fold"] = both(
        lambda: stroke(
            np.vstack([control("wing") - (6, 3), control("fold"), control("fold_low") + (1, 0), control("mouth_side")]),
            2,
            1.6,
        )
    )
    lines = [
        np.array([(-0.5, y, -0.05), (-0.2, y - 0.03, 0.02), (0.2, y - 0.03, 0.02), (0.5, y, -0.05)])
        for y in (-1.08, -1.2, -1.33)
    ]
    out["brow_lines"] = sum(stroke(_pixels(line), 1, 1.0) for line in lines)
    out["brow_lines"] += both(lambda: stroke(_pixels(np.array([(-0.09, -0.95, 0.06), (-0.10, -0.8, 0.05)])), 1, 1.0))
    out["crow"] = both(
        lambda: sum(
            stroke(_pixels(np.array([(-0.65, -0.62, -0.4), (-0.8, -0.62 + k, -0.5)])), 1, 0.8) for k in (-0.1, 0, 0.09)
        )
    )
    out["blush"] = both(lambda: _blob(-0.6, -0.2, -0.2, 0.45))
    out["chin_crease"] = stroke(_pixels(np.array([(-0.2, 0.57, 0.03), (0, 0.55, 0.05), (0.2, 0.57, 0.03)])), 2, 2.0)
    lower = [*range(1, 16)]
    jaw = np.vstack(
        [
            (texel[lower] - 128) * 1.12 + 128,
            control("cheek_low", side=1),
            texel[54:60],
            texel[[48]],
            control("cheek_low"),
        ]
    )
    below = area(jaw, 4.0)
    out["beard"] = below * (1 - out["lips"]) * np.clip((yy - texel[2, 1]) / 18, 0, 1)
    bristle = np.vstack([texel[48] + (-3, 3), texel[48:55], texel[54] + (3, 3), texel[[35, 33, 31]] + (0, 3)])
    out["moustache"] = area(bristle, 1.4) * (1 - 0.9 * out["lips"])
    place = np.interp(np.hypot(xx - 128, yy - 128), [0, 150], [0, 1])
    out["scalp"] = np.clip((texel[27, 1] - 40 - yy) / 10, 0, 1) * (place > 0.2)
    out["t_zone"] = _blob(0, -1.2, 0, 0.5) + _blob(0, -0.4, 0.15, 0.18)
    return {name: mask.astype(np.float32) for name, mask in out.items()}
