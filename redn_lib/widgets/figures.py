"""Static figures in the suite's style; every function returns a Matplotlib `Figure` and shows nothing itself.

As the last line of a cell a figure is shown once, with its alt text; pyplot is not used, so there is nothing to close.
"""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from IPython.core.pylabtools import print_figure
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from redn_lib.data.clip import Face
from redn_lib.landmarks import PARTS
from redn_lib.metrics import auc, ced, failure_rate, point_errors
from redn_lib.widgets.draw import draw_face
from redn_lib.widgets.style import ANSWER, CARD, INK, MISS, PALETTE, QUIET, RC, TRUTH, rgb

DASHES = ("-", "--", "-.", ":")


class AltFigure(Figure):
    """A figure with a text for those who cannot see it; a notebook shows both, whether pyplot is loaded or not.

    alt: the text; kind: how it is stored in a notebook; "jpeg" takes a fifth of the room for photographs.
    """

    def __init__(self, *args, alt: str = "", kind: str = "png", **options):
        super().__init__(*args, **options)
        self.alt, self.kind = alt, kind

    def _repr_mimebundle_(self, **_kwargs) -> tuple[dict, dict]:
        mime, options = f"image/{self.kind}", {"pil_kwargs": {"quality": 88}} if self.kind == "jpeg" else {}
        data = print_figure(self, self.kind, bbox_inches=None, base64=True, **options)
        return {mime: data, "text/plain": self.alt}, {mime: {"alt": self.alt}}


