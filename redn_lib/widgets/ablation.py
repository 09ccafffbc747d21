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
from matplotlib.ticker import MaxNLocator

from redn_lib.evaluation.tables import read_table
from redn_lib.experiments.curriculum import Setting
from redn_lib.experiments.questions import PARTS, QUESTIONS, name_of
from redn_lib.widgets.chart import Chart, Intervals, quiet
from redn_lib.widgets.live import Drawing, Live, Scene, first_state, setting, status
from redn_lib.widgets.panels import GAP, bordered, caption, side_by_side, stack
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
    cells = {
        name: {kind: Cell(row[kind], row[f"{kind}_sd"]) for kind in kinds}
        for name, row in rows.items()
    }
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
        self.whole = self.axes(0, HEAD, GRID_WIDTH, bottom, xlim=(0, GRID_WIDTH), ylim=(len(CELLS) - 0.5, -0.5))
        self.whole.axis("off")
        self.band = self.whole.axhspan(-0.5, 0.5, color=rgb(CHOSEN))
        for i, tick in enumerate(TICKS):
            x = 34 + 64 * i
            has = np.array([getattr(state, tick) for state in CELLS])
            rows = np.arange(len(CELLS))
            self.whole.scatter(np.full(has.sum(), x), rows[has], 120, color=rgb(COLOURS[tick]))
            self.whole.scatter(np.full((~has).sum(), x), rows[~has], 110, "none", edgecolor=rgb(GRID), linewidth=2)
            self.whole.text(x, -0.66, tick, ha="center", va="bottom", fontsize=8)
        self.whole.text(214, -0.66, "in colour: one part changed", va="bottom", **quiet())
        self.head = self.whole.text(GRID_WIDTH - 4, -0.66, "", ha="right", va="bottom", fontsize=8, color=rgb(PURPLE))
        self.plot = self.axes(214, HEAD, 410, bottom)
        self.plot.patch.set_visible(False)
        self.intervals = Intervals(self.plot, len(CELLS))
        self.plot.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        self.spread = f"mean and spread over {grid.seeds} seeds" if grid.seeds > 1 else "one seed"
        self.values = [self.whole.text(426, row, "", va="center", fontsize=9) for row in range(len(CELLS))]
        right = {"ha": "right", "va": "center", "fontsize": 9, "color": rgb(PURPLE)}
        self.short = [self.whole.text(GRID_WIDTH - 4, row, "", **right) for row in range(len(CELLS))]

    def show(self, grid: Grid, state: BoardState, short_runs: ShortRuns) -> np.ndarray:
        """The chart as pixels; networks that differ from the chosen one in one part have its colour."""
        here = [cell.cell for cell in CELLS].index(state.cell)
        changed = {cell: COLOURS[tick] for tick, cell in state.neighbours().items()}
        colours = [changed.get(cell.cell, QUIET) for cell in CELLS]
        colours[here] = INK
        found = [grid.cells[cell.cell][state.kind] for cell in CELLS]
        means, spreads = np.array(found).T
        self.intervals.move(means, means - spreads, means + spreads, colours)
        self.plot.set_xlim(_limits(found))
        unit = "jitter, % of the eye distance" if state.kind == JITTER else "NME, %"
        self.plot.set_xlabel(f"{unit}, {self.spread}", fontsize=8)
        self.band.set_y(here - 0.5)
        self.head.set_text("short run here" if short_runs else "")
        for row, cell in enumerate(CELLS):
            chosen = row == here
            style = {"fontweight": "bold" if chosen else "normal", "color": rgb(INK if chosen else QUIET)}
            self.values[row].set(text=str(found[row]), **style)
            run = short_runs.get(cell.cell)
            self.short[row].set_text("" if run is None else _short(run[state.kind]))
        return self.pixels()


def _limits(cells: Sequence[Cell]) -> tuple[float, float]:
    """Least and largest of means with their spreads, and a little more."""
    means, spreads = np.array(cells).T
    low, high = (means - np.nan_to_num(spreads)).min(), (means + np.nan_to_num(spreads)).max()
    more = 0.06 * (high - low) + 1e-3
    return low - more, high + more


