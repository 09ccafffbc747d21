"""What stands before a face: glasses on it, and hands, bars, microphones, cups, masks and screens in front of it. (our
choice)"""

from dataclasses import dataclass

import cv2
import numpy as np

from redn_lib.data.procedural.people import GLASSES, Person
from redn_lib.data.procedural.shape import eye_centres

KINDS = ("hand", "bar", "microphone", "cup", "mask", "screen")


@dataclass(frozen=True)
class Occluder:
    """kind: one of KINDS. x, y: its middle, in head units right of and below the middle of the face. size: 1 covers
    about a third of the face.
    angle: degrees. seed: of its colours. A mask sits on mouth and nose and uses only the seed."""

    kind: str
    x: float = 0.0
    y: float = 0.3
    size: float = 1.0
    angle: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no occluder {self.kind!r}; there are {', '.join(KINDS)}")


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round(np.asarray(points) * 16).astype(np.int32)


def _fill(mask: np.ndarray, points: np.ndarray) -> None:
    cv2.fillPoly(mask, [_fixed(points)], 255, cv2.LINE_AA, 4)


def _disc(mask: np.ndarray, centre: np.ndarray, half: tuple[float, float], angle: float) -> None:
    t = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    ring = np.column_stack([half[0] * np.cos(t), half[1] * np.sin(t)])
    _fill(mask, centre + ring @ np.array([[c, s], [-s, c]]))


def _stamp(picture: np.ndarray, mask: np.ndarray, colour: np.ndarray, light: np.ndarray) -> None:
    alpha = mask.astype(np.float32)[..., None] / 255
    picture += alpha * (colour * light - picture)


