"""Clips: the factors of a still, moved smoothly through time. (our choice)"""

from dataclasses import replace

import numpy as np

from redn_lib.data.clip import Clip
from redn_lib.data.synthetic.occluders import Occluder
from redn_lib.data.synthetic.render import Factors, render
from redn_lib.data.synthetic.scenes import factors


def _wander(rng: np.random.Generator, seconds: np.ndarray, spread: float, fastest: float) -> np.ndarray:
    """A smooth curve of about the given spread that starts anywhere: waves of up to `fastest` Hz, (T,)."""
    rate = fastest * rng.uniform(0.15, 1, 4)
    phase, weight = rng.uniform(0, 2 * np.pi, 4), rng.uniform(0.4, 1, 4) * (0.25 * fastest / rate) ** 0.5
    return spread * (weight * np.sin(2 * np.pi * rate * seconds[:, None] + phase)).sum(1)


def _blinks(rng: np.random.Generator, seconds: np.ndarray) -> np.ndarray:
    """0 open to 1 shut, a blink of about 0.3 s every two to six seconds, (T,)."""
    shut, at = np.zeros_like(seconds), rng.uniform(0, 3)
    while at < seconds[-1] + 1:
        shut = np.maximum(shut, np.exp(-(((seconds - at) / 0.075) ** 2)))
        at += rng.uniform(2, 6)
    return shut


def _passing(rng: np.random.Generator, seconds: np.ndarray, seed: int) -> list[Occluder | None]:
    """Something that crosses the face once, hiding its middle for 0.15 to 0.4 s, (T,)."""
    veil = Occluder("screen" if rng.random() < 0.5 else "hand", 0.0, rng.uniform(-0.2, 0.4), rng.uniform(1.2, 2.4))
    veil = replace(veil, angle=rng.normal() * 40, seed=seed)
    middle, hidden = rng.uniform(0.3, 0.7) * seconds[-1], rng.uniform(0.15, 0.4)
    place = rng.choice([-1.0, 1.0]) * 2.4 * (seconds - middle) / hidden
    return [replace(veil, x=float(x)) if abs(x) < 2 + veil.size else None for x in place]


def path(
    seed: int, frames: int, size: int = 192, fps: float = 25.0, occluded: bool = False, person: int | None = None
) -> list[Factors]:
    """The factors of every frame of clip number `seed`; see `clip`."""
    if frames < 1 or fps <= 0:
        raise ValueError(f"a clip needs at least one frame and a positive rate, got {frames} frames at {fps} a second")
    first, rng = factors(seed, size, person), np.random.default_rng([seed, 4])
    base, seconds, lively, talking = (
        first.expression,
        np.arange(frames) / fps,
        rng.uniform(0.3, 1.2),
        rng.random() < 0.7,
    )

    def moved(start: float, spread: float, fastest: float, low: float, high: float) -> np.ndarray:
        return np.clip(start + _wander(rng, seconds, spread * lively, fastest), low, high)

    head = {
        "yaw": moved(first.yaw, 7, 0.6, -65, 65),
        "pitch": moved(first.pitch, 4, 0.8, -32, 32),
        "roll": moved(first.roll, 3, 0.6, -35, 35),
        "x": moved(first.x, 0.012, 0.7, -1, 2),
        "y": moved(first.y, 0.010, 0.7, -1, 2),
        "scale": first.scale * np.exp(_wander(rng, seconds, 0.02 * lively, 0.4)),
    }
    mouth = base.mouth_open + _wander(rng, seconds, 0.12 if talking else 0.01, 3.0 if talking else 0.5)
    shut = _blinks(rng, seconds)
    face = {
        "mouth_open": np.hypot(mouth, 0.03),
        "smile": moved(base.smile, 0.15, 0.8, -0.6, 1.1),
        "pucker": moved(base.pucker, 0.12 if talking else 0.02, 2.0, 0, 1),
        "brow_raise": moved(base.brow_raise, 0.15, 0.7, -0.7, 1.2),
        "gaze_x": moved(base.gaze_x, 5, 0.8, -35, 35),
        "gaze_y": moved(base.gaze_y, 3, 0.8, -20, 25),
        "blink_right": base.blink_right + (1 - base.blink_right) * shut,
        "blink_left": base.blink_left + (1 - base.blink_left) * shut,
    }
    veils = _passing(rng, seconds, seed) if occluded else [first.occluder] * frames
    return [
        replace(
            first,
            **{name: float(values[t]) for name, values in head.items()},
            expression=replace(base, **{name: float(values[t]) for name, values in face.items()}),
            occluder=veils[t],
            camera=replace(first.camera, seed=first.camera.seed + t),
        )
        for t in range(frames)
    ]


def clip(
    seed: int, frames: int = 50, size: int = 192, fps: float = 25.0, occluded: bool = False, person: int | None = None
) -> Clip:
    """Clip number `seed`: one person and scene, smooth 3D motion, exact points.

    frames: how many. size: pixels a side. fps: frames a second. occluded: something passes in front of the face once.
    person: whose face, by default number `seed`. Same arguments, same frames bit for bit. Raises ValueError for no
    frames or a rate of 0.
    """
    faces = [render(f) for f in path(seed, frames, size, fps, occluded, person)]
    return Clip(
        frames=np.stack([face.image for face in faces]),
        points=np.stack([face.points for face in faces]),
        person=faces[0].person,
        name=f"{faces[0].person}-clip-{seed}",
        visible=np.stack([face.visible for face in faces]),
        factors={name: np.stack([np.asarray(face.factors[name]) for face in faces]) for name in faces[0].factors},
        fps=fps,
    )
