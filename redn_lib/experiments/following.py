"""What a network is worth on clips: it follows each face from its own last points."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

import numpy as np
import torch

from redn_lib.experiments.curriculum import Setting
from redn_lib.experiments.hard_clips import KINDS, Trial, trials
from redn_lib.experiments.networks import kparams
from redn_lib.metrics import jitter, nme
from redn_lib.rednet import RedNet

Follow = Callable[[Sequence[Trial]], list[np.ndarray]]
"""Clips to tracks: the points (T, 68, 2) of each, in pixels of its frames."""

TOGETHER = 8


@torch.inference_mode()
def followed(model: RedNet, clips: Sequence[Trial], temporal: bool = True) -> list[np.ndarray]:
    """The model's points on each clip, (T, 68, 2) in pixels of its frames, in closed loop as a tracker would.

    All clips are of one length; temporal=False switches f_tRNN off.
    """
    device = next(model.parameters()).device
    patches = torch.from_numpy(np.stack([trial.clip.frames for trial in clips])).to(device)
    crops = torch.from_numpy(np.stack([trial.crop for trial in clips])).to(device)
    seen = model.clip(patches.permute(0, 1, 4, 2, 3).float() / 255, crops, temporal=temporal)
    return list(torch.stack([s.steps[-1].points for s in seen], 1).cpu().numpy())


def clip_figures(follow: Follow, setting: Setting) -> dict[str, float]:
    """NME in percent on the clips of each kind, on the frames that show it; of occluded clips also on the frames
    that are clear ("uncovered"); jitter on clear clips, in percent of the eye distance.
    """
    figures = {}
    for kind in KINDS:
        errors, uncovered, shakes = [], [], []
        clips = trials(setting.unseen, kind, setting.clips, setting.frames, setting.preset)
        while some := list(islice(clips, TOGETHER)):
            for trial, track in zip(some, follow(some), strict=True):
                error = 100 * nme(track, trial.clip.points)
                errors.append(error[trial.hard])
                uncovered.append(error[trial.clear])
                shakes.append(100 * jitter(track))
        figures[kind] = float(np.concatenate(errors).mean())
        if kind == "occluded":
            figures["uncovered"] = float(np.concatenate(uncovered).mean())
        if kind == "clear":
            figures["jitter"] = float(np.nanmean(shakes))
    return figures


def figures_of(model: RedNet, setting: Setting, temporal: bool = True) -> dict[str, float]:
    """`clip_figures` of a network, and thousands of parameters."""
    return clip_figures(partial(followed, model, temporal=temporal), setting) | {"kparams": kparams(model)}
