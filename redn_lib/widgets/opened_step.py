"""Inside one step: what a pool keeps and remembers, what the decoder puts back, where a cell of a map comes from."""

from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from redn_lib.encoder_decoder import unpool
from redn_lib.feedback import Change
from redn_lib.landmarks import N_POINTS
from redn_lib.metrics import nme
from redn_lib.rednet import RedNet
from redn_lib.response_maps import decode, spatial_softmax
from redn_lib.tracking.align import Fit

NO_VALUE = 4
"""In `inside_step` the place of a window that holds no value."""


class Opened(NamedTuple):
    """One step of the network.

    before: features of each stage before its pool, (B, C, h, w).
    where: flat index of each maximum that a pool remembers, (B, C, h/2, w/2).
    held, back: by stage (0-based), what the decoder holds before its unpooling, (B, C, h/2, w/2), and after it.
    detection, regression: logits, as of `RedNet.one_step`.
    """

    before: list[Tensor]
    where: list[Tensor]
    held: dict[int, Tensor]
    back: dict[int, Tensor]
    detection: Tensor
    regression: Tensor


def open_step(
    model: RedNet, frame: Tensor, z: Tensor, step: int, memory=True, features=True, change_code: Change | None = None
) -> Opened:
    """`RedNet.one_step` with all that it computes on the way.

    memory: values go back where they were, else upper left in their window.
    features: f_REG gets the encoder's features, else zeros.
    """
    x, before, where = model.encoder(frame - 0.5, z, step)
    x, held, back = x if change_code is None else change_code(x, step), {}, {}
    for s, stage in zip(range(len(where) - 1, -1, -1), model.decoder.stages, strict=False):
        held[s], back[s] = x, unpool(x, where[s] if memory else upper_left(where[s]))
        x = stage(back[s], step)
    detection = model.detection(x)
    regression = model.regression(detection, before[1] * features, before[3] * features, step)
    return Opened(before, where, held, back, detection, regression)


def upper_left(where: Tensor) -> Tensor:
    """Indices of a 2x2 pool that forgot: (B, C, h, w) int64, all name the upper left place of their window."""
    h, w = where.shape[-2:]
    y, x = (torch.arange(n, device=where.device) for n in (h, w))
    return (4 * w * y[:, None] + 2 * x).expand_as(where)


def first_of(batch: Tensor) -> np.ndarray:
    """The first of a batch as an array."""
    return batch[0].cpu().numpy()


