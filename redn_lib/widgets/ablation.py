"""The ablation board: what feedback, memory and identity are worth, together and alone, by what makes a clip hard.

ablation_board("results/rq5.csv", setting)                   # in a notebook, with a kernel: controls, a live picture
ablation_figure("results/rq5.csv", memory=False)             # the same picture without widgets
"""

from collections.abc import Iterator, Mapping, Sequence, Sized
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from math import isnan
from pathlib import Path
from threading import Thread, current_thread, main_thread
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from IPython.display import Image

from redn_lib.evaluation.tables import read_table
from redn_lib.experiments.curriculum import Setting
from redn_lib.experiments.questions import PARTS, QUESTIONS, name_of
from redn_lib.widgets.chart import Axis
from redn_lib.widgets.draw import dot, polyline, ring
from redn_lib.widgets.live import Drawing, Live, Scene, button, setting, status
from redn_lib.widgets.panels import GAP, board, caption, card, write
from redn_lib.widgets.style import BLUE, CARD, GREEN, GRID, INK, ORANGE, PURPLE, QUIET, Colour

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

TRAIN = "train this network"
ROW, HEAD, FOOT = 33, 26, 40
GRID_WIDTH = 610
EFFECT_WIDTH = 1000 - GRID_WIDTH - 3 * GAP
KIND_WIDTH, KIND_HEIGHT = 1000 - 2 * GAP, 176
COLOURS = dict(zip(TICKS, (BLUE, GREEN, ORANGE), strict=True))
CHOSEN: Colour = (220, 234, 245)
"""Behind the chosen cell and the chosen kind."""


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


class Estimate(NamedTuple):
    """Mean over seeds, and the ends of its spread or 95 % interval, NaN for one seed."""

    mean: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        """Whether there is an interval and it does not hold zero."""
        return self.low > 0 or self.high < 0

    @property
    def spread(self) -> str:
        """Mean and standard deviation in words."""
        return f"{self.mean:.2f}" + ("" if isnan(self.low) else f" ± {round(self.high - self.mean, 6):.2f}")

    @property
    def effect(self) -> str:
        """Mean and interval in words."""
        if isnan(self.low):
            return f"{self.mean:+.2f} (one seed: no interval)"
        holds = "" if self.significant else ", not significant"
        return f"{self.mean:+.2f} ({self.low:+.2f} to {self.high:+.2f}{holds})"


class Grid(NamedTuple):
    """What a table holds."""

    cells: Mapping[str, Mapping[str, Estimate]]  # by name in the table and kind
    effects: Mapping[str, Mapping[str, Estimate]]  # by the board's name and kind
    seeds: int  # of each cell
    kinds: Sequence[str]  # what was measured


def read_grid(path: Path) -> Grid:
    """The grid of a table of `redn experiment rq5` and of the table of effects beside it.

    Raises FileNotFoundError where one is missing, ValueError where it is no such table.
    """
    beside = path.with_name(f"{path.stem}_effects.csv")
    for file in (path, beside):
        if not file.exists():
            raise FileNotFoundError(f"no {file}: make it with redn experiment rq5")
    table = read_table(path).set_index("variant")
    missing = [state.cell for state in CELLS if state.cell not in table.index]
    if missing:
        raise ValueError(f"{path} has no row {missing[0]!r}: it is no table of redn experiment rq5")
    kinds = [kind for kind in MEASURED if kind in table]
    cells, effects = {}, {}
    for name, row in table.iterrows():
        sd = {kind: row[f"{kind}_sd"] for kind in kinds}
        cells[name] = {kind: Estimate(row[kind], row[kind] - sd[kind], row[kind] + sd[kind]) for kind in kinds}
    words = {part: tick for tick, part in TICKS.items()}
    for row in read_table(beside).itertuples():
        name = " × ".join(words[part] for part in row.effect.split(" x "))
        effects.setdefault(name, {})[row.figure] = Estimate(row.mean, row.low, row.high)
    return Grid(cells, effects, int(table.loc["none", "seeds"]), kinds)


