"""The response-map explorer: step through the feedback loop of a trained network on a face, and try to break it.

explorer(model, faces)                 # in a notebook, with a kernel: controls and a live picture
explorer.figure(model, faces, step=2)  # the same picture without widgets
"""

import time
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from redn_lib.data.clip import Face
from redn_lib.landmarks import N_POINTS, PARTS
from redn_lib.metrics import eye_distance, point_errors
from redn_lib.rednet import RedNet
from redn_lib.response_maps import confidence
from redn_lib.tracking.align import Fit, align
from redn_lib.widgets.draw import close_up, colour_map, corners, draw_box, draw_face, draw_response_map, occlude, zoomed
from redn_lib.widgets.panels import CAPTION_HEIGHT, GAP, board, caption, card, legend, side_by_side, stack, write
from redn_lib.widgets.style import ANSWER, BLUE, BOX, CARD, GREEN, GRID, MISS, QUIET, TRUTH
from redn_lib.widgets.widget import Drawing, Scene, setting, widget

ALL = -1
"""A state's `point` for all 68 points at once."""

POINT_OPTIONS = [("all 68", ALL), *((str(i), i) for i in range(N_POINTS))]
"""Words and values of a control that chooses a point."""

SMALL = 256
FACE_WIDTH = 1000 - 2 * SMALL - 4 * GAP
FACE_HEIGHT = 2 * SMALL + CAPTION_HEIGHT + GAP
FACE_SPAN = 1.9
"""Width of the face panel in box widths."""


@dataclass(frozen=True)
class ExplorerState:
    """Where every control stands. Distances are in box widths (the larger side), from the middle of the box."""

    step: int = setting(1, "step", "the feedback step that is shown", (1, 1))
    image: int = setting(0, "image", "number of the image", (0, 0))
    point: int = setting(ALL, "point", "one of the 68 points, or all", options=POINT_OPTIONS)
    shift_x: float = setting(0.0, "box across", "moves the box, in box widths", (-0.3, 0.3), step=0.02, form="+.0%")
    shift_y: float = setting(0.0, "box down", "moves the box, in box widths", (-0.3, 0.3), step=0.02, form="+.0%")
    scale: float = setting(1.0, "box scale", "size of the box", (0.6, 1.6), step=0.05, form=".2f")
    turn: float = setting(0.0, "turn (°)", "turns the first crop clockwise", (-60, 60), step=5, form="+.0f")
    blank_z: bool = setting(False, "keep z blank", "feeds an empty map z back")
    occluder: bool = setting(False, "occluder", "a grey square over the face")
    occluder_x: float = setting(0.0, "occluder across", "in box widths", (-0.6, 0.6), step=0.05, form="+.0%")
    occluder_y: float = setting(0.25, "occluder down", "in box widths", (-0.6, 0.6), step=0.05, form="+.0%")
    occluder_size: float = setting(0.5, "occluder size", "in box widths", (0.1, 1.0), step=0.05, form=".0%")


@dataclass(frozen=True)
class Example:
    """An image to explore."""

    image: np.ndarray  # (H, W, 3) uint8 RGB
    box: np.ndarray  # (4,) x0, y0, x1, y1 of the points, in pixels
    truth: np.ndarray | None  # (68, 2) labels in pixels
    name: str  # shown with the numbers


@dataclass(frozen=True)
class Explored:
    """One state computed, ready to draw."""

    state: ExplorerState
    example: Example
    image: np.ndarray  # (H, W, 3) uint8, with the occluder
    box: np.ndarray  # (4,) as disturbed
    fit: Fit
    confidences: np.ndarray  # (K, 68) in [0, 1]
    errors: np.ndarray | None  # (K, 68) over the eye distance, None without labels
    ms: float  # time of all steps

    @property
    def k(self) -> int:
        """The step that is shown, 0-based."""
        return self.state.step - 1


@widget()
def explorer(model: RedNet, faces, boxes=None, **start) -> Scene:
    """Controls over every step of `align` on the faces; all is computed again when something moves.

    faces: a `Face`, several, a `Clip`, or plain (H, W, 3) uint8 RGB images with boxes (N, 4) in pixels of each image;
    start: where controls begin, by the names of `ExplorerState`. Raises ValueError for faces and boxes that do not fit,
    TypeError for an unknown control.
    """
    examples = to_examples(faces, boxes)
    if not examples:
        raise ValueError("there is no image to explore; give at least one")
    explored = lru_cache(maxsize=8)(lambda state: explore(model, examples[state.image], state))
    about = (
        "Response-map explorer: the face with the network's points and any labels, the crop of this step, the map z "
        "fed back, the response map over the crop, and a bar for each step"
    )

    def draw(state: ExplorerState) -> Drawing:
        result = replace(explored(replace(state, step=1, point=ALL)), state=state)  # the same steps for every point
        return Drawing(compose(result), about, numbers(result), f"{result.ms:.0f} ms for all steps")

    steps = model.preset.steps
    ranges = {"step": (1, steps), "image": (0, len(examples) - 1)}
    return Scene(draw, ExplorerState, {"step": steps, **start}, ranges)


