"""The split of the code, and f_CLS: who it is, kept apart from how the face is turned and what it does.

The paper splits the code into C_id, which stays the same in a clip, and C_pe, which changes, and supervises C_id by a
classifier of people while training. How it is split is not found; we split the channels. That alone does not keep the
two apart, so `swapped_in` makes the name come true in training: C_id of one frame stands in for another's of the same
person (our choice).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

UNKNOWN = -1
"""Number of a person whom the classifier need not know."""


def split(code: Tensor, identity_channels: int) -> tuple[Tensor, Tensor]:
    """C_id, the first channels, and C_pe, the rest: (B, C, h, w) to (B, I, h, w) and (B, C - I, h, w) (our choice)."""
    return code[:, :identity_channels], code[:, identity_channels:]


def pooled(code: Tensor) -> Tensor:
    """Mean over the places of a code, which says what is there and not where: (B, C, h, w) to (B, C), float32."""
    return code.float().mean((-2, -1))


class IdentityClassifier(nn.Module):
    """f_CLS: one linear layer on the pooled C_id (paper: a classifier with softmax loss; its layers are our choice).

    forward(C_id (B, I, h, w)) -> logits (B, people).
    """

    def __init__(self, channels: int, people: int):
        super().__init__()
        self.out = nn.Linear(channels, people)

    def forward(self, identity_code: Tensor) -> Tensor:
        return self.out(pooled(identity_code))


def identity_loss(logits: Tensor, person: Tensor) -> Tensor:
    """Softmax cross-entropy of people: logits (B, people), person (B,) numbers, UNKNOWN ones count nothing (paper)."""
    known = person != UNKNOWN
    if not known.any():
        return logits.sum() * 0
    return F.cross_entropy(logits[known], person[known])


def swapped_in(code: Tensor, identity_channels: int, partner: Tensor) -> Tensor:
    """The codes with C_id of their partners: code (B, C, h, w), partner (B,) index of another frame (our choice)."""
    identity, changing = split(code, identity_channels)
    return torch.cat([identity[partner], changing], 1)
