"""Charts of live widgets: a Matplotlib figure that is made once; then its artists are moved and it is drawn again."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from redn_lib.widgets.style import CARD, GREEN, GRID, INK, RC, Colour, rgb

LEFT, RIGHT = 56, 6
"""Pixels beside the axes of a `TimeChart`."""


class Chart:
    """A figure of width x height pixels without a layout engine, which would take most of the time."""

    def __init__(self, width: int, height: int):
        self.width, self.height = width, height
        with mpl.rc_context(RC):
            self.figure = Figure(figsize=((width + 0.01) / 100, (height + 0.01) / 100), dpi=100, layout="none")
        self.canvas = FigureCanvasAgg(self.figure)

    def axes(self, left: float, top: float, right: float, bottom: float, **settings) -> Axes:
        """Axes between pixels counted from the left and from the top. settings: of `Axes.set`."""
        with mpl.rc_context(RC):
            w, h = self.width, self.height
            axes = self.figure.add_axes((left / w, 1 - bottom / h, (right - left) / w, (bottom - top) / h))
            axes.set(**settings)
            axes.tick_params(length=0)
            return axes

    def pixels(self) -> np.ndarray:
        """The figure as it is now: (height, width, 3) uint8 RGB."""
        with mpl.rc_context(RC):  # ticks that are new take their style here
            self.canvas.draw()
        return np.asarray(self.canvas.buffer_rgba())[..., :3].copy()

    def place(self, axes: Axes, x: float, y: float) -> tuple[float, float]:
        """Where numbers of the axes are in the pixels, from the left and from the top."""
        left, up = axes.transData.transform((x, y))
        return left, self.height - up


class TimeChart(Chart):
    """Curves over the frames of a clip, one for each colour, with a mark at one frame and grey behind some frames."""

    def __init__(self, frames: int, colours: Mapping[str, Colour], width: int, height: int):
        super().__init__(width, height)
        self.edges = np.arange(frames + 1) - 0.5
        self.plot = self.axes(LEFT, 5, width - RIGHT, height - 5, xlim=(-0.5, frames - 0.5), xticks=[])
        self.plot.spines["left"].set_visible(False)
        self.plot.spines["bottom"].set_color(rgb(GRID))
        self.grey = self.plot.stairs(np.zeros(frames), self.edges, fill=True, color=rgb(GRID))
        dots = {"marker": "o", "markersize": 3, "markeredgecolor": "none", "clip_on": False}
        self.lines = {name: self.plot.plot([], color=rgb(colour), **dots)[0] for name, colour in colours.items()}
        self.mark = self.plot.axvline(0, color=rgb(INK), linewidth=1)
        self.dot = self.plot.plot([], "o", color=rgb(INK), markersize=7, markeredgecolor=rgb(CARD), clip_on=False)[0]
        self.cut = self.plot.axvline(0, color=rgb(GREEN), linewidth=2)

    def show(
        self,
        curves: Mapping[str, np.ndarray],
        frame: int,
        grey: np.ndarray,
        limits: tuple[float, float],
        form: str,
        cut: int = 0,
    ) -> np.ndarray:
        """The chart as pixels.

        curves: (T,) by name, NaN where unknown, cut off at the limits.
        grey: (T,) share of the height that is grey.
        form: how the limits are written.
        cut: a green line before this frame, 0: none.
        """
        low, high = limits
        for name, line in self.lines.items():
            values = curves.get(name, np.full(len(grey), np.nan))
            line.set_data(np.arange(len(grey)), np.clip(values, low, high))
        self.grey.set_data(low + (high - low) * grey, baseline=low)
        self.mark.set_xdata([frame, frame])
        last = next(reversed(curves.values()))
        self.dot.set_data([frame], np.clip(last[[frame]], low, high))
        self.cut.set_xdata([cut - 0.5] * 2)
        self.cut.set_visible(cut > 0)
        self.plot.set(ylim=limits, yticks=limits, yticklabels=[form.format(v) for v in limits])
        return self.pixels()


class Intervals:
    """Rows of intervals: a dot at each mean, a line from low to high with ends; none where those are NaN."""

    def __init__(self, axes: Axes, rows: int):
        self.rows = np.arange(rows)
        nothing = np.full(rows, np.nan)
        self.lines = axes.hlines(self.rows, nothing, nothing, linewidth=2)
        self.ends = axes.scatter(np.r_[nothing, nothing], np.r_[self.rows, self.rows], 90, marker="|", linewidth=2)
        self.dots = axes.scatter(nothing, self.rows, 42, zorder=3, linewidth=2)
        axes.set(ylim=(rows - 0.5, -0.5), yticks=[])
        axes.xaxis.set_major_locator(round_ticks())
        axes.spines[:].set_visible(False)

    def move(
        self,
        means: np.ndarray,
        lows: np.ndarray,
        highs: np.ndarray,
        colours: Sequence[Colour],
        hollow: Sequence[int] = (),
    ) -> None:
        """All by row. hollow: rows whose dot is a ring."""
        tones = np.array([rgb(colour) for colour in colours])
        low, high = np.c_[lows, self.rows], np.c_[highs, self.rows]
        self.lines.set_segments(np.stack([low, high], 1))
        self.lines.set_color(tones)
        self.ends.set_offsets(np.concatenate([low, high]))
        self.ends.set_color(np.concatenate([tones, tones]))
        self.dots.set_offsets(np.c_[means, self.rows])
        self.dots.set_edgecolor(tones)
        inner = tones.copy()
        inner[list(hollow)] = rgb(CARD)
        self.dots.set_facecolor(inner)


def round_ticks() -> MaxNLocator:
    """A few round numbers."""
    return MaxNLocator(5, steps=[1, 2, 2.5, 5, 10])
