"""Browse a tracked clip: each frame with its points, and numbers over time with a mark at the frame.

clip_browser(tracked, {"mouth opening": opening})           # in a notebook, with a kernel: controls, a live picture
clip_figure(tracked, {"mouth opening": opening}, frame=30)  # the same picture without widgets
"""

from collections.abc import Mapping, Sequence

import cv2
import ipywidgets as widgets
import numpy as np
from IPython.display import Image

from redn_lib.tracking.tracker import TrackedFrame
from redn_lib.widgets.draw import draw_face
from redn_lib.widgets.live import Drawing, Live, still
from redn_lib.widgets.panels import GAP, caption, card, side_by_side, stack, text_width, write
from redn_lib.widgets.style import BLUE, CARD, GRID, ORANGE, QUIET

FACE_WIDTH, FACE_HEIGHT = 540, 442
CURVE_WIDTH = 1000 - FACE_WIDTH - 3 * GAP
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 6, 10
CLOSE = 1.8
"""Width of the close-up in widths of the face's box."""


def clip_browser(
    tracked: Sequence[TrackedFrame], curves: Mapping[str, np.ndarray] | None = None, *, frame: int = 0
) -> Live:
    """A slider over the frames, a play button, and switches for the close-up and the points.

    tracked: what `Tracker.track` gave; curves: further numbers (T,) to draw under the confidence, by name, NaN where
    unknown; frame: where it begins. Raises ValueError where there is no frame or a curve has another length.
    """
    lines = _lines(tracked, curves)
    controls = {
        "frame": widgets.IntSlider(frame, min=0, max=len(tracked) - 1, description="frame"),
        "close_up": widgets.Checkbox(True, description="close up"),
        "points": widgets.Checkbox(True, description="points"),
    }
    return Live(lambda **values: _draw(tracked, lines, **values), controls, _shelf)


def clip_figure(
    tracked: Sequence[TrackedFrame], curves: Mapping[str, np.ndarray] | None = None, *, frame: int = 0
) -> Image:
    """The browser's picture as an image with alt text, for pages where no widget runs; arguments as `clip_browser`."""
    drawing = _draw(tracked, _lines(tracked, curves), frame, close_up=True, points=True)
    return still(drawing.picture, drawing.alt)


