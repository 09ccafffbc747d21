"""Clips to measure on: images of unseen people set in motion, plain and in five hard forms, with exact truth (our
choice).

Clip i of every difficulty moves the same face in the same way, as far as the difficulty allows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from redn_lib.crop import PATCH_SIZE
from redn_lib.data.animation.animate import animate
from redn_lib.data.animation.curves import MotionStrength
from redn_lib.data.clip import Clip, Face
from redn_lib.data.occluder import draw_occluder
from redn_lib.rednet import Preset
from redn_lib.training.batches import disturbed_crop
from redn_lib.training.stages import BoxNoise

FIRST = 5
"""So many frames tell how a bad first box is got over."""

USUAL_BOX, BAD_BOX = BoxNoise(0.08, 0.18, 0.0), BoxNoise(0.25, 0.5, 30.0)
TURNS = MotionStrength(yaw=40.0, pitch=16.0, turn=16.0)


class Trial(NamedTuple):
    """A clip to measure on, its first crop (2, 3) to pixels of its first frame, and which frames (T,) bool show its
    difficulty.
    """

    clip: Clip
    crop: np.ndarray
    hard: np.ndarray


def clear(face: Face, seed: int, frames: int) -> Clip:
    """A lively clip."""
    return animate(face, seed, frames, PATCH_SIZE)


def occluded(face: Face, seed: int, frames: int) -> Clip:
    """60 to 90 % of the face are occluded for 5 to 8 frames, while the head moves on."""
    return animate(face, seed, frames, PATCH_SIZE, draw_occluder((seed, 21), frames))


def blurred(face: Face, seed: int, frames: int) -> Clip:
    """Out of focus by 2 to 4 pixels of a face about 110 wide."""
    clip, sigma = clear(face, seed, frames), np.random.default_rng((seed, 22)).uniform(2, 4)
    return replace(clip, frames=np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in clip.frames]))


def dark(face: Face, seed: int, frames: int) -> Clip:
    """A sixteenth to a sixth of the light, and the noise that comes with it."""
    clip, rng = clear(face, seed, frames), np.random.default_rng((seed, 23))
    light = rng.uniform(1 / 16, 1 / 6)
    noisy = (light * frame + rng.normal(0, 3, frame.shape) for frame in clip.frames)
    return replace(clip, frames=np.stack([np.clip(frame, 0, 255).astype(np.uint8) for frame in noisy]))


def turned(face: Face, seed: int, frames: int) -> Clip:
    """As far as a still image can be turned."""
    return animate(face, seed, frames, PATCH_SIZE, strength=TURNS)


DIFFICULTIES: dict[str, Callable[[Face, int, int], Clip]] = {
    "clear": clear,
    "occluded": occluded,
    "blurred": blurred,
    "dark": dark,
    "turned": turned,
    "disturbed": clear,
}
"""What makes a clip hard; "disturbed" is a clear clip with a bad first box."""


def trials(unseen: Sequence[Face], difficulty: str, count: int, frames: int, preset: Preset) -> Iterator[Trial]:
    """`count` clips of a difficulty, of as many people as there are. Same arguments, same clips. Raises ValueError for
    an unknown difficulty.
    """
    if difficulty not in DIFFICULTIES:
        raise ValueError(f"no clips that are {difficulty!r}; there are {', '.join(DIFFICULTIES)}")
    for seed, face in enumerate(people_in_turn(unseen, count)):
        clip = DIFFICULTIES[difficulty](face, seed, frames)
        box = BAD_BOX if difficulty == "disturbed" else USUAL_BOX
        crop = disturbed_crop(clip[0].box, box, preset, np.random.default_rng((seed, 24)))
        hard = np.ones(frames, bool)
        if difficulty == "occluded":
            hard = np.isin(np.arange(frames), np.r_[draw_occluder((seed, 21), frames).frames])
        elif difficulty == "disturbed":
            hard = np.arange(frames) < FIRST
        yield Trial(clip, crop, hard)


def people_in_turn(faces: Sequence[Face], count: int) -> list[Face]:
    """`count` of the faces: the first of each person, then the second of each, and so on, from the start again where
    there are fewer.
    """
    person = pd.Series([face.person for face in faces])
    rank = person.groupby(person).cumcount()
    order = sorted(range(len(faces)), key=lambda i: (rank[i], person[i]))
    return [faces[order[i % len(order)]] for i in range(count)]
