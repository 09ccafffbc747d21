"""The ablation board: what feedback, memory and identity are worth, together and alone, by what makes a clip hard.

ablation_board("results/rq5.csv", setting)                   # in a notebook, with a kernel: controls, a live picture
ablation_figure("results/rq5.csv", memory=False)             # the same picture without widgets
"""

from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from itertools import product
from math import isnan
from pathlib import Path
from threading import Thread, current_thread, main_thread
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from IPython.display import Image
from matplotlib.axes import Axes

from redn_lib.evaluation.tables import read_table
from redn_lib.experiments.curriculum import Setting
from redn_lib.experiments.questions import PARTS, QUESTIONS, name_of
from redn_lib.widgets.chart import Chart, Intervals, round_ticks
from redn_lib.widgets.live import Drawing, Live, Scene, first_state, setting, status
from redn_lib.widgets.panels import GAP, bordered, caption, side_by_side, stack, text_width, write
from redn_lib.widgets.style import BLUE, GREEN, GRID, INK, ORANGE, PURPLE, QUIET, Colour, rgb

TICKS = dict(zip(("feedback", "memory", "identity"), PARTS, strict=True))
"""The parts as the board calls them, and as the table does."""

JITTER = "jitter"
MEASURED = {
    "clear": "clear clips",
    "occluded": "frames in which the face is occluded",
    "unoccluded": "frames of occluded clips in which it is not",
    "blurred": "clips out of focus",
    "dark": "dark and noisy clips",
    "turned": "heads turned far",
    "disturbed": "the first frames after a bad first box",
    JITTER: "jitter of the points on clear clips",
}

ROW, HEAD, FOOT = 33, 26, 40
GRID_WIDTH = 610
EFFECT_WIDTH = 1000 - GRID_WIDTH - 3 * GAP
KIND_WIDTH, KIND_HEIGHT = 1000 - 2 * GAP, 176
COLOURS = dict(zip(TICKS, (BLUE, GREEN, ORANGE), strict=True))
CHOSEN: Colour = (220, 234, 245)
"""Behind the chosen cell and the chosen kind."""

ShortRuns = Mapping[str, Mapping[str, float]]
"""What short runs in this kernel measured, by cell and kind."""


@dataclass(frozen=True)
class BoardState:
    """Where every control stands: the parts that the chosen cell has, and what is measured."""

    feedback: bool = setting(True, "feedback", "several feedback steps, or one")
    memory: bool = setting(True, "memory", "f_tRNN from frame to frame, or none")
    identity: bool = setting(True, "identity", "trained with f_CLS, or without")
    kind: str = setting("occluded", "kind of clip", "what makes the clips hard", options=tuple(MEASURED), wide=True)

    @property
    def cell(self) -> str:
        """Name of the chosen cell in the table."""
        return name_of([part for tick, part in TICKS.items() if getattr(self, tick)])

    @property
    def words(self) -> str:
        """The chosen cell in the board's words."""
        return " + ".join(tick for tick in TICKS if getattr(self, tick)) or "none of the parts"

    def neighbours(self) -> dict[str, str]:
        """For each part by the board's name: the cell that differs from the chosen one in this part alone."""
        return {tick: replace(self, **{tick: not getattr(self, tick)}).cell for tick in TICKS}


CELLS = [BoardState(*ticks) for ticks in product((False, True), repeat=len(TICKS))]
"""The cells of the grid in the order of the board, which is the table's."""


class Cell(NamedTuple):
    """Mean and standard deviation over seeds, NaN for one seed."""

    mean: float
    sd: float

    def __str__(self) -> str:
        return f"{self.mean:.2f}" + ("" if isnan(self.sd) else f" ± {self.sd:.2f}")


