"""The ablation board: what feedback, memory and identity are worth, together and alone, by what makes a clip hard.

The parts are called as in the tables: spatial (feedback), temporal (f_tRNN) and identity (f_CLS).
"""

from collections.abc import Iterator, Mapping, Sized
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from math import isnan
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from IPython.display import Image

from redn_lib.evaluation.tables import read_table
from redn_lib.experiments.curriculum import FULL, Setting
from redn_lib.experiments.questions import PARTS, name_of, run_parts
from redn_lib.experiments.statistics import effects
from redn_lib.widgets.style import BLUE, GREEN, ORANGE
from redn_lib.widgets.widget import Drawing, Live, Panel, Row, Scene, setting

TRAIN = "train this network"
COLOURS = dict(zip(PARTS, (BLUE, GREEN, ORANGE), strict=True))
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


TIMES = {"span": (0, 4), "step": 0.5, "on_release": True}


@dataclass(frozen=True)
class BoardState:
    """Where every control stands: the parts of the chosen network, what is measured, weights for a training here."""

    spatial: bool = setting(True, "spatial", "feedback: two steps, or one")
    temporal: bool = setting(True, "temporal", "memory: f_tRNN from frame to frame, or none")
    identity: bool = setting(True, "identity", "trained with f_CLS, or without")
    kind: str = setting("occluded", "kind of clip", "what makes the clips hard", options=tuple(MEASURED))
    f_cls: float = setting(1.0, "loss of f_CLS ×", "times its usual weight, in a training here", **TIMES)
    apart: float = setting(1.0, "losses apart ×", "that keep the halves apart, in a training here", **TIMES)
    detection: float = setting(1.0, "detection loss ×", "times its usual weight, in a training here", **TIMES)

    @property
    def parts(self) -> list[str]:
        """The parts of the chosen network."""
        return [part for part in PARTS if getattr(self, part)]

    @property
    def cell(self) -> str:
        """Its name in the table."""
        return name_of(self.parts)

    @property
    def weights(self) -> tuple[float, float, float]:
        """Of the losses, times the usual ones."""
        return self.f_cls, self.apart, self.detection

    def neighbours(self) -> dict[str, str]:
        """For each part: the cell that differs from the chosen one in this part alone."""
        return {part: replace(self, **{part: not getattr(self, part)}).cell for part in PARTS}


CELLS = [BoardState(*ticks) for ticks in product((False, True), repeat=len(PARTS))]  # in the order of the table


def effect_words(mean: float, low: float, high: float) -> str:
    """Mean and 95 % interval, NaN for one seed, in words."""
    holds = "" if low > 0 or high < 0 else ", not significant"
    return f"{mean:+.2f} " + ("(one seed: no interval)" if isnan(low) else f"({low:+.2f} to {high:+.2f}{holds})")


class Grid(NamedTuple):
    """What a table holds, and what short runs here found."""

    table: pd.DataFrame  # a row a cell; KIND: mean over seeds, KIND_sd: standard deviation, NaN for one seed; seeds
    effects: Mapping[str, Mapping[str, tuple]]  # by kind and part or parts: mean and ends of the 95 % interval
    short: dict[tuple, Mapping[str, float]]  # by cell and weights, then by kind

    def spread_words(self, cell: str, kind: str) -> str:
        """Mean and standard deviation of a cell in words."""
        mean, spread = self.table.loc[cell, [kind, f"{kind}_sd"]]
        return f"{mean:.2f}" + ("" if isnan(spread) else f" ± {spread:.2f}")

    def short_words(self, cell: str, state: BoardState) -> str:
        """What a short run of a cell found, a dash where its few clips had no such frame; empty without a run."""
        figure = self.short.get((cell, state.weights), {}).get(state.kind)
        return "" if figure is None else "–" if isnan(figure) else f"{figure:.1f}"


def read_grid(path: Path) -> Grid:
    """The grid of a table of `redn experiment rq5` and of the table of effects beside it.

    Raises FileNotFoundError where one is missing, ValueError where it is no such table.
    """
    beside = path.with_name(f"{path.stem}_effects.csv")
    for file in (path, beside):
        if not file.exists():
            raise FileNotFoundError(f"no {file}: make it with redn experiment rq5")
    table = read_table(path).set_index("variant")
    if missing := [state.cell for state in CELLS if state.cell not in table.index]:
        raise ValueError(f"{path} has no row {missing[0]!r}: it is no table of redn experiment rq5")
    return Grid(table, {kind: effects(beside, kind) for kind in MEASURED if kind in table}, {})


