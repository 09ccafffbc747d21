"""What is made small: the losses of every look, of every frame of a clip, and of f_CLS, in one sum."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from redn_lib.feedback import Step, to_crop
from redn_lib.identity import identity_loss, pooled, swapped_in, within_share
from redn_lib.losses import detection_loss, map_loss, prior_loss, regression_loss
from redn_lib.pose import pose_echo, pose_loss
from redn_lib.rednet import FrameOutput, Preset, RedNet
from redn_lib.training.batches import Batch
from redn_lib.training.stages import Stage

STAYS, POSE = 10.0, 3.0
"""What counts, beside variance of C_id within people: variance of C_pe between people, and pose in the wrong place (our
choice).
"""


class Outcome(NamedTuple):
    """total: the loss; looks: (K,) the loss of each look, mean over frames; identity: the loss of f_CLS, or None."""

    total: Tensor
    looks: Tensor
    identity: Tensor | None = None


Whole = Callable[[Tensor], Tensor]
"""Makes of a process's share of a batch the whole batch, along the first dimension."""


def as_it_is(share: Tensor) -> Tensor:
    """The `Whole` of a run in one process."""
    return share


def outcome(model: RedNet, batch: Batch, stage: Stage, *, swap: bool = False, whole: Whole = as_it_is) -> Outcome:
    """The losses of a batch on the model's device, patches float in [0, 1].

    swap: C_id of each frame comes from the next one of its group; whole: for the losses that compare the codes of a
    batch with each other.
    """
    if stage.frames > 1:
        seen, truths = model.clip(batch.patches, batch.crop, stage.steps), batch.points.unbind(1)
    else:
        partner = partners(len(batch.person), stage.group, batch.person.device)
        channels = model.preset.identity_channels
        change = {"change_code": lambda code, step: swapped_in(code, channels, partner)} if swap else {}
        seen = [model.frame(batch.patches, batch.crop, steps=stage.steps, temporal=False, **change)]
        truths = [batch.points]
    looks = [step_losses(s.steps, truth, stage, model.preset) for s, truth in zip(seen, truths, strict=True)]
    losses = torch.stack(looks).mean(0)
    weights = stage.growth ** torch.arange(len(losses), device=losses.device)
    total = (weights * losses).sum() / weights.sum()
    if seen[0].prior is not None:
        total = total + stage.prior_loss_weight * expectation_loss(seen, truths, model.preset.sigma)
    if stage.motion_weight:
        total = total + stage.motion_weight * motion_loss(seen, truths)
    if not stage.identity_weight and not stage.apart:
        return Outcome(total, losses)
    identity, apart = decoupling_losses(model, seen, truths, batch.person, stage, whole)
    return Outcome(total + stage.identity_weight * identity + stage.apart * apart, losses, identity)


def expectation_loss(seen: list[FrameOutput], truths: Sequence[Tensor], sigma: float) -> Tensor:
    """Loss of what f_tRNN expected, mean over frames; truths: (B, 68, 2) in patch pixels."""
    losses = []
    for s, truth in zip(seen, truths, strict=True):
        aim = to_crop(truth, s.steps[0].crop)
        losses.append(prior_loss(s.prior.points, s.prior.weight, aim, sigma))
    return torch.stack(losses).mean()


def motion_loss(seen: list[FrameOutput], truths: Sequence[Tensor]) -> Tensor:
    """How wrongly the answers move from frame to frame, as `regression_loss`, mean over frames; truths: (B, 68, 2) in
    patch pixels (our choice). An error that stays costs nothing here, one that comes and goes does.
    """
    answers = [s.steps[-1].points for s in seen]
    frames = zip(pairwise(answers), pairwise(truths), strict=True)
    return torch.stack([regression_loss(was + now - before, true) for (before, now), (was, true) in frames]).mean()


def decoupling_losses(
    model: RedNet,
    seen: list[FrameOutput],
    truths: Sequence[Tensor],
    person: Tensor,
    stage: Stage,
    whole: Whole = as_it_is,
) -> tuple[Tensor, Tensor]:
    """(loss of f_CLS; what is on the wrong side of the split), mean over looks.

    On the wrong side: variance of C_id within people, and of C_pe between them; pose that sounds in C_id, and that
    cannot be read from C_pe. Frames of a person: those of a group, or of a clip.
    """
    frames = stage.group if len(seen) == 1 else len(seen)
    if len(seen) > 1:
        person = person.repeat_interleave(frames)
    person, points = whole(person), whole(torch.stack(list(truths), 1).flatten(0, 1))
    identities, aparts = [], []
    for step in range(len(seen[0].codes)):
        code = whole(torch.stack([s.codes[step] for s in seen], 1).flatten(0, 1))
        identities.append(identity_loss(model.who(code, step), person))
        steady, lively = (pooled(half) for half in model.halves(code))
        moves = within_share(steady.unflatten(0, (-1, frames)))
        stays = 1 - model.spread(lively.unflatten(0, (-1, frames)), step)
        aparts.append(
            moves + STAYS * stays + POSE * (pose_echo(steady, points) + pose_loss(model.pose(code, step), points))
        )
    return torch.stack(identities).mean(), torch.stack(aparts).mean()


def step_losses(said: list[Step], truth: Tensor, stage: Stage, preset: Preset) -> Tensor:
    """Loss of each look, each with the truth in its own crop: truth (B, 68, 2) in patch pixels to (K,)."""
    losses = []
    for step in said:
        aim = to_crop(truth, step.crop)
        losses.append(
            regression_loss(step.crop_points, aim)
            + stage.map_weight * map_loss(step.regression, aim, preset.size, preset.sigma)
            + stage.detection_weight * detection_loss(step.detection, aim, preset.size, preset.sigma)
        )
    return torch.stack(losses)


def partners(count: int, group: int, device: torch.device) -> Tensor:
    """For each frame of a batch the next one of its group: (count,) indices."""
    at = torch.arange(count, device=device)
    return at - at % group + (at % group + 1) % group