class Effect(NamedTuple):
    """Mean over seeds and 95 % interval, NaN for one seed."""

    mean: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        """Whether there is an interval and it does not hold zero."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        if isnan(self.low):
            return f"{self.mean:+.2f} (one seed: no interval)"
        holds = "" if self.significant else ", not significant"
        return f"{self.mean:+.2f} ({self.low:+.2f} to {self.high:+.2f}{holds})"


@dataclass(frozen=True)
class Grid:
    """What a table holds.

    cells: by name in the table and kind.
    effects: by the board's name and kind.
    seeds: of each cell.
    """

    cells: Mapping[str, Mapping[str, Cell]]
    effects: Mapping[str, Mapping[str, Effect]]
    seeds: int

    @property
    def kinds(self) -> tuple[str, ...]:
        """What was measured."""
        return tuple(next(iter(self.cells.values())))


def read_grid(path: Path) -> Grid:
    """The grid of a table of `redn experiment rq5` and of the table of effects beside it.

    Raises FileNotFoundError where one is missing, ValueError where it is no such table.
    """
    beside = path.with_name(f"{path.stem}_effects.csv")
    for file in (path, beside):
        if not file.exists():
            raise FileNotFoundError(f"no {file}: make it with redn experiment rq5")
    rows = {row["variant"]: row for row in read_table(path).to_dict("records")}
    missing = [state.cell for state in CELLS if state.cell not in rows]
    if missing:
        raise ValueError(f"{path} has no row {missing[0]!r}: it is no table of redn experiment rq5")
    kinds = [kind for kind in MEASURED if kind in rows["none"]]
    cells = {name: {kind: Cell(row[kind], row[f"{kind}_sd"]) for kind in kinds} for name, row in rows.items()}
    words = {part: tick for tick, part in TICKS.items()}
    effects: dict[str, dict[str, Effect]] = {}
    for row in read_table(beside).to_dict("records"):
        name = " × ".join(words[part] for part in row["effect"].split(" x "))
        effect = Effect(*(row[column] for column in ("mean", "low", "high")))
        effects.setdefault(name, {})[row["figure"]] = effect
    return Grid(cells, effects, int(rows["none"]["seeds"]))


def ablation_board(table: str | Path, setting: Setting | None = None, **start) -> "Board":
    """Ticks for the parts, a slider for the kind of clip, and with a `setting` a button that trains the chosen cell.

    table: of `redn experiment rq5`, with its effects beside it; start: where controls begin, by the names of
    `BoardState`. Raises FileNotFoundError or ValueError for a table that cannot be read, TypeError for an unknown
    control, ValueError for a kind that the table does not have.
    """
    return Board(read_grid(Path(table)), start, setting)


def ablation_figure(table: str | Path, **start) -> Image:
    """The board's picture as an image with alt text, for pages where no widget runs; arguments as `ablation_board`."""
    return _scene(read_grid(Path(table)), start, {}).still()


def _scene(grid: Grid, start: dict, short_runs: ShortRuns) -> Scene:
    charts = CellChart(grid), EffectChart(grid), KindChart(grid)

    def draw(state: BoardState) -> Drawing:
        picture = compose(grid, state, short_runs, charts)
        return Drawing(picture, describe(grid, state, short_runs), in_words(grid, state))

    ranges = {"kind": grid.kinds}
    return Scene(draw, first_state(BoardState, start, ranges), ranges)


class Board(Live):
    """The board of a grid. setting: how the chosen cell is trained and measured in this kernel, None: not at all.

    figures: what short runs measured, by cell and kind.
    """

    def __init__(self, grid: Grid, start: dict, setting: Setting | None = None):
        self.figures: dict[str, Mapping[str, float]] = {}
        super().__init__(_scene(grid, start, self.figures), label_width="7em", lines=4)
        self.setting, self.progress, self._runner = setting, Progress(), None
        self.button = widgets.Button(description="train this network", tooltip="for a short while, here")
        self.button.layout.flex = "0 0 auto"
        self.button.on_click(lambda _button: self._pressed())
        if setting is not None:
            row = widgets.HBox([self.button, self.progress], layout=widgets.Layout(max_width="1000px"))
            top, *others = self.children
            self.children = (top, row, *others)

    def run(self) -> Mapping[str, float]:
        """Train the chosen cell as `setting` says, and put its figures on the board.

        What cells share is trained once, and a stopped run goes on where it was. Raises KeyboardInterrupt when stopped.
        """
        self.wait()
        state = self._state()
        self.button.disabled = current_thread() is main_thread()  # which is busy now, and would hear the button later
        self.progress.begin(f"training {state.words}")
        try:
            setting = replace(self.setting, show=self.progress.follow)
            question = QUESTIONS["rq5"]
            self.figures[state.cell] = question.run(question.variants[state.cell], setting, 0)
        except KeyboardInterrupt:
            self.progress.say(f"stopped: {state.words} goes on from here when it is trained again")
            raise
        except Exception as error:
            self.progress.say(f"{type(error).__name__}: {error}", wrong=True)
            raise
        finally:
            self.button.disabled = False
        self.progress.say(f"done: {state.words}, a short run of seed 0")
        self._moved()
        return self.figures[state.cell]

    def wait(self) -> None:
        """Until the run that the button began has ended."""
        if self._runner not in (None, current_thread()):
            self._runner.join()

    def _pressed(self) -> None:
        if self._runner is not None and self._runner.is_alive():
            self.progress.stop()
            return
        self.button.description = "stop"
        self._runner = Thread(target=self._aside, daemon=True)
        self._runner.start()

    def _aside(self) -> None:
        try:
            self.run()
        except (Exception, KeyboardInterrupt):  # the board shows it
            return
        finally:
            self.button.description = "train this network"


