"""A loss curve that grows while a training cell runs: one picture, drawn anew at most twice a second."""

import time
from collections.abc import Iterable, Iterator, Sequence
from math import ceil, floor

import cv2
import numpy as np
from IPython.display import display

from redn_lib.widgets.figures import running_mean
from redn_lib.widgets.live import still
from redn_lib.widgets.panels import card, text_width, write
from redn_lib.widgets.style import BLUE, GRID, INK, PALETTE, QUIET

WIDTH, HEIGHT = 640, 240
LEFT, TOP, RIGHT, BOTTOM = 56, 30, 12, 28
SECONDS = 0.5


def draw_losses(losses: Sequence[Sequence[float]], total: int, smooth: int = 10) -> np.ndarray:
    """The curve as a picture (240, 640, 3) uint8 RGB: losses (n, K), one line for each of K, over `total` iterations.

    Logarithmic, with round numbers at the grid; smoothed by the mean of the last `smooth` values. A line ends at a loss
    that is no number.
    """
    out = card(HEIGHT, WIDTH)
    table = np.asarray(losses, float).reshape(len(losses), -1) if len(losses) else np.zeros((0, 1))
    with np.errstate(invalid="ignore"):
        lines = np.stack([running_mean(column, smooth) for column in table.T])
    good = np.isfinite(lines) & (lines > 0)
    low, high = (np.log10(lines[good].min()), np.log10(lines[good].max())) if good.any() else (-1.0, 0.0)
    middle, half = (low + high) / 2, max((high - low) / 2 * 1.08, 0.02)
    low, high = middle - half, middle + half
    for tick in ticks(low, high):
        y = TOP + (HEIGHT - TOP - BOTTOM) * (high - np.log10(tick)) / (high - low)
        cv2.line(out, (LEFT, round(y)), (WIDTH - RIGHT, round(y)), GRID, 1)
        name = f"{tick:.3g}"
        write(out, name, LEFT - 6 - text_width(name, 11), y - 8, size=11, colour=QUIET)
    for x, name in ((LEFT, "0"), (WIDTH - RIGHT - text_width(str(total), 11), str(total))):
        write(out, name, x, HEIGHT - BOTTOM + 6, size=11, colour=QUIET)
    write(
        out, "iteration", (LEFT + WIDTH - text_width("iteration", 11)) // 2, HEIGHT - BOTTOM + 6, size=11, colour=QUIET
    )
    x = LEFT
    for k, (line, fine) in enumerate(zip(lines, good, strict=True)):
        colour = BLUE if len(lines) == 1 else PALETTE[k % len(PALETTE)]
        at = LEFT + (WIDTH - LEFT - RIGHT) * np.arange(len(line)) / max(total - 1, 1)
        level = np.log10(np.where(fine, line, 1.0))
        path = np.c_[at, TOP + (HEIGHT - TOP - BOTTOM) * (high - level) / (high - low)]
        for run in np.split(np.arange(len(line)), np.flatnonzero(~fine)):
            run = run[fine[run]]
            cv2.polylines(
                out, [np.rint(path[run] * 16).astype(np.int32).reshape(-1, 1, 2)], False, colour, 2, cv2.LINE_AA, 4
            )
        name = "loss" if len(lines) == 1 else f"look {k + 1}"
        cv2.line(out, (x, 15), (x + 14, 15), colour, 3)
        write(out, name, x + 19, 7, size=12)
        x += 19 + text_width(name, 12) + 14
    write(out, "log axis", x, 7, size=12, colour=QUIET)
    said = f"{len(losses)} of {total}" + (f" · {lines[:, -1].mean():.4g}" if lines.size else "")
    write(out, said, WIDTH - RIGHT - text_width(said, 12), 7, size=12, colour=INK)
    return out


def ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers for a logarithmic axis from 10^low to 10^high: tenfolds of 1, or else of 1, 3, of 1,
    2, 5, of all digits; where the range is too narrow for these, equal steps.
    """
    decades = range(max(floor(low), -300), ceil(high) + 1)
    for digits in ((1,), (1, 3), (1, 2, 5), range(1, 10)):
        found = [d * 10.0**e for e in decades for d in digits if low <= np.log10(d) + e <= high]
        if len(found) >= 3:
            return found[:: -(-len(found) // 6)]
    least, most = 10.0**low, 10.0**high
    step = 10.0 ** floor(np.log10((most - least) / 2))
    step *= ceil((most - least) / step / 6)
    return [step * n for n in range(ceil(least / step), floor(most / step) + 1)]


def live_losses(batches: Iterable, losses: Sequence[Sequence[float]], total: int) -> Iterator:
    """Yield the batches; meanwhile show the curve of `losses` (filled by whoever trains, one entry a batch).

    The curve is one cell output, replaced in place; the last drawing stays on the page. Use it as `show=` of a trainer:
    `trainer.run(lambda batches: live_losses(batches, trainer.losses, total))`.
    """
    shown = display(still(draw_losses(losses, total), "Loss by iteration, still empty"), display_id=True)
    last = time.monotonic()
    try:
        for batch in batches:
            yield batch
            if time.monotonic() - last > SECONDS:
                _update(shown, losses, total)
                last = time.monotonic()
    finally:
        _update(shown, losses, total)


def _update(shown, losses: Sequence[Sequence[float]], total: int) -> None:
    now = f", now {np.mean(losses[-1]):.4g}" if losses else ""
    shown.update(still(draw_losses(losses, total), f"Loss by iteration, {len(losses)} of {total}{now}"))
