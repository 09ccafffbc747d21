"""From one number to a picture or a clip: draws every factor, frames the face, moves it smoothly. (our choice)"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from redn_lib.data.clip import Face
from redn_lib.data.synthetic.camera import Camera
from redn_lib.data.synthetic.expression import Expression
from redn_lib.data.synthetic.light import Light
from redn_lib.data.synthetic.occluders import KINDS, Occluder
from redn_lib.data.synthetic.people import identity
from redn_lib.data.synthetic.render import Factors, project_points, render
from redn_lib.landmarks import tight_box


def _bell(rng: np.random.Generator, middle: float, spread: float, low: float, high: float) -> float:
    return float(np.clip(rng.normal(middle, spread), low, high))


def _tint(rng: np.random.Generator, strength: float) -> tuple[float, float, float]:
    return tuple(float(c) for c in 1 + strength * rng.uniform(-1, 1, 3))


def _light(rng: np.random.Generator) -> Light:
    soft, tint = rng.random(), 0.35 * rng.random() ** 2
    return Light(
        yaw=_bell(rng, 0, 45, -110, 110),
        pitch=_bell(rng, 32, 25, -35, 80),
        lamp=1 - 0.75 * soft,
        ambient=0.12 + 0.7 * soft,
        colour=_tint(rng, tint),
        ambient_colour=_tint(rng, tint),
        below=rng.uniform(0.2, 0.8),
        specular=0.15 * rng.random() ** 1.5,
        shadow=rng.uniform(0.3, 0.95),
    )


def _camera(rng: np.random.Generator, size: int) -> Camera:
    coarse, grey, shaking = rng.random() < 0.5, rng.random() < 0.03, rng.random() < 0.1
    return Camera(
        exposure=float(0.33 * np.exp(rng.normal(0, 0.42))),
        contrast=rng.uniform(0.85, 1.45),
        saturation=0.0 if grey else _bell(rng, 1.1, 0.28, 0, 1.8),
        cast=_tint(rng, 0.3 * rng.random() ** 2),
        resolution=max(min(size, 64), int(rng.uniform(0.35, 1.0) * size)) if coarse else size,
        blur=rng.uniform(0.4, 0.9) + 1.2 * rng.random() ** 6,
        motion=tuple(float(m) for m in rng.normal(size=2) * 3) if shaking else (0.0, 0.0),
        noise=8 * rng.random() ** 3,
        jpeg=int(rng.integers(25, 96)),
        seed=int(rng.integers(1 << 30)),
    )


def _expression(rng: np.random.Generator) -> Expression:
    talking, shut = rng.random() < 0.55, rng.random() < 0.07
    blink = rng.uniform(0.7, 1.0) if shut else _bell(rng, 0.05, 0.18, -0.35, 0.6)
    return Expression(
        mouth_open=abs(rng.normal(0, 0.33 if talking else 0.03)),
        smile=_bell(rng, 0.15, 0.45, -0.6, 1.1),
        pucker=_bell(rng, -0.1, 0.35, 0, 1),
        lip_raise=_bell(rng, 0.0, 0.25, 0, 1),
        brow_raise=_bell(rng, -0.08, 0.35, -0.7, 1.2),
        frown=_bell(rng, 0.1, 0.4, 0, 1.2),
        squint=_bell(rng, 0.1, 0.3, 0, 1),
        blink_right=blink,
        blink_left=float(np.clip(blink + rng.normal() * 0.05, -0.4, 1)),
        gaze_x=_bell(rng, 0, 12, -32, 32),
        gaze_y=_bell(rng, 2, 8, -18, 24),
        jaw_side=rng.normal() * 0.15,
    )


def _occluder(rng: np.random.Generator) -> Occluder:
    kind = str(rng.choice(KINDS, p=[0.26, 0.16, 0.26, 0.1, 0.07, 0.15]))
    return Occluder(
        kind,
        x=rng.normal(0, 0.55),
        y=rng.uniform(0.5, 1.2) if kind == "microphone" else rng.normal(0.35, 0.5),
        size=rng.uniform(0.5, 1.4),
        angle=rng.normal() * 35,
        seed=int(rng.integers(1 << 30)),
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
    drawn = Factors(
        identity(seed if person is None else person),
        _expression(rng),
        yaw=_bell(rng, 0, 14 if rng.random() < 0.5 else 32, -62, 62),
        pitch=_bell(rng, 0, 10, -30, 30),
        roll=_bell(rng, 0, 9, -30, 30),
        light=_light(rng),
        camera=_camera(rng, size),
        occluder=_occluder(rng) if rng.random() < 0.14 else None,
        scene=int(rng.integers(1 << 30)),
        distance=float(np.exp(rng.uniform(np.log(7), np.log(30)))),
        size=size,
    )
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