class Progress(widgets.HBox):
    """A bar and a line of text. `follow` wraps the batches of one training after another, as `show` of a trainer."""

    def __init__(self):
        self.bar = widgets.IntProgress(0, min=0, max=1, layout=widgets.Layout(flex="1 1 8em", min_width="8em"))
        self.words = widgets.HTML(layout=widgets.Layout(flex="3 1 20em"))
        self.asked, self.trainings = False, 0
        super().__init__([self.bar, self.words], layout=widgets.Layout(flex="1 1 auto", align_items="center"))

    def begin(self, words: str) -> None:
        """From the start, nothing asked."""
        self.asked, self.trainings, self.bar.value = False, 0, 0
        self.say(words)

    def stop(self) -> None:
        """Ask the training that is followed to stop before its next batch."""
        self.asked = True
        self.say("stopping")

    def follow(self, batches: Sized) -> Iterator:
        """Yield the batches, the bar beside them. Raises KeyboardInterrupt where it was asked to stop."""
        self.trainings += 1
        total = len(batches)
        self.bar.max, self.bar.value = max(total, 1), 0
        for n, batch in enumerate(batches, 1):
            if self.asked:
                raise KeyboardInterrupt
            self.say(f"training {self.trainings}, batch {n} of {total}")
            yield batch
            self.bar.value = n
        self.say(f"training {self.trainings} done")

    def say(self, words: str, *, wrong: bool = False) -> None:
        """Show a line of text, in red where something went wrong."""
        self.words.value = status(words, wrong=wrong)


def describe(grid: Grid, state: BoardState, short_runs: ShortRuns) -> str:
    """Three lines: the chosen cell and its rank; what one part more or less would be; the three main effects."""
    kind, here = state.kind, grid.cells[state.cell]
    rank = sum(cell[kind].mean < here[kind].mean for cell in grid.cells.values())
    place = "lowest" if rank == 0 else f"{rank} lower"
    seeds = f"{grid.seeds} seed" + "s" * (grid.seeds != 1)
    first = [state.words, f"{kind}: {here[kind]} % ({seeds}), {place} of {len(grid.cells)}"]
    if state.cell in short_runs:
        first.append(f"short run here: {_short(short_runs[state.cell][kind])} %, not to be compared with the table")
    changes = [
        f"{'without' if getattr(state, tick) else 'with'} {tick} {grid.cells[name][kind].mean - here[kind].mean:+.2f}"
        for tick, name in state.neighbours().items()
    ]
    effects = [f"{tick} {grid.effects[tick][kind]}" for tick in TICKS]
    lines = (first, ["one part changed: " + ", ".join(changes)], ["over the whole grid: " + ", ".join(effects)])
    return "\n".join(" · ".join(line) for line in lines)


def in_words(grid: Grid, state: BoardState) -> str:
    """Alt text of the board."""
    kind = state.kind
    cells = ", ".join(f"{s.words} {grid.cells[s.cell][kind].mean:.2f}" for s in CELLS)
    effects = ", ".join(f"{name} {found[kind]}" for name, found in grid.effects.items())
    return (
        f"Ablation board, {kind} ({MEASURED[kind]}); chosen: {state.words}. The eight networks in %: {cells}. "
        f"What each part and each pair does: {effects}. Below: the chosen network among the others, by difficulty."
    )


def _short(figure: float) -> str:
    """A figure of a short run, a dash where its few clips had no frame for it."""
    return "–" if isnan(figure) else f"{figure:.1f}"


