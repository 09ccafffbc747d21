"""Browse a tracked video: each frame with its points, and numbers over time with a mark at the frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from redn_lib.tracking.tracker import TrackedFrame
from redn_lib.widgets.draw import close_up, draw_face
from redn_lib.widgets.widget import Drawing, Panel, Scene, setting, widget

WIDTH, HEIGHT = 540, 400  # of the panel
SPAN = 1.8  # height of the close-up in widths of the face's box


@dataclass(frozen=True)
class BrowserState:
    """Where every control stands."""

    frame: int = setting(0, "frame", "number of the frame", (0, 0))
    close_up: bool = setting(True, "close up", "the face alone, or the whole frame")
    points: bool = setting(True, "points", "draws the network's points")


@widget
def clip_browser(tracked: Sequence[TrackedFrame], curves: Mapping | None = None, **start) -> Scene:
    """A slider over the frames, a play button, and switches for the close-up and the points.

    tracked: what `Tracker.track` gave; curves: further numbers (T,) to draw under the confidence, by name, NaN where
    unknown. Raises ValueError where there is no frame or a curve has another length.
    """
    if not tracked:
        raise ValueError("there is no frame to show; give at least one")
    confidence = [np.nan if f.lost else f.confidence.mean() for f in tracked]
    lines = {name: np.asarray(values, float) for name, values in {"confidence": confidence, **(curves or {})}.items()}
    for name, values in lines.items():
        if values.shape != (len(tracked),):
            raise ValueError(f"curve {name!r} has shape {values.shape}, but there are {len(tracked)} frames")

    def draw(state: BrowserState) -> Drawing:
        here, when = tracked[state.frame], f"frame {state.frame} of 0 to {len(tracked) - 1}"
        panel = Panel(
            draw_frame(here, close=state.close_up, points=state.points), f"Frame {state.frame}", f"{here.time:.2f} s"
        )
        shown = [f"{name} {values[state.frame]:.2f}" for name, values in lines.items()]
        what = "the face is lost" if here.lost else "the face" + " with the network's 68 points" * state.points
        about = f"Video: {what}; below it over time: {', '.join(lines)}"
        return Drawing([[panel]], about, [[when, f"{here.time:.2f} s", *["face lost"] * here.lost, *shown]], lines)

    return Scene(draw, BrowserState(**start), frame=(0, len(tracked) - 1))


def draw_frame(here: TrackedFrame, *, close: bool, points: bool, width=WIDTH, height=HEIGHT) -> np.ndarray:
    """One frame on a panel (height, width, 3): close to its face, or whole, as it is where the face is lost."""
    box, zoom = here.box, height / SPAN / (here.box[2:] - here.box[:2]).max()
    if here.lost or not close:
        h, w = here.image.shape[:2]
        box, zoom = np.array([0, 0, w - 1, h - 1]), min(width / w, height / h)
    panel, to_panel = close_up(here.image, box, zoom, width, height)
    return panel if here.lost or not points else draw_face(panel, to_panel(here.points), here.confidence)
