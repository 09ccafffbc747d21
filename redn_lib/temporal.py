"""f_tRNN: an LSTM over C_pe alone, from frame to frame, between encoder and decoder (paper).

All else is our choice. The paper's LSTM changes only the code, and a code of a few cells cannot hold 68 places to the
pixel. So the points of the last frame are kept beside the state, and the state says what they are worth. The loop goes
on from them in the next frame (authors' code, without an LSTM), and the state's trust in each point tells how strongly
that point is drawn into z. Its prior tells where the points are in this frame, and how far off that may be. `Join` then
weighs prior and response maps against each other. Nothing in it is set by hand: what is not read from the state is read
from the maps, by small networks.
"""

from typing import NamedTuple

import torch
from torch import Tensor, cat, nn
from torch.nn import functional as F

from redn_lib.feedback import to_crop, to_patch
from redn_lib.landmarks import MEAN_SHAPE, N_POINTS
from redn_lib.response_maps import cell_centres, confidence, decode, log_gaussian_rows, spatial_softmax

HIDDEN = 128  # number of units of the LSTM that a fresh f_tRNN gets (our choice: plausible, but not found)
CONTEXT = 8  # numbers by which the state tells `Join` what it knows beside the prior (our choice)
ASTRAY = 5.0  # so many times the difference of two crops (our choice)
TINY = 0.003  # share of a crop's side that is added to a distance before its logarithm is taken (our choice)


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

    points: (B, L, 2) in pixels of a crop.
    spread: (B, L) logarithm of how far off they may be, as a share of the crop's side.
    context: (B, CONTEXT) what else the state tells.
    """

    points: Tensor
    spread: Tensor
    context: Tensor

    def in_crop(self, before: Tensor, now: Tensor) -> "Prior":
        """The same prior in another crop; crops (B, 2, 3) to pixels of the patch."""
        zoom = before[:, :, 0].norm(dim=-1) / now[:, :, 0].norm(dim=-1)
        points = to_crop(to_patch(self.points, before), now)
        return self._replace(points=points, spread=self.spread + zoom.log()[:, None])


class Joined(NamedTuple):
    """Prior and response maps of a step as one.

    logits: (B, L, m, m) of the maps that are decoded.
    own: (B, L, 2) points of the step's own maps, in pixels of its crop.
    own_spread: (B, L) logarithm of how far off they may be, as a share of the crop's side.
    expected: (B, L, 2) the prior's points, moved to where the maps that are sure see the face.
    spread: (B, L) the same of these.
    share: (B, L) of the prior in the logits, 0 to 1.
    """

    logits: Tensor
    own: Tensor
    own_spread: Tensor
    expected: Tensor
    spread: Tensor
    share: Tensor


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

    forward(C_pe (B, channels, cells, cells), crop (B, 2, 3) to pixels of the frame, state) -> the C_pe that goes on to
    the decoder, Prior in pixels of the crop, MemoryState. A fresh memory leaves C_pe as it is.
    """

    def __init__(self, channels: int, cells: int, hidden: int, size: int, margin: float):
        super().__init__()
        self.size = size
        self.pool = nn.Linear(channels * cells**2, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.lstm = NormedLSTM(hidden + 4, hidden)
        self.unpool = nn.Linear(hidden, channels * cells**2)
        self.motion = nn.Linear(hidden + 2 * N_POINTS, 4 + 2 * N_POINTS)
        self.spread = nn.Linear(hidden, N_POINTS)
        self.context = nn.Linear(hidden, CONTEXT)
        self.trust = nn.Linear(hidden, N_POINTS)
        self.join = Join(size)
        for part in (self.unpool, self.motion, self.spread, self.trust):
            nn.init.zeros_(part.weight)
            nn.init.zeros_(part.bias)
        nn.init.constant_(self.trust.bias, 2.0)
        mean = torch.from_numpy(MEAN_SHAPE) / margin * (size - 1) / 2 + (size - 1) / 2
        self.register_buffer("mean_shape", mean, persistent=False)

    def first_state(self, crop: Tensor) -> MemoryState:
        """The state before the first frame: it knows nothing; its points are the mean shape in the crop (B, 2, 3) to
        pixels of the frame. In training these are moved to where no face is, by several times the distance to the crop
        of another clip, so that an empty state learns to trust no points.
        """
        nothing = crop.new_zeros(len(crop), self.pool.out_features, dtype=torch.float32)
        points = to_patch(self.mean_shape.expand(len(crop), -1, -1), crop)
        if self.training:
            points = points + ASTRAY * (crop.roll(1, 0) - crop)[:, None, :, 2]
        return MemoryState(nothing, nothing, crop, points)

    def trusted(self, state: MemoryState) -> Tensor:
        """How strongly each point of the last frame is drawn into z of the next: (B, L) from 0 to 1."""
        return torch.sigmoid(self.trust(state.hidden).float())

    def forward(self, changing: Tensor, crop: Tensor, state: MemoryState) -> tuple[Tensor, Prior, MemoryState]:
        last, motion = to_crop(state.points, crop), crop_motion(state.crop, crop, self.size)
        vector = F.relu(self.norm(self.pool(changing.float().flatten(1))))
        hidden, cell = self.lstm(cat([vector, motion], -1), state.hidden, state.cell)
        remembered = changing + self.unpool(hidden).view_as(changing).to(changing.dtype)
        shape = (last / self.size - 0.5).flatten(1)
        moved = self.moved(last, self.motion(cat([hidden, shape], -1)).float())
        prior = Prior(moved, self.spread(hidden).float(), self.context(hidden))
        return remembered, prior, MemoryState(hidden, cell, crop, state.points)

    def moved(self, points: Tensor, motion: Tensor) -> Tensor:
        """Points (B, L, 2) in pixels of a crop, moved by motion (B, 4 + 2 L): shift, growth and rotation of all points
        and a shift of each, in tenths of the crop's side, of one and of a radian.
        """
        shift, growth, turn, each = (part / 10 for part in motion.split([2, 1, 1, 2 * N_POINTS], -1))
        middle = points.mean(1, keepdim=True)
        x, y = (points - middle).unbind(-1)
        turned = torch.stack([x + growth * x - turn * y, y + growth * y + turn * x], -1)
        return turned + middle + self.size * (shift[:, None] + each.view_as(points))


class NormedLSTM(nn.Module):
    """An LSTM with layer normalisation: its gates see input and state each with mean 0 and variance 1 (our choice).
    Without it, the weights grow in training until every gate stands open for ever.

    forward(input (B, inputs), hidden (B, H), cell (B, H)) -> hidden, cell.
    """

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.into = nn.Linear(inputs, 4 * hidden, bias=False)
        self.back = nn.Linear(hidden, 4 * hidden, bias=False)
        self.norm_into, self.norm_back = nn.LayerNorm(4 * hidden), nn.LayerNorm(4 * hidden, bias=False)
        nn.init.ones_(self.norm_into.bias[hidden : 2 * hidden])  # a fresh one forgets little

    def gates(self, new: Tensor, hidden: Tensor) -> tuple[Tensor, ...]:
        """Input gate, forget gate, what is written (before tanh), output gate: (B, H) each, before the sigmoid."""
        return (self.norm_into(self.into(new)) + self.norm_back(self.back(hidden))).float().chunk(4, -1)

    def forward(self, new: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        write, keep, value, show = self.gates(new, hidden)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(write) * torch.tanh(value)
        return torch.sigmoid(show) * torch.tanh(cell), cell


class Join(nn.Module):
    """Joins a prior with the response maps of a step, each weighted by how far off it may be.

    How far off a map may be is read from its form, its distance from the prior, and the forms of all other maps. The
    prior is first moved as a whole to where the maps that are sure see the face.
    forward(Prior in pixels of the step's crop, logits (B, L, m, m), sigma in crop pixels) -> Joined.
    """

    def __init__(self, size: int):
        super().__init__()
        self.size = size
        self.of_map = head(11 + CONTEXT)
        self.of_all_maps = nn.Sequential(nn.Linear(5 * N_POINTS, 64), nn.ReLU(), nn.Linear(64, N_POINTS))
        self.of_prior = head(16 + CONTEXT)
        for values in self.of_all_maps[-1].parameters():
            nn.init.zeros_(values)
        nn.init.constant_(self.of_map[-1].bias, -4.0)

    def forward(self, prior: Prior, logits: Tensor, sigma: float) -> Joined:
        logits = logits.float()
        own, form = self.form_of(logits)
        form = cat([form, self.far(own, prior.points)], -1)
        state = cat([prior.spread[..., None], prior.context[:, None].expand(-1, N_POINTS, -1)], -1)
        own_spread = self.of_map(cat([with_mean(form), state], -1))[..., 0] + self.of_all_maps(form.flatten(1))
        weights = torch.exp(-2 * own_spread) + torch.exp(-2 * prior.spread)
        aim = prior.points + share_of(prior.spread, own_spread)[..., None] * (own - prior.points)
        expected, left = fitted(prior.points, aim, weights)
        found = with_mean(cat([self.far(own, expected), own_spread[..., None]], -1))
        left = (left / self.size + TINY).log()[:, None, None].expand(-1, N_POINTS, 1)
        spread = prior.spread + self.of_prior(cat([with_mean(form), found, left, state], -1))[..., 0]
        share = share_of(own_spread, spread)
        weight = share[..., None, None]
        across, down = log_gaussian_rows(expected, logits.shape[-1], self.size, sigma)
        gaussians = down[..., :, None] + across[..., None, :]  # as logits, 0 at the point
        return Joined((1 - weight) * logits + weight * gaussians, own, own_spread, expected, spread, share)

    def form_of(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Points (B, L, 2) of maps, and how sure they are (B, L, 4): share near the point, entropy, width, peak."""
        maps = spatial_softmax(logits.detach())
        points = decode(maps, self.size)
        near = confidence(maps, points, self.size)
        entropy = -(maps * (maps + 1e-9).log()).sum((-2, -1)) / 7
        grid = cell_centres(maps.shape[-1], self.size, points)
        across, down = (((grid - points[..., i, None]) / self.size) ** 2 for i in (0, 1))
        width = ((maps.sum(-2) * across).sum(-1) + (maps.sum(-1) * down).sum(-1) + TINY**2).log() / 2
        peak = maps.amax((-2, -1)).log() / 4
        return points, torch.stack([near, entropy, width, peak], -1)

    def far(self, own: Tensor, expected: Tensor) -> Tensor:
        """Logarithm of the distance of points (B, L, 2) as a share of the crop's side: (B, L, 1)."""
        return ((own - expected).norm(dim=-1, keepdim=True) / self.size + TINY).log()


def head(inputs: int) -> nn.Sequential:
    """A small network with one output, 0 when fresh."""
    layers = nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 1))
    for values in layers[-1].parameters():
        nn.init.zeros_(values)
    return layers


def with_mean(features: Tensor) -> Tensor:
    """Features (B, L, n) of points beside their mean over the points: (B, L, 2 n)."""
    return cat([features, features.mean(1, keepdim=True).expand_as(features)], -1)


def share_of(spread: Tensor, other: Tensor) -> Tensor:
    """Weight of `other` beside what has `spread`, by their inverse variances; both are logarithms: 0 to 1."""
    return torch.sigmoid(2 * (spread - other))


def fitted(points: Tensor, aim: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Points (B, L, 2) moved by the similarity that brings them nearest to others, squared distances weighted (B, L);
    and the weighted root mean square distance that is left, (B,).
    """
    weight = (weight / weight.sum(1, keepdim=True))[..., None]
    middle, aimed = (weight * points).sum(1, keepdim=True), (weight * aim).sum(1, keepdim=True)
    (x, y), (u, v), w = (points - middle).unbind(-1), (aim - aimed).unbind(-1), weight[..., 0]
    norm = (w * (x * x + y * y)).sum(1, keepdim=True) + 0.001
    a, b = (w * (x * u + y * v)).sum(1, keepdim=True) / norm, (w * (x * v - y * u)).sum(1, keepdim=True) / norm
    moved = torch.stack([a * x - b * y, b * x + a * y], -1) + aimed
    return moved, ((weight * (moved - aim) ** 2).sum((1, 2)) + 1e-6).sqrt()
