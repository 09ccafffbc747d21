"""The pose of a face in three numbers, and the linear map that must be able to read them from C_pe in training, so that
C_pe keeps what changes (our choice).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redn_lib.encoder_decoder import StepNorm
from redn_lib.identity import pooled

POSE = ("turn", "nod", "mouth")
USUAL, SPREAD = (0.0, 0.55, 0.1), (0.2, 0.1, 0.12)
"""Mean and standard deviation of the three numbers over training people, rounded."""


def pose_of(points: Tensor) -> Tensor:
    """Points (B, 68, 2) to (B, 3): turn, nod and mouth, whatever the size, place and in-plane rotation (our choice).

    turn: how far the nose's tip is beside the middle of the jaw's ends, over their distance.
    nod: how far it is below the eyes, over the distance of eyes and mouth.
    mouth: how far the lips are apart, over the same distance.
    Each less its USUAL value, in units of SPREAD.
    """
    left, right = points[:, 36:42].mean(1), points[:, 42:48].mean(1)
    eyes, across = (left + right) / 2, F.normalize(right - left, dim=-1)
    down = torch.stack([-across[:, 1], across[:, 0]], -1)
    tip = points[:, 30]
    ends, width = (points[:, 0] + points[:, 16]) / 2, (points[:, 16] - points[:, 0]).norm(dim=-1)
    length = ((points[:, 48:60].mean(1) - eyes) * down).sum(-1)
    turn = ((tip - ends) * across).sum(-1) / width.clamp(min=1e-3)
    nod = ((tip - eyes) * down).sum(-1) / length.clamp(min=1e-3)
    mouth = ((points[:, 66] - points[:, 62]) * down).sum(-1) / length.clamp(min=1e-3)
    numbers = torch.stack([turn, nod, mouth], -1)
    return ((numbers - numbers.new_tensor(USUAL)) / numbers.new_tensor(SPREAD)).clamp(-4, 4)


class PoseReader(nn.Module):
    """Reads the pose: one linear map on the pooled C_pe (our choice). forward(C_pe (B, C, h, w), step) -> (B, 3)."""

    def __init__(self, channels: int, steps: int):
        super().__init__()
        self.norm = StepNorm(channels, steps)
        self.out = nn.Linear(channels, len(POSE))

    def forward(self, changing: Tensor, step: int = 0) -> Tensor:
        return self.out(self.norm(pooled(changing), step)).float()


def pose_loss(read: Tensor, points: Tensor) -> Tensor:
    """Mean squared error of poses (B, 3) that were read, against `pose_of` the points (B, 68, 2)."""
    return (read - pose_of(points)).square().mean()


def pose_echo(codes: Tensor, points: Tensor) -> Tensor:
    """How much of the pose is found in each channel of pooled codes (N, C): squared correlations with `pose_of` the
    points (N, 68, 2), summed over its three numbers, mean over channels (our choice). By chance about 3 / N.
    """
    pose = pose_of(points)
    codes, pose = (x - x.mean(0) for x in (codes, pose))
    codes, pose = codes / (codes.norm(dim=0) + 1e-3), pose / (pose.norm(dim=0) + 1e-3)
    return (codes[:, :, None] * pose[:, None]).sum(0).square().sum(1).mean()
