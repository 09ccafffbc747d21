"""What the questions measure of a trained network: errors on still images, on clips, and with swapped codes."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from redn_lib.crop import Crop
from redn_lib.data.clip import Face
from redn_lib.evaluation.errors import disturbed_box, errors_of
from redn_lib.experiments.curriculum import Setting
from redn_lib.experiments.hard_clips import DIFFICULTIES, Trial, trials
from redn_lib.identity import swapped_in
from redn_lib.metrics import jitter, nme
from redn_lib.rednet import RedNet
from redn_lib.training.batches import cut_patch

MOST_PEOPLE = 60
"""Codes are swapped between so many people at most."""


def kparams(model: nn.Module) -> float:
    """Thousands of parameters."""
    return sum(p.numel() for p in model.parameters()) / 1e3


def still_figures(model: nn.Module, unseen: Sequence[Face], steps: int) -> dict[str, float]:
    """NME in percent of each step with disturbed boxes, the same ones for every network; thousands of parameters."""
    rng = np.random.default_rng(0)
    per_step = 100 * errors_of(model, unseen, steps, lambda face: disturbed_box(face.box, rng)).mean((0, 2))
    figures = {f"step{k}": float(error) for k, error in enumerate(per_step, 1)}
    return figures | {"last": float(per_step[-1]), "kparams": kparams(model)}


@torch.inference_mode()
def tracks_of(model: RedNet, clips: Sequence[Trial], temporal: bool = True) -> list[np.ndarray]:
    """The model's points on each clip, (T, 68, 2) in pixels of its frames, in closed loop as a tracker would.

    All clips are of one length; temporal=False switches f_tRNN off.
    """
    device = next(model.parameters()).device
    patches = torch.from_numpy(np.stack([trial.clip.frames for trial in clips])).to(device)
    crops = torch.from_numpy(np.stack([trial.crop for trial in clips])).to(device)
    outputs = model.clip(patches.permute(0, 1, 4, 2, 3).float() / 255, crops, temporal=temporal)
    return list(torch.stack([output.steps[-1].points for output in outputs], 1).cpu().numpy())


def clip_figures(
    model: RedNet,
    setting: Setting,
    *,
    temporal: bool = True,
    smooth: Callable[[np.ndarray], np.ndarray] = lambda track: track,
) -> dict[str, float]:
    """NME in percent on the clips of each difficulty, on the frames that show it; of clips with an occluder also on the
    frames without it ("unoccluded"); jitter on clear clips, in percent of the eye distance; thousands of parameters.

    smooth: a filter of the model's tracks (T, 68, 2).
    """
    figures = {}
    for difficulty in DIFFICULTIES:
        clips = list(trials(setting.unseen, difficulty, setting.clips, setting.frames, setting.preset))
        tracks = [smooth(track) for track in tracks_of(model, clips, temporal)]
        errors = 100 * np.stack([nme(track, trial.clip.points) for track, trial in zip(tracks, clips, strict=True)])
        figures[difficulty] = float(errors[np.stack([trial.hard for trial in clips])].mean())
        if difficulty == "occluded":
            unoccluded = np.stack([trial.clip.factors["occluded"] == 0 for trial in clips])
            figures["unoccluded"] = float(errors[unoccluded].mean())
        if difficulty == "clear":
            figures["jitter"] = 100 * float(np.nanmean([jitter(track) for track in tracks]))
    return figures | {"kparams": kparams(model)}


def exact_input(patches: Sequence[Face], model: RedNet) -> tuple[Tensor, Tensor]:
    """Patches (N, 3, P, P) float in [0, 1] and first crops (N, 2, 3) from exact boxes, on the model's device."""
    p, device = model.preset, next(model.parameters()).device
    pixels = torch.from_numpy(np.stack([face.image for face in patches])).to(device).permute(0, 3, 1, 2).float() / 255
    crops = [Crop.around(face.box, margin=p.first_margin, size=p.size).matrix for face in patches]
    return pixels, torch.from_numpy(np.stack(crops)).float().to(device)


def pairs(faces: Sequence[Face]) -> list[Face]:
    """Patches of people with two frames or more, the first and the last frame of each in a row. Raises ValueError for
    fewer than two such people.
    """
    frames: dict[str, list[Face]] = {}
    for face in faces:
        frames.setdefault(face.person, []).append(face)
    chosen = [mine for mine in frames.values() if len(mine) > 1][:MOST_PEOPLE]
    if len(chosen) < 2:
        raise ValueError(f"to swap codes takes two people with two frames each, got {len(chosen)} such people")
    return [cut_patch(face) for mine in chosen for face in (mine[0], mine[-1])]


@torch.inference_mode()
def swap_figures(model: RedNet, unseen: Sequence[Face]) -> dict[str, float]:
    """NME in percent on pairs of frames of unseen people, exact boxes, without f_tRNN: with their own codes ("own"),
    with C_id of the same person's other frame ("swap_same") and of another person's ("swap_other"), and, as a counter
    check, with C_pe of the same person's other frame ("swap_pe").

    The code of each step comes from the partner's same step; pooling indices stay the frame's own.
    """
    faces, channels = pairs(unseen), model.preset.identity_channels
    at = torch.arange(len(faces))
    same, other = at ^ 1, (at + 2) % len(at)
    patches, crop = exact_input(faces, model)
    truth = np.stack([face.points for face in faces])
    changes = {
        "own": None,
        "swap_same": lambda code, step: swapped_in(code, channels, same),
        "swap_other": lambda code, step: swapped_in(code, channels, other),
        "swap_pe": lambda code, step: swapped_in(code[same], channels, same),
    }
    figures = {}
    for name, change in changes.items():
        points = model(patches, crop, change_code=change)[-1].points.cpu().numpy()
        figures[name] = 100 * float(nme(points, truth).mean())
    return figures
