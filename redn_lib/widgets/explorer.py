"""The response-map explorer: step through the feedback loop of a trained network on a face, and try to break it.

explorer(model, faces)                     # in a notebook, with a kernel: controls and a live picture
explorer_figure(model, faces, step=2)      # the same picture without widgets
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from IPython.display import Image

from redn_lib.crop import Crop
from redn_lib.data.clip import Face
from redn_lib.landmarks import N_POINTS, PARTS, tight_box
from redn_lib.metrics import eye_distance, point_errors
from redn_lib.rednet import RedNet
from redn_lib.response_maps import confidence
from redn_lib.tracking.align import Fit, align
from redn_lib.widgets.chart import Chart
from redn_lib.widgets.draw import (
    close_up,
    colour_map,
    draw_box,
    draw_face,
    draw_response_map,
    join_maps,
    occlude,
    zoomed,
)
from redn_lib.widgets.live import Drawing, Live, Scene, first_state, setting
from redn_lib.widgets.panels import (
    CAPTION_HEIGHT,
    GAP,
    bordered,
    caption,
    fit_into,
    legend,
    side_by_side,
    stack,
    text_width,
    write,
)
from redn_lib.widgets.style import ANSWER, BLUE, BOX, CARD, GREEN, GRID, MISS, QUIET, TRUTH, Colour, rgb

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
    """An image to explore.

    image: (H, W, 3) uint8 RGB.
    box: (4,) x0, y0, x1, y1 of the points, in pixels.
    truth: (68, 2) labels in pixels, or None.
    name: shown with the numbers.
    """

    image: np.ndarray
    box: np.ndarray
    truth: np.ndarray | None
    name: str


@dataclass(frozen=True)
class Explored:
    """One state computed, ready to draw.

    state: as asked for.
    example: as given.
    image: (H, W, 3) uint8, with the occluder.
    box: (4,) as disturbed.
    fit: all steps.
    confidences: (K, 68) in [0, 1].
    errors: (K, 68) over the eye distance, None without labels.
    ms: time of all steps.
    """

    state: ExplorerState
    example: Example
    image: np.ndarray
    box: np.ndarray
    fit: Fit
    confidences: np.ndarray
    errors: np.ndarray | None
    ms: float

    @property
    def k(self) -> int:
        """The step that is shown, 0-based."""
        return self.state.step - 1


def explorer(model: RedNet, faces, boxes=None, truths=None, *, steps: int | None = None, **start) -> Live:
    """Controls over every step of `align` on the faces; all is computed again when something moves.

    faces: a `Face`, several, a `Clip`, or plain (H, W, 3) uint8 RGB images with boxes (N, 4) or truths (N, 68, 2), in
    pixels of each image; steps: K, by default the preset's; start: where controls begin, by the names of
    `ExplorerState`. Raises ValueError for faces and boxes that do not fit, TypeError for an unknown control.
    """
    return Live(_scene(model, faces, boxes, truths, steps, start))


def explorer_figure(model: RedNet, faces, boxes=None, truths=None, *, steps: int | None = None, **start) -> Image:
    """The explorer's picture as an image with alt text, for pages where no widget runs; arguments as `explorer`."""
    return _scene(model, faces, boxes, truths, steps, start).still()


def _scene(model, faces, boxes, truths, steps, start) -> Scene:
    explored = Explorer(model, to_examples(faces, boxes, truths), steps or model.preset.steps)
    ranges = {"step": (1, explored.steps), "image": (0, len(explored.examples) - 1)}
    state = first_state(ExplorerState, {"step": explored.steps, **start}, ranges)
    chart = StepChart(explored.steps)

    def draw(state: ExplorerState) -> Drawing:
        result = explored.result(state)
        return Drawing(compose(result, chart), describe(result), in_words(result))

    return Scene(draw, state, ranges)


class Explorer:
    """Aligns the examples with the model as a state asks, and remembers the last few alignments."""

    def __init__(self, model: RedNet, examples: Sequence[Example], steps: int):
        if not examples:
            raise ValueError("there is no image to explore; give at least one")
        self.model, self.examples, self.steps = model, list(examples), steps
        self._aligned = lru_cache(maxsize=8)(self._align)

    def result(self, state: ExplorerState) -> Explored:
        """Everything about one step; all steps are computed again only where the state asks for something new."""
        return replace(self._aligned(replace(state, step=1, point=ALL)), state=state)

    def _align(self, state: ExplorerState) -> Explored:
        example, start = self.examples[state.image], time.perf_counter()
        image, box = disturb(example, state)
        blank = (lambda z, step: torch.zeros_like(z)) if state.blank_z else None
        fit = align(self.model, image, box, self.steps, turn=state.turn, change_z=blank)
        ms = 1e3 * (time.perf_counter() - start)
        points = np.stack([crop.to_crop(points) for crop, points in zip(fit.crops, fit.steps, strict=True)])
        maps = torch.from_numpy(fit.response_maps)
        sure = confidence(maps, torch.as_tensor(points, dtype=torch.float32), fit.crops[0].size).numpy()
        errors = None if example.truth is None else point_errors(fit.steps, example.truth)
        return Explored(state, example, image, box, fit, sure, errors, ms)


