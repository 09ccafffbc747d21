"""What the response-map explorer computes: a state in, a look with its numbers out. No widgets here."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from redn_lib.crop import Crop
from redn_lib.data.clip import Face
from redn_lib.landmarks import N_POINTS, PARTS, tight_box
from redn_lib.metrics import eye_distance, point_errors
from redn_lib.rednet import RedNet
from redn_lib.response_maps import confidence
from redn_lib.tracking.align import Fit, align
from redn_lib.widgets.draw import occlude

ALL = -1
"""`State.point` for all 68 points at once."""

POINT_OPTIONS = [("all 68", ALL), *((str(i), i) for i in range(N_POINTS))]
"""Words and values of a control that chooses a point."""


@dataclass(frozen=True)
class Picture:
    """A picture to explore: image (H, W, 3) uint8 RGB, box (4,), truth (68, 2) or None, all in its pixels; name."""

    image: np.ndarray
    box: np.ndarray
    truth: np.ndarray | None
    name: str


@dataclass(frozen=True)
class State:
    """Where every control stands. picture and step are 0-based; point: 0 to 67 or ALL.

    shift_x, shift_y, size, occluder_x, occluder_y and occluder_size: in box widths (the larger side), from the box's
    middle; turn: of the first crop, degrees clockwise.
    """

    picture: int = 0
    step: int = 0
    point: int = ALL
    shift_x: float = 0.0
    shift_y: float = 0.0
    scale: float = 1.0
    turn: float = 0.0
    occluder: bool = False
    occluder_x: float = 0.0
    occluder_y: float = 0.25
    occluder_size: float = 0.5
    blank_z: bool = False


@dataclass(frozen=True)
class Look:
    """One state computed, ready to draw.

    image: with its occluder; picture: as given; box: (4,) as disturbed; fit: all steps; confidences: (K, 68);
    errors: (K, 68) over the eye distance, None without truth; ms: what the last computation of all steps took.
    """

    image: np.ndarray
    picture: Picture
    box: np.ndarray
    state: State
    fit: Fit
    confidences: np.ndarray
    errors: np.ndarray | None
    ms: float

    @property
    def confidence(self) -> np.ndarray:
        """Of this state's step: (68,) in [0, 1]."""
        return self.confidences[self.state.step]


class Explorer:
    """Aligns the pictures with the model as a state asks, and remembers the last few alignments.

    Raises ValueError where there is no picture.
    """

    def __init__(self, model: RedNet, pictures: Sequence[Picture], steps: int):
        if not pictures:
            raise ValueError("there is no picture to explore; give at least one")
        self.model, self.pictures, self.steps = model, list(pictures), steps
        self._fit = lru_cache(maxsize=8)(self._align)

    def look(self, state: State) -> Look:
        """Everything about one step; all steps are computed again where the state asks for something new."""
        picture = self.pictures[state.picture]
        fit, image, box, ms = self._fit(replace(state, step=0, point=ALL))
        errors = None if picture.truth is None else point_errors(fit.steps, picture.truth)
        return Look(image, picture, box, state, fit, step_confidences(fit), errors, ms)

    def _align(self, state: State) -> tuple[Fit, np.ndarray, np.ndarray, float]:
        picture = self.pictures[state.picture]
        start = time.perf_counter()
        image, box = disturb(picture, state)
        blank = (lambda z, step: torch.zeros_like(z)) if state.blank_z else None
        fit = align(self.model, image, box, self.steps, turn=state.turn, change_z=blank)
        return fit, image, box, 1e3 * (time.perf_counter() - start)


def disturb(picture: Picture, state: State) -> tuple[np.ndarray, np.ndarray]:
    """The image with the state's occluder, and the box (4,) shifted and scaled as the state says."""
    low, high = picture.box[:2], picture.box[2:]
    middle, side = (low + high) / 2, float((high - low).max())
    moved = middle + side * np.array([state.shift_x, state.shift_y])
    half = state.scale * (high - low) / 2
    box = np.r_[moved - half, moved + half]
    if not state.occluder:
        return picture.image, box
    centre = middle + side * np.array([state.occluder_x, state.occluder_y])
    return occlude(picture.image, centre, state.occluder_size * side), box