def drawn(figure: Figure) -> np.ndarray:
    """A figure as a picture (H, W, 3) uint8 RGB, for a live widget."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


@mpl.rc_context(RC)
def faces_grid(faces: Sequence[Face], points=None, captions=(), *, columns: int = 6, labels=True) -> AltFigure:
    """Faces in rows: the labels alone, or with `points` (68, 2) each the network's points and their errors.

    captions: a text each, by default the faces' names; labels=False: images alone. Raises ValueError where the numbers
    of faces, points and captions differ.
    """
    if not faces or any(given is not None and len(given) not in (0, len(faces)) for given in (points, captions)):
        raise ValueError(f"{len(faces)} faces: give at least one, and as many points and captions as faces")
    columns = min(columns, len(faces))
    side, rows = min(9.9 / columns, 2.4), -(-len(faces) // columns)
    size = side * columns, (side + 0.2) * rows + 0.3 * (points is not None)
    figure = AltFigure(figsize=size, alt=f"{len(faces)} faces with their points", kind="jpeg")
    for i, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        axes.axis("off")
        if i >= len(faces):
            continue
        face, shown = faces[i], faces[i].image
        zoom = 110 * side / len(face.image)  # about as many pixels as on the page
        if points is not None:
            shown = draw_face(face.image, points[i], truth=face.points, zoom=zoom)
        elif labels:
            shown = draw_face(face.image, face.points, zoom=zoom)
        axes.imshow(shown, interpolation="auto")
        axes.set_title(captions[i] if captions else face.name, fontsize=8, fontweight="normal")
    if points is not None:  # which colour is the prediction, the label, the error
        style = {"marker": "o", "linestyle": "", "markeredgecolor": rgb(INK), "markersize": 5}
        marks = [Line2D([], [], color=rgb(colour), **style) for colour in (ANSWER, TRUTH)]
        words = ["prediction", "label", "error: the line between the two"]
        figure.legend([*marks, Line2D([], [], color=rgb(MISS))], words, loc="outside lower center", ncols=3)
    return figure


@mpl.rc_context(RC)
def ced_curves(errors: Mapping[str, np.ndarray], *, limit: float = 0.08, of: str = "the eye distance") -> AltFigure:
    """Cumulative error curves with AUC and failure rate in the legend. errors: NME (N,) by name, fractions of `of`."""
    alt = f"Cumulative error curves up to {limit:.0%} of {', '.join(errors)}"
    figure = AltFigure(figsize=(6.4, 3.6), alt=alt)
    axes = figure.subplots()
    for i, (name, values) in enumerate(errors.items()):
        at, share = ced(values, limit)
        label = f"{name}: AUC {auc(values, limit):.2f}, {failure_rate(values, limit):.1%} fail"
        axes.plot(100 * at, share, label=label, linestyle=DASHES[i % 4])
    axes.set(xlim=(0, 100 * limit), ylim=(0, 1), xlabel=f"NME, % of {of}", ylabel="share of faces at or below")
    axes.legend(loc="upper left")
    return figure


@mpl.rc_context(RC)
def part_errors(points: Mapping[str, np.ndarray], truth: np.ndarray) -> AltFigure:
    """Mean error of each part of the face: points by name and truth, all (N, 68, 2) in pixels of their images."""
    figure = AltFigure(figsize=(6.4, 3.6), alt=f"Mean error of each part of the face: {', '.join(points)}")
    axes, width = figure.subplots(), 0.8 / len(points)
    for i, (name, predicted) in enumerate(points.items()):
        errors = 100 * point_errors(predicted, truth).reshape(-1, truth.shape[-2])
        heights = [errors[:, list(at)].mean() for at in PARTS.values()]
        axes.bar(np.arange(len(PARTS)) + (i + 0.5) * width - 0.4, heights, width, label=name)
    axes.set_xticks(range(len(PARTS)), [name.replace("_", "\n") for name in PARTS])
    axes.set_ylabel("error, % of the eye distance")
    axes.grid(axis="x", visible=False)
    axes.legend()
    return figure


@mpl.rc_context(RC)
def curves_over_time(
    panels: Mapping[str, Mapping[str, np.ndarray]], occluded: np.ndarray | None = None, *, alt: str
) -> AltFigure:
    """Curves over the frames of a clip in panels below each other: (T,) by the label of the axis and the curve's name.

    occluded: (T,) share of the face that is occluded, grey behind the curves.
    """
    figure = AltFigure(figsize=(8.4, 1.55 * len(panels) + 0.4), alt=alt)
    stacked = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (label, curves) in zip(stacked, panels.items(), strict=True):
        if occluded is not None:
            where = axes.get_xaxis_transform()
            axes.fill_between(range(len(occluded)), 0, occluded, transform=where, color=rgb(QUIET), alpha=0.2, lw=0)
        for i, (name, values) in enumerate(curves.items()):
            axes.plot(values, label=name, linestyle=DASHES[i % 4])
        axes.set(ylabel=label)
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    stacked[-1].set_xlabel("frame" if occluded is None else "frame; grey: share of the face that is occluded")
    return figure


@mpl.rc_context(RC)
def dots_by_row(panels: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]], *, alt: str) -> AltFigure:
    """Panels side by side, in each a dot with its interval for every row of every series; hollow where it holds 0.

    panels: (value, low, high) or (value,) by the label of the axis, the name of the series and that of the row.
    """
    rows = list(dict.fromkeys(row for panel in panels.values() for series in panel.values() for row in series))
    most, same = max(map(len, panels.values())), len({tuple(panel) for panel in panels.values()}) == 1
    figure = AltFigure(figsize=(9.6, (0.22 + 0.08 * most) * len(rows) + 0.8), alt=alt)
    beside = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (label, panel) in zip(beside, panels.items(), strict=True):
        for i, (name, series) in enumerate(panel.items()):
            found = [values if len(values) == 3 else 3 * values for values in series.values()]
            value, low, high = np.reshape(found, (-1, 3)).T
            y = np.array([rows.index(row) + 0.6 * ((i + 0.5) / len(panel) - 0.5) for row in series])
            mark, colour, spread = "osD^vP"[i % 6], rgb(PALETTE[i % 6]), [value - low, high - value]
            axes.errorbar(value, y, xerr=spread, label=name, fmt=mark, color=colour, ms=5, capsize=3)
            hollow = (low < 0) & (high > 0)
            axes.plot(value[hollow], y[hollow], mark, ms=5, mfc=rgb(CARD), mec=colour, zorder=3)
            if (low < 0).any():
                axes.axvline(0, color=rgb(QUIET), linewidth=1)
        axes.set(xlabel=label, yticks=range(len(rows)), yticklabels=rows, ylim=(len(rows) - 0.4, -0.6))
        if len(panel) > 1 and not same:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    if same and most > 1:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=most)
    return figure


@mpl.rc_context(RC)
def intervals(found: Mapping[str, tuple[float, float, float]], of: str) -> AltFigure:
    """Effects by name, each with mean, low and high of its 95 % interval; hollow where the interval holds 0."""
    rows = [f"{name} {mean:+.2f} ({low:+.2f} to {high:+.2f})" for name, (mean, low, high) in found.items()]
    label = f"{of}\nmean and 95 % interval; hollow: not significant"
    figure = dots_by_row({label: {"": found}}, alt=f"{of}: {'; '.join(rows)}")
    beside = [f"{mean:+.2f}" for mean, _, _ in found.values()]
    figure.axes[0].secondary_yaxis("right").set_yticks(range(len(found)), beside)
    return figure