class EffectChart(Chart):
    """A row for each part, each pair and all three: the mean effect and its interval around zero."""

    def __init__(self, grid: Grid):
        self.names = list(grid.effects)
        bottom = HEAD + ROW * len(self.names)
        super().__init__(EFFECT_WIDTH, HEAD + ROW * len(CELLS) + FOOT)
        self.plot = self.axes(150, HEAD, EFFECT_WIDTH - 58, bottom)
        self.intervals = Intervals(self.plot, len(self.names))
        self.plot.axvline(0, color=rgb(INK), linewidth=1, zorder=1)
        self.plot.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        interval = "mean and 95 % interval; hollow: not significant" if grid.seeds > 1 else "one seed: no interval"
        self.plot.set_xlabel(interval, fontsize=8)
        words = ["all three" if name.count("×") == 2 else name for name in self.names]
        self.plot.set_yticks(range(len(words)), words, color=rgb(INK))
        self.words = self.plot.get_yticklabels()
        self.plot.grid(axis="y", visible=False)
        at = self.plot.get_yaxis_transform()
        self.values = [self.plot.text(1.3, row, "", ha="right", va="center", transform=at) for row in range(len(words))]
        above = {"va": "bottom", "transform": self.plot.get_xaxis_transform(), **quiet()}
        self.less = self.plot.text(0, 1.02, "", ha="right", **above)
        self.more = self.plot.text(0, 1.02, "", ha="left", **above)

    def show(self, grid: Grid, state: BoardState) -> np.ndarray:
        """The chart as pixels."""
        found = [grid.effects[name][state.kind] for name in self.names]
        colours = [COLOURS.get(n, INK) if e.significant else QUIET for n, e in zip(self.names, found, strict=True)]
        hollow = [row for row, effect in enumerate(found) if not effect.significant]
        self.intervals.move(*np.array(found).T, colours, hollow)
        far = max(1.1 * float(np.nanmax(np.abs(found))), 1e-3)
        self.plot.set_xlim(-far, far)
        less, more = ("steadier", "shakier") if state.kind == JITTER else ("less error", "more error")
        self.less.set_text(less + "  ")
        self.more.set_text("  " + more)
        for effect, words, value in zip(found, self.words, self.values, strict=True):
            words.set_fontweight("bold" if effect.significant else "normal")
            value.set(text=f"{effect.mean:+.2f}", color=rgb(INK if effect.significant else QUIET))
        return self.pixels()


class KindChart(Chart):
    """A column for each kind: all eight networks as strokes, the chosen one as a dot with its spread."""

    def __init__(self, grid: Grid):
        super().__init__(KIND_WIDTH, KIND_HEIGHT)
        errors = [kind for kind in grid.kinds if kind != JITTER]
        groups = [kinds for kinds in (errors, [kind for kind in grid.kinds if kind == JITTER]) if kinds]
        column = (KIND_WIDTH - 52 * len(groups)) / len(grid.kinds)
        self.columns: dict[str, dict] = {}
        left = 52.0
        for kinds in groups:
            right = left + column * len(kinds)
            plot = self.axes(left, 8, right, KIND_HEIGHT - 26, xlim=(-0.5, len(kinds) - 0.5))
            cells = {kind: [cell[kind] for cell in grid.cells.values()] for kind in kinds}
            plot.set_ylim(_limits([cell for found in cells.values() for cell in found]))
            plot.set_xticks(range(len(kinds)), kinds, color=rgb(INK))
            plot.grid(axis="x", visible=False)
            plot.spines[:].set_visible(False)
            plot.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
            for x, kind in enumerate(kinds):
                plot.hlines([cell.mean for cell in cells[kind]], x - 0.28, x + 0.02, color=rgb(QUIET), linewidth=1)
                self.columns[kind] = {
                    "band": plot.axvspan(x - 0.47, x + 0.47, color=rgb(CHOSEN), zorder=0),
                    "spread": plot.plot([], [], color=rgb(INK), linewidth=2)[0],
                    "dot": plot.plot([], [], "o", color=rgb(INK), markersize=8)[0],
                    "value": plot.text(x + 0.05, 0, "", va="center", fontsize=9, fontweight="bold"),
                    "label": plot.get_xticklabels()[x],
                    "x": x - 0.13,
                }
            left = right + 52

    def show(self, grid: Grid, state: BoardState) -> np.ndarray:
        """The chart as pixels."""
        for kind, column in self.columns.items():
            mean, sd = grid.cells[state.cell][kind]
            column["band"].set_visible(kind == state.kind)
            column["label"].set_fontweight("bold" if kind == state.kind else "normal")
            column["spread"].set_data([column["x"]] * 2, [mean - sd, mean + sd])
            column["dot"].set_data([column["x"]], [mean])
            column["value"].set(text=f"{mean:.2f}", y=mean)
        return self.pixels()
