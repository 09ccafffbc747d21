"""What widgets are tried on: rough images called faces, and networks with random weights whose maps have peaks."""

from dataclasses import replace

import cv2
import numpy as np
import torch

from redn_lib.data.clip import Clip, Face
from redn_lib.landmarks import MEAN_SHAPE, tight_box
from redn_lib.presets import COMPACT
from redn_lib.rednet import RedNet
from redn_lib.tracking.tracker import TrackedFrame


def shown(live, **change) -> dict:
    """What a widget answers when its controls stand as at the beginning, but for a change."""
    return live.respond({"state": live.setup["state"] | change})


def rough_face(seed: int = 0, person: str = "Ann", *, bent: bool = False) -> Face:
    """An image of blots with the mean shape on it, a little aside; bent: each point by itself."""
    rng = np.random.default_rng(seed)
    points = (MEAN_SHAPE * 45 + (80, 75) + rng.normal(0, 2, (68, 2) if bent else 2)).astype(np.float32)
    rough = rng.integers(0, 255, (12, 12, 3), np.uint8)
    return Face(cv2.resize(rough, (160, 150), interpolation=cv2.INTER_CUBIC), points, person, f"{person} {seed}")


def video(seed: int = 0, frames: int = 6) -> Clip:
    """A rough image over which a window moves, and a face in it that stands still in the image."""
    rng = np.random.default_rng(seed)
    whole = cv2.resize(rng.integers(0, 255, (14, 14, 3), np.uint8), (190, 170), interpolation=cv2.INTER_CUBIC)
    face = (MEAN_SHAPE * 40 + (95, 85)).astype(np.float32)
    shift = 2 * np.arange(frames)
    images = np.stack([whole[:150, s : s + 150] for s in shift])
    return Clip(images, np.stack([face - [s, 0] for s in shift]).astype(np.float32), "Ann", f"video {seed}")


def tracked_frame(index: int, lost: bool = False) -> TrackedFrame:
    """One frame of a tracked video; the face moves to the right and its confidence grows."""
    rng = np.random.default_rng(index)
    image = cv2.resize(rng.integers(0, 255, (9, 11, 3), np.uint8), (110, 90), interpolation=cv2.INTER_CUBIC)
    points = np.full((68, 2), np.nan) if lost else MEAN_SHAPE * 20 + (50 + 2 * index, 45)
    confidence = np.zeros(68) if lost else np.full(68, 0.5 + 0.05 * index)
    return TrackedFrame(index, index / 25, image, points.astype(np.float32), confidence, tight_box(points), lost)


def peaked() -> RedNet:
    """A network with random weights whose maps have peaks; untrained ones are flat."""
    torch.manual_seed(3)
    net = RedNet.from_preset("compact").eval()
    for layer in (net.regression.out, net.detection):
        torch.nn.init.normal_(layer.weight, std=0.5)
    return net


def small(hidden: int = 0) -> RedNet:
    """A small network with random weights whose maps have peaks, and whose z changes them."""
    torch.manual_seed(3)
    widths = ((4, 8), (8, 8), (8, 8), (8, 8))
    net = RedNet(replace(COMPACT, widths=widths, regression_width=8, size=32, sigma=2.0, hidden=hidden)).eval()
    torch.nn.init.normal_(net.regression.out.weight, std=2.0)
    torch.nn.init.normal_(net.encoder.z_conv.weight, std=1.0)
    return net


def remembering() -> RedNet:
    """A small network with a memory that does something, which a fresh one does not."""
    net = small(hidden=12)
    for layer in (net.memory.unpool, net.memory.motion):
        torch.nn.init.normal_(layer.weight, std=0.3)
    return net