def disturb(example: Example, state: ExplorerState) -> tuple[np.ndarray, np.ndarray]:
    """The image with the state's occluder, and the box (4,) shifted and scaled as the state says."""
    low, high = example.box[:2], example.box[2:]
    middle, side = (low + high) / 2, float((high - low).max())
    moved = middle + side * np.array([state.shift_x, state.shift_y])
    half = state.scale * (high - low) / 2
    box = np.r_[moved - half, moved + half]
    if not state.occluder:
        return example.image, box
    centre = middle + side * np.array([state.occluder_x, state.occluder_y])
    return occlude(example.image, centre, state.occluder_size * side), box


def to_examples(faces, boxes=None, truths=None) -> list[Example]:
    """Faces, a clip, or plain images with boxes or truths, as examples.

    faces: a `Face`, a sequence of them, a `Clip`, or one or more (H, W, 3) uint8 RGB images. Plain images need boxes
    (N, 4) or truths (N, 68, 2); the tight box of a truth is its box. Raises ValueError where they do not fit.
    """
    if isinstance(faces, Face) or getattr(faces, "ndim", 0) == 3:
        faces = [faces]
        boxes = None if boxes is None else np.reshape(boxes, (-1, 4))
        truths = None if truths is None else np.reshape(truths, (-1, N_POINTS, 2))
    for what, given in (("boxes", boxes), ("truths", truths)):
        if given is not None and len(given) != len(faces):
            raise ValueError(f"{len(given)} {what} for {len(faces)} images; give one each")
    return [
        _example(i, faces[i], None if boxes is None else boxes[i], None if truths is None else truths[i])
        for i in range(len(faces))
    ]


def _example(i: int, face: Face | np.ndarray, box, truth) -> Example:
    image, name = face, f"image {i}"
    if isinstance(face, Face):
        image, name = face.image, face.name or name
        truth = face.points if truth is None else truth
    if box is None and truth is None:
        raise ValueError(f"image {i} has neither box nor truth; give boxes= (x0, y0, x1, y1 of the points) or truths=")
    truth = None if truth is None else np.asarray(truth, np.float32)
    return Example(image, np.asarray(tight_box(truth) if box is None else box, float), truth, name)


def turned_box(box: np.ndarray, turn: float) -> np.ndarray:
    """Corners (4, 2) of a box (4,) turned about its middle by degrees clockwise."""
    corners = box[[[0, 1], [2, 1], [2, 3], [0, 3]]]
    middle = corners.mean(0)
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    return middle + (corners - middle) @ np.array([[c, s], [-s, c]])


def crop_corners(crop: Crop) -> np.ndarray:
    """Corners (4, 2) of a crop, in pixels of the image."""
    last = crop.size - 0.5
    return crop.to_frame(np.array([[-0.5, -0.5], [last, -0.5], [last, last], [-0.5, last]]))


def point_name(i: int) -> str:
    """Number and part of the face: 'point 36, right eye'."""
    part = next(name for name, indices in PARTS.items() if i in indices)
    return f"point {i}, {part.replace('_', ' ')}"


def describe(result: Explored) -> str:
    """The numbers under the controls: a line for the result, one for what disturbs it, one for a chosen point."""
    state, k = result.state, result.k
    words = [result.example.name, f"step {state.step} of {len(result.fit.steps)}"]
    if result.errors is None:
        words.append("no labels")
    else:
        words.append(f"NME {result.errors[k].mean():.2%} (after step 1: {result.errors[0].mean():.2%})")
    words += [f"confidence {result.confidences[k].mean():.2f}", f"{result.ms:.0f} ms for all steps"]
    moved = f"box {state.shift_x:+.0%} across, {state.shift_y:+.0%} down, x{state.scale:.2f}, {state.turn:+.0f}°"
    changes = [moved, f"occluder of {state.occluder_size:.0%}" if state.occluder else "no occluder"]
    changes.append("z kept blank" if state.blank_z else "z as the loop draws it")
    lines = [words, changes, [] if state.point == ALL else _about_point(result)]
    return "\n".join(" · ".join(line) for line in lines)


def _about_point(result: Explored) -> list[str]:
    i, k = result.state.point, result.k
    x, y = result.fit.steps[k][i]
    words = [point_name(i), f"at ({x:.1f}, {y:.1f}) px", f"confidence {result.confidences[k][i]:.2f}"]
    if result.errors is not None:
        pixels = result.errors[k][i] * eye_distance(result.example.truth)
        words.append(f"error {pixels:.1f} px = {result.errors[k][i]:.2%} of the eye distance")
    return words


def in_words(result: Explored) -> str:
    """Alt text of the picture."""
    state = result.state
    what = "all 68 points" if state.point == ALL else f"point {state.point}"
    labels = "" if result.errors is None else " and the labels"
    words = [
        f"Response-map explorer, step {state.step} of {len(result.fit.steps)}, {what} of {result.example.name}: the "
        f"face with the network's points{labels}, the crop of this step, the map z fed back, the response map over the "
        "crop, and a bar for each step"
    ]
    if (state.shift_x, state.shift_y, state.scale, state.turn) != (0, 0, 1, 0):
        words.append("the box is disturbed")
    if state.occluder:
        words.append("an occluder hides part of the face")
    if state.blank_z:
        words.append("z is kept blank")
    return "; ".join(words)