def explore(model: RedNet, example: Example, state: ExplorerState) -> Explored:
    """Align the example with the model as the state asks."""
    start, (image, box) = time.perf_counter(), disturb(example, state)
    blank = (lambda z, step: torch.zeros_like(z)) if state.blank_z else None
    fit = align(model, image, box, turn=state.turn, change_z=blank)
    ms = 1e3 * (time.perf_counter() - start)
    points = np.stack([crop.to_crop(points) for crop, points in zip(fit.crops, fit.steps, strict=True)])
    maps = torch.from_numpy(fit.response_maps)
    sure = confidence(maps, torch.as_tensor(points, dtype=torch.float32), fit.crops[0].size).numpy()
    errors = None if example.truth is None else point_errors(fit.steps, example.truth)
    return Explored(state, example, image, box, fit, sure, errors, ms)


def disturb(example: Example, state: ExplorerState) -> tuple[np.ndarray, np.ndarray]:
    """The image with the state's occluder, and the box (4,) shifted and scaled as the state says."""
    low, high = np.split(example.box, 2)
    middle, side = (low + high) / 2, float((high - low).max())
    moved, half = middle + side * np.array([state.shift_x, state.shift_y]), state.scale * (high - low) / 2
    image, box = example.image, np.r_[moved - half, moved + half]
    if state.occluder:
        centre = middle + side * np.array([state.occluder_x, state.occluder_y])
        image = occlude(image, centre, state.occluder_size * side)
    return image, box


def to_examples(faces, boxes=None) -> list[Example]:
    """A `Face`, a sequence of them, a `Clip`, or one or more images (H, W, 3) with boxes (N, 4), as examples.

    Raises ValueError where they do not fit.
    """
    if isinstance(faces, Face) or getattr(faces, "ndim", 0) == 3:
        faces, boxes = [faces], None if boxes is None else np.reshape(boxes, (-1, 4))
    if boxes is not None and len(boxes) != len(faces):
        raise ValueError(f"{len(boxes)} boxes for {len(faces)} images; give one each")
    examples = []
    for i, face in enumerate(faces):
        box, name = None if boxes is None else np.asarray(boxes[i], float), f"image {i}"
        if isinstance(face, Face):
            box = face.box.astype(float) if box is None else box
            examples.append(Example(face.image, box, face.points, face.name or name))
        elif box is None:
            raise ValueError(f"{name} has no box; give boxes= (x0, y0, x1, y1 of the points)")
        else:
            examples.append(Example(face, box, None, name))
    return examples


def turned_box(box: np.ndarray, turn: float) -> np.ndarray:
    """Corners (4, 2) of a box (4,) turned about its middle by degrees clockwise."""
    at = corners(box)
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    return at.mean(0) + (at - at.mean(0)) @ np.array([[c, s], [-s, c]])


def point_name(i: int) -> str:
    """Number and part of the face: 'point 36, right eye'."""
    part = next(name for name, indices in PARTS.items() if i in indices)
    return f"point {i}, {part.replace('_', ' ')}"


def chosen(point: int) -> tuple[list[int] | None, str]:
    """The points that a state's `point` draws, None for all, and what they are called."""
    return (None, "all points") if point == ALL else ([point], f"point {point}")


def first_of(batch: torch.Tensor) -> np.ndarray:
    """The first of a batch as an array."""
    return batch[0].cpu().numpy()


def numbers(result: Explored) -> list[list[str]]:
    """A line for the result, one for what disturbs it, one for a chosen point."""
    state, k, errors, i = result.state, result.k, result.errors, result.state.point
    words = [result.example.name, f"step {state.step} of {len(result.fit.steps)}"]
    if errors is None:
        words.append("no labels")
    else:
        words.append(f"NME {errors[k].mean():.2%} (after step 1: {errors[0].mean():.2%})")
    words.append(f"confidence {result.confidences[k].mean():.2f}")
    moved = f"box {state.shift_x:+.0%} across, {state.shift_y:+.0%} down, x{state.scale:.2f}, {state.turn:+.0f}°"
    changes = [moved, f"occluder of {state.occluder_size:.0%}" if state.occluder else "no occluder"]
    changes.append("z kept blank" if state.blank_z else "z as the loop draws it")
    if i == ALL:
        return [words, changes]
    x, y = result.fit.steps[k][i]
    about = [point_name(i), f"at ({x:.1f}, {y:.1f}) px", f"confidence {result.confidences[k][i]:.2f}"]
    if errors is not None:
        pixels = errors[k][i] * eye_distance(result.example.truth)
        about.append(f"error {pixels:.1f} px = {errors[k][i]:.2%} of the eye distance")
    return [words, changes, about]


