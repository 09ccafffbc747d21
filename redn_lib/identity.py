"""The split of the code into C_id and C_pe, and f_CLS: identity, apart from pose and expression.

The paper supervises C_id by a classifier of people, which does not keep the person out of C_pe. So we add losses (our
choice): little of the variance of C_id lies within a person (`within_share`), all of the variance of C_pe does
(`CodeSpread`), and a linear map can read the pose from C_pe.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redn_lib.encoder_decoder import StepNorm

UNKNOWN = -1  # label of a person whom the classifier does not know
SHARPNESS = 16.0  # factor of the cosines before the softmax (our choice)
PACE = 0.05  # weight of a batch in the running covariance of codes (our choice)
FLOOR = 0.02  # least variance of a direction of the code, as a share of the mean (our choice)

POSE = ("turn", "nod", "mouth")
USUAL, SPREAD = (0.0, 0.55, 0.1), (0.2, 0.1, 0.12)  # mean and standard deviation of POSE over training people, rounded


def split(code: Tensor, identity_channels: int) -> tuple[Tensor, Tensor]:
    """C_id, the first channels, and C_pe, the rest: (B, C, h, w) to (B, I, h, w) and (B, C - I, h, w) (our choice)."""
    return code[:, :identity_channels], code[:, identity_channels:]


def pooled(code: Tensor) -> Tensor:
    """Mean over the cells of a code: (B, C, h, w) to (B, C), float32."""
    return code.float().mean((-2, -1))


def within_share(codes: Tensor) -> Tensor:
    """Share of the variance that lies within people, from 0 to 1, mean over channels (our choice).

    codes: (people, frames, C), pooled.
    """
    within = (codes - codes.mean(1, keepdim=True)).square().mean((0, 1))
    total = (codes - codes.mean((0, 1))).square().mean((0, 1))
    return (within / (total + 1e-5)).mean()


class CodeSpread(nn.Module):
    """As `within_share`, after whitening, so that identity cannot hide where the code varies little (our choice).

    forward(codes (people, frames, C) float32, step) -> scalar. In training the covariance of the step follows the
    codes; no gradient passes through it.
    """

    def __init__(self, channels: int, steps: int):
        super().__init__()
        self.register_buffer("covariance", torch.zeros(steps, channels, channels))

    def forward(self, codes: Tensor, step: int = 0) -> Tensor:
        covariance = self.covariance[min(step, len(self.covariance) - 1)]
        with torch.autocast(codes.device.type, enabled=False):
            centred = codes - codes.mean((0, 1))
            if self.training:
                flat = centred.detach().flatten(0, 1)
                pace = torch.where(covariance.any(), PACE, 1.0)  # the first codes set it
                covariance.lerp_(flat.T @ flat / len(flat), pace)
            floor = FLOOR * covariance.diagonal().mean() + 1e-6
            root = torch.linalg.cholesky(covariance + floor * torch.eye(len(covariance), device=covariance.device))
            white = torch.linalg.solve_triangular(root, centred.flatten(0, 1).T, upper=False).T.view_as(centred)
            within = (white - white.mean(1, keepdim=True)).square().sum()
            return within / white.square().sum().clamp(min=1e-6)


class IdentityClassifier(nn.Module):
    """f_CLS (paper): the cosine of the pooled C_id with a vector for each person (our choice).

    forward(C_id (B, I, h, w), step) -> logits (B, people). The vectors start small, so that they turn quickly.
    """

    def __init__(self, channels: int, people: int, steps: int):
        super().__init__()
        self.norm = StepNorm(channels, steps)
        self.people = nn.Parameter(0.02 * torch.randn(people, channels))

    def forward(self, identity_code: Tensor, step: int = 0) -> Tensor:
        vectors = self.norm(pooled(identity_code), step)
        return SHARPNESS * F.linear(F.normalize(vectors, dim=-1), F.normalize(self.people, dim=-1))


def identity_loss(logits: Tensor, person: Tensor) -> Tensor:
    """Softmax cross-entropy of people: logits (B, people), person (B,) labels; UNKNOWN ones are left out (paper)."""
    total = F.cross_entropy(logits, person, ignore_index=UNKNOWN, reduction="sum")
    return total / (person != UNKNOWN).sum().clamp(min=1)


def swapped_in(code: Tensor, identity_channels: int, partner: Tensor) -> Tensor:
    """The codes with C_id of a partner: code (B, C, h, w), partner (B,) index of another frame (our choice)."""
    return torch.cat([code[partner, :identity_channels], code[:, identity_channels:]], 1)


def pose_of(points: Tensor) -> Tensor:
    """Points (B, 68, 2) to (B, 3), each less its USUAL value, in units of SPREAD (our choice).

    turn: how far the nose's tip is beside the middle of the jaw's ends, over their distance.
    nod, mouth: how far it is below the eyes, and the lips are apart, over the distance of eyes and mouth.
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


def pose_echo(codes: Tensor, points: Tensor) -> Tensor:
    """Squared correlations of pooled codes (N, C) with `pose_of`, summed; mean over channels (our choice)."""
    pose = pose_of(points)
    codes, pose = (x - x.mean(0) for x in (codes, pose))
    codes, pose = codes / (codes.norm(dim=0) + 1e-3), pose / (pose.norm(dim=0) + 1e-3)
    return (codes[:, :, None] * pose[:, None]).sum(0).square().sum(1).mean()