def step_confidences(fit: Fit) -> np.ndarray:
    """Confidence of the points after each step: (K, 68) in [0, 1]."""
    seen = np.stack([crop.to_crop(points) for crop, points in zip(fit.crops, fit.steps, strict=True)])
    maps = torch.from_numpy(fit.response_maps)
    return confidence(maps, torch.as_tensor(seen, dtype=torch.float32), fit.crops[0].size).numpy()


def describe(look: Look) -> str:
    """The numbers under the controls: a line for the answer, one for what disturbs it, one for a chosen point."""
    state, fit = look.state, look.fit
    words = [look.picture.name, f"look {state.step + 1} of {len(fit.steps)}"]
    if look.errors is None:
        words.append("no truth known")
    else:
        words.append(f"NME {look.errors[state.step].mean():.2%} (after look 1: {look.errors[0].mean():.2%})")
    words += [f"confidence {look.confidence.mean():.2f}", f"{look.ms:.0f} ms for all looks"]
    moved = f"box {state.shift_x:+.0%} across, {state.shift_y:+.0%} down, x{state.scale:.2f}, {state.turn:+.0f}°"
    changes = [moved, f"occluder of {state.occluder_size:.0%}" if state.occluder else "no occluder"]
    changes.append("z kept blank" if state.blank_z else "z as the loop draws it")
    lines = [words, changes, [] if state.point == ALL else describe_point(look)]
    return "\n".join(" · ".join(line) for line in lines)


def describe_point(look: Look) -> list[str]:
    """Name, place, confidence and error of the chosen point."""
    i, step = look.state.point, look.state.step
    x, y = look.fit.steps[step][i]
    words = [point_name(i), f"at ({x:.1f}, {y:.1f}) px", f"confidence {look.confidence[i]:.2f}"]
    if look.errors is not None:
        pixels = look.errors[step][i] * eye_distance(look.picture.truth)
        words.append(f"error {pixels:.1f} px = {look.errors[step][i]:.2%} of the eye distance")
    return words


def point_name(i: int) -> str:
    """Number and part of the face: 'point 36, right eye'."""
    part = next(name for name, indices in PARTS.items() if i in indices)
    return f"point {i}, {part.replace('_', ' ')}"


def to_pictures(faces, boxes=None, truths=None) -> list[Picture]:
    """Faces, a clip, or plain images with boxes or truths, as pictures to explore.

    faces: a `Face`, a sequence of them, a `Clip`, or one or more (H, W, 3) uint8 RGB images. For plain images boxes
    (N, 4) or truths (N, 68, 2) must be given; the tight box of a truth is its box. Raises ValueError where they do not
    fit.
    """
    if isinstance(faces, Face) or getattr(faces, "ndim", 0) == 3:
        faces = [faces]
        boxes = None if boxes is None else np.reshape(boxes, (-1, 4))
        truths = None if truths is None else np.reshape(truths, (-1, N_POINTS, 2))
    faces = [faces[i] for i in range(len(faces))]
    for what, given in (("boxes", boxes), ("truths", truths)):
        if given is not None and len(given) != len(faces):
            raise ValueError(f"{len(given)} {what} for {len(faces)} pictures; give one each")
    return [_picture(i, face, boxes, truths) for i, face in enumerate(faces)]


def _picture(i: int, face, boxes, truths) -> Picture:
    image, truth, box, name = face, None, None, ""
    if isinstance(face, Face):
        image, truth, box, name = face.image, face.points, face.box, face.name
    if truths is not None:
        truth = np.asarray(truths[i], np.float32)
        box = tight_box(truth)
    if boxes is not None:
        box = np.asarray(boxes[i], float)
    if box is None:
        raise ValueError(
            f"picture {i} has neither box nor truth; give boxes= (x0, y0, x1, y1 of the points) or truths="
        )
    return Picture(image, np.asarray(box, float), truth, name or f"picture {i}")


def turned_box(box: np.ndarray, turn: float) -> np.ndarray:
    """Corners (4, 2) of a box (4,) turned about its middle by degrees clockwise."""
    corners = box[[[0, 1], [2, 1], [2, 3], [0, 3]]]
    middle = corners.mean(0)
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    return middle + (corners - middle) @ np.array([[c, s], [-s, c]])


def crop_corners(crop: Crop) -> np.ndarray:
    """Corners (4, 2) of what a step saw, in pixels of the image."""
    last = crop.size - 0.5
    return crop.to_frame(np.array([[-0.5, -0.5], [last, -0.5], [last, last], [-0.5, last]]))