class AblationBoard(Live):
    """Ticks for the parts, a slider for the kind of clip, and with a `setting` a button that trains the chosen cell.

    table: of `redn experiment rq5`, with its effects beside it; start: where controls begin, by the names of
    `BoardState`. Raises FileNotFoundError or ValueError for a table that cannot be read, TypeError for an unknown
    control, ValueError for a kind that the table does not have. The attribute `figures` holds what short runs measured,
    by cell and kind.
    """

    def __init__(self, table: str | Path, setting: Setting | None = None, **start):
        self.figures: dict[str, Mapping[str, float]] = {}
        super().__init__(_scene(table, start, self.figures), label_width="7em", lines=4)
        self.setting, self._runner, self._stop, self._trainings = setting, None, False, 0
        self.button = button(TRAIN, "for a short while, here", self._pressed)
        self.bar = widgets.IntProgress(0, min=0, max=1, layout={"flex": "1 1 8em", "min_width": "8em"})
        self.progress = widgets.HTML(layout={"flex": "3 1 20em"})
        if setting is not None:
            layout = {"max_width": "1000px", "align_items": "center"}
            row = widgets.HBox([self.button, self.bar, self.progress], layout=layout)
            self.children = (self.children[0], row, *self.children[1:])

    def run(self) -> Mapping[str, float]:
        """Train the chosen cell as `setting` says, and put its figures on the board.

        What cells share is trained once, and a stopped run goes on where it was. Raises KeyboardInterrupt when stopped.
        """
        self.wait()
        state = self._state()
        self.button.disabled = current_thread() is main_thread()  # which is busy now, and would hear the button later
        self._stop, self._trainings, self.bar.value = False, 0, 0
        self._say(f"training {state.words}")
        try:
            question, setting = QUESTIONS["rq5"], replace(self.setting, show=self._follow)
            self.figures[state.cell] = question.run(question.variants[state.cell], setting, 0)
        except KeyboardInterrupt:
            self._say(f"stopped: {state.words} goes on from here when it is trained again")
            raise
        except Exception as error:
            self._say(f"{type(error).__name__}: {error}", wrong=True)
            raise
        finally:
            self.button.disabled = False
        self._say(f"done: {state.words}, a short run of seed 0")
        self._moved()
        return self.figures[state.cell]

    def wait(self) -> None:
        """Until the run that the button began has ended."""
        if self._runner not in (None, current_thread()):
            self._runner.join()

    def _pressed(self) -> None:
        if self._runner is not None and self._runner.is_alive():
            self._stop = True
            self._say("stopping")
            return
        self.button.description = "stop"
        self._runner = Thread(target=self._aside, daemon=True)
        self._runner.start()

    def _aside(self) -> None:
        with suppress(Exception, KeyboardInterrupt):  # the board shows it
            self.run()
        self.button.description = TRAIN

    def _follow(self, batches: Sized) -> Iterator:
        """Yield the batches, the bar beside them. Raises KeyboardInterrupt where it was asked to stop."""
        self._trainings += 1
        total = len(batches)
        self.bar.max, self.bar.value = max(total, 1), 0
        for n, batch in enumerate(batches, 1):
            if self._stop:
                raise KeyboardInterrupt
            self._say(f"training {self._trainings}, batch {n} of {total}")
            yield batch
            self.bar.value = n
        self._say(f"training {self._trainings} done")

    def _say(self, words: str, *, wrong: bool = False) -> None:
        self.progress.value = status(words, wrong=wrong)


ablation_board = AblationBoard


def ablation_figure(table: str | Path, **start) -> Image:
    """The board's picture as an image with alt text, for pages where no widget runs; arguments as `ablation_board`."""
    return _scene(table, start, {}).still()


def _scene(table: str | Path, start: dict, short_runs: dict) -> Scene:
    grid = read_grid(Path(table))

    def draw(state: BoardState) -> Drawing:
        kind, chosen = state.kind, "The network with no part" if state.cell == "none" else "The chosen network"
        upper = [
            caption(_cells(grid, state, short_runs), f"Eight networks, {kind}", MEASURED[kind]),
            caption(_effects(grid, state), "What each part does", "over the whole grid"),
        ]
        lower = caption(_kinds(grid, state), f"{chosen} among the eight", "by what makes a clip hard; lower is better")
        cells = ", ".join(f"{s.words} {grid.cells[s.cell][kind].mean:.2f}" for s in CELLS)
        pairs = [f"{name} {found[kind].effect}" for name, found in grid.effects.items() if name not in TICKS]
        about = (
            f"Ablation board, {kind} ({MEASURED[kind]}): the eight networks in %: {cells}. What parts do together: "
            f"{', '.join(pairs)}. Below: the chosen network among the others, by difficulty"
        )
        return Drawing(board([upper, [lower]]), about, numbers(grid, state, short_runs))

    return Scene(draw, BoardState, start, {"kind": grid.kinds})


