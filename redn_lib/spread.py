"""The share of the variance of C_pe that lies within people, all directions of the code counting the same (our choice).

Identity can hide from `within_share` in a direction in which the code varies little (notebook 04).
"""

import torch
from torch import Tensor, nn

PACE, FLOOR = 0.05, 0.02
"""Weight of a batch in the running covariance; least variance of a direction, as a share of the mean (our choice)."""


class CodeSpread(nn.Module):
    """The running covariance of pooled codes, one for each feedback step.

    forward(codes (people, frames, C) float32, step 0-based) -> share of their variance within people, after whitening
    by the covariance. In training the covariance follows the codes; no gradient passes through it.
    """

    def __init__(self, channels: int, steps: int):
        super().__init__()
        self.register_buffer("covariance", torch.zeros(steps, channels, channels))

    def forward(self, codes: Tensor, step: int = 0) -> Tensor:
        step = min(step, len(self.covariance) - 1)
        with torch.autocast(codes.device.type, enabled=False):
            centred = codes - codes.mean((0, 1))
            covariance = self.covariance[step]
            if self.training:
                flat = centred.detach().flatten(0, 1)
                covariance.lerp_(flat.T @ flat / len(flat), PACE if covariance.any() else 1.0)  # the first codes set it
            floor = FLOOR * covariance.diagonal().mean() + 1e-6
            root = torch.linalg.cholesky(covariance + floor * torch.eye(len(covariance), device=covariance.device))
            white = torch.linalg.solve_triangular(root, centred.flatten(0, 1).T, upper=False).T.view_as(centred)
            within = (white - white.mean(1, keepdim=True)).square().sum()
            return within / white.square().sum().clamp(min=1e-6)
