"""The losses of a feedback step (label maps, response maps, points), of motion, and of what f_tRNN expects.

The weight of each is a field of `Stage` in training/stages.py; training/objective.py adds them up.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from redn_lib.landmarks import OUTER_EYES
from redn_lib.response_maps import gaussian_maps, gaussian_rows


def detection_loss(logits: Tensor, points: Tensor, size: int, sigma: float) -> Tensor:
    """Softmax cross-entropy of every pixel's label, background included, against Gaussians that share each pixel.

    logits: (B, L+1, h, h), background first; points: (B, L, 2) in crop pixels. Soft labels are our choice.
    """
    labels = gaussian_maps(points, logits.shape[-1], size, sigma).movedim(1, -1)
    total = labels.sum(-1)
    likely = F.log_softmax(logits.movedim(1, -1), -1, dtype=torch.float32)  # labels last, as they lie in memory
    agreement = (1 - total).clamp(min=0) * likely[..., 0] + (labels * likely[..., 1:]).sum(-1)
    return -(agreement / total.clamp(min=1)).mean()


def map_loss(logits: Tensor, points: Tensor, size: int, sigma: float, weight: Tensor | None = None) -> Tensor:
    """Cross-entropy of each landmark's map, a probability over positions, against a Gaussian at the point (our choice).

    logits: (B, L, m, m); points: (B, L, 2) in crop pixels; points far outside the crop count nothing. weight: (B, L) of
    the points, with a mean of 1.
    """
    across, down = gaussian_rows(points, logits.shape[-1], size, sigma)
    mass, logits = across.sum(-1) * down.sum(-1), logits.float()
    aimed = ((logits * across[..., None, :]).sum(-1) * down).sum(-1)
    losses = (mass * logits.flatten(2).logsumexp(-1) - aimed) / mass.clamp(min=1e-3)
    return (losses if weight is None else weight * losses).mean()


def regression_loss(points: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean distance of the points over the distance of the outer eye corners: (B, L, 2) twice, in the same pixels.

    The eye distance counts as at least a third of the face's width, so that a profile does not outweigh the rest (our
    choice; the paper: L2). weight: (B, L) of the points, with a mean of 1.
    """
    a, b = OUTER_EYES
    eyes = (truth[:, a] - truth[:, b]).norm(dim=-1)
    width = (truth.amax(1) - truth.amin(1)).amax(-1)
    errors = ((points - truth).square().sum(-1) + 1e-6).sqrt()
    errors = errors if weight is None else weight * errors
    return (errors.mean(-1) / torch.maximum(eyes, width / 3)).mean()


def motion_loss(points: Sequence[Tensor], truths: Sequence[Tensor]) -> Tensor:
    """How wrongly the points move from frame to frame, as `regression_loss`, mean over frames (our choice).

    points, truths: (B, 68, 2) of each frame in patch pixels. A constant error costs nothing here, one that comes and
    goes does.
    """
    losses = []
    for (before, now), (true_before, true_now) in zip(pairwise(points), pairwise(truths), strict=True):
        losses.append(regression_loss(true_before + now - before, true_now))
    return torch.stack(losses).mean()


def spread_loss(points: Tensor, spread: Tensor, truth: Tensor, size: int) -> Tensor:
    """Minus the logarithm of a Cauchy density of width exp(spread) at the truth (our choice).

    points, truth: (B, L, 2) in pixels of a crop of `size` pixels; spread: (B, L), of a share of its side.
    """
    distance = ((points - truth) / size).square().sum(-1) * torch.exp(-2 * spread)
    return (1.5 * torch.log1p(distance) + 2 * spread).mean()
