"""f_sRNN: one network looks, draws what it found into `z`, and looks again with the same weights.

The paper draws shrinking squares into one channel of the same frame. Two of our choices make the loop earn its keep:
the
points are drawn as one Gaussian map each, and the crop is taken anew, turned and centred by the last points, so that
the
next look has less left to explain. No gradient passes from one step to the step before (paper: argmax and redraw pass
none).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from redn_lib.landmarks import MEAN_SHAPE, N_POINTS
from redn_lib.response_maps import decode, draw_squares, gaussian_maps, label_centres, spatial_softmax

SQUARES = (7, 5, 3)
"""Side of the paper's squares after steps 1, 2, 3, in pixels of a 128 px crop (paper)."""

FAR = 1 / 16
"""Share of the crop by which points move when the look before was wrong (our choice)."""


@dataclass(frozen=True)
class FeedbackForm:
    """How a step hands on to the next.

    draw: "squares" (paper), "softmax" (authors' code: the maps themselves), "gaussians" (our choice) or "nothing" (the
    control: z stays blank).
    recrop: take the crop anew by the last points (our choice) or keep it (paper).
    average: the answer after a look is the mean of the looks so far (our choice, see `averaged`) or that look alone
    (paper).
    """

    draw: str = "gaussians"
    recrop: bool = True
    average: bool = True

    def z_shape(self, size: int, maps: int) -> tuple[int, int, int]:
        """Channels, height and width of z for a crop of `size` pixels and response maps of `maps` cells a side."""
        return (1, size, size) if self.draw == "squares" else (N_POINTS, maps, maps)


class Step(NamedTuple):
    """What one feedback step saw and said, for B faces.

    crop: (B, 2, 3) crop pixels to patch pixels; frame: (B, 3, S, S) the crop itself; z: (B, Cz, s, s) as fed in;
    detection: (B, L+1, h, h) logits, background first; regression: (B, L, m, m) logits;
    response_maps: (B, L, m, m) probabilities, of the regression and of what was expected;
    points: (B, L, 2) the answer after this look, in patch pixels; crop_points: (B, L, 2) what this look's maps say, in
    crop pixels.
    """

    crop: Tensor
    frame: Tensor
    z: Tensor
    detection: Tensor
    regression: Tensor
    response_maps: Tensor
    points: Tensor
    crop_points: Tensor


def take_crop(patches: Tensor, crop: Tensor, size: int) -> Tensor:
    """Cut crops: patches (B, C, P, P), crop (B, 2, 3) crop pixels to patch pixels, to (B, C, size, size); black
    outside.

    No matrix product here or in `to_patch`: autocast would round places to whole pixels.
    """
    grid = torch.arange(size, device=crop.device, dtype=crop.dtype)
    across, down, start = crop[..., None, None].unbind(2)
    at = across * grid + down * grid[:, None] + start
    at = 2 * at / (patches.shape[-1] - 1) - 1
    return F.grid_sample(patches, at.movedim(1, -1), align_corners=True)


def to_patch(points: Tensor, crop: Tensor) -> Tensor:
    """Points (B, L, 2) in crop pixels to patch pixels."""
    x, y = points[..., :1], points[..., 1:]
    across, down, start = crop[:, None].unbind(-1)
    return x * across + y * down + start


def to_crop(points: Tensor, crop: Tensor) -> Tensor:
    """Points (B, L, 2) in patch pixels to crop pixels."""
    return torch.linalg.solve(crop[..., :2], (points - crop[:, None, :, 2]).mT).mT


def upright_crop(points: Tensor, last: Tensor, size: int, margin: float) -> Tensor:
    """The crop that turns, scales and centres a face like the mean shape: points (B, 68, 2) in patch pixels to (B, 2,
    3) (our choice).

    The similarity nearest to the points in the least-squares sense; the mean shape fills 1/margin of the crop. Never
    more than
    twice as near or as far as the last crop (B, 2, 3): points that are no face must not collapse it.
    """
    mean = torch.as_tensor(MEAN_SHAPE, device=points.device)
    mean = mean - mean.mean(0)
    centre = points.mean(1)
    p = points - centre[:, None]
    norm = (mean**2).sum()
    a = (p * mean).sum((1, 2)) / norm
    b = (p[..., 1] * mean[:, 0] - p[..., 0] * mean[:, 1]).sum(1) / norm
    turn = torch.stack([torch.stack([a, -b], -1), torch.stack([b, a], -1)], 1)
    box_middle = centre - (turn * torch.as_tensor(MEAN_SHAPE, device=points.device).mean(0)).sum(-1)
    linear = turn * (2 * margin / (size - 1))
    zoom, before = linear[:, :, 0].norm(dim=-1), last[:, :, 0].norm(dim=-1)
    collapsed = zoom < before / 100
    linear = torch.where(collapsed[:, None, None], last[..., :2], linear)
    zoom = torch.where(collapsed, before, zoom)
    linear = linear * (zoom.clamp(before / 2, before * 2) / zoom)[:, None, None]
    return torch.cat([linear, (box_middle - linear.sum(-1) * (size - 1) / 2)[..., None]], -1)


