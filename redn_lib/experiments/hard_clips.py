"""Clips to measure on: stills of unseen people set in motion, plain and in five hard forms, with exact truth. (our
choice)

Clip i of every kind moves the same face in the same way, as far as the kind allows: what differs is the difficulty.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from redn_lib.crop import PATCH_SIZE
from redn_lib.data.animation.animate import animate
from redn_lib.data.animation.curves import MotionStrength
from redn_lib.data.clip import Clip, Face
from redn_lib.data.occluder import Occluder, draw_occluder
from redn_lib.rednet import Preset
from redn_lib.training.batches import disturbed_crop
from redn_lib.training.stages import BoxNoise

FIRST = 5
"""So many frames tell how a bad first box is got over."""

USUAL_BOX, BAD_BOX = BoxNoise(0.08, 0.18, 0.0), BoxNoise(0.25, 0.5, 30.0)
TURNS = MotionStrength(yaw=40.0, pitch=16.0, turn=16.0)


@dataclass(frozen=True)
class Trial:
    """A clip, the first crop (2, 3) on its first frame, crop pixels to pixels of the frame, and hard: (T,) bool, the
    frames that show what is hard about its kind.
    """

    clip: Clip
    crop: np.ndarray
    hard: np.ndarray

    @property
    def clear(self) -> np.ndarray:
        """(T,) bool, the frames in which nothing covers anything of the face's tight box."""
        return self.clip.factors["occluded"] == 0


def clear(face: Face, seed: int, frames: int) -> Clip:
    """A lively clip."""
    return animate(face, seed, frames, PATCH_SIZE)


def occluded(face: Face, seed: int, frames: int) -> Clip:
    """Something covers 60 to 90 % of the face for 5 to 8 frames, while the head moves on."""
    return animate(face, seed, frames, PATCH_SIZE, passing(seed, frames))


def passing(seed: int, frames: int) -> Occluder:
    """What covers the face in an occluded clip."""
    return draw_occluder((seed, 21), frames)


def blurred(face: Face, seed: int, frames: int) -> Clip:
    """Out of focus by 2 to 4 pixels of a face about 110 wide."""
    clip, sigma = clear(face, seed, frames), np.random.default_rng((seed, 22)).uniform(2, 4)
    return replace(clip, frames=np.stack([cv2.GaussianBlur(picture, (0, 0), sigma) for picture in clip.frames]))


def dark(face: Face, seed: int, frames: int) -> Clip:
    """A sixteenth to a sixth of the light, and the noise that comes with it."""
    clip, rng = clear(face, seed, frames), np.random.default_rng((seed, 23))
    light = rng.uniform(1 / 16, 1 / 6)
    noisy = (light * picture + rng.normal(0, 3, picture.shape) for picture in clip.frames)
    return replace(clip, frames=np.stack([np.clip(picture, 0, 255).astype(np.uint8) for picture in noisy]))


def turned(face: Face, seed: int, frames: int) -> Clip:
    """As far as a still can be turned."""
    return animate(face, seed, frames, PATCH_SIZE, strength=TURNS)


KINDS: dict[str, Callable[[Face, int, int], Clip]] = {
    "clear": clear,
    "occluded": occluded,
    "blurred": blurred,
    "dark": dark,
    "turned": turned,
    "sloppy": clear,
}
"""What makes a clip hard; "sloppy" is a clear clip with a bad first box."""


def trials(unseen: Sequence[Face], kind: str, count: int, frames: int, preset: Preset) -> Iterator[Trial]:
    """`count` clips of a kind, of as many people as there are. Same arguments, same clips. Raises ValueError for a kind
    that there is not.
    """
    if kind not in KINDS:
        raise ValueError(f"no clips of kind {kind!r}; there are {', '.join(KINDS)}")
    for seed, face in enumerate(sitters(unseen, count)):
        clip = KINDS[kind](face, seed, frames)
        box = BAD_BOX if kind == "sloppy" else USUAL_BOX
        crop = disturbed_crop(clip[0].box, box, preset, np.random.default_rng((seed, 24)))
        hard = np.ones(frames, bool)
        if kind == "occluded":
            hard = np.isin(np.arange(frames), np.r_[passing(seed, frames).frames])
        elif kind == "sloppy":
            hard = np.arange(frames) < FIRST
        yield Trial(clip, crop, hard)


def sitters(faces: Sequence[Face], count: int) -> list[Face]:
    """`count` of the faces: the first of each person, then the second of each, and so on, from the start again where
    there are fewer.
    """
    turn: dict[str, int] = {}
    ranked = []
    for face in faces:
        turn[face.person] = turn.get(face.person, -1) + 1
        ranked.append((turn[face.person], face.person, len(ranked)))
    order = [faces[i] for *_, i in sorted(ranked)]
    return [order[i % len(order)] for i in range(count)]
