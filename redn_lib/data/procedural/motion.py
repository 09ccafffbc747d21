"""Clips: the factors of a still, moved smoothly through time. (our choice)"""

from dataclasses import replace

import numpy as np

from redn_lib.data.faces import Clip
from redn_lib.data.procedural.occluders import Occluder
from redn_lib.data.procedural.render import Factors, render
from redn_lib.data.procedural.scenes import factors


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


def path(
    seed: int, frames: int, size: int = 192, fps: float = 25.0, occluded: bool = False, person: int | None = None
) -> list[Factors]:
    """The factors of every frame of clip number `seed`; see `clip`."""
    if frames < 1 or fps <= 0:
        raise ValueError(f"a clip needs at least one frame and a positive rate, got {frames} frames at {fps} a second")
    first, rng = factors(seed, size, person), np.random.default_rng([seed, 4])
    seconds = np.arange(frames) / fps
    base, lively = first.expression, rng.uniform(0.3, 1.2)

    def moved(start: float, spread: float, fastest: float, low: float, high: float) -> np.ndarray:
        return np.clip(start + _wander(rng, seconds, spread * lively, fastest), low, high)

    yaw, pitch, roll = (
        moved(first.yaw, 7, 0.6, -65, 65),
        moved(first.pitch, 4, 0.8, -32, 32),
        moved(first.roll, 3, 0.6, -35, 35),
    )
    x, y = first.x + _wander(rng, seconds, 0.012 * lively, 0.7), first.y + _wander(rng, seconds, 0.010 * lively, 0.7)
    scale = first.scale * np.exp(_wander(rng, seconds, 0.02 * lively, 0.4))
    talking = rng.random() < 0.7
    mouth = np.abs(base.mouth_open + _wander(rng, seconds, 0.12 if talking else 0.01, 3.0 if talking else 0.5))
    smile, pucker = moved(base.smile, 0.15, 0.8, -0.6, 1.1), moved(base.pucker, 0.12 if talking else 0.02, 2.0, 0, 1)
    brow, gaze_x, gaze_y = (
        moved(base.brow_raise, 0.15, 0.7, -0.7, 1.2),
        moved(base.gaze_x, 5, 0.8, -35, 35),
        moved(base.gaze_y, 3, 0.8, -20, 25),
    )
    shut = _blinks(rng, seconds)
    start, crossing = rng.uniform(0, 0.6) * frames / fps, rng.uniform(0.5, 1.6)
    veil = first.occluder or Occluder(
        "hand", 0.0, rng.uniform(-0.3, 0.6), rng.uniform(0.8, 1.5), rng.normal() * 40, seed
    )
    way = rng.choice([-1.0, 1.0])
    out = []
    for t in range(frames):
        right, left = (b + (1 - b) * shut[t] for b in (base.blink_right, base.blink_left))
        expression = replace(
            base, mouth_open=float(mouth[t]), smile=float(smile[t]), pucker=float(pucker[t]), brow_raise=float(brow[t]),
            blink_right=float(right), blink_left=float(left), gaze_x=float(gaze_x[t]), gaze_y=float(gaze_y[t]),
        )  # fmt: skip
        place = way * (-3.2 + 6.4 * (seconds[t] - start) / crossing)
        occluder = (
            replace(veil, x=float(place)) if occluded and abs(place) < 3.2 else None if occluded else first.occluder
        )
        out.append(replace(
            first, expression=expression, yaw=float(yaw[t]), pitch=float(pitch[t]), roll=float(roll[t]),
            x=float(x[t]), y=float(y[t]), scale=float(scale[t]),
            occluder=occluder, camera=replace(first.camera, seed=first.camera.seed + t),
        ))  # fmt: skip
    return out


def clip(
    seed: int, frames: int = 50, size: int = 192, fps: float = 25.0, occluded: bool = False, person: int | None = None
) -> Clip:
    """Clip number `seed`: one person and scene, smooth 3D motion, exact points.

    frames: how many. size: pixels a side. fps: frames a second. occluded: something passes in front of the face once.
    person: whose face, by default
    number `seed`. Same arguments, same frames bit for bit. Raises ValueError for no frames or a rate of 0.
    """
    faces = [render(f) for f in path(seed, frames, size, fps, occluded, person)]
    numbers = {name: np.stack([np.asarray(face.factors[name]) for face in faces]) for name in faces[0].factors}
    return Clip(
        np.stack([face.image for face in faces]), np.stack([face.points for face in faces]), faces[0].person,
        f"{faces[0].person}-clip-{seed}",
        np.stack([face.visible for face in faces]), numbers, fps,
    )  # fmt: skip
