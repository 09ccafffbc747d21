"""A loss curve that grows while a training cell runs: one picture, drawn again at most once a second."""

import time
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from IPython.display import display
from matplotlib.ticker import LogLocator, NullFormatter

from redn_lib.widgets.chart import Chart
from redn_lib.widgets.live import still
from redn_lib.widgets.style import PALETTE, rgb

WIDTH, HEIGHT = 640, 240
SECONDS = 1.0
SMOOTH = 10


class LossChart(Chart):
    """Losses on a logarithmic axis over `total` iterations, a line for each of K steps."""

    def __init__(self, total: int):
        super().__init__(WIDTH, HEIGHT)
        self.total = total
        self.plot = self.axes(
            56, 30, WIDTH - 12, HEIGHT - 40, xlim=(0, max(total, 1)), xlabel="iteration; loss on a log axis"
        )
        self.plot.set_yscale("log")
        self.plot.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        self.plot.yaxis.set_major_formatter("{x:.3g}")
        self.plot.yaxis.set_minor_formatter(NullFormatter())
        self.lines = []
        self.now = self.plot.text(1, 1.04, "", ha="right", transform=self.plot.transAxes)

    def show(self, losses: Sequence[Sequence[float]]) -> np.ndarray:
        """Losses (n, K) as pixels, each line the mean of the last SMOOTH values; what is no number > 0 is left out."""
        table = np.asarray(losses, float).reshape(len(losses), -1) if len(losses) else np.zeros((0, 1))
        with np.errstate(invalid="ignore", over="ignore"):
            smooth = np.stack([running_mean(column, SMOOTH) for column in table.T])
        smooth[~(np.isfinite(smooth) & (smooth > 0))] = np.nan
        if len(self.lines) != len(smooth):
            self._make_lines(len(smooth))
        for line, values in zip(self.lines, smooth, strict=True):
            line.set_data(np.arange(len(values)), values)
        known = smooth[np.isfinite(smooth)]
        if known.size:
            self.plot.set_ylim(max(known.min() / 1.1, 1e-300), known.max() * 1.1)
        mean = f" · {smooth[:, -1].mean():.4g}" if len(losses) else ""
        self.now.set_text(f"{len(losses)} of {self.total}{mean}")
        return self.pixels()

    def _make_lines(self, lines: int) -> None:
        for line in self.lines:
            line.remove()
        names = ["loss"] if lines == 1 else [f"step {k + 1}" for k in range(lines)]
        self.lines = [
            self.plot.plot([], label=name, color=rgb(PALETTE[k % len(PALETTE)]))[0] for k, name in enumerate(names)
        ]
        self.plot.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=6, frameon=False, fontsize=8)


def running_mean(values: Sequence[float], length: int) -> np.ndarray:
    """Mean of the last `length` values at each place (of fewer at the beginning): (N,) to (N,)."""
    sums = np.cumsum(np.r_[0.0, np.asarray(values, float)])
    at = np.arange(1, len(sums))
    low = np.maximum(at - length, 0)
    return (sums[at] - sums[low]) / (at - low)


def live_losses(batches: Iterable, losses: Sequence[Sequence[float]], total: int) -> Iterator:
    """Yield the batches; meanwhile show the curve of `losses` (filled by whoever trains, one entry a batch).

    The curve is one cell output, replaced in place; the last drawing stays on the page. Use it as `show=` of a trainer:
    `trainer.run(lambda batches: live_losses(batches, trainer.losses, total))`.
    """
    chart = LossChart(total)
    shown = display(still(chart.show(losses), "Loss by iteration, still empty"), display_id=True)
    last = time.monotonic()
    try:
        for batch in batches:
            yield batch
            if time.monotonic() - last > SECONDS:
                _update(shown, chart, losses)
                last = time.monotonic()
    finally:
        _update(shown, chart, losses)


def _update(shown, chart: LossChart, losses: Sequence[Sequence[float]]) -> None:
    now = f", now {np.mean(losses[-1]):.4g}" if losses else ""
    shown.update(still(chart.show(losses), f"Loss by iteration, {len(losses)} of {chart.total}{now}"))
