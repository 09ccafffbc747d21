"""What is made small: the losses of every look, of every frame of a clip, and of f_CLS, in one sum."""

from typing import NamedTuple

import torch
from torch import Tensor

from redn_lib.feedback import Step, to_view
from redn_lib.identity import identity_loss, swapped_in
from redn_lib.losses import detection_loss, map_loss, regression_loss
from redn_lib.rednet import Preset, RedNet
from redn_lib.training.batches import Batch
from redn_lib.training.stages import Stage


class Outcome(NamedTuple):
    """total: the loss; looks: (K,) the loss of each look, mean over frames; identity: the loss of f_CLS, or None."""

    total: Tensor
    looks: Tensor
    identity: Tensor | None = None


def outcome(model: RedNet, batch: Batch, stage: Stage, *, swap: bool = False) -> Outcome:
    """The losses of a batch on the model's device, patches float in [0, 1].

    swap: C_id of each frame comes from the next one of its group.
    """
    if stage.frames > 1:
        seen, truths = model.clip(batch.patches, batch.view, stage.steps), batch.points.unbind(1)
    else:
        partner = partners(len(batch.person), stage.group, batch.person.device)
        channels = model.preset.identity_channels
        change = {"change_code": lambda code, step: swapped_in(code, channels, partner)} if swap else {}
        seen = [model.frame(batch.patches, batch.view, steps=stage.steps, temporal=False, **change)]
        truths = [batch.points]
    looks = [look_losses(s.steps, truth, stage, model.preset) for s, truth in zip(seen, truths, strict=True)]
    losses = torch.stack(looks).mean(0)
    weights = stage.growth ** torch.arange(len(losses), device=losses.device)
    total = (weights * losses).sum() / weights.sum()
    if not stage.identity_weight:
        return Outcome(total, losses)
    codes = [code for s in seen for code in s.codes]
    identity = torch.stack([identity_loss(model.who(code), batch.person) for code in codes]).mean()
    return Outcome(total + stage.identity_weight * identity, losses, identity)


def look_losses(said: list[Step], truth: Tensor, stage: Stage, preset: Preset) -> Tensor:
    """Loss of each look, each with the truth in its own view: truth (B, 68, 2) in patch pixels to (K,)."""
    losses = []
    for step in said:
        aim = to_view(truth, step.view)
        losses.append(
            regression_loss(step.view_points, aim)
            + stage.map_weight * map_loss(step.regression, aim, preset.size, preset.sigma)
            + stage.detection_weight * detection_loss(step.detection, aim, preset.size, preset.sigma)
        )
    return torch.stack(losses)


def partners(count: int, group: int, device: torch.device) -> Tensor:
    """For each frame of a batch the next one of its group: (count,) indices."""
    at = torch.arange(count, device=device)
    return at - at % group + (at % group + 1) % group
