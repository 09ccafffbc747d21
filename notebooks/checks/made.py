"""Small inputs for the cases of exercises."""

import numpy as np
import torch

from redn_lib.landmarks import MEAN_SHAPE


def made_faces(count: int, seed: int = 0) -> np.ndarray:
    """Points (count, 68, 2) in pixels: mean faces, each turned, scaled and shifted, all points a little off."""
    rng = np.random.default_rng(seed)
    faces = np.empty((count, 68, 2))
    for i, turn in enumerate(rng.permutation(np.linspace(-0.5, 0.6, count))):
        size, at = rng.uniform(30, 60), rng.uniform(80, 120, 2)
        points = MEAN_SHAPE * [size, 1.1 * size] + rng.normal(0, 0.03 * size, (68, 2))
        faces[i] = points @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]] + at
    return faces


def made_numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    """Normal random numbers in a tensor."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
