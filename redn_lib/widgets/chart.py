"""Charts of live widgets, drawn as pictures are: Matplotlib would take most of the time between two pictures."""

from typing import NamedTuple

import numpy as np

from redn_lib.widgets.draw import dot, polyline
from redn_lib.widgets.panels import card, write
from redn_lib.widgets.style import CARD, GREEN, GRID, INK, QUIET

LEFT, RIGHT = 56, 6  # pixels beside the axes of a time chart


class Axis(NamedTuple):
    """A number line of a chart: the number `low` is at pixel `start`, `high` at pixel `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, values) -> np.ndarray:
        """Pixels of numbers."""
        return self.start + (np.asarray(values) - self.low) * (self.end - self.start) / (self.high - self.low)


def time_chart(curves, colours, frame: int, grey: np.ndarray, limits, form: str, size, cut: int = 0) -> np.ndarray:
    """Curves over the frames of a clip, with a mark at one frame and grey behind some frames.

    curves: (T,) by name, NaN where unknown, cut off at the limits; the last one has a dot at the frame.
    grey: (T,) share of the height that is grey.
    form: how the limits are written.
    size: height and width in pixels; cut: a green line before this frame, 0: none.
    """
    (height, width), frames = size, len(grey)
    out, up = card(height, width), Axis(*limits, height - 5, 5)
    across = Axis(-0.5, frames - 0.5, LEFT, width - RIGHT)
    edges = np.rint(across.at(np.arange(frames + 1) - 0.5)).astype(int)
    for t in range(frames):
        out[round(height - 5 - grey[t] * (height - 10)) : height - 5, edges[t] : edges[t + 1]] = GRID
    for limit in limits:
        y = float(up.at(limit))
        polyline(out, [(LEFT, y), (width - RIGHT, y)], False, GRID)
        write(out, form.format(limit), LEFT - 6, y - 7, size=11, colour=QUIET, anchor=1)
    for name, values in curves.items():
        points = np.stack([across.at(np.arange(frames)), up.at(np.clip(values, *limits))], 1)
        known = np.isfinite(points).all(1)
        for t in np.flatnonzero(known[1:] & known[:-1]):
            polyline(out, points[t : t + 2], False, colours[name], 2)
        for point in points[known]:
            dot(out, point, 2, colours[name], edge=colours[name])
    here = float(across.at(frame))
    polyline(out, [(here, 5), (here, height - 5)], False, INK)
    if cut:
        before = float(across.at(cut - 0.5))
        polyline(out, [(before, 5), (before, height - 5)], False, GREEN, 2)
    if known[frame]:
        dot(out, points[frame], 4.5, INK, edge=CARD)
    return out
