"""The texture of a person: where each part lies in it, and the masks that facial skin is mixed from. (our choice)"""

from functools import cache

import cv2
import numpy as np

from redn_lib.data.synthetic.head import smooth_line, template, texture_uv

HEIGHT, WIDTH = 208, 496
SIDE = 208
"""The skin's patch is SIDE x SIDE at (0, 0)."""

HAIR = (209, 1, 142, 142)
EYE = (210, 146, 60, 60)
MOUTH = (274, 146, 60, 60)
CLOTH = (354, 1, 140, 44)
"""The other patches of the atlas: (x, y, width, height) in its pixels."""

SKIN_MASKS = (
    *("lips", "lip_line", "lash_up", "lash_low", "crease", "lid", "socket", "bag", "nostril", "wing", "nose_red"),
    *("fold", "brow_lines", "crow", "blush", "chin_crease", "scalp", "t_zone"),
)
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
    return texture_uv(points) * SIDE


def stroke(points: np.ndarray, thick: int, blur: float) -> np.ndarray:
    """A soft line through texture pixels (N, 2) on a mask (SIDE, SIDE) in [0, 1]."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    curve = np.round(smooth_line(points, 6, False) * 16).astype(np.int32)
    cv2.polylines(mask, [curve], False, 255, thick, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), blur)


def area(points: np.ndarray, blur: float) -> np.ndarray:
    """A soft polygon of texture pixels (N, 2) on a mask (SIDE, SIDE) in [0, 1]."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), blur)


def _blob(x: float, y: float, z: float, radius: float) -> np.ndarray:
    yy, xx = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    px, py = _pixels(np.array([x, y, z], np.float32))
    return np.exp(-((xx - px) ** 2 + (yy - py) ** 2) / (64 * radius) ** 2)


@cache
def skin_masks() -> np.ndarray:
    """The masks in the order of SKIN_MASKS, (len, SIDE * SIDE) float32."""
    return np.stack([mask_of(name).ravel() for name in SKIN_MASKS])


def mask_of(name: str) -> np.ndarray:
    """One mask by name, (SIDE, SIDE) float32: SKIN_MASKS, beard, moustache."""
    return _all_masks()[name]


def _both(mask: np.ndarray) -> np.ndarray:
    """A mask of the right half of the face, and its mirror image."""
    return np.maximum(mask, mask[:, ::-1])


@cache
def _all_masks() -> dict[str, np.ndarray]:
    texel, names = _pixels(template().controls), template().names
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)

    def at(*which: int | str, side: int = 0) -> np.ndarray:
        return texel[[names[w][side] if isinstance(w, str) else w for w in which]]

    def line(*places: tuple[float, float, float]) -> np.ndarray:
        return _pixels(np.array(places))

    outer, inner = smooth_line(texel[48:60], 6, True), smooth_line(texel[60:68], 6, True)
    lips = np.clip(area(outer, 0.9) - area(inner, 0.1), 0, 1)
    lash, fold = at(36, 37, 38, 39), np.vstack([at("wing") - (6, 3), at("fold"), at("fold_low") + (1, 0)])
    wing = np.vstack([at("wing_top") - (3, 3), at("wing") - (4, 0), at(31) - (2, -1), at(32)])
    nostril = at("nostril", "wing", 31, 32, "columella") + at("nostril", "nostril", "nostril", 32, "nostril")
    crease = 0.55 * at("crease_out", "lid_crease", "crease_in") + 0.45 * at(37, 37, 38)
    foreheads = [
        line((-0.5, h, -0.05), (-0.2, h - 0.03, 0.02), (0.2, h - 0.03, 0.02), (0.5, h, -0.05))
        for h in (-1.08, -1.2, -1.33)
    ]
    frown = line((-0.09, -0.95, 0.06), (-0.10, -0.8, 0.05))
    crows = [line((-0.65, -0.62, -0.4), (-0.8, h, -0.5)) for h in (-0.72, -0.62, -0.53)]
    jaw = np.vstack(
        [(texel[1:16] - SIDE / 2) * 1.12 + SIDE / 2, at("cheek_low", side=1), texel[54:60], at(48, "cheek_low")]
    )
    bristles = np.vstack([at(48) + (-3, 3), texel[48:55], at(54) + (3, 3), at(35, 33, 31) + (0, 3)])
    masks = {
        "lips": lips,
        "lip_line": stroke(np.vstack([inner, inner[:1]]), 2, 0.8),
        "lash_up": _both(stroke(lash - (0, 0.5), 2, 0.6)),
        "lash_low": _both(stroke(at(36, 41, 40, 39), 1, 0.7)),
        "crease": _both(stroke(crease, 1, 0.9)),
        "lid": _both(area(np.vstack([lash, at("crease_in", "lid_crease", "crease_out")]), 1.5)),
        "socket": _both(_blob(-0.26, -0.72, -0.08, 0.16) + 0.6 * _blob(-0.45, -0.72, -0.12, 0.2)),
        "bag": _both(stroke(at("bag_in", "bag", "bag_out"), 3, 2.0)),
        "nostril": _both(area(nostril / 2, 1.0)),
        "wing": _both(stroke(wing, 1, 1.1)),
        "nose_red": _blob(0, -0.16, 0.3, 0.3),
        "fold": _both(stroke(np.vstack([fold, at("mouth_side")]), 2, 1.6)),
        "brow_lines": sum(stroke(h, 1, 1.0) for h in foreheads) + _both(stroke(frown, 1, 1.0)),
        "crow": _both(sum(stroke(c, 1, 0.8) for c in crows)),
        "blush": _both(_blob(-0.6, -0.2, -0.2, 0.45)),
        "chin_crease": stroke(line((-0.2, 0.57, 0.03), (0, 0.55, 0.05), (0.2, 0.57, 0.03)), 2, 2.0),
        "beard": area(jaw, 4.0) * (1 - lips) * np.clip((y - texel[2, 1]) / 18, 0, 1),
        "moustache": area(bristles, 1.4) * (1 - 0.9 * lips),
        "scalp": np.clip((texel[27, 1] - 40 - y) / 10, 0, 1) * (np.hypot(x - SIDE / 2, y - SIDE / 2) > 30),
        "t_zone": _blob(0, -1.2, 0, 0.5) + _blob(0, -0.4, 0.15, 0.18),
    }
    return {name: mask.astype(np.float32) for name, mask in masks.items()}
