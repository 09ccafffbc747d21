"""Curves of time for animated still images: all that changes from frame to frame, drawn by one seed. (our choice)

How far and how fast heads move was read off short clips of talking people: heads stray by 0.02 to 0.3 eye distances and
0.5 to 3 degrees, at 0.001 to 0.06 eye distances a frame.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

FPS = 25.0  # frames a second of an animated still image


@dataclass(frozen=True)
class MotionStrength:
    """How strong each change is; 0 switches it off."""

    yaw: float = 9.0  # spread in degrees
    pitch: float = 5.0  # spread in degrees
    turn: float = 4.0  # spread in degrees
    zoom: float = 0.04  # spread of its logarithm
    shift: float = 0.10  # spread in shares of the face's larger side
    mouth: float = 1.0  # share of natural talking
    lids: float = 1.0  # share of natural blinking
    light: float = 1.0  # share of natural changes of the light
    noise: float = 1.0  # share of natural sensor noise and compression
    shutter: float = 0.8  # longest share of a frame's time that the shutter is open
    pace: float = 1.0  # so many times as fast as heads usually are it turns, zooms and shifts

    def __post_init__(self) -> None:
        wrong = {name: value for name, value in vars(self).items() if not 0 <= value < np.inf}
        if wrong or not self.pace:
            raise ValueError(f"strengths are finite numbers from 0 up, the pace is above 0, got {wrong or 'pace 0'}")


def draw_curves(rng: np.random.Generator, frames: int, strength: MotionStrength) -> dict[str, Any]:
    """The factors of `animate` that are drawn, by name, (frames,) each or one number for the whole clip.

    Here shifts are shares of the face's larger side, mouth is the wish to open (logarithm) or close (below 0). Besides
    there are shutter, a share of a frame's time, and camera, the share of turn, zoom and shift that is the camera's.
    """
    mood = np.exp(rng.uniform(np.log(0.25), np.log(1.6)))

    def moved(spread: float) -> np.ndarray:
        seconds = np.exp(rng.uniform(np.log(0.16), np.log(0.8)))
        return spread * mood * (2.2 * np.tanh(wander(rng, frames, seconds / strength.pace) / 2.2))

    def light(spread: float) -> np.ndarray:
        return np.exp(spread * strength.light * (rng.normal() + 0.8 * wander(rng, frames, 0.5)))

    curves = {name: moved(getattr(strength, name)) for name in ("yaw", "pitch", "turn")}
    curves |= {"zoom": np.exp(moved(strength.zoom)), "shift_x": moved(strength.shift)}
    curves["shift_y"] = 0.7 * moved(strength.shift)
    talk = 0.9 if rng.random() < 0.65 else 0.08
    speech = talk * (wander(rng, frames, 0.085) + 0.5) + 0.25 * wander(rng, frames, 0.4)
    droop = 0.10 * (1 + np.tanh(wander(rng, frames, 0.4)))
    shut = blinks(rng, np.arange(frames) / FPS, frames / FPS + 1)
    lids = np.clip(strength.lids * (1 - (1 - shut) * (1 - droop)), 0, 1)
    curves |= {"mouth": strength.mouth * speech, "lids": lids}
    curves |= {"gain": light(0.12), "gamma": light(0.12), "warmth": light(0.04)}
    curves |= {"shutter": strength.shutter * rng.uniform(0.15, 1), "noise": 8 * strength.noise * rng.random() ** 2}
    curves["quality"] = round(95 - 65 * min(strength.noise, 1) * rng.random()) if strength.noise else 100
    return curves | {"camera": rng.uniform(0.3, 0.9)}


def wander(rng: np.random.Generator, frames: int, seconds: float) -> np.ndarray:
    """A smooth curve of spread 1 about 0: noise under a bell of that width in seconds, (frames,)."""
    half = int(np.ceil(4 * seconds * FPS))
    bell = np.exp(-0.5 * (np.arange(-half, half + 1) / (seconds * FPS)) ** 2)
    return np.convolve(rng.normal(size=frames + 2 * half), bell / np.sqrt((bell**2).sum()), "valid")


def blinks(rng: np.random.Generator, seconds: np.ndarray, end: float, first=(-0.3, 1.5), pause=(1, 5), width=0.08):
    """0 open to 1 shut at these times (T,), (T,): the first blink and the pauses to the next in these ranges."""
    shut, at = np.zeros_like(seconds), rng.uniform(*first)
    while at < end:
        shut = np.maximum(shut, np.exp(-(((seconds - at) / width) ** 2)))
        at += rng.uniform(*pause)
    return shut