def numbers(grid: Grid, state: BoardState, short_runs: dict) -> list[list[str]]:
    """The chosen cell and its rank; what one part more or less would be; the three main effects."""
    kind, here = state.kind, grid.cells[state.cell]
    rank = sum(cell[kind].mean < here[kind].mean for cell in grid.cells.values())
    place = "lowest" if rank == 0 else f"{rank} lower"
    seeds = f"{grid.seeds} seed" + "s" * (grid.seeds != 1)
    first = [state.words, f"{kind}: {here[kind].spread} % ({seeds}), {place} of {len(grid.cells)}"]
    if state.cell in short_runs:
        first.append(f"short run here: {_short(short_runs[state.cell][kind])} %, not to be compared with the table")
    changes = []
    for tick, name in state.neighbours().items():
        change = grid.cells[name][kind].mean - here[kind].mean
        changes.append(f"{'without' if getattr(state, tick) else 'with'} {tick} {change:+.2f}")
    effects = [f"{tick} {grid.effects[tick][kind].effect}" for tick in TICKS]
    return [first, ["one part changed: " + ", ".join(changes)], ["over the whole grid: " + ", ".join(effects)]]


def _short(figure: float) -> str:
    """A figure of a short run, a dash where its few clips had no frame for it."""
    return "–" if isnan(figure) else f"{figure:.1f}"


def _cells(grid: Grid, state: BoardState, short_runs: dict) -> np.ndarray:
    """A row for each network: which parts it has, its mean on a kind, and its spread; networks that differ from the
    chosen one in one part have its colour.
    """
    found, right = [grid.cells[cell.cell][state.kind] for cell in CELLS], GRID_WIDTH - 4
    here = [cell.cell for cell in CELLS].index(state.cell)
    changed = {cell: COLOURS[tick] for tick, cell in state.neighbours().items()}
    colours = [INK if row == here else changed.get(cell.cell, QUIET) for row, cell in enumerate(CELLS)]
    unit = "jitter, % of the eye distance" if state.kind == JITTER else "NME, %"
    spread = f"mean and spread over {grid.seeds} seeds" if grid.seeds > 1 else "one seed"
    out = card(HEAD + ROW * len(CELLS) + FOOT, GRID_WIDTH)
    out[HEAD + ROW * here : HEAD + ROW * (here + 1)] = CHOSEN
    _intervals(out, Axis(*_limits(found), 214, 410), found, colours, f"{unit}, {spread}")
    write(out, "in colour: one part changed", 214, 6, size=11, colour=QUIET)
    for i, tick in enumerate(TICKS):
        write(out, tick, 34 + 64 * i, 6, size=11, anchor=0.5)
    if short_runs:
        write(out, "short run here", right, 6, size=11, colour=PURPLE, anchor=1)
    for row, cell in enumerate(CELLS):
        y, bold = HEAD + ROW * row, row == here
        write(out, found[row].spread, 426, y + 7, bold=bold, colour=INK if bold else QUIET)
        if cell.cell in short_runs:
            write(out, _short(short_runs[cell.cell][state.kind]), right, y + 7, colour=PURPLE, anchor=1)
        for i, tick in enumerate(TICKS):
            at = 34 + 64 * i, y + ROW / 2
            if getattr(cell, tick):
                dot(out, at, 8.5, COLOURS[tick], edge=COLOURS[tick])
            else:
                ring(out, at, 8, GRID, 2)
    return out