def compose(grid: Grid, state: BoardState, short_runs: ShortRuns, charts: tuple) -> np.ndarray:
    """The whole board (H, 1000, 3) uint8 RGB."""
    cells, effects, kinds = charts
    chosen = "The network with no part" if state.cell == "none" else "The chosen network"
    upper = [
        caption(cells.show(grid, state, short_runs), f"Eight networks, {state.kind}", MEASURED[state.kind]),
        caption(effects.show(grid, state), "What each part does", "over the whole grid"),
    ]
    lower = caption(kinds.show(grid, state), f"{chosen} among the eight", "by what makes a clip hard; lower is better")
    return bordered(stack([side_by_side(upper), lower]))


class CellChart(Chart):
    """A row for each network: which parts it has, its mean on a kind, and its spread."""

    def __init__(self, grid: Grid):
        bottom = HEAD + ROW * len(CELLS)
        super().__init__(GRID_WIDTH, bottom + FOOT)
        whole = self.axes(0, HEAD, GRID_WIDTH, bottom, xlim=(0, GRID_WIDTH), ylim=(len(CELLS) - 0.5, -0.5))
        whole.axis("off")
        self.band = whole.axhspan(-0.5, 0.5, color=rgb(CHOSEN))
        for i, tick in enumerate(TICKS):
            for row, state in enumerate(CELLS):
                on = getattr(state, tick)
                inner, border = (rgb(COLOURS[tick]),) * 2 if on else ("none", rgb(GRID))
                whole.plot(34 + 64 * i, row, "o", color=inner, markersize=11, markeredgecolor=border, markeredgewidth=2)
        self.plot = self.axes(214, HEAD, 410, bottom)
        self.plot.patch.set_visible(False)
        self.intervals = Intervals(self.plot, len(CELLS))
        self.spread = f"mean and spread over {grid.seeds} seeds" if grid.seeds > 1 else "one seed"

    def show(self, grid: Grid, state: BoardState, short_runs: ShortRuns) -> np.ndarray:
        """The chart as pixels; networks that differ from the chosen one in one part have its colour."""
        here = [cell.cell for cell in CELLS].index(state.cell)
        changed = {cell: COLOURS[tick] for tick, cell in state.neighbours().items()}
        colours = [changed.get(cell.cell, QUIET) for cell in CELLS]
        colours[here] = INK
        found = [grid.cells[cell.cell][state.kind] for cell in CELLS]
        means, spreads = np.array(found).T
        self.intervals.move(means, means - spreads, means + spreads, colours)
        unit = "jitter, % of the eye distance" if state.kind == JITTER else "NME, %"
        self.plot.set(xlim=_limits(found))
        self.plot.set_xlabel(f"{unit}, {self.spread}", fontsize=8)
        self.band.set_y(here - 0.5)
        out = self.pixels()
        for i, tick in enumerate(TICKS):
            write(out, tick, 34 + 64 * i - text_width(tick, 11) / 2, 6, size=11)
        write(out, "in colour: one part changed", 214, 6, size=11, colour=QUIET)
        if short_runs:
            _right(out, "short run here", GRID_WIDTH - 4, 6, PURPLE)
        for row, cell in enumerate(CELLS):
            y, chosen = HEAD + ROW * row + 7, row == here
            write(out, str(found[row]), 426, y, bold=chosen, colour=INK if chosen else QUIET)
            if cell.cell in short_runs:
                _right(out, _short(short_runs[cell.cell][state.kind]), GRID_WIDTH - 4, y, PURPLE, 13)
        return out


def _right(out: np.ndarray, words: str, x: float, y: float, colour: Colour, size: int = 11, bold: bool = False) -> None:
    """Write words that end at x."""
    write(out, words, x - text_width(words, size, bold), y, size=size, bold=bold, colour=colour)


def _limits(cells: Sequence[Cell]) -> tuple[float, float]:
    """Least and largest of means with their spreads, and a little more."""
    means, spreads = np.array(cells).T
    low, high = (means - np.nan_to_num(spreads)).min(), (means + np.nan_to_num(spreads)).max()
    more = 0.06 * (high - low) + 1e-3
    return low - more, high + more


