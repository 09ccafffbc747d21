"""From one number to a picture or a clip: draws every factor, frames the face, moves it smoothly. (our choice)"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from redn_lib.data.faces import Face
from redn_lib.data.procedural.camera import Camera
from redn_lib.data.procedural.expression import Expression
from redn_lib.data.procedural.light import Light
from redn_lib.data.procedural.occluders import KINDS, Occluder
from redn_lib.data.procedural.people import identity
from redn_lib.data.procedural.render import Factors, project_points, render
from redn_lib.landmarks import tight_box


def _light(rng: np.random.Generator) -> Light:
    soft, tint = rng.random(), rng.random() ** 2
    warm, other = (1 + 0.35 * tint * rng.uniform(-1, 1, 3) for _ in range(2))
    return Light(
        yaw=float(np.clip(rng.normal() * 45, -110, 110)), pitch=float(np.clip(rng.normal(32, 25), -35, 80)),
        lamp=0.25 + 0.75 * (1 - soft), ambient=0.12 + 0.7 * soft,
        colour=tuple(float(c) for c in warm), ambient_colour=tuple(float(c) for c in other), below=rng.uniform(0.2,
        0.8),
        specular=0.22 * rng.random() ** 1.5, shadow=rng.uniform(0.3, 0.95),
    )  # fmt: skip


def _camera(rng: np.random.Generator, size: int) -> Camera:
    tint = 0.3 * rng.random() ** 2
    shaking = rng.random() < 0.1
    return Camera(
        exposure=float(np.exp(rng.normal(np.log(0.33), 0.42))), contrast=rng.uniform(0.85, 1.45),
        saturation=float(np.clip(rng.normal(1.1, 0.28), 0, 1.8)) * (rng.random() > 0.03),
        cast=tuple(float(c) for c in 1 + tint * rng.uniform(-1, 1, 3)), resolution=int(np.clip(rng.choice([size,
        rng.uniform(0.35, 1.0) * size]), 64, size)),
        blur=rng.uniform(0.4, 0.9) + 1.2 * rng.random() ** 6,
        motion=tuple(float(m) for m in rng.normal(size=2) * 3) if shaking else (0.0, 0.0),
        noise=8 * rng.random() ** 3, jpeg=int(rng.integers(25, 96)), seed=int(rng.integers(1 << 30)),
    )  # fmt: skip


def _expression(rng: np.random.Generator) -> Expression:
    talking = rng.random() < 0.55
    shut = rng.random() < 0.07
    blink = rng.uniform(0.7, 1.0) if shut else float(np.clip(rng.normal(0.05, 0.18), -0.35, 0.6))
    squint = max(0.0, rng.normal(0.1, 0.3))
    return Expression(
        mouth_open=abs(rng.normal(0, 0.33)) if talking else abs(rng.normal(0, 0.03)),
        smile=float(np.clip(rng.normal(0.15, 0.45), -0.6, 1.1)),
        pucker=max(0.0, rng.normal(-0.1, 0.35)), lip_raise=max(0.0, rng.normal(0.0, 0.25)),
        brow_raise=float(np.clip(rng.normal(-0.08, 0.35), -0.7, 1.2)),
        frown=max(0.0, rng.normal(0.1, 0.4)), squint=min(squint, 1.0), blink_right=blink,
        blink_left=float(np.clip(blink + rng.normal() * 0.05, -0.4, 1)),
        gaze_x=float(np.clip(rng.normal() * 12, -32, 32)), gaze_y=float(np.clip(rng.normal(2, 8), -18, 24)),
        jaw_side=rng.normal() * 0.15,
    )  # fmt: skip


def _occluder(rng: np.random.Generator) -> Occluder:
    kind = str(rng.choice(KINDS, p=[0.26, 0.16, 0.26, 0.1, 0.07, 0.15]))
    x, y = rng.normal(0, 0.55), rng.normal(0.35, 0.5)
    if kind == "microphone":
        y = rng.uniform(0.5, 1.2)
    return Occluder(
        kind, float(x), float(y), rng.uniform(0.5, 1.4), float(rng.normal() * 35), int(rng.integers(1 << 30))
    )


def _pose(rng: np.random.Generator) -> tuple[float, float, float]:
    yaw = rng.normal() * (14 if rng.random() < 0.5 else 32)
    return (
        float(np.clip(yaw, -62, 62)),
        float(np.clip(rng.normal(0, 10), -30, 30)),
        float(np.clip(rng.normal() * 9, -30, 30)),
    )


def framed(factors: Factors, share: float, shift: np.ndarray) -> Factors:
    """The same factors, moved and scaled so that the tight box's larger side is `share` of the picture, its middle
    `shift` (2,) shares off the centre."""
    box = tight_box(project_points(factors))
    scale = factors.scale * share * factors.size / float(max(box[2] - box[0], box[3] - box[1]))
    middle = (box[:2] + box[2:] + 1) / (2 * factors.size)
    x, y = 0.5 + shift + (np.array([factors.x, factors.y]) - middle) * scale / factors.scale
    return replace(factors, scale=scale, x=float(x), y=float(y))


def factors(seed: int, size: int = 192, person: int | None = None) -> Factors:
    """All factors of still number `seed`; `person` chooses who it shows, by default person number `seed`."""
    rng = np.random.default_rng([seed, 2])
    yaw, pitch, roll = _pose(rng)
    drawn = Factors(
        identity(seed if person is None else person), _expression(rng), yaw, pitch, roll, _light(rng), _camera(rng,
        size),
        _occluder(rng) if rng.random() < 0.14 else None, int(rng.integers(1 << 30)),
        float(np.exp(rng.uniform(np.log(7), np.log(30)))), size=size,
    )  # fmt: skip
    return framed(drawn, rng.uniform(0.44, 0.56), rng.uniform(-0.07, 0.07, 2))


def still(seed: int, size: int = 192) -> Face:
    """Picture number `seed` of a new person, `size` pixels a side. Same seed and size, same picture bit for bit."""
    return render(factors(seed, size))


def stills(seed: int, size: int = 192) -> Iterator[Face]:
    """Endless stills, each of another person; different seeds below 1000 share no person in their first million
    pictures."""
    number = seed * 1_000_000
    while True:
        yield still(number, size)
        number += 1
