"""f_tRNN: an LSTM over C_pe alone, from frame to frame; C_id by-passes it.

The paper's figure has it between encoder and decoder; pooling the code to a vector and unpooling the answer are
plausible, but not found (our choice). Three things more are our choice. The LSTM is told how the crop moved, because
the tracker's crop follows the face and a code alone does not say where it was seen. It speaks to the response maps too,
not only to the code: where the face is covered, the places that pooling remembers are those of the thing in front. And
what it says there is how far the points' last places are to be trusted: a code of a few cells cannot hold 68 places to
the pixel, the last answer does. (It once said, too, how the points had moved since: that gained nothing under an
occluder, and on films it took them away from where other trackers see them.)
"""

from typing import NamedTuple

import torch
from torch import Tensor, cat, nn
from torch.nn import functional as F

from redn_lib.feedback import to_crop, to_patch
from redn_lib.landmarks import MEAN_SHAPE, N_POINTS
from redn_lib.response_maps import cell_centres, confidence, decode, spatial_softmax

WEIGHT_BIAS, HEIGHT_BIAS, PACE = -3.0, 3.0, 8.0
"""The weight of a prior is softplus(PACE * answer + WEIGHT_BIAS), its reach softplus(PACE * answer + HEIGHT_BIAS): fresh it counts
next to nothing, and both can grow quickly (our choice).
"""

UNCERTAIN = 0.35
"""Of the probability of a point that is plainly seen, no more lies away from it; where half of it does, the point is
covered (our choice, from response maps of training people and films without labels).
"""

NEAR = 0.5
"""A face whose points are seen within so many sigmas of where they were expected, on average, has not jumped (our
choice).
"""


class MemoryState(NamedTuple):
    """What is carried to the next frame. hidden, cell: (B, H); crop: (B, 2, 3) first crop of the frame that was, crop
    pixels to pixels of the frame; points: (B, L, 2) the last answer, at first the mean shape, in pixels of the frame.
    """

    hidden: Tensor
    cell: Tensor
    crop: Tensor
    points: Tensor


class Prior(NamedTuple):
    """Where the memory expects the points: where they were. points: (B, L, 2) in pixels of the first crop; weight: (B,
    L) >= 0, how exactly; height: (B, L) >= 0, at most how much it counts against what the maps say, in logits, where
    those are as uncertain as UNCERTAIN.
    """

    points: Tensor
    weight: Tensor
    height: Tensor


def crop_motion(before: Tensor, now: Tensor, size: int) -> Tensor:
    """How a crop moved: crops (B, 2, 3), both to pixels of the frame, to (B, 4): shift of its middle across and down as
    shares of its side, logarithm of its growth, and turn in radians, all as seen in the crop before (our choice).
    """
    linear = torch.linalg.solve(before[..., :2], now[..., :2])
    middle = (size - 1) / 2
    shift = (now - before)[..., 2] + (now - before)[..., :2].sum(-1) * middle
    shift = torch.linalg.solve(before[..., :2], shift[..., None])[..., 0] / size
    growth, turn = linear[:, :, 0].norm(dim=-1).log(), torch.atan2(linear[:, 1, 0], linear[:, 0, 0])
    return cat([shift, growth[:, None], turn[:, None]], -1)


class TemporalMemory(nn.Module):
    """f_tRNN of a code of `channels` channels and `cells` x `cells` places, with `hidden` units.

    forward(C_pe (B, channels, cells, cells), crop (B, 2, 3) to pixels of the frame, state or None at the first frame)
    -> the C_pe that goes on to the decoder, Prior, MemoryState. Fresh, it changes next to nothing.
    """

    def __init__(self, channels: int, cells: int, hidden: int, size: int, margin: float):
        super().__init__()
        self.size = size
        self.pool = nn.Linear(channels * cells**2, hidden)
        self.lstm = nn.LSTMCell(hidden + 4, hidden)
        self.unpool = nn.Linear(hidden, channels * cells**2)
        self.prior = nn.Linear(hidden, 2 * N_POINTS)
        for layer in (self.unpool, self.prior):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        mean = torch.from_numpy(MEAN_SHAPE) / margin * (size - 1) / 2 + (size - 1) / 2
        self.register_buffer("mean_shape", mean, persistent=False)

    def forward(self, changing: Tensor, crop: Tensor, state: MemoryState | None) -> tuple[Tensor, Prior, MemoryState]:
        if state is None:
            nothing = changing.new_zeros(len(changing), self.lstm.hidden_size, dtype=torch.float32)
            state = MemoryState(nothing, nothing, crop, to_patch(self.mean_shape.expand(len(changing), -1, -1), crop))
        vector = F.relu(self.pool(changing.float().flatten(1)))
        motion = crop_motion(state.crop, crop, self.size)
        hidden, cell = self.lstm(cat([vector, motion], -1), (state.hidden, state.cell))
        answer = changing + self.unpool(hidden).view_as(changing).to(changing.dtype)
        weight, reach = (PACE * self.prior(hidden).float()).unflatten(1, (2, N_POINTS)).unbind(1)
        prior = Prior(to_crop(state.points, crop), F.softplus(weight + WEIGHT_BIAS), F.softplus(reach + HEIGHT_BIAS))
        return answer, prior, MemoryState(hidden, cell, crop, state.points)


def prior_height(prior: Prior, own: Tensor, size: int, sigma: float) -> Tensor:
    """How far a prior reaches beside a look's own logits (B, L, m, m), in logits: (B, L).

    Its reach, times a factor that is large where the look's own maps are uncertain, and where they say what was expected
    anyway: a face that jumped is plainly seen elsewhere, a covered one is seen nowhere (our choice).
    """
    maps = spatial_softmax(own.detach())
    points = decode(maps, size)
    uncertainty = 1 - confidence(maps, points, size)
    off = (points - prior.points.detach()).norm(dim=-1).mean(1, keepdim=True) / sigma
    return prior.height * ((uncertainty / UNCERTAIN) ** 4 + torch.exp(-((off / NEAR) ** 2)))


def prior_logits(prior: Prior, own: Tensor, size: int, sigma: float) -> Tensor:
    """The prior as logits to be added to a look's own, both (B, L, m, m): the logarithm of the density by which
    `prior_loss` measures it, which levels off at minus what `prior_height` says (our choice).
    """
    reach = (prior_height(prior, own, size, sigma) + 1e-3)[..., None, None]
    grid = cell_centres(own.shape[-1], size, prior.points)
    dx, dy = (((grid - prior.points[..., i, None]) / sigma) ** 2 for i in (0, 1))
    against = 1.5 * torch.log1p(prior.weight[..., None, None] * (dy[..., :, None] + dx[..., None, :]))
    return reach * torch.expm1(-against / reach)
