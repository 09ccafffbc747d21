"""In which directions C_pe varies: identity hides in those of small variance, where the mean over channels that
`within_share` takes does not see it (our choice; measured: notebook 04).
"""

import torch
from torch import Tensor, nn

PACE, FLOOR = 0.05, 0.02
"""Share of a batch in the running covariance; least variance of a direction, as a share of the mean (our choice)."""


class CodeSpread(nn.Module):
    """The running covariance of pooled codes, for each look.

    forward(codes (people, frames, C) float32, step 0-based) -> share of their variance that lies within people, every
    direction of the code counting alike. In training the covariance follows the codes; it passes on no gradient.
    """

    def __init__(self, channels: int, steps: int):
        super().__init__()
        self.register_buffer("covariance", torch.zeros(steps, channels, channels))

    def forward(self, codes: Tensor, step: int = 0) -> Tensor:
        step = min(step, len(self.covariance) - 1)
        with torch.autocast(codes.device.type, enabled=False):
            centred = codes - codes.mean((0, 1))
            if self.training:
                self.follow(centred.detach().flatten(0, 1), step)
            known = self.covariance[step]
            floor = FLOOR * known.diagonal().mean() + 1e-6
            root = torch.linalg.cholesky(known + floor * torch.eye(len(known), device=known.device))
            even = torch.linalg.solve_triangular(root, centred.flatten(0, 1).T, upper=False).T.view_as(centred)
            within = (even - even.mean(1, keepdim=True)).square().sum()
            return within / even.square().sum().clamp(min=1e-6)

    def follow(self, centred: Tensor, step: int) -> None:
        """Let the covariance of a look follow codes (N, C) of mean 0; its first takes all of it."""
        now, known = centred.T @ centred / len(centred), self.covariance[step]
        known.lerp_(now, PACE if known.any() else 1.0)