class AblationBoard(Live):
    """Ticks for the parts, a list of the kinds of clip, weights of the losses; with a `setting`, a button that trains.

    table: of `redn experiment rq5`, with its effects beside it. Raises FileNotFoundError or ValueError for a table that
    cannot be read. The attribute `figures` holds what short runs measured, by cell and weights, then by kind.
    """

    def __init__(self, table: str | Path, setting: Setting | None = None, **start):
        grid = read_grid(Path(table))
        self.figures, self.setting = grid.short, setting
        super().__init__(_scene(grid, start), button=TRAIN if setting else "")

    @staticmethod
    def figure(table: str | Path, **start) -> Image:
        """The board's first picture as an image with alt text, for pages where no widget runs."""
        return _scene(read_grid(Path(table)), start).still()

    def run(self) -> Mapping[str, float]:
        """Train the chosen network as `setting` and the weights say, and put its figures on the board.

        What networks share is trained once, and a stopped run goes on where it was. Raises KeyboardInterrupt when
        stopped.
        """
        state, self.stopping = self.state, False
        self.say(f"training {state.cell}")
        try:
            f_cls, apart, detection = state.weights
            stage = self.setting.stage
            stage = replace(stage, detection_weight=detection * stage.detection_weight)
            folder = self.setting.folder / "-".join(map(str, state.weights))
            losses = replace(FULL, weight=f_cls * FULL.weight, apart=apart * FULL.apart)
            setting = replace(self.setting, stage=stage, folder=folder, show=self._train)
            self.figures[state.cell, state.weights] = run_parts(state.parts, setting, 0, losses)
            self.ended = len(self.figures)
        except BaseException as error:
            stopped = f"stopped: {state.cell} goes on from here when it is trained again"
            is_wrong = not isinstance(error, KeyboardInterrupt)
            self.say(f"{type(error).__name__}: {error}" if is_wrong else stopped, wrong=is_wrong, press=TRAIN)
            raise
        self.say(f"done: {state.cell}, a short run of seed 0", share=1.0, press=TRAIN)
        return self.figures[state.cell, state.weights]

    def _train(self, batches: Sized) -> Iterator:
        """Yield the batches. Raises KeyboardInterrupt where it was asked to stop."""
        yield from self.until_stopped(batches)
        if self.stopping:
            raise KeyboardInterrupt


def _scene(grid: Grid, start: dict) -> Scene:
    return Scene(partial(draw_board, grid), BoardState(**start), kind=tuple(grid.effects))


def draw_board(grid: Grid, state: BoardState) -> Drawing:
    """The board; its numbers: the chosen network, its rank, its neighbours, the main effects."""
    kind, means, count = state.kind, grid.table[state.kind], int(grid.table["seeds"].min())
    seeds = f"{count} seed" + "s" * (count != 1)
    rank = (means < means[state.cell]).sum()
    place = f"{rank} lower of {len(means)}" if rank else f"lowest of {len(means)}"
    first = [state.cell, f"{kind}: {grid.spread_words(state.cell, kind)} % ({seeds}), {place}"]
    if short := grid.short_words(state.cell, state):
        first.append(f"short run here: {short} %, not to be compared with the table")
    changes = [
        f"{'without' if getattr(state, part) else 'with'} {part} {means[name] - means[state.cell]:+.2f}"
        for part, name in state.neighbours().items()
    ]
    words = {name: f"{name} {effect_words(*effect)}" for name, effect in grid.effects[kind].items()}
    alone, pairs = ([words[name] for name in words if (name in PARTS) == is_part] for is_part in (True, False))
    about = (
        f"Ablation board, {kind} ({MEASURED[kind]}): the eight networks in %: "
        f"{', '.join(f'{s.cell} {means[s.cell]:.2f}' for s in CELLS)}. What parts do together: "
        f"{', '.join(pairs)}. Below: the chosen network among the others, by difficulty"
    )
    numbers = [first, ["one part changed: " + ", ".join(changes)], ["over the whole grid: " + ", ".join(alone)]]
    note = f"{'jitter' if kind == JITTER else 'NME'}, %, with the spread; in colour: one part changed"
    above = [Panel(None, f"Eight networks, {kind}", note, _cells(grid, state))]
    note = f"below 0: {'steadier' if kind == JITTER else 'less error'}; hollow: not significant"
    above.append(Panel(None, "What each part does", note, _effects(grid, kind)))
    kinds = _kinds(grid, state)
    title, note = "By what makes a clip hard", f"NME, %: {state.cell}; strokes: all eight"
    below = [Panel(None, title, note, [row for row in kinds if row.name != JITTER])]
    if JITTER in grid.effects:
        below.append(Panel(None, "Jitter", "%", [row for row in kinds if row.name == JITTER]))
    return Drawing([above, below], about, numbers)


def _cells(grid: Grid, state: BoardState) -> list[Row]:
    """Mean and spread of each network on a kind; those that differ from the chosen one in one part have its colour."""
    near, rows = {cell: COLOURS[part] for part, cell in state.neighbours().items()} | {state.cell: None}, []
    for cell in (cell.cell for cell in CELLS):
        mean, spread = grid.table.loc[cell, [state.kind, f"{state.kind}_sd"]]
        short = grid.short_words(cell, state)
        note = grid.spread_words(cell, state.kind) + f", here {short}" * bool(short)
        hollow, chosen = cell not in near, cell == state.cell
        rows.append(Row(cell, mean, mean - spread, mean + spread, note, near.get(cell), hollow, chosen))
    return rows


def _effects(grid: Grid, kind: str) -> list[Row]:
    """Mean and interval of each part, each pair and all three; hollow where it holds zero."""
    rows = []
    for name, (mean, low, high) in grid.effects[kind].items():
        words = "all three" if name.count(" x ") == 2 else name
        rows.append(Row(words, mean, low, high, f"{mean:+.2f}", COLOURS.get(name), not (low > 0 or high < 0)))
    return rows


def _kinds(grid: Grid, state: BoardState) -> list[Row]:
    """The chosen network on each kind of clip, with its spread, and strokes for all eight."""
    rows = []
    for kind in grid.effects:
        mean, spread = grid.table.loc[state.cell, [kind, f"{kind}_sd"]]
        row = Row(kind, mean, mean - spread, mean + spread, f"{mean:.2f}", chosen=kind == state.kind)
        rows.append(row._replace(others=grid.table[kind].tolist()))
    return rows