def box_crop(points: Tensor, last: Tensor, size: int, margin: float) -> Tensor:
    """The crop that a tracker opens on the next frame: upright, `margin` times the larger side of the points' tight box
    (our choice): points (B, L, 2) in patch pixels to (B, 2, 3). Never more than twice as near or as far as the last
    crop (B, 2, 3).
    """
    low, high = points.amin(1), points.amax(1)
    before = last[:, :, 0].norm(dim=-1)
    zoom = (margin * (high - low).amax(-1) / (size - 1)).clamp(before / 2, before * 2)
    linear = zoom[:, None, None] * torch.eye(2, device=points.device, dtype=points.dtype)
    return torch.cat([linear, ((low + high) / 2 - zoom[:, None] * (size - 1) / 2)[..., None]], -1)


def draw_z(form: FeedbackForm, last: Step, crop: Tensor, step: int, size: int, sigma: float) -> Tensor:
    """z for the next step (0-based `step`), drawn from the last step into the next crop: (B, Cz, s, s)."""
    maps = last.regression.shape[-1]
    if form.draw == "gaussians":
        return gaussian_maps(to_crop(last.points, crop), maps, size, sigma)
    if form.draw == "squares":
        centres, found = label_centres(last.detection, size)
        return draw_squares(to_crop(to_patch(centres, last.crop), crop), found, SQUARES[min(step - 1, 2)], size)
    if form.draw == "softmax":
        peak = last.response_maps / last.response_maps.amax((-2, -1), keepdim=True)
        return resample_maps(peak, last.crop, crop, size) if form.recrop else peak
    return last.regression.new_zeros(len(crop), *form.z_shape(size, maps))


def resample_maps(maps: Tensor, old: Tensor, new: Tensor, size: int) -> Tensor:
    """Maps (B, L, m, m) over an old crop of `size` pixels, seen from a new crop."""
    cell = size / maps.shape[-1]
    into_old = torch.linalg.solve(old[..., :2], new[..., :2])
    shift = torch.linalg.solve(old[..., :2], (new - old)[..., 2:])[..., 0]
    half = (cell - 1) / 2
    offset = (into_old.sum(-1) * half + shift - half) / cell
    return take_crop(maps, torch.cat([into_old, offset[..., None]], -1), maps.shape[-1])


def averaged(said: Tensor, before: Tensor, step: int, size: int) -> Tensor:
    """The answer after look `step` (0-based): what it said, averaged with the answer before (our choice).

    said, before: (B, L, 2) in crop pixels. Looks from different crops err differently, so their mean is better than
    the last. But a look that moves the points far, by FAR of the crop on average or more, has seen that the answer
    before was wrong, and counts alone.
    """
    share = 1 / (step + 1)
    moved = (said - before).detach().norm(dim=-1).mean(-1) / (FAR * size)
    return before + (share + (1 - share) * moved.clamp(max=1))[:, None, None] * (said - before)


def feedback_loop(
    run_step: Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]],
    patches: Tensor,
    crop: Tensor,
    *,
    form: FeedbackForm,
    steps: int,
    size: int,
    margin: float,
    sigma: float,
    maps: int,
    expect: Callable[[Tensor, Tensor], Tensor] | None = None,
    change_z: Callable[[Tensor, int], Tensor] | None = None,
) -> list[Step]:
    """Look `steps` times with the same `run_step(frame, z, step) -> detection, regression`.

    patches: (B, 3, P, P) float in [0, 1]; crop: (B, 2, 3) the first crop. The first z is blank (authors' code).
    expect(crop, regression): logits of what was known before, added to the look's own for the response maps;
    change_z(z, step) replaces what is fed back, for experiments.
    """
    z = patches.new_zeros(len(patches), *form.z_shape(size, maps))
    said: list[Step] = []
    for k in range(steps):
        if said:
            last = Step(*(t.detach() for t in said[-1]))
            if form.recrop:
                crop = upright_crop(last.points, crop, size, margin)
            z = draw_z(form, last, crop, k, size, sigma)
        if change_z is not None:
            z = change_z(z, k)
        frame = take_crop(patches, crop, size)
        detection, regression = run_step(frame, z, k)
        response_maps = spatial_softmax(regression if expect is None else regression + expect(crop, regression))
        crop_points = decode(response_maps, size)
        points = crop_points
        if said and form.average:
            points = averaged(crop_points, to_crop(last.points, crop), k, size)
        said.append(Step(crop, frame, z, detection, regression, response_maps, to_patch(points, crop), crop_points))
    return said
