"""What widgets are tried on: rough pictures called faces, and a network that was taught nothing but has opinions."""

import cv2
import numpy as np
import torch

from redn_lib.data.clip import Face
from redn_lib.landmarks import MEAN_SHAPE
from redn_lib.rednet import RedNet


def rough_face(seed: int = 0, person: str = "Ann", *, bent: bool = False) -> Face:
    """A picture of blots with the mean shape on it, a little aside; bent: each point by itself."""
    rng = np.random.default_rng(seed)
    points = (MEAN_SHAPE * 45 + (80, 75) + rng.normal(0, 2, (68, 2) if bent else 2)).astype(np.float32)
    rough = rng.integers(0, 255, (12, 12, 3), np.uint8)
    return Face(cv2.resize(rough, (160, 150), interpolation=cv2.INTER_CUBIC), points, person, f"{person} {seed}")


def peaked() -> RedNet:
    """A network with fresh weights whose response maps have peaks; untrained ones are flat."""
    torch.manual_seed(3)
    net = RedNet.from_preset("compact").eval()
    torch.nn.init.normal_(net.regression.out.weight, std=0.5)
    return net
