"""A loss curve that grows while a training cell runs: one figure, drawn again at most once a second."""

import time
from collections.abc import Iterable, Iterator, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib.ticker import LogLocator, NullFormatter

from redn_lib.widgets.figures import AltFigure
from redn_lib.widgets.style import RC

SECONDS = 1.0
SMOOTH = 10


@mpl.rc_context(RC)
def loss_curve(losses: Sequence[Sequence[float]], total: int) -> AltFigure:
    """Losses (n, K) over `total` iterations: for each of K steps the mean of the last SMOOTH values above 0."""
    table = pd.DataFrame(np.reshape(losses, (len(losses), -1)) if len(losses) else [[np.nan]])
    smooth = table.replace([np.inf, -np.inf], np.nan).rolling(SMOOTH, min_periods=1).mean()
    smooth = smooth.where(smooth > 0)
    known, now = smooth.stack().dropna(), f"{len(losses)} of {total}"
    way = f"from {smooth.iloc[0].mean():.3g} to {smooth.iloc[-1].mean():.3g}" if len(losses) else "still empty"
    alt = f"The loss over the iterations, {now}, on a log axis, {way}; each point the mean of the last {SMOOTH}"
    figure = AltFigure(figsize=(6.4, 2.4), alt=alt)
    axes = figure.subplots()
    axes.plot(smooth, label=["loss"] if smooth.shape[1] == 1 else [f"step {k + 1}" for k in smooth])
    limits = (max(known.min() / 1.1, 1e-300), known.max() * 1.1) if len(known) else (0.1, 1)
    axes.set(xlim=(0, max(total, 1)), xlabel="iteration; loss on a log axis", yscale="log", ylim=limits)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:.3g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=6)
    mean = f" · {smooth.iloc[-1].mean():.4g}" if len(losses) else ""
    axes.text(1, 1.04, now + mean, ha="right", transform=axes.transAxes)
    return figure


def live_losses(batches: Iterable, losses: Sequence[Sequence[float]], total: int) -> Iterator:
    """Yield the batches; meanwhile show the curve of `losses` (filled by whoever trains, one entry a batch).

    The curve is one cell output, replaced in place; the last drawing stays on the page. Use it as `show=` of a trainer:
    `trainer.run(lambda batches: live_losses(batches, trainer.losses, total))`.
    """
    shown, last = display(loss_curve(losses, total), display_id=True), time.monotonic()
    try:
        for batch in batches:
            yield batch
            if time.monotonic() - last > SECONDS:
                shown.update(loss_curve(losses, total))
                last = time.monotonic()
    finally:
        shown.update(loss_curve(losses, total))
