"""f_tRNN: an LSTM over C_pe alone, from frame to frame, between encoder and decoder (paper).

Three things are our choice: how the code becomes a vector and back; the LSTM also gets the motion of the crop, as the
code does not tell where the face is; and the memory adds a prior to the heat-map logits: each point is expected where
it was in the last frame, since a code of a few cells cannot hold 68 places to the pixel.
"""

from typing import NamedTuple

import torch
from torch import Tensor, cat, nn
from torch.nn import functional as F

from redn_lib.feedback import to_crop, to_patch
from redn_lib.landmarks import MEAN_SHAPE, N_POINTS
from redn_lib.response_maps import cell_centres, confidence, decode, spatial_softmax

WEIGHT_BIAS, HEIGHT_BIAS, PACE = -3.0, 3.0, 8.0
"""Weight and height of a prior are softplus(PACE * output + bias): a fresh memory has almost none (our choice)."""

UNCERTAIN = 0.35
"""Uncertainty, the share of a map away from its point, is lower in plain sight, one half if occluded (our choice)."""

NEAR = 0.5  # a face whose points are on average within so many sigmas of the prior has not jumped (our choice)


class MemoryState(NamedTuple):
    """What is carried to the next frame.

    hidden, cell: (B, H) of the LSTM.
    crop: (B, 2, 3) first crop of the last frame, crop pixels to pixels of the frame.
    points: (B, L, 2) last prediction, before the first frame the mean shape, in pixels of the frame.
    """

    hidden: Tensor
    cell: Tensor
    crop: Tensor
    points: Tensor


class Prior(NamedTuple):
    """Where the memory expects the points.

    points: (B, L, 2) the last prediction, in pixels of the first crop.
    weight: (B, L) >= 0, how narrow the prior is.
    height: (B, L) >= 0, largest logit bonus of the prior, for maps whose uncertainty is UNCERTAIN.
    """

    points: Tensor
    weight: Tensor
    height: Tensor


def crop_motion(before: Tensor, now: Tensor, size: int) -> Tensor:
    """Motion between two crops (B, 2, 3) to pixels of the frame: (B, 4) shift right and down as shares of the side,
    logarithm of the growth, rotation in radians (our choice).
    """
    linear = torch.linalg.solve(before[..., :2], now[..., :2])
    middle = (size - 1) / 2
    shift = (now - before)[..., 2] + (now - before)[..., :2].sum(-1) * middle
    shift = torch.linalg.solve(before[..., :2], shift[..., None])[..., 0] / size
    growth = linear[:, :, 0].norm(dim=-1).log()
    turn = torch.atan2(linear[:, 1, 0], linear[:, 0, 0])
    return cat([shift, growth[:, None], turn[:, None]], -1)


class TemporalMemory(nn.Module):
    """f_tRNN for a code of `channels` channels and `cells` x `cells` cells, with `hidden` units.

    forward(C_pe (B, channels, cells, cells), crop (B, 2, 3) to pixels of the frame, state or None at the first frame)
    -> the C_pe that goes on to the decoder, Prior, MemoryState. A fresh memory leaves C_pe as it is.
    """

    def __init__(self, channels: int, cells: int, hidden: int, size: int, margin: float):
        super().__init__()
        self.size = size
        self.pool = nn.Linear(channels * cells**2, hidden)
        self.lstm = nn.LSTMCell(hidden + 4, hidden)
        self.unpool = nn.Linear(hidden, channels * cells**2)
        self.prior = nn.Linear(hidden, 2 * N_POINTS)
        for values in (*self.unpool.parameters(), *self.prior.parameters()):
            nn.init.zeros_(values)
        mean = torch.from_numpy(MEAN_SHAPE) / margin * (size - 1) / 2 + (size - 1) / 2
        self.register_buffer("mean_shape", mean, persistent=False)

    def forward(self, changing: Tensor, crop: Tensor, state: MemoryState | None) -> tuple[Tensor, Prior, MemoryState]:
        if state is None:
            zero = changing.new_zeros(len(changing), self.lstm.hidden_size, dtype=torch.float32)
            state = MemoryState(zero, zero, crop, to_patch(self.mean_shape.expand(len(changing), -1, -1), crop))
        vector = F.relu(self.pool(changing.float().flatten(1)))
        motion = crop_motion(state.crop, crop, self.size)
        hidden, cell = self.lstm(cat([vector, motion], -1), (state.hidden, state.cell))
        remembered = changing + self.unpool(hidden).view_as(changing).to(changing.dtype)
        weight, height = (PACE * self.prior(hidden).float()).unflatten(1, (2, N_POINTS)).unbind(1)
        prior = Prior(to_crop(state.points, crop), F.softplus(weight + WEIGHT_BIAS), F.softplus(height + HEIGHT_BIAS))
        return remembered, prior, MemoryState(hidden, cell, crop, state.points)


def prior_height(prior: Prior, own: Tensor, size: int, sigma: float) -> Tensor:
    """Largest logit bonus (B, L) of a prior in one step, given the step's own logits (B, L, m, m): its height times a
    factor, large where these are uncertain, about 1 where they agree, small where the face jumped (our choice).
    """
    maps = spatial_softmax(own.detach())
    points = decode(maps, size)
    uncertainty = 1 - confidence(maps, points, size)
    distance = (points - prior.points.detach()).norm(dim=-1).mean(1, keepdim=True) / sigma
    return prior.height * ((uncertainty / UNCERTAIN) ** 4 + torch.exp(-((distance / NEAR) ** 2)))


def prior_logits(prior: Prior, own: Tensor, size: int, sigma: float) -> Tensor:
    """The prior as logits, to be added to a step's own (B, L, m, m): 0 at the expected point, falling to minus
    `prior_height`; near the point the logarithm of a Cauchy density (our choice).
    """
    height = (prior_height(prior, own, size, sigma) + 1e-3)[..., None, None]
    grid = cell_centres(own.shape[-1], size, prior.points)
    dx, dy = (((grid - prior.points[..., i, None]) / sigma) ** 2 for i in (0, 1))
    penalty = 1.5 * torch.log1p(prior.weight[..., None, None] * (dy[..., :, None] + dx[..., None, :]))
    return height * torch.expm1(-penalty / height)