class EffectChart(Chart):
    """A row for each part, each pair and all three: the mean effect and its interval around zero."""

    def __init__(self, grid: Grid):
        bottom = HEAD + ROW * len(grid.effects)
        super().__init__(EFFECT_WIDTH, HEAD + ROW * len(CELLS) + FOOT)
        self.plot = self.axes(150, HEAD, EFFECT_WIDTH - 58, bottom)
        self.intervals = Intervals(self.plot, len(grid.effects))
        self.plot.axvline(0, color=rgb(INK), linewidth=1, zorder=1)
        interval = "mean and 95 % interval; hollow: not significant" if grid.seeds > 1 else "one seed: no interval"
        self.plot.set_xlabel(interval, fontsize=8, loc="right")

    def show(self, grid: Grid, state: BoardState) -> np.ndarray:
        """The chart as pixels."""
        found = {name: by_kind[state.kind] for name, by_kind in grid.effects.items()}
        numbers = np.array(list(found.values()))
        colours = [COLOURS.get(name, INK) if effect.significant else QUIET for name, effect in found.items()]
        hollow = [row for row, effect in enumerate(found.values()) if not effect.significant]
        self.intervals.move(*numbers.T, colours, hollow)
        far = max(1.1 * float(np.nanmax(np.abs(numbers))), 1e-3)
        self.plot.set_xlim(-far, far)
        out = self.pixels()
        less, more = ("steadier", "shakier") if state.kind == JITTER else ("less error", "more error")
        zero, _ = self.place(self.plot, 0, 0)
        _right(out, less, zero - 8, 6, QUIET)
        write(out, more, zero + 8, 6, size=11, colour=QUIET)
        for row, (name, effect) in enumerate(found.items()):
            y = HEAD + ROW * row + 7
            _right(out, "all three" if name.count("×") == 2 else name, 138, y + 1, INK, bold=effect.significant)
            _right(out, f"{effect.mean:+.2f}", EFFECT_WIDTH - 2, y, INK if effect.significant else QUIET, 13)
        return out


class KindChart(Chart):
    """A column for each kind: all eight networks as strokes, the chosen one as a dot with its spread."""

    def __init__(self, grid: Grid):
        super().__init__(KIND_WIDTH, KIND_HEIGHT)
        errors = [kind for kind in grid.kinds if kind != JITTER]
        groups = [kinds for kinds in (errors, [kind for kind in grid.kinds if kind == JITTER]) if kinds]
        column, left = (KIND_WIDTH - 52 * len(groups)) / len(grid.kinds), 52.0
        self.columns: list[tuple[str, Axes, int]] = []
        self.bands, self.dots = {}, {}
        for kinds in groups:
            plot = self.axes(left, 8, left + column * len(kinds), KIND_HEIGHT - 26, xlim=(-0.5, len(kinds) - 0.5))
            cells = {kind: [cell[kind] for cell in grid.cells.values()] for kind in kinds}
            plot.set(ylim=_limits(sum(cells.values(), [])), xticks=[])
            plot.yaxis.set_major_locator(round_ticks())
            plot.spines[:].set_visible(False)
            for x, kind in enumerate(kinds):
                plot.hlines([cell.mean for cell in cells[kind]], x - 0.3, x, color=rgb(QUIET), linewidth=1)
                self.bands[kind] = plot.axvspan(x - 0.47, x + 0.47, color=rgb(CHOSEN), zorder=0)
                self.dots[kind] = plot.errorbar(x - 0.15, 0, 0, fmt="o", color=rgb(INK), markersize=8)
                self.columns.append((kind, plot, x))
            left += column * len(kinds) + 52

    def show(self, grid: Grid, state: BoardState) -> np.ndarray:
        """The chart as pixels."""
        for kind, _, x in self.columns:
            mean, sd = grid.cells[state.cell][kind]
            dot, _, (spread,) = self.dots[kind]
            self.bands[kind].set_visible(kind == state.kind)
            dot.set_ydata([mean])
            spread.set_segments([[(x - 0.15, mean - sd), (x - 0.15, mean + sd)]])
        out = self.pixels()
        for kind, plot, x in self.columns:
            mean, chosen = grid.cells[state.cell][kind].mean, kind == state.kind
            left, y = self.place(plot, x + 0.05, mean)
            write(out, f"{mean:.2f}", left, y - 9, bold=True)
            middle, _ = self.place(plot, x, mean)
            write(out, kind, middle - text_width(kind, 12, chosen) / 2, KIND_HEIGHT - 20, size=12, bold=chosen)
        return out
