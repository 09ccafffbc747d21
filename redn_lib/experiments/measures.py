"""What the questions measure of a network: errors on still images, with swapped codes, and on clips (our choice)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from redn_lib.crop import PATCH_SIZE, Crop
from redn_lib.data.animation.animate import animate
from redn_lib.data.animation.curves import MotionStrength
from redn_lib.data.clip import Clip, Face
from redn_lib.data.occluder import draw_occluder
from redn_lib.evaluation.errors import disturbed_box, errors_of
from redn_lib.experiments.curriculum import Setting
from redn_lib.feedback import Change
from redn_lib.identity import swapped_in
from redn_lib.metrics import jitter, nme
from redn_lib.presets import Preset
from redn_lib.rednet import RedNet
from redn_lib.training.batches import cut_patch, disturbed_crop
from redn_lib.training.stages import BoxNoise

MOST_PEOPLE = 60  # codes are swapped between so many people at most
FIRST = 5  # so many frames tell how a bad first box is got over
USUAL_BOX, BAD_BOX = BoxNoise(0.08, 0.18, 0.0), BoxNoise(0.25, 0.5, 30.0)
TURNS, FAST = MotionStrength(yaw=40.0, pitch=16.0, turn=16.0), MotionStrength(pace=4.0)


class Trial(NamedTuple):
    """A clip to measure on, its first crop (2, 3) crop pixels to pixels, the frames (T,) that show its difficulty."""

    clip: Clip
    crop: np.ndarray
    hard: np.ndarray


DIFFICULTIES = ("clear", "occluded", "moving", "blurred", "dark", "turned", "disturbed")
"""moving: occluded while the head moves four times as fast as usual."""


def trials(unseen: Sequence[Face], difficulty: str, count: int, frames: int, preset: Preset) -> Iterator[Trial]:
    """Clips of one of DIFFICULTIES; clip i moves the same face in the same way, as far as the difficulty allows."""
    for seed, face in enumerate(people_in_turn(unseen, count)):
        occluder = draw_occluder((seed, 21), frames) if difficulty in ("occluded", "moving") else None
        strength = {"turned": TURNS, "moving": FAST}.get(difficulty)
        clip = animate(face, seed, frames, PATCH_SIZE, occluder, strength)
        hard, box = np.ones(frames, bool), USUAL_BOX
        if occluder:  # for 5 to 8 frames
            hard = np.isin(np.arange(frames), np.r_[occluder.frames])
        elif difficulty == "blurred":
            sigma = np.random.default_rng((seed, 22)).uniform(2, 4)
            clip = replace(clip, frames=np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in clip.frames]))
        elif difficulty == "dark":
            rng = np.random.default_rng((seed, 23))
            light = rng.uniform(1 / 16, 1 / 6)
            noisy = np.stack([light * frame + rng.normal(0, 3, frame.shape) for frame in clip.frames])
            clip = replace(clip, frames=noisy.clip(0, 255).astype(np.uint8))
        elif difficulty == "disturbed":
            box = BAD_BOX
            hard[FIRST:] = False
        yield Trial(clip, disturbed_crop(clip[0].box, box, preset, np.random.default_rng((seed, 24))), hard)


def people_in_turn(faces: Sequence[Face], count: int) -> list[Face]:
    """`count` of the faces: the first of each person, then the second of each, and so on, as often as it takes."""
    person = pd.Series([face.person for face in faces])
    rank = person.groupby(person).cumcount()
    order = sorted(range(len(faces)), key=lambda i: (rank[i], person[i]))
    return [faces[order[i % len(order)]] for i in range(count)]


def kparams(model: nn.Module) -> float:
    """Thousands of parameters."""
    return sum(p.numel() for p in model.parameters()) / 1e3


def still_figures(model: nn.Module, unseen: Sequence[Face], steps: int, **changes: Change) -> dict[str, float]:
    """NME in percent of each step with disturbed boxes, the same ones for every network; thousands of parameters.

    changes: as of `RedNet.frame`, such as change_z.
    """
    rng = np.random.default_rng(0)
    errors = errors_of(model, unseen, steps, lambda face: disturbed_box(face.box, rng), **changes)
    per_step = 100 * errors.mean((0, 2))
    figures = {f"step{k}": float(error) for k, error in enumerate(per_step, 1)}
    return figures | {"last": float(per_step[-1]), "kparams": kparams(model)}


def z_figures(model: RedNet, unseen: Sequence[Face], steps: int) -> dict[str, float]:
    """As `still_figures`, and with z blank in the test: the last step's NME, and what that adds to it in percent."""
    figures = still_figures(model, unseen, steps)
    blank = still_figures(model, unseen, steps, change_z=lambda z, step: torch.zeros_like(z))["last"]
    return figures | {"blank": blank, "worth": 100 * (blank / figures["last"] - 1)}


@torch.inference_mode()
def tracks_of(model: RedNet, clips: Sequence[Trial], **options) -> list[np.ndarray]:
    """Points on each clip, (T, 68, 2) in pixels of its frames, in closed loop; options: of `RedNet.frame`."""
    device = next(model.parameters()).device
    patches = torch.from_numpy(np.stack([trial.clip.frames for trial in clips])).to(device)
    crops = torch.from_numpy(np.stack([trial.crop for trial in clips])).to(device)
    outputs = model.clip(patches.permute(0, 1, 4, 2, 3).float() / 255, crops, **options)
    return list(torch.stack([output.steps[-1].points for output in outputs], 1).cpu().numpy())


def clip_figures(
    model: RedNet, setting: Setting, *, temporal: bool = True, smooth: Callable = lambda track: track
) -> dict[str, float]:
    """NME in percent on the frames that show each difficulty, and without their occluder; jitter on clear clips."""
    figures = {}
    for difficulty in DIFFICULTIES:
        clips = list(trials(setting.unseen, difficulty, setting.clips, setting.frames, setting.preset))
        tracks = [smooth(track) for track in tracks_of(model, clips, temporal=temporal)]
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
    """Patches of the first and the last frame of each person, in a row. Raises ValueError for fewer than two people."""
    frames: dict[str, list[Face]] = {}
    for face in faces:
        frames.setdefault(face.person, []).append(face)
    chosen = [mine for mine in frames.values() if len(mine) > 1][:MOST_PEOPLE]
    if len(chosen) < 2:
        raise ValueError(f"to swap codes takes two people with two frames each, got {len(chosen)} such people")
    return [cut_patch(face) for mine in chosen for face in (mine[0], mine[-1])]


@torch.inference_mode()
def swap_figures(model: RedNet, unseen: Sequence[Face]) -> dict[str, float]:
    """NME in percent on unseen people from exact boxes, without f_tRNN: with their own codes ("own"), with C_id of the
    same person's other frame ("swap_same") or another person's ("swap_other"), C_pe of the other frame ("swap_pe").
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
    found = {name: model(patches, crop, change_code=change)[-1].points for name, change in changes.items()}
    return {name: 100 * float(nme(points.cpu().numpy(), truth).mean()) for name, points in found.items()}
