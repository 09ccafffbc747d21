"""f_sRNN, the spatial feedback: the same network runs K times on one face.

What a step found is drawn into a map `z`, an input of the next step. No gradient passes from a step to the one before
(paper: argmax and drawing pass none). A crop here is a tensor (B, 2, 3), crop pixels to patch pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from redn_lib.landmarks import MEAN_SHAPE, N_POINTS
from redn_lib.response_maps import decode, draw_squares, gaussian_maps, label_centres, spatial_softmax

SQUARES = (7, 5, 3)  # side of the squares after steps 1, 2, 3, in pixels of a 128 px crop (paper)
FAR = 1 / 16  # points that move by this share of the crop show that the step before was wrong (our choice)
Change = Callable[[Tensor, int], Tensor]  # replaces a tensor of a feedback step (0-based), for experiments


@dataclass(frozen=True)
class FeedbackForm:
    """What a step hands on to the next.

    draw: "squares" (paper), "softmax" (authors' code: the response maps), "gaussians" (our choice) or
        "nothing" (control).
    recrop: take the crop again around the last points (our choice) or keep it (paper).
    average: average the steps' predictions, see `averaged` (our choice), or use the last one alone (paper).
    """

    draw: str = "gaussians"
    recrop: bool = True
    average: bool = True

    def z_shape(self, size: int, maps: int) -> tuple[int, int, int]:
        """Channels, height and width of z for a crop of `size` pixels and response maps of `maps` cells a side."""
        return (1, size, size) if self.draw == "squares" else (N_POINTS, maps, maps)


class Step(NamedTuple):
    """Inputs and outputs of one feedback step, for B faces.

    crop: (B, 2, 3) crop pixels to patch pixels.
    frame: (B, 3, S, S) the image in the crop.
    z: (B, Cz, s, s) the feedback map, as it went in.
    detection: (B, L+1, h, h) logits, background first.
    regression: (B, L, m, m) logits.
    response_maps: (B, L, m, m) probabilities, of the regression logits and the prior.
    points: (B, L, 2) the prediction after this step, in patch pixels.
    crop_points: (B, L, 2) the points of this step's maps alone, in crop pixels.
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
    """Cut crops: patches (B, C, P, P) and crop (B, 2, 3) to (B, C, size, size); black outside the patch."""
    # no matrix product here or in `to_patch`: autocast would round coordinates to whole pixels
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
    """The crop in which the face, points (B, 68, 2) in patch pixels, stands upright (our choice).

    The mean shape, fitted as by `landmarks.fit_similarity`, fills 1 / margin of the crop. The scale changes at most by
    a factor of two from the last crop: points that are no face must not collapse it.
    """
    shape = torch.as_tensor(MEAN_SHAPE, device=points.device)
    mean = shape - shape.mean(0)
    centre = points.mean(1)
    p = points - centre[:, None]
    norm = (mean**2).sum()  # as complex numbers, p is nearest to (a + ib) * mean
    a = (p * mean).sum((1, 2)) / norm
    b = (p[..., 1] * mean[:, 0] - p[..., 0] * mean[:, 1]).sum(1) / norm
    turn = torch.stack([torch.stack([a, -b], -1), torch.stack([b, a], -1)], 1)
    box_middle = centre - (turn * shape.mean(0)).sum(-1)
    linear = turn * (2 * margin / (size - 1))
    zoom, before = linear[:, :, 0].norm(dim=-1), last[:, :, 0].norm(dim=-1)
    collapsed = zoom < before / 100
    linear = torch.where(collapsed[:, None, None], last[..., :2], linear)
    zoom = torch.where(collapsed, before, zoom)
    linear = linear * (zoom.clamp(before / 2, before * 2) / zoom)[:, None, None]
    return torch.cat([linear, (box_middle - linear.sum(-1) * (size - 1) / 2)[..., None]], -1)


def box_crop(points: Tensor, last: Tensor, size: int, margin: float) -> Tensor:
    """The first crop of the next frame: as `Crop.around` the tight box of the points (B, L, 2) in patch pixels, with
    the same limit of the scale as `upright_crop` (our choice).
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
        return draw_squares(
            to_crop(to_patch(centres, last.crop), crop), found, SQUARES[min(step, len(SQUARES)) - 1], size
        )
    if form.draw == "softmax":
        peak = last.response_maps / last.response_maps.amax((-2, -1), keepdim=True)
        return resample_maps(peak, last.crop, crop, size) if form.recrop else peak
    return last.regression.new_zeros(len(crop), *form.z_shape(size, maps))


def resample_maps(maps: Tensor, old: Tensor, new: Tensor, size: int) -> Tensor:
    """Maps (B, L, m, m) over an old crop of `size` pixels, resampled over a new crop."""
    cell = size / maps.shape[-1]
    into_old = torch.linalg.solve(old[..., :2], new[..., :2])
    shift = torch.linalg.solve(old[..., :2], (new - old)[..., 2:])[..., 0]
    half = (cell - 1) / 2
    offset = (into_old.sum(-1) * half + shift - half) / cell
    return take_crop(maps, torch.cat([into_old, offset[..., None]], -1), maps.shape[-1])


def averaged(points: Tensor, before: Tensor, step: int, size: int) -> Tensor:
    """The mean of the steps' points up to a step (0-based), (B, L, 2) in crop pixels; a step that moves them by FAR of
    the crop or more on average counts alone (our choice).
    """
    share = 1 / (step + 1)
    moved = (points - before).detach().norm(dim=-1).mean(-1) / (FAR * size)
    return before + (share + (1 - share) * moved.clamp(max=1))[:, None, None] * (points - before)


def draw_points(form: FeedbackForm, points: Tensor, height: Tensor, preset) -> Tensor:
    """z of points (B, L, 2) in crop pixels that are known before the first step: (B, Cz, s, s) (our choice).

    height: (B, L) of each Gaussian, 0 to 1; squares show the points whose height is 0.5 or more.
    preset: `presets.Preset`.
    """
    if form.draw == "squares":
        return draw_squares(points, height >= 0.5, SQUARES[0], preset.size)
    return height[..., None, None] * gaussian_maps(points, preset.maps, preset.size, preset.sigma)


def feedback_loop(
    run_step: Callable,
    patches: Tensor,
    crop: Tensor,
    preset,
    steps: int,
    *,
    before=None,
    first_z=None,
    join=None,
    change_z=None,
    enough=None,
) -> list[Step]:
    """Run `run_step(frame, z, step) -> detection, regression` K times on patches (B, 3, P, P) in [0, 1].

    crop: the first crop; first_z: the first z, blank by default (authors' code).
    preset: `presets.Preset`; steps: K.
    before: (B, L, 2) points of the frame before, in patch pixels: they stand for the first step, and the loop begins
        with the second (our choice; authors' code: one step a frame on video).
    join(regression, crop): regression logits of a step joined with what is known from earlier frames.
    enough(points before the last step, steps so far): whether to stop before K (our choice).
    """
    z = patches.new_zeros(len(patches), *preset.form.z_shape(preset.size, preset.maps)) if first_z is None else first_z
    done: list[Step] = []
    first = 0 if before is None else 1
    for k in range(first, max(steps, first + 1)):
        if done:
            last = Step(*(tensor.detach() for tensor in done[-1]))
            if preset.form.recrop:
                crop = upright_crop(last.points, crop, preset.size, preset.margin)
            z, before = draw_z(preset.form, last, crop, k, preset.size, preset.sigma), last.points
        if change_z is not None:
            z = change_z(z, k)
        frame = take_crop(patches, crop, preset.size)
        detection, regression = run_step(frame, z, k)
        response_maps = spatial_softmax(join(regression, crop) if join else regression)
        points = crop_points = decode(response_maps, preset.size)
        if done and preset.form.average:
            points = averaged(crop_points, to_crop(before, crop), len(done), preset.size)
        done.append(Step(crop, frame, z, detection, regression, response_maps, to_patch(points, crop), crop_points))
        if enough and before is not None and enough(before, done):
            break
    return done
