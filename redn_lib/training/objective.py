"""What training minimises: the losses of every feedback step, of every frame of a clip, and of f_CLS, in one sum."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from redn_lib.feedback import Step, to_crop
from redn_lib.identity import identity_loss, pooled, pose_echo, pose_of, swapped_in, within_share
from redn_lib.losses import detection_loss, map_loss, motion_loss, regression_loss, spread_loss
from redn_lib.presets import Preset
from redn_lib.rednet import FrameOutput, RedNet
from redn_lib.training.batches import Batch
from redn_lib.training.stages import Stage

STAYS, POSE = 10.0, 3.0
"""Weights beside the variance of C_id within people: of the variance of C_pe between people, and of pose in the wrong
half (our choice).
"""


class Outcome(NamedTuple):
    """The losses of a batch.

    total: the loss that is minimised.
    steps: (K,) loss of each feedback step, mean over frames.
    identity: loss of f_CLS; 0 in a stage without it.
    """

    total: Tensor
    steps: Tensor
    identity: Tensor


def outcome(model: RedNet, batch: Batch, stage: Stage, *, swap: bool = False, empty_at: int | None = None) -> Outcome:
    """The losses of a batch on the model's device, patches float in [0, 1].

    swap: C_id of each still image comes from the next one of its group.
    empty_at: frame of a clip before which f_tRNN starts from nothing.
    """
    if batch.points.ndim == 4:
        outputs = model.clip(batch.patches, batch.crop, stage.steps, empty_at=empty_at)
        truths, visible = batch.points.unbind(1), batch.visible.unbind(1)
    else:
        partner = partners(len(batch.person), stage.group, batch.person.device)
        channels = model.preset.identity_channels
        change = {"change_code": lambda code, step: swapped_in(code, channels, partner)} if swap else {}
        outputs = [model.frame(batch.patches, batch.crop, steps=stage.steps, temporal=False, **change)]
        truths, visible = [batch.points], [batch.visible]
    frames = zip(outputs, truths, visible, strict=True)
    losses = [step_losses(out.steps, true, stage, model.preset, point_weights(v, stage)) for out, true, v in frames]
    total = torch.stack([growing(of_frame, stage.growth) for of_frame in losses]).mean()
    identity = torch.zeros((), device=total.device)
    if outputs[0].prior is not None:
        total = total + stage.spread_weight * spread_losses(outputs, truths, model.preset.size)
    if stage.motion_weight and len(outputs) > 1:
        points = [output.steps[-1].points for output in outputs]
        total = total + stage.motion_weight * motion_loss(points, truths)
    if stage.identity_weight or stage.apart:
        identity, apart = decoupling_losses(model, outputs, truths, batch.person, stage)
        total = total + stage.identity_weight * identity + stage.apart * apart
    counts = range(len(losses[0]), 0, -1)  # from the end: a frame after another has one step less
    of_steps = [torch.stack([some[-n] for some in losses if len(some) >= n]).mean() for n in counts]
    return Outcome(total, torch.stack(of_steps), identity)


def growing(losses: Tensor, growth: float) -> Tensor:
    """The mean of (K,) losses, each weighing `growth` times as much as the one before."""
    weights = growth ** torch.arange(len(losses), device=losses.device)
    return (weights * losses).sum() / weights.sum()


def step_losses(steps: list[Step], truth: Tensor, stage: Stage, preset: Preset, weight: Tensor | None = None) -> Tensor:
    """Loss of each feedback step, each with the truth in its own crop: truth (B, 68, 2) in patch pixels to (K,).

    weight: (B, 68) of the points in the regression and map losses, with a mean of 1; None: all the same.
    """
    losses = []
    for step in steps:
        target = to_crop(truth, step.crop)
        losses.append(
            regression_loss(step.crop_points, target, weight)
            + stage.map_weight * map_loss(step.regression, target, preset.size, preset.sigma, weight)
            + stage.detection_weight * detection_loss(step.detection, target, preset.size, preset.sigma)
        )
    return torch.stack(losses)


def point_weights(visible: Tensor, stage: Stage) -> Tensor:
    """Weights of the points of each face, (B, 68) bool to float with a mean of 1: a point that is not visible counts
    stage.invisible_weight times as much as a visible one (our choice).
    """
    weights = torch.where(visible, 1.0, max(stage.invisible_weight, 1e-6))
    return weights / weights.mean(-1, keepdim=True)


def spread_losses(outputs: list[FrameOutput], truths: Sequence[Tensor], size: int) -> Tensor:
    """`spread_loss` of the prior of f_tRNN, of the maps and of the moved prior, mean over frames and steps; truths:
    (B, 68, 2) in patch pixels. Points count fully, visible or not: f_tRNN must know them.
    """
    losses = []
    for output, truth in zip(outputs, truths, strict=True):
        target = to_crop(truth, output.steps[0].crop)
        losses.append(spread_loss(output.prior.points, output.prior.spread, target, size))
        for step, joined in zip(output.steps, output.joined, strict=True):
            target = to_crop(truth, step.crop)
            losses.append(spread_loss(joined.own, joined.own_spread, target, size) / len(output.steps))
            losses.append(spread_loss(joined.expected, joined.spread, target, size) / len(output.steps))
    return torch.stack(losses).sum() / len(outputs)


def decoupling_losses(
    model: RedNet, outputs: list[FrameOutput], truths: Sequence[Tensor], person: Tensor, stage: Stage
) -> tuple[Tensor, Tensor]:
    """(loss of f_CLS; what is on the wrong side of the split), mean over feedback steps.

    On the wrong side: variance of C_id within people, and of C_pe between them; pose that can be read from C_id, and
    that cannot be read from C_pe. Images of a person: those of a group, or of a clip.
    """
    frames = stage.group if len(outputs) == 1 else len(outputs)
    if len(outputs) > 1:
        person = person.repeat_interleave(frames)
    points = torch.stack(list(truths), 1).flatten(0, 1)
    identities, aparts = [], []
    steps = len(outputs[0].codes)
    for step in range(steps - min(len(output.codes) for output in outputs), steps):
        code = torch.stack([output.codes[step - steps] for output in outputs], 1).flatten(0, 1)
        identities.append(identity_loss(model.who(code, step), person))
        steady, lively = (pooled(half) for half in model.halves(code))
        moves = within_share(steady.unflatten(0, (-1, frames)))
        stays = 1 - model.spread(lively.unflatten(0, (-1, frames)), step)
        pose = pose_echo(steady, points) + (model.pose(code, step) - pose_of(points)).square().mean()
        aparts.append(moves + STAYS * stays + POSE * pose)
    return torch.stack(identities).mean(), torch.stack(aparts).mean()


def partners(count: int, group: int, device: torch.device) -> Tensor:
    """For each image of a batch the next one of its group: (count,) indices."""
    return torch.arange(count, device=device).unflatten(0, (-1, group)).roll(-1, 1).flatten()
