"""From one number to an image or a clip: draws every factor, frames the face, moves it smoothly. (our choice)"""

from dataclasses import replace

import numpy as np

from redn_lib.data.animation.curves import blinks
from redn_lib.data.clip import Clip, Face
from redn_lib.data.synthetic.head import TABLES
from redn_lib.data.synthetic.people import Expression, bell, draw, identity
from redn_lib.data.synthetic.render import Factors, project_points, render
from redn_lib.data.synthetic.scene import SCENE_KINDS, Camera, Light, SceneOccluder
from redn_lib.landmarks import tight_box


def _tint(rng: np.random.Generator, strength: float) -> tuple[float, float, float]:
    return tuple(float(c) for c in 1 + strength * rng.uniform(-1, 1, 3))


def _light(rng: np.random.Generator) -> Light:
    soft, tint = rng.random(), 0.35 * rng.random() ** 2
    return Light(
        yaw=bell(rng, 0, 45, -110, 110),
        pitch=bell(rng, 32, 25, -35, 80),
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
        saturation=0.0 if grey else bell(rng, 1.1, 0.28, 0, 1.8),
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
    blink = rng.uniform(0.7, 1.0) if shut else bell(rng, 0.05, 0.18, -0.35, 0.6)
    drawn = draw("expression", rng, "" if talking else "silent")
    drawn["mouth_open"] = abs(drawn["mouth_open"])
    drawn["blink_left"] = float(np.clip(blink + drawn["blink_left"], -0.4, 1))
    return Expression(**drawn, blink_right=blink)


def _occluder(rng: np.random.Generator) -> SceneOccluder:
    kind = str(rng.choice(SCENE_KINDS, p=[0.26, 0.16, 0.26, 0.1, 0.07, 0.15]))
    return SceneOccluder(kind, **draw("occluder", rng, kind), seed=int(rng.integers(1 << 30)))


def framed(factors: Factors, share: float, shift: np.ndarray) -> Factors:
    """The same factors with a tight box whose larger side is `share` of the image, and `shift` (2,) off the centre."""
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
        yaw=bell(rng, 0, 14 if rng.random() < 0.5 else 32, -62, 62),
        pitch=bell(rng, 0, 10, -30, 30),
        roll=bell(rng, 0, 9, -30, 30),
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


def clip(seed: int, frames: int = 50, size: int = 192, fps: float = 25.0) -> Clip:
    """Clip number `seed` of person number `seed`: one scene, smooth 3D motion, exact points.

    size: pixels a side. Same arguments, same frames bit for bit. Raises ValueError for no frames or a rate of 0.
    """
    if frames < 1 or fps <= 0:
        raise ValueError(f"a clip needs at least one frame and a positive rate, got {frames} frames at {fps} a second")
    first, rng = factors(seed, size), np.random.default_rng([seed, 4])
    base, seconds = first.expression, np.arange(frames) / fps
    strength, talking = rng.uniform(0.3, 1.2), rng.random() < 0.7

    def moved(start: float, spread: float, fastest: float, low: float, high: float) -> np.ndarray:
        return np.clip(start + _wander(rng, seconds, spread * strength, fastest), low, high)

    head = {name: moved(getattr(first, name), *span) for name, span in TABLES["head_motion"].items()}
    head["scale"] = first.scale * np.exp(_wander(rng, seconds, 0.02 * strength, 0.4))
    mouth = base.mouth_open + _wander(rng, seconds, 0.12 if talking else 0.01, 3.0 if talking else 0.5)
    shut = blinks(rng, seconds, seconds[-1] + 1, (0, 3), (2, 6), 0.075)
    spans = TABLES["face_motion"] | ({} if talking else TABLES["variants"]["no talk"])
    face = {"mouth_open": np.hypot(mouth, 0.03)}
    face |= {name: moved(getattr(base, name), *span) for name, span in spans.items()}
    for blink in ("blink_right", "blink_left"):
        face[blink] = getattr(base, blink) + (1 - getattr(base, blink)) * shut
    faces = []
    for t in range(frames):
        expression = replace(base, **{name: float(values[t]) for name, values in face.items()})
        camera = replace(first.camera, seed=first.camera.seed + t)
        places = {name: float(values[t]) for name, values in head.items()}
        faces.append(render(replace(first, **places, expression=expression, camera=camera)))
    images, points, visible = (np.stack([getattr(f, k) for f in faces]) for k in ("image", "points", "visible"))
    numbers = {name: np.stack([np.asarray(f.factors[name]) for f in faces]) for name in faces[0].factors}
    person = first.person.name
    return Clip(images, points, person, f"{person}-clip-{seed}", visible, numbers, fps)
