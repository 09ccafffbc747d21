"""From one number to an image or a clip: draws every factor, frames the face, moves it smoothly. (our choice)"""

from dataclasses import replace

import numpy as np

from redn_lib.data.clip import Clip, Face
from redn_lib.data.synthetic.expression import Expression
from redn_lib.data.synthetic.people import identity
from redn_lib.data.synthetic.render import Factors, project_points, render
from redn_lib.data.synthetic.scene import SCENE_KINDS, Camera, Light, SceneOccluder
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


def _occluder(rng: np.random.Generator) -> SceneOccluder:
    kind = str(rng.choice(SCENE_KINDS, p=[0.26, 0.16, 0.26, 0.1, 0.07, 0.15]))
    return SceneOccluder(
        kind,
        x=rng.normal(0, 0.55),
        y=rng.uniform(0.5, 1.2) if kind == "microphone" else rng.normal(0.35, 0.5),
        size=rng.uniform(0.5, 1.4),
        angle=rng.normal() * 35,
        seed=int(rng.integers(1 << 30)),
    )


def framed(factors: Factors, share: float, shift: np.ndarray) -> Factors:
    """The same factors, moved and scaled: the tight box's larger side is `share` of the image, its middle
    `shift` (2,) shares off the centre.
    """
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


def still_image(seed: int, size: int = 192) -> Face:
    """Image number `seed` of a new person, `size` pixels a side. Same seed and size, same image bit for bit."""
    return render(factors(seed, size))


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


def _moved_factors(first: Factors, seed: int, frames: int, fps: float) -> list[Factors]:
    """The factors of every frame of a clip that starts from `first`."""
    rng = np.random.default_rng([seed, 4])
    base, seconds = first.expression, np.arange(frames) / fps
    strength, talking = rng.uniform(0.3, 1.2), rng.random() < 0.7

    def moved(start: float, spread: float, fastest: float, low: float, high: float) -> np.ndarray:
        return np.clip(start + _wander(rng, seconds, spread * strength, fastest), low, high)

    head = {
        "yaw": moved(first.yaw, 7, 0.6, -65, 65),
        "pitch": moved(first.pitch, 4, 0.8, -32, 32),
        "roll": moved(first.roll, 3, 0.6, -35, 35),
        "x": moved(first.x, 0.012, 0.7, -1, 2),
        "y": moved(first.y, 0.010, 0.7, -1, 2),
        "scale": first.scale * np.exp(_wander(rng, seconds, 0.02 * strength, 0.4)),
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
    return [
        replace(
            first,
            **{name: float(values[t]) for name, values in head.items()},
            expression=replace(base, **{name: float(values[t]) for name, values in face.items()}),
            camera=replace(first.camera, seed=first.camera.seed + t),
        )
        for t in range(frames)
    ]


def clip(seed: int, frames: int = 50, size: int = 192, fps: float = 25.0) -> Clip:
    """Clip number `seed` of person number `seed`: one scene, smooth 3D motion, exact points.

    frames: how many.
    size: pixels a side.
    fps: frames a second.
    Same arguments, same frames bit for bit. Raises ValueError for no frames or a rate of 0.
    """
    if frames < 1 or fps <= 0:
        raise ValueError(f"a clip needs at least one frame and a positive rate, got {frames} frames at {fps} a second")
    faces = [render(f) for f in _moved_factors(factors(seed, size), seed, frames, fps)]
    return Clip(
        frames=np.stack([face.image for face in faces]),
        points=np.stack([face.points for face in faces]),
        person=faces[0].person,
        name=f"{faces[0].person}-clip-{seed}",
        visible=np.stack([face.visible for face in faces]),
        factors={name: np.stack([np.asarray(face.factors[name]) for face in faces]) for name in faces[0].factors},
        fps=fps,
    )
