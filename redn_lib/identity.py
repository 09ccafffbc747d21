"""The split of the code into C_id and C_pe, and f_CLS: identity, apart from pose and expression.

The paper splits the code into C_id, which stays the same in a video, and C_pe, which changes, and supervises C_id by a
classifier of people. How it splits was not found; we split the channels. A classifier does not keep the person out of
C_pe. So we add losses (our choice): little of the variance of C_id lies within a person, all of the variance of C_pe
does (`within_share`), and the pose can be read from C_pe (`redn_lib.pose`).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redn_lib.encoder_decoder import StepNorm

UNKNOWN = -1  # label of a person whom the classifier does not know
SHARPNESS = 16.0  # factor of the cosines before the softmax (our choice)


def split(code: Tensor, identity_channels: int) -> tuple[Tensor, Tensor]:
    """C_id, the first channels, and C_pe, the rest: (B, C, h, w) to (B, I, h, w) and (B, C - I, h, w) (our choice)."""
    return code[:, :identity_channels], code[:, identity_channels:]


def pooled(code: Tensor) -> Tensor:
    """Mean over the cells of a code: (B, C, h, w) to (B, C), float32."""
    return code.float().mean((-2, -1))


def within_share(codes: Tensor) -> Tensor:
    """Share of the variance that lies within people, mean over channels: pooled codes (people, frames, C) to a scalar.

    0 where every frame of a person has the same code, 1 where all people have the same mean (our choice).
    """
    within = (codes - codes.mean(1, keepdim=True)).square().mean((0, 1))
    total = (codes - codes.mean((0, 1))).square().mean((0, 1))
    return (within / (total + 1e-5)).mean()


class IdentityClassifier(nn.Module):
    """f_CLS: the cosine of the pooled C_id with a vector for each person (paper: a classifier with softmax loss; its
    layers are our choice).

    forward(C_id (B, I, h, w), step 0-based) -> logits (B, people). The vectors start small, so that they turn quickly.
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
    known = person != UNKNOWN
    return F.cross_entropy(logits[known], person[known]) if known.any() else logits.sum() * 0


def swapped_in(code: Tensor, identity_channels: int, partner: Tensor) -> Tensor:
    """The codes with C_id of a partner: code (B, C, h, w), partner (B,) index of another frame (our choice)."""
    identity, changing = split(code, identity_channels)
    return torch.cat([identity[partner], changing], 1)