def _effects(grid: Grid, state: BoardState) -> np.ndarray:
    """A row for each part, each pair and all three: the mean effect and its interval around zero."""
    found = {name: by_kind[state.kind] for name, by_kind in grid.effects.items()}
    colours = [COLOURS.get(name, INK) if effect.significant else QUIET for name, effect in found.items()]
    hollow = [row for row, effect in enumerate(found.values()) if not effect.significant]
    far = max(1.1 * float(np.nanmax(np.abs(list(found.values())))), 1e-3)
    out, axis = card(HEAD + ROW * len(CELLS) + FOOT, EFFECT_WIDTH), Axis(-far, far, 150, EFFECT_WIDTH - 58)
    note = "mean and 95 % interval; hollow: not significant" if grid.seeds > 1 else "one seed: no interval"
    zero = float(axis.at(0))
    polyline(out, [(zero, HEAD), (zero, HEAD + ROW * len(found))], False, INK)
    _intervals(out, axis, list(found.values()), colours, note, hollow)
    less, more = ("steadier", "shakier") if state.kind == JITTER else ("less error", "more error")
    write(out, less, zero - 8, 6, size=11, colour=QUIET, anchor=1)
    write(out, more, zero + 8, 6, size=11, colour=QUIET)
    for row, (name, effect) in enumerate(found.items()):
        y, words = HEAD + ROW * row + 7, "all three" if name.count("×") == 2 else name
        write(out, words, 138, y + 1, size=11, bold=effect.significant, anchor=1)
        tone = INK if effect.significant else QUIET
        write(out, f"{effect.mean:+.2f}", EFFECT_WIDTH - 2, y, colour=tone, anchor=1)
    return out


def _kinds(grid: Grid, state: BoardState) -> np.ndarray:
    """A column for each kind: all eight networks as strokes, the chosen one as a dot with its spread."""
    groups = [[kind for kind in grid.kinds if (kind == JITTER) == jitter] for jitter in (False, True)]
    groups = [kinds for kinds in groups if kinds]
    out, bottom, left = card(KIND_HEIGHT, KIND_WIDTH), KIND_HEIGHT - 26, 52.0
    column = (KIND_WIDTH - 52 * len(groups)) / len(grid.kinds)
    for kinds in groups:
        cells = {kind: [cell[kind] for cell in grid.cells.values()] for kind in kinds}
        axis, right = Axis(*_limits(sum(cells.values(), [])), bottom, 8), left + column * len(kinds)
        for i, kind in enumerate(kinds):
            if kind == state.kind:
                out[8:bottom, round(left + column * (i + 0.03)) : round(left + column * (i + 0.97))] = CHOSEN
        for words, y in axis.ticks().items():
            polyline(out, [(left, y), (right, y)], False, GRID)
            write(out, words, left - 6, y - 7, size=11, colour=QUIET, anchor=1)
        for i, kind in enumerate(kinds):
            x, cell, bold = left + column * (i + 0.5), grid.cells[state.cell][kind], kind == state.kind
            for other in cells[kind]:
                y = float(axis.at(other.mean))
                polyline(out, [(x - 0.3 * column, y), (x, y)], False, QUIET)
            at, (y, low, high) = x - 0.15 * column, axis.at(cell)
            if not isnan(cell.low):
                polyline(out, [(at, low), (at, high)], False, INK, 2)
            dot(out, (at, y), 5, INK)
            write(out, f"{cell.mean:.2f}", x + 0.05 * column, y - 9, bold=True)
            write(out, kind, x, KIND_HEIGHT - 20, size=12, bold=bold, anchor=0.5)
        left = right + 52
    return out


def _intervals(out: np.ndarray, axis: Axis, found: Sequence[Estimate], colours, label: str, hollow=()) -> None:
    """Draw rows of mean, low and high: a dot at the mean, a line from low to high with ends; none where those are NaN.

    label: of the axis below; hollow: rows whose dot is a ring.
    """
    bottom = HEAD + ROW * len(found)
    for words, x in axis.ticks().items():
        polyline(out, [(x, HEAD), (x, bottom)], False, GRID)
        write(out, words, x, bottom + 4, size=11, colour=QUIET, anchor=0.5)
    write(out, label, (axis.start + axis.end) / 2, bottom + 20, size=11, anchor=0.5)
    for row, colour in enumerate(colours):
        y, (mean, low, high) = HEAD + ROW * (row + 0.5), axis.at(found[row])
        if not isnan(low):
            polyline(out, [(low, y), (high, y)], False, colour, 2)
            for end in (low, high):
                polyline(out, [(end, y - 6), (end, y + 6)], False, colour, 2)
        dot(out, (mean, y), 4, CARD if row in hollow else colour, edge=colour, border=1.6)


def _limits(found: Sequence[Estimate]) -> tuple[float, float]:
    """Least and largest of means with their spreads, and a little more."""
    low, high = np.nanmin(found), np.nanmax(found)
    more = 0.06 * (high - low) + 1e-3
    return low - more, high + more
