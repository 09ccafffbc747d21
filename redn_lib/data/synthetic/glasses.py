"""Glasses: two lenses, a bridge and the arms, laid on the face in 3D and drawn over the picture. (our choice)"""

import cv2
import numpy as np

from redn_lib.data.synthetic.expression import eye_centres
from redn_lib.data.synthetic.occluders import fill, fixed, stamp
from redn_lib.data.synthetic.people import GLASSES, Person

_RIM = {"thin": 0.025, "thick": 0.06, "rimless": 0.012, "dark": 0.03}
"""Thickness of the frame in head units."""


def outline(controls: np.ndarray, person: Person) -> tuple[np.ndarray, np.ndarray]:
    """Rims of both lenses (2, 20, 3) and the arms' ends at lens and ear (2, 2, 3), in the head's own space."""
    look, t = person.look, np.linspace(0, 2 * np.pi, 20, endpoint=False)
    grow = 1.3 if GLASSES[look["glasses"]] == "dark" else 1.0
    x, y = (np.sign(f) * np.abs(f) ** (2 / look["glasses_square"]) for f in (np.cos(t), np.sin(t)))
    lenses, arms = [], []
    for centre, side, ear in zip(eye_centres(controls), (-1, 1), (0, 16), strict=True):
        across = centre[0] + 0.03 * side + grow * look["glasses_width"] * x
        down = centre[1] + 0.02 + look["glasses_drop"] + grow * look["glasses_height"] * y
        front = controls[27, 2] + 0.04 - 0.35 * np.maximum(np.abs(across) - 0.15, 0) ** 1.3
        lens = np.column_stack([across, down, front])
        hinge = lens[np.argmax(side * across)] - (0, 0.4 * look["glasses_height"], 0)
        lenses.append(lens)
        arms.append([hinge, controls[ear] + (0.03 * side, 0.02, -0.1)])
    return np.stack(lenses), np.array(arms)


def wear(
    picture: np.ndarray, lenses: np.ndarray, arms: np.ndarray, person: Person, unit: float, brightness: float
) -> None:
    """Draws glasses over a picture (r, r, 3) float of 0 to 255 in place.

    lenses: (2, 20, 2), arms: (2, 2, 2), both in pixels. unit: pixels of a head unit. brightness: of white, of 255.
    """
    look, kind = person.look, GLASSES[person.look["glasses"]]
    thick = max(1, round(unit * _RIM[kind]))
    frame, glass = np.zeros(picture.shape[:2], np.uint8), np.zeros(picture.shape[:2], np.uint8)
    for lens in lenses:
        fill(glass, lens)
    gap = np.linalg.norm(lenses[0][:, None] - lenses[1][None], axis=-1)
    right, left = np.unravel_index(gap.argmin(), gap.shape)
    strokes = [np.stack([lenses[0][right], lenses[1][left]])]
    across = lenses[1].mean(0) - lenses[0].mean(0)
    strokes += [arm for arm, side in zip(arms, (-1, 1), strict=True) if side * (arm[1] - arm[0]) @ across > 0]
    cv2.polylines(frame, [fixed(s) for s in strokes], False, 255, thick, cv2.LINE_AA, 4)
    if kind != "rimless":
        cv2.polylines(frame, list(fixed(lenses)), True, 255, thick, cv2.LINE_AA, 4)
    see_through = glass.astype(np.float32)[..., None] / 255
    picture *= 1 - (0.93 if kind == "dark" else 0.06) * see_through
    if look["glasses_glare"] > 0.4:
        glare = np.zeros_like(glass)
        start = lenses.mean((0, 1)) + unit * np.array(
            [[look["glasses_glare"] - 0.95, 0.4], [look["glasses_glare"] - 0.45, -0.4]]
        )
        cv2.polylines(glare, [fixed(start)], False, 255, max(1, int(unit * 0.12)), cv2.LINE_AA, 4)
        picture += (0.35 * brightness * look["glasses_glare"] / 255) * see_through * glare[..., None]
    stamp(picture, frame, np.sqrt(np.array(look["glasses_colour"], np.float32)) * brightness)
