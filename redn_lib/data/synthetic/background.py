"""What lies behind a person: gradients, blurred shapes, stripes and noise, from one number. (our choice)"""

import cv2
import numpy as np

from redn_lib.data.synthetic.atlas import NOISES, noise_pool


def _colour(rng: np.random.Generator) -> np.ndarray:
    grey = rng.random() ** 1.6 * 0.85 + 0.005
    return np.clip(grey * (1 + rng.uniform(0, 0.9) * rng.uniform(-1, 1, 3)), 0.002, 1.0).astype(np.float32)


def background(seed: int, size: int) -> np.ndarray:
    """Picture (size, size, 3) float32, linear light. Drawn small and enlarged where it is out of focus."""
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