def cover(picture: np.ndarray, occluder: Occluder, points: np.ndarray, unit: float, skin: np.ndarray) -> np.ndarray:
    """Draws the occluder over the picture, (r, r, 3) float of 0 to 255, in place; returns its mask (r, r) uint8.

    points: (68, 2) pixels. unit: pixels of a head unit. skin: (3,) picture colour of the person's skin.
    """
    rng = np.random.default_rng([occluder.seed, 13])
    side = len(picture)
    mask = np.zeros((side, side), np.uint8)
    middle = points[[27, 30, 33]].mean(0) + unit * np.array([occluder.x, occluder.y])
    big, turn = unit * occluder.size, np.radians(occluder.angle)
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    colour = rng.uniform(10, 245, 3) * rng.uniform(0.3, 1)
    if occluder.kind == "hand":
        colour = skin * rng.uniform(0.75, 1.15) if rng.random() < 0.8 else colour
        _disc(mask, middle + 0.35 * big * across, (0.42 * big, 0.40 * big), occluder.angle)
        for k in range(4):
            root = middle + big * ((k - 1.5) * 0.21 * along + 0.15 * across)
            tip = root - big * (rng.uniform(0.35, 0.75) * across + (k - 1.5) * rng.uniform(0, 0.08) * along)
            cv2.line(
                mask,
                *(tuple(int(v) for v in _fixed(p)) for p in (root, tip)),
                255,
                max(1, int(0.19 * big)),
                cv2.LINE_AA,
                4,
            )
        wrist = middle + big * (0.5 * across)
        _fill(
            mask,
            [
                wrist - 0.3 * big * along,
                wrist + 0.3 * big * along,
                wrist + big * (0.33 * along + 2.5 * across),
                wrist + big * (-0.33 * along + 2.5 * across),
            ],
        )
    elif occluder.kind == "bar":
        half = 0.12 * big
        _fill(
            mask, [middle + s * 4 * unit * along + t * half * across for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        )
    elif occluder.kind == "microphone":
        colour = np.full(3, rng.uniform(5, 90)) if rng.random() < 0.7 else colour
        _disc(mask, middle, (0.26 * big, 0.30 * big), occluder.angle)
        _fill(
            mask,
            [
                middle - 0.16 * big * along,
                middle + 0.16 * big * along,
                middle + 0.12 * big * along + 3 * big * across,
                middle - 0.12 * big * along + 3 * big * across,
            ],
        )
    elif occluder.kind == "cup":
        _fill(
            mask,
            [
                middle + big * (s * 0.38 * along + t * across)
                for s, t in ((-1, -0.4), (1, -0.4), (0.8, 0.7), (-0.8, 0.7))
            ],
        )
        _disc(mask, middle - 0.4 * big * across, (0.38 * big, 0.1 * big), occluder.angle)
    elif occluder.kind == "mask":
        colour = np.array([(225, 230, 235), (150, 185, 215), (40, 40, 44)][rng.integers(3)]) * rng.uniform(0.8, 1)
        outline = np.vstack([points[2:15], points[[14, 35]].mean(0), points[[28]], points[[2, 31]].mean(0)])
        _fill(mask, cv2.convexHull(outline.astype(np.float32))[:, 0])
    else:
        _fill(
            mask, [middle + big * (s * 0.7 * along + t * 0.5 * across) for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        )
    far = cv2.distanceTransform((mask > 127).astype(np.uint8), cv2.DIST_L2, 3) / max(0.2 * big, 1)
    light = np.clip(0.55 + 0.5 * np.minimum(far, 1), 0, 1.1)[..., None] * (
        0.9 + 0.2 * np.linspace(0, 1, side)[:, None, None]
    )
    _stamp(picture, mask, colour.astype(np.float32), light.astype(np.float32))
    return mask


def glasses_outline(controls: np.ndarray, person: Person) -> tuple[np.ndarray, np.ndarray]:
    """Both lenses (2, 20, 3) and the arms' ends at lens and ear (2, 2, 3), in the head's own space."""
    look, t = person.look, np.linspace(0, 2 * np.pi, 20, endpoint=False)
    power = 2 / look["glasses_square"]
    x, y = (np.sign(f) * np.abs(f) ** power for f in (np.cos(t), np.sin(t)))
    lenses, arms = [], []
    for centre, side, ear in zip(eye_centres(controls), (-1, 1), (0, 16), strict=True):
        large = 1.3 if GLASSES[look["glasses"]] == "dark" else 1.0
        lx = large * look["glasses_width"] * x
        lens = np.column_stack(
            [
                centre[0] + side * 0.03 + lx,
                centre[1] + 0.02 + look["glasses_drop"] + large * look["glasses_height"] * y,
                np.full(20, 0.0),
            ]
        )
        lens[:, 2] = controls[27, 2] + 0.04 - 0.35 * np.maximum(np.abs(lens[:, 0]) - 0.15, 0) ** 1.3
        lenses.append(lens)
        outer = lens[np.argmax(side * lens[:, 0])] - (0, 0.4 * look["glasses_height"], 0)
        arms.append([outer, controls[ear] + (side * 0.03, 0.02, -0.1)])
    return np.stack(lenses), np.array(arms)


def wear_glasses(
    picture: np.ndarray, lenses: np.ndarray, arms: np.ndarray, person: Person, unit: float, brightness: float
) -> None:
    """Draws glasses over the picture in place. lenses: (2, 20, 2) and arms: (2, 2, 2) in pixels; brightness: of white,
    of 255."""
    kind, look = GLASSES[person.look["glasses"]], person.look
    thick = max(1, int(round(unit * {"thin": 0.025, "thick": 0.06, "rimless": 0.012, "dark": 0.03}[kind])))
    frame, glass = np.zeros(picture.shape[:2], np.uint8), np.zeros(picture.shape[:2], np.uint8)
    for lens in lenses:
        _fill(glass, lens)
        if kind != "rimless":
            cv2.polylines(frame, [_fixed(lens)], True, 255, thick, cv2.LINE_AA, 4)
    bridge = np.stack(
        [
            lenses[0][np.argmin(np.abs(lenses[0] - lenses[1].mean(0)).sum(1))],
            lenses[1][np.argmin(np.abs(lenses[1] - lenses[0].mean(0)).sum(1))],
        ]
    )
    cv2.polylines(frame, [_fixed(bridge)], False, 255, thick, cv2.LINE_AA, 4)
    middle = lenses.mean((0, 1))
    across = lenses[1].mean(0) - lenses[0].mean(0)
    for (outer, ear), side in zip(arms, (-1, 1), strict=True):
        if side * (ear - outer) @ across > 0:
            cv2.polylines(frame, [_fixed([outer, ear])], False, 255, thick, cv2.LINE_AA, 4)
    tint = {"dark": 0.93}.get(kind, 0.06)
    alpha = glass.astype(np.float32)[..., None] / 255
    picture *= 1 - tint * alpha
    if look["glasses_glare"] > 0.4:
        strip = np.zeros_like(glass)
        start = middle + unit * np.array([look["glasses_glare"] - 0.7, 0])
        cv2.line(
            strip,
            *(tuple(int(v) for v in _fixed(start + unit * np.array(d))) for d in ((-0.25, 0.4), (0.25, -0.4))),
            255,
            max(1, int(unit * 0.12)),
            cv2.LINE_AA,
            4,
        )
        picture += 0.35 * brightness * alpha * strip.astype(np.float32)[..., None] / 255 * look["glasses_glare"]
    colour = np.sqrt(np.array(look["glasses_colour"], np.float32)) * brightness
    _stamp(picture, frame, colour, np.float32(1))
