"""f_sRNN: one network looks, draws what it found into `z`, and looks again with the same weights.

The paper draws shrinking squares into one channel of the same frame. Two of our choices make the loop earn its keep:
the
points are drawn as one Gaussian map each, and the view is taken anew, turned and centred by the last points, so that
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
"""Side of the paper's squares after steps 1, 2, 3, in pixels of a 128 px view (paper)."""

FAR = 1 / 16
"""Share of the view by which points move when the look before was wrong (our choice)."""


@dataclass(frozen=True)
class FeedbackForm:
    """How a step hands on to the next.

    draw: "squares" (paper), "softmax" (authors' code: the maps themselves), "gaussians" (our choice) or "nothing" (the
    control: z stays blank).
    retake: take the view anew by the last points (our choice) or keep it (paper).
    settle: the answer after a look is the mean of the looks so far (our choice, see `settled`) or that look alone
    (paper).
    """

    draw: str = "gaussians"
    retake: bool = True
    settle: bool = True

    def z_shape(self, size: int, maps: int) -> tuple[int, int, int]:
        """Channels, height and width of z for a view of `size` pixels and response maps of `maps` cells a side."""
        return (1, size, size) if self.draw == "squares" else (N_POINTS, maps, maps)


class Step(NamedTuple):
    """What one feedback step saw and said, for B faces.

    view: (B, 2, 3) view pixels to patch pixels; frame: (B, 3, S, S) the view itself; z: (B, Cz, s, s) as fed in;
    detection: (B, L+1, h, h) logits, background first; regression: (B, L, m, m) logits;
    response_maps: (B, L, m, m) probabilities, of the regression and of what was expected;
    points: (B, L, 2) the answer after this look, in patch pixels; view_points: (B, L, 2) what this look's maps say, in
    view pixels.
    """

    view: Tensor
    frame: Tensor
    z: Tensor
    detection: Tensor
    regression: Tensor
    response_maps: Tensor
    points: Tensor
    view_points: Tensor


def take_view(patches: Tensor, view: Tensor, size: int) -> Tensor:
    """Cut views: patches (B, C, P, P), view (B, 2, 3) view pixels to patch pixels, to (B, C, size, size); black
    outside.

    No matrix product here or in `to_patch`: autocast would round places to whole pixels.
    """
    grid = torch.arange(size, device=view.device, dtype=view.dtype)
    across, down, start = view[..., None, None].unbind(2)
    at = across * grid + down * grid[:, None] + start
    at = 2 * at / (patches.shape[-1] - 1) - 1
    return F.grid_sample(patches, at.movedim(1, -1), align_corners=True)


def to_patch(points: Tensor, view: Tensor) -> Tensor:
    """Points (B, L, 2) in view pixels to patch pixels."""
    x, y = points[..., :1], points[..., 1:]
    across, down, start = view[:, None].unbind(-1)
    return x * across + y * down + start


def to_view(points: Tensor, view: Tensor) -> Tensor:
    """Points (B, L, 2) in patch pixels to view pixels."""
    return torch.linalg.solve(view[..., :2], (points - view[:, None, :, 2]).mT).mT


def upright_view(points: Tensor, last: Tensor, size: int, margin: float) -> Tensor:
    """The view that turns, scales and centres a face like the mean shape: points (B, 68, 2) in patch pixels to (B, 2,
    3) (our choice).

    The similarity nearest to the points in the least-squares sense; the mean shape fills 1/margin of the view. Never
    more than
    twice as near or as far as the last view (B, 2, 3): points that are no face must not collapse it.
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


def box_view(points: Tensor, last: Tensor, size: int, margin: float) -> Tensor:
    """The view that a tracker opens on the next frame: upright, `margin` times the larger side of the points' tight box
    (our choice): points (B, L, 2) in patch pixels to (B, 2, 3). Never more than twice as near or as far as the last
    view (B, 2, 3).
    """
    low, high = points.amin(1), points.amax(1)
    before = last[:, :, 0].norm(dim=-1)
    zoom = (margin * (high - low).amax(-1) / (size - 1)).clamp(before / 2, before * 2)
    linear = zoom[:, None, None] * torch.eye(2, device=points.device, dtype=points.dtype)
    return torch.cat([linear, ((low + high) / 2 - zoom[:, None] * (size - 1) / 2)[..., None]], -1)


def draw_z(form: FeedbackForm, last: Step, view: Tensor, step: int, size: int, sigma: float) -> Tensor:
    """z for the next step (0-based `step`), drawn from the last step into the next view: (B, Cz, s, s)."""
    maps = last.regression.shape[-1]
    if form.draw == "gaussians":
        return gaussian_maps(to_view(last.points, view), maps, size, sigma)
    if form.draw == "squares":
        centres, found = label_centres(last.detection, size)
        return draw_squares(to_view(to_patch(centres, last.view), view), found, SQUARES[min(step - 1, 2)], size)
    if form.draw == "softmax":
        peak = last.response_maps / last.response_maps.amax((-2, -1), keepdim=True)
        return resample_maps(peak, last.view, view, size) if form.retake else peak
    return last.regression.new_zeros(len(view), *form.z_shape(size, maps))


def resample_maps(maps: Tensor, old: Tensor, new: Tensor, size: int) -> Tensor:
    """Maps (B, L, m, m) over an old view of `size` pixels, seen from a new view."""
    cell = size / maps.shape[-1]
    into_old = torch.linalg.solve(old[..., :2], new[..., :2])
    shift = torch.linalg.solve(old[..., :2], (new - old)[..., 2:])[..., 0]
    half = (cell - 1) / 2
    offset = (into_old.sum(-1) * half + shift - half) / cell
    return take_view(maps, torch.cat([into_old, offset[..., None]], -1), maps.shape[-1])


def settled(said: Tensor, before: Tensor, step: int, size: int) -> Tensor:
    """The answer after look `step` (0-based): what it said, averaged with the answer before (our choice).

    said, before: (B, L, 2) in view pixels. Looks from different views err differently, so their mean is better than
    the last. But a look that moves the points far, by FAR of the view on average or more, has seen that the answer
    before was wrong, and counts alone.
    """
    share = 1 / (step + 1)
    moved = (said - before).detach().norm(dim=-1).mean(-1) / (FAR * size)
    return before + (share + (1 - share) * moved.clamp(max=1))[:, None, None] * (said - before)


def feedback_loop(
    look: Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]],
    patches: Tensor,
    view: Tensor,
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
    """Look `steps` times with the same `look(frame, z, step) -> detection, regression`.

    patches: (B, 3, P, P) float in [0, 1]; view: (B, 2, 3) the first view. The first z is blank (authors' code).
    expect(view, regression): logits of what was known before, added to the look's own for the response maps;
    change_z(z, step) replaces what is fed back, for experiments.
    """
    z = patches.new_zeros(len(patches), *form.z_shape(size, maps))
    said: list[Step] = []
    for k in range(steps):
        if said:
            last = Step(*(t.detach() for t in said[-1]))
            if form.retake:
                view = upright_view(last.points, view, size, margin)
            z = draw_z(form, last, view, k, size, sigma)
        if change_z is not None:
            z = change_z(z, k)
        frame = take_view(patches, view, size)
        detection, regression = look(frame, z, k)
        response_maps = spatial_softmax(regression if expect is None else regression + expect(view, regression))
        view_points = decode(response_maps, size)
        points = view_points
        if said and form.settle:
            points = settled(view_points, to_view(last.points, view), k, size)
        said.append(Step(view, frame, z, detection, regression, response_maps, to_patch(points, view), view_points))
    return said