def _lines(tracked: Sequence[TrackedFrame], curves: Mapping[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    """Every curve to draw; the confidence comes first, NaN where the face is lost."""
    if not tracked:
        raise ValueError("there is no frame to show; give at least one")
    confidence = [np.nan if f.lost else f.confidence.mean() for f in tracked]
    lines = {name: np.asarray(values, float) for name, values in {"confidence": confidence, **(curves or {})}.items()}
    for name, values in lines.items():
        if values.shape != (len(tracked),):
            raise ValueError(f"curve {name!r} has shape {values.shape}, but there are {len(tracked)} frames")
    return lines


def _draw(
    tracked: Sequence[TrackedFrame], lines: Mapping[str, np.ndarray], frame: int, close_up: bool, points: bool
) -> Drawing:
    here = tracked[frame]
    when = f"frame {frame} of 0 to {len(tracked) - 1}"
    numbers = ["face lost" if here.lost else "", *(f"{name} {values[frame]:.2f}" for name, values in lines.items())]
    face = caption(draw_frame(here, close_up=close_up, points=points), f"Frame {frame}", f"{here.time:.2f} s")
    height = (face.shape[0] - GAP * (len(lines) - 1)) // len(lines)
    charts = stack([_chart(name, values, frame, height) for name, values in lines.items()])
    inside = side_by_side([face, charts])
    out = card(inside.shape[0] + 2 * GAP, inside.shape[1] + 2 * GAP)
    out[GAP:-GAP, GAP:-GAP] = inside
    line = " · ".join(filter(None, [when, f"{here.time:.2f} s", *numbers]))
    what = "the face is lost" if here.lost else "the face" + " with the network's 68 points" * points
    return Drawing(out, line, f"Clip, {when}: {what}; beside it over time: {', '.join(lines)}")


def draw_frame(
    here: TrackedFrame, *, close_up: bool, points: bool, width: int = FACE_WIDTH, height: int = FACE_HEIGHT
) -> np.ndarray:
    """One frame on a panel (height, width, 3): close to its face, or whole, as it is where the face is lost."""
    size = np.array([width, height])
    low, high = np.array([0, 0]), np.array(here.image.shape[1::-1]) - 1
    zoom = float((size / (high + 1)).min())
    if close_up and not here.lost:
        low, high = here.box[:2], here.box[2:]
        zoom = float(size.min() / (CLOSE * (high - low).max()))
    origin = (low + high) / 2 - (size - 1) / 2 / zoom
    matrix = np.array([[zoom, 0, -zoom * origin[0]], [0, zoom, -zoom * origin[1]]])
    how = cv2.INTER_CUBIC if zoom > 1 else cv2.INTER_AREA
    panel = cv2.warpAffine(here.image, matrix, (width, height), flags=how, borderValue=GRID)
    return panel if here.lost or not points else draw_face(panel, (here.points - origin) * zoom, here.confidence)


def _chart(name: str, values: np.ndarray, frame: int, height: int) -> np.ndarray:
    """One curve over all frames, a mark at `frame`, grey where it is NaN: (height, CURVE_WIDTH, 3) uint8 RGB."""
    low, high = (np.nanmin(values), np.nanmax(values)) if np.isfinite(values).any() else (0.0, 1.0)
    middle, half = (low + high) / 2, max((high - low) / 2, 1e-6)
    plot = card(height - 24, CURVE_WIDTH)
    bottom = plot.shape[0] - BOTTOM
    x = LEFT + (CURVE_WIDTH - LEFT - RIGHT) * np.arange(len(values)) / max(len(values) - 1, 1)
    y = TOP + (bottom - TOP) * (1 - (values - middle) / half) / 2
    known = np.isfinite(values)
    half_step = (CURVE_WIDTH - LEFT - RIGHT) / max(len(values) - 1, 1) / 2
    for at in x[~known]:
        plot[TOP:bottom, max(round(at - half_step), LEFT) : round(at + half_step) + 1] = GRID
    for level, at in ((high, TOP), (low, bottom)):
        cv2.line(plot, (LEFT, at), (CURVE_WIDTH - RIGHT, at), GRID, 1)
        write(plot, f"{level:.2f}", LEFT - 6 - text_width(f"{level:.2f}", 11), at - 7, size=11, colour=QUIET)
    for run in np.split(np.arange(len(values)), np.flatnonzero(~known)):
        run = run[known[run]]
        path = np.rint(np.c_[x, y][run] * 16).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(plot, [path], False, BLUE, 2, cv2.LINE_AA, 4)
    cv2.line(plot, (round(x[frame]), TOP), (round(x[frame]), bottom), ORANGE, 1)
    if known[frame]:
        cv2.circle(plot, (round(x[frame]), round(y[frame])), 6, CARD, -1, cv2.LINE_AA)
        cv2.circle(plot, (round(x[frame]), round(y[frame])), 5, ORANGE, -1, cv2.LINE_AA)
    return caption(plot, name, f"{values[frame]:.2f} here" if known[frame] else "not known here")


def _shelf(controls: dict[str, widgets.Widget]) -> widgets.Widget:
    """Play button and slider in one row, the switches after them; the button moves the slider in the page itself."""
    slider = controls["frame"]
    play = widgets.Play(slider.value, min=slider.min, max=slider.max, interval=80, description="play")
    play.layout.flex = "0 0 auto"
    widgets.jslink((play, "value"), (slider, "value"))
    slider.layout = widgets.Layout(flex="3 1 16em")
    slider.style.description_width = "3.5em"
    for name in ("close_up", "points"):
        controls[name].indent = False
        controls[name].layout.width = "7em"
    row = widgets.Layout(max_width="1000px", flex_flow="row wrap", align_items="center")
    return widgets.HBox([play, *controls.values()], layout=row)