class StepChart(Chart):
    """A bar for each step, the shown one in full colour, and below it a bar for each part of the face."""

    def __init__(self, steps: int):
        super().__init__(SMALL, SMALL)
        self.names = [f"step {k + 1}" for k in range(steps)] + [name.replace("_", " ") for name in PARTS]
        self.rows = np.r_[np.arange(steps), steps + 0.6 + np.arange(len(PARTS))]
        self.plot = self.axes(88, 4, SMALL, SMALL - 4, ylim=(self.rows[-1] + 0.5, -0.5))
        self.plot.axis("off")
        self.bars = self.plot.barh(self.rows, np.zeros(len(self.rows)), 0.74)

    def show(self, result: Explored) -> np.ndarray:
        """The errors of a result in percent, or its confidences where there are no labels, as pixels."""
        table, form = (result.confidences, "{:.2f}") if result.errors is None else (100 * result.errors, "{:.1f}")
        point, k = result.state.point, result.k
        chosen = slice(None) if point == ALL else [point]
        values = [row[chosen].mean() for row in table] + [table[k][list(at)].mean() for at in PARTS.values()]
        colours: list[Colour] = [BLUE if step == k else GRID for step in range(len(table))]
        colours += [ANSWER if point == ALL or point in at else GRID for at in PARTS.values()]
        self.plot.set_xlim(0, 1.3 * max(*values, 1e-6))
        for bar, value, colour in zip(self.bars, values, colours, strict=True):
            bar.set_width(value)
            bar.set_facecolor(rgb(colour))
        out = self.pixels()
        for name, row, value in zip(self.names, self.rows, values, strict=True):  # `write` is quicker than Matplotlib
            end, y = self.place(self.plot, value, row)
            write(out, name, 80 - text_width(name, 11), y - 7, size=11, colour=QUIET)
            write(out, form.format(value), end + 5, y - 7, size=11)
        return out


def compose(result: Explored, chart: StepChart) -> np.ndarray:
    """All panels of one result in one picture (H, 1000, 3) uint8 RGB."""
    k, point = result.k, result.state.point
    crop, z = result.fit.crop_images[k], result.fit.z[k]
    shown_z = z[point] if point != ALL and len(z) > 1 else z.max(0)
    glow_z = fit_into(colour_map(shown_z, top=max(float(z.max()), 1e-6)), SMALL, SMALL)
    blank = "blank: no prediction yet" if k == 0 else "blank"
    about_z = f"{len(z)} channel{'s' * (len(z) > 1)}" if z.max() > 0 else blank
    what = "all points" if point == ALL else f"point {point}"
    measured = ("Confidence", what) if result.errors is None else ("Error", f"{what}, % of eyes")
    upper = [
        caption(fit_into(crop, SMALL, SMALL), f"Crop of step {k + 1}", f"{crop.shape[0]} px a side"),
        caption(glow_z, "z fed back", about_z),
    ]
    lower = [
        caption(_response(result), "Response map" + "s" * (point == ALL), "over the crop"),
        caption(chart.show(result), f"{measured[0]} by step", measured[1]),
    ]
    return bordered(side_by_side([_face(result), stack([side_by_side(upper), side_by_side(lower)])]))


def _face(result: Explored) -> np.ndarray:
    """The face around its undisturbed box: the given box, the crop of the step, points, labels and errors."""
    k, point, example = result.k, result.state.point, result.example
    panel, to_panel = close_up(result.image, example.box, FACE_SPAN, FACE_WIDTH, FACE_HEIGHT)
    panel = draw_box(panel, to_panel(crop_corners(result.fit.crops[k])), colour=GREEN)
    panel = draw_box(panel, to_panel(turned_box(result.box, result.state.turn)), colour=BOX)
    truth = None if example.truth is None else to_panel(example.truth)
    only = None if point == ALL else [point]
    panel = draw_face(panel, to_panel(result.fit.steps[k]), result.confidences[k], truth, only=only)
    labels = {} if truth is None else {"label": TRUTH, "error": MISS}
    return legend(caption(panel, "Points"), {"network": ANSWER, "unsure": CARD, **labels, "box": BOX, "crop": GREEN})


def _response(result: Explored) -> np.ndarray:
    k, point = result.k, result.state.point
    maps, image, crop = result.fit.response_maps[k], result.fit.crop_images[k], result.fit.crops[k]
    zoom = SMALL / len(image)
    if point == ALL:
        return draw_response_map(image, join_maps(maps), zoom=zoom)
    glow = draw_response_map(image, maps[point], zoom=zoom)
    truth = result.example.truth
    truth = None if truth is None else zoomed(crop.to_crop(truth), zoom)
    return draw_face(glow, zoomed(crop.to_crop(result.fit.steps[k]), zoom), truth=truth, only=[point], lines=False)