def places(where: Tensor) -> Tensor:
    """The place that each window of a pool remembers: 0 upper left, 1 upper right, 2 lower left, 3 lower right."""
    return 2 * (where // (2 * where.shape[-1]) % 2) + where % 2


def inputs(model: RedNet, fit: Fit, k: int) -> tuple[Tensor, Tensor, int]:
    """Frame, z and number of step k (0-based) of a fit; the crop goes in as 8 bits, so `align` differs a little."""
    device = next(model.parameters()).device
    frame = torch.from_numpy(fit.crop_images[k]).to(device).permute(2, 0, 1)[None].float() / 255
    return frame, torch.from_numpy(fit.z[k : k + 1]).to(device), k


@torch.inference_mode()
def inside_step(subject, fit: Fit, state, step: int, pool: int, rank: int, point: int) -> tuple[dict, str]:
    """One channel on its way down to a pool and up from it, and the detection map, of a step of `Subject.run(state)`.

    step: 1 to K; pool: 1 to the number of stages, one that the decoder undoes.
    rank: 1 for the channel in which the decoder's largest value is, all parts on.
    point: whose detection map, -1 for the largest of all.
    The arrays are before and back (h, h), pooled and held (h/2, h/2), detection (d, d), all uint8 with peak 255, and
    places (h/2, h/2) uint8 as `places`, or NO_VALUE. With them a line of numbers.
    Raises ValueError for what is not there.
    """
    model, given = subject.model, inputs(subject.model, fit, step - 1)
    whole, here = open_step(model, *given), open_step(model, *given, state.memory, state.features)
    s = pool - 1
    if s not in whole.held or not 1 <= rank <= whole.held[s].shape[1]:
        pools = ", ".join(str(n + 1) for n in whole.held)
        raise ValueError(f"pool must be one of {pools}, rank 1 to its channels, got {pool} and {rank}")
    channel = int(whole.held[s][0].amax((1, 2)).sort(descending=True, stable=True).indices[rank - 1])
    before, where, held, back = (kept[s][0, channel] for kept in (here.before, here.where, here.held, here.back))
    pooled, detection = F.max_pool2d(before[None], 2)[0], here.detection[0].softmax(0)[1:]
    full = pooled > 0
    shown = {"before": before, "pooled": pooled, "held": held, "back": back}
    shown["detection"] = detection[point] if point >= 0 else detection.amax(0)
    arrays = {name: to_bytes(values.cpu().numpy()) for name, values in shown.items()}
    arrays["places"] = np.uint8(torch.where(full, places(where), NO_VALUE).cpu().numpy())

    def error(opened: Opened) -> float:
        points = first_of(decode(spatial_softmax(opened.regression), model.preset.size))
        return float(nme(fit.crops[step - 1].to_frame(points), subject.goal))

    words = [
        f"pool {pool} keeps {here.where[s].numel():,} of {here.before[s].numel():,} values, and a place for each",
        f"rank {rank} is channel {channel}: {full.sum()} of {full.numel()} windows hold a value",
        f"the maps of step {step} alone: {error(here):.1%}, with all parts on {error(whole):.1%}",
    ]
    return arrays, " · ".join(words)


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Values from 0 up as uint8, the largest as 255."""
    return np.uint8(values.clip(0) / max(float(values.max()), 1e-12) * 255)


def probe_cell(model: RedNet, fit: Fit, state, step: int, point: int, x: int, y: int) -> Mapping[str, np.ndarray]:
    """Where a cell (x, y) of a response map comes from.

    state: that of the fit; step: 1 to K; point: -1 for that which is strongest there.

    saliency: (S, S) uint8, how much each pixel of the crop moves the cell's logit (its gradient, blurred), peak 255.
    chosen: (1,) int32, the point.
    pools: (P, 4) float32, deepest first: of the decoder's values in the 2x2 window over the cell, the share that the
    indices put upper left, upper right, lower left, lower right; zeros where there are none.
    own: (P,) int32, the place of the window in which the cell lies.
    stages: (P,) int32, the stage of the encoder that each pool ends, 1-based.
    Raises ValueError for a cell that is not there.
    """
    k, size = step - 1, fit.response_maps.shape[-1]
    if not (1 <= step <= len(fit.steps) and -1 <= point < N_POINTS and 0 <= x < size and 0 <= y < size):
        raise ValueError(f"no cell ({x}, {y}) of point {point} in step {step}")
    if point < 0:
        maps = fit.response_maps[k]
        point = int((maps[:, y, x] / maps.max((1, 2))).argmax())
    frame, z, _ = inputs(model, fit, k)
    frame.requires_grad_(True)
    opened = open_step(model, frame, z, k, state.memory, state.features)
    slope = torch.autograd.grad(opened.regression[0, point, y, x], frame)[0][0].abs().sum(0).cpu().numpy()
    pools, own = [], []
    for s, held in opened.held.items():
        side = 2 * held.shape[-1]  # of the maps that pool s takes
        column, row = (c * side // size for c in (x, y))
        values, where = (t[0, :, row // 2, column // 2] for t in (held.detach().clamp(min=0), places(opened.where[s])))
        share = values.new_zeros(4).index_add(0, where, values) / values.sum().clamp(min=1e-9)
        pools.append(share.cpu().numpy())
        own.append(2 * (row % 2) + column % 2)
    stages = [s + 1 for s in opened.held]
    values = {"saliency": to_bytes(cv2.GaussianBlur(slope, None, size / 16)), "chosen": np.int32([point])}
    return values | {"pools": np.float32(pools), "own": np.int32(own), "stages": np.int32(stages)}
