"""Charts of live widgets, drawn as pictures are: Matplotlib would take most of the time between two pictures."""

import numpy as np

from redn_lib.widgets.draw import dot, polyline
from redn_lib.widgets.panels import card, write
from redn_lib.widgets.style import CARD, GREEN, GRID, INK, QUIET

LEFT, RIGHT = 56, 6  # pixels beside the axes of a time chart


def columns(frames: int, width: int) -> np.ndarray:
    """Where the column of each frame of a time chart begins, and where the last one ends: (frames + 1,) pixels."""
    return np.rint(np.linspace(LEFT, width - RIGHT, frames + 1)).astype(int)


def time_chart(curves, colours, frame: int, grey: np.ndarray, limits, form: str, size, cut: int = 0) -> np.ndarray:
    """Curves over the frames of a clip, with a mark at one frame and grey behind some frames.

    curves: (T,) by name, NaN where unknown, cut off at the limits; the last one has a dot at the frame.
    grey: (T,) share of the height that is grey.
    form: how the limits are written.
    size: height and width in pixels; cut: a green line before this frame, 0: none.
    """
    (height, width), frames = size, len(grey)
    out, edges = card(height, width), columns(frames, width)
    middles = np.interp(np.arange(frames), (-0.5, frames - 0.5), (LEFT, width - RIGHT))
    for t in range(frames):
        out[round(height - 5 - grey[t] * (height - 10)) : height - 5, edges[t] : edges[t + 1]] = GRID
    for limit, y in zip(limits, (height - 5, 5), strict=True):
        polyline(out, [(LEFT, y), (width - RIGHT, y)], False, GRID)
        write(out, form.format(limit), LEFT - 6, y - 7, size=11, colour=QUIET, anchor=1)
    for name, values in curves.items():
        points = np.stack([middles, np.interp(values, limits, (height - 5, 5))], 1)
        known = np.isfinite(points).all(1)
        for t in np.flatnonzero(known[1:] & known[:-1]):
            polyline(out, points[t : t + 2], False, colours[name], 2)
        for point in points[known]:
            dot(out, point, 2, colours[name], edge=colours[name])
    polyline(out, [(middles[frame], 5), (middles[frame], height - 5)], False, INK)
    if cut:
        polyline(out, [(edges[cut], 5), (edges[cut], height - 5)], False, GREEN, 2)
    if known[frame]:
        dot(out, points[frame], 4.5, INK, edge=CARD)
    return out