def compose(result: Explored) -> np.ndarray:
    """All panels of one result in one picture (H, 1000, 3) uint8 RGB."""
    k, point = result.k, result.state.point
    crop, z, what = result.fit.crop_images[k], result.fit.z[k], chosen(point)[1]
    shown_z = z[point] if point != ALL and len(z) > 1 else z.max(0)
    blank = "blank: no prediction yet" if k == 0 else "blank"
    about_z = f"{len(z)} channel{'s' * (len(z) > 1)}" if z.max() > 0 else blank
    measured = ("Confidence", what) if result.errors is None else ("Error", f"{what}, % of eyes")
    upper = [
        caption(crop, f"Crop of step {k + 1}", f"{crop.shape[0]} px a side", SMALL),
        caption(colour_map(shown_z, top=max(float(z.max()), 1e-6)), "z fed back", about_z, SMALL),
    ]
    lower = [
        caption(_response(result), "Response map" + "s" * (point == ALL), "over the crop"),
        caption(_bars(result), f"{measured[0]} by step", measured[1]),
    ]
    return board([[_face(result), stack([side_by_side(upper), side_by_side(lower)])]])


def _face(result: Explored) -> np.ndarray:
    """The face around its undisturbed box: the given box, the crop of the step, points, labels and errors."""
    k, example, crop = result.k, result.example, result.fit.crops[result.k]
    panel, to_panel = close_up(result.image, example.box, FACE_SPAN, FACE_WIDTH, FACE_HEIGHT)
    last = crop.size - 0.5
    panel = draw_box(panel, to_panel(crop.to_frame(corners([-0.5, -0.5, last, last]))), colour=GREEN)
    panel = draw_box(panel, to_panel(turned_box(result.box, result.state.turn)), colour=BOX)
    truth = None if example.truth is None else to_panel(example.truth)
    points, only = to_panel(result.fit.steps[k]), chosen(result.state.point)[0]
    panel = draw_face(panel, points, result.confidences[k], truth, only=only)
    labels = {} if truth is None else {"label": TRUTH, "error": MISS}
    return legend(caption(panel, "Points"), {"network": ANSWER, "unsure": CARD, **labels, "box": BOX, "crop": GREEN})


def _response(result: Explored) -> np.ndarray:
    """The response maps of all points, or that of one with the point and its label, over the crop."""
    k, point, truth = result.k, result.state.point, result.example.truth
    maps, image, crop = result.fit.response_maps[k], result.fit.crop_images[k], result.fit.crops[k]
    zoom = SMALL / len(image)
    if point == ALL:
        return draw_response_map(image, maps, zoom=zoom)
    glow = draw_response_map(image, maps[point], zoom=zoom)
    truth = None if truth is None else zoomed(crop.to_crop(truth), zoom)
    return draw_face(glow, zoomed(crop.to_crop(result.fit.steps[k]), zoom), truth=truth, only=[point], lines=False)


def _bars(result: Explored) -> np.ndarray:
    """Errors in percent, or confidences without labels: a bar for each step, the shown one in full colour, and below it
    a bar for each part of the face.
    """
    table, digits = (result.confidences, 2) if result.errors is None else (100 * result.errors, 1)
    k, point = result.k, result.state.point
    only = chosen(point)[0] or range(N_POINTS)
    bars = [(f"step {n + 1}", row[only].mean(), BLUE if n == k else GRID) for n, row in enumerate(table)]
    for name, part in PARTS.items():
        colour = ANSWER if point == ALL or point in part else GRID
        bars.append((name.replace("_", " "), table[k][list(part)].mean(), colour))
    out, high, left = card(SMALL, SMALL), (SMALL - 8) / (len(bars) + 0.6), 88
    scale = (SMALL - left) / (1.3 * max(*(value for _, value, _ in bars), 1e-6))
    for i, (name, value, colour) in enumerate(bars):
        middle = 4 + high * (i + 0.5 + 0.6 * (i >= len(table)))
        end = left + round(scale * value)
        out[round(middle - 0.37 * high) : round(middle + 0.37 * high), left:end] = colour
        write(out, name, 80, middle - 7, size=11, colour=QUIET, anchor=1)
        write(out, f"{value:.{digits}f}", end + 5, middle - 7, size=11)
    return out
