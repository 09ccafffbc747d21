"""What the ablation board shows: the numbers of a 2x2x2 grid, read from its table, in words. No widgets here."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import isnan
from pathlib import Path
from typing import NamedTuple

from redn_lib.experiments.rq5 import PARTS, name_of
from redn_lib.experiments.tables import read_table

TICKS = dict(zip(("feedback", "memory", "identity"), PARTS, strict=True))
"""The parts as the board calls them, and as the table does."""

SHAKES = "jitter"
MEASURED = {
    "clear": "clear clips",
    "occluded": "frames in which something covers the face",
    "uncovered": "frames of occluded clips in which nothing covers it",
    "blurred": "clips out of focus",
    "dark": "dark and noisy clips",
    "turned": "heads turned far",
    "sloppy": "the first frames after a bad first box",
    SHAKES: "how the points shake on clear clips",
}


@dataclass(frozen=True)
class State:
    """Where every control stands: which parts the chosen cell has, and what is looked at, one of MEASURED."""

    feedback: bool = True
    memory: bool = True
    identity: bool = True
    kind: str = "occluded"

    @property
    def cell(self) -> str:
        """Name of the chosen cell in the table."""
        return name_of([part for tick, part in TICKS.items() if getattr(self, tick)])


class Cell(NamedTuple):
    """Mean and standard deviation over seeds, NaN for one seed."""

    mean: float
    sd: float


class Effect(NamedTuple):
    """Mean over seeds and 95 % interval, NaN for one seed."""

    mean: float
    low: float
    high: float

    @property
    def verdict(self) -> int:
        """-1: the interval lies below zero, 1: above, 0: it holds zero, or there is none."""
        return (self.low > 0) - (self.high < 0)


@dataclass(frozen=True)
class Grid:
    """cells: by name in the table and kind; effects: by the board's name and kind; seeds of each cell."""

    cells: Mapping[str, Mapping[str, Cell]]
    effects: Mapping[str, Mapping[str, Effect]]
    seeds: int

    @property
    def kinds(self) -> list[str]:
        """What was measured."""
        return list(next(iter(self.cells.values())))


STATES = [State(*ticks) for ticks in product((False, True), repeat=len(TICKS))]
"""The cells of the grid in the order of the board, which is the table's."""


def read_grid(path: Path) -> Grid:
    """The grid of a table of `redn experiment rq5` and of the table of effects beside it.

    Raises FileNotFoundError where one is missing, ValueError where it is no such table.
    """
    beside = path.with_name(f"{path.stem}_effects.csv")
    for file in (path, beside):
        if not file.exists():
            raise FileNotFoundError(f"no {file}: make it with redn experiment rq5")
    rows = {row["variant"]: row for row in read_table(path)}
    missing = [state.cell for state in STATES if state.cell not in rows]
    if missing:
        raise ValueError(f"{path} has no row {missing[0]!r}: it is no table of redn experiment rq5")
    kinds = [kind for kind in MEASURED if rows["none"].get(kind)]
    cells = {
        name: {kind: Cell(number(row[kind]), number(row[f"{kind}_sd"])) for kind in kinds} for name, row in rows.items()
    }
    effects: dict[str, dict[str, Effect]] = {}
    for row in read_table(beside):
        found = Effect(*(number(row[column]) for column in ("mean", "low", "high")))
        effects.setdefault(effect_name(row["effect"]), {})[row["figure"]] = found
    return Grid(cells, effects, int(rows["none"]["seeds"]))


def number(cell: str) -> float:
    """A cell of a table, NaN where it is empty."""
    return float(cell or "nan")


def effect_name(effect: str) -> str:
    """The board's name for an effect of the table: "spatial x temporal" is "feedback × memory"."""
    words = {part: tick for tick, part in TICKS.items()}
    return " × ".join(words[part] for part in effect.split(" x "))


def ticked(state: State) -> str:
    """The chosen cell in the board's words."""
    return " + ".join(tick for tick in TICKS if getattr(state, tick)) or "none of the parts"


def neighbours(state: State) -> dict[str, str]:
    """For each part by the board's name: the cell that differs from the chosen one in this part alone."""
    apart = {}
    for tick in TICKS:
        others = {t: getattr(state, t) for t in TICKS} | {tick: not getattr(state, tick)}
        apart[tick] = State(**others).cell
    return apart


def with_spread(cell: Cell, digits: int = 2) -> str:
    """12.34 ± 0.21, or without a spread where there is none."""
    return f"{cell.mean:.{digits}f}" + ("" if isnan(cell.sd) else f" ± {cell.sd:.{digits}f}")


def shortly(figure: float) -> str:
    """A figure of a short run, a stroke where its few clips had no frame for it."""
    return "–" if isnan(figure) else f"{figure:.1f}"


def says(effect: Effect) -> str:
    """An effect in words: -1.20 (-1.90 to -0.50)."""
    if isnan(effect.low):
        return f"{effect.mean:+.2f} (one seed: no interval)"
    holds = "" if effect.verdict else ", holds zero"
    return f"{effect.mean:+.2f} ({effect.low:+.2f} to {effect.high:+.2f}{holds})"


def describe(grid: Grid, state: State, live: Mapping[str, Mapping[str, float]]) -> str:
    """Three lines: the chosen cell and its rank; what one part more or less would be; the three main effects."""
    kind, here = state.kind, grid.cells[state.cell]
    rank = sum(cell[kind].mean < here[kind].mean for cell in grid.cells.values())
    place = "lowest" if rank == 0 else f"{rank} lower"
    seeds = f"{grid.seeds} seed" + "s" * (grid.seeds != 1)
    first = [ticked(state), f"{kind}: {with_spread(here[kind])} % ({seeds}), {place} of {len(grid.cells)}"]
    if state.cell in live:
        first.append(f"short run here: {shortly(live[state.cell][kind])} %, not to be compared with the table")
    one_apart = [
        f"{'without' if getattr(state, tick) else 'with'} {tick} {grid.cells[name][kind].mean - here[kind].mean:+.2f}"
        for tick, name in neighbours(state).items()
    ]
    mains = [f"{tick} {says(grid.effects[tick][kind])}" for tick in TICKS]
    lines = (first, ["one part apart: " + ", ".join(one_apart)], ["over the whole grid: " + ", ".join(mains)])
    return "\n".join(" · ".join(line) for line in lines)


def in_words(grid: Grid, state: State) -> str:
    """Alt text of the board."""
    kind = state.kind
    cells = ", ".join(f"{ticked(s)} {grid.cells[s.cell][kind].mean:.2f}" for s in STATES)
    effects = ", ".join(f"{name} {says(found[kind])}" for name, found in grid.effects.items())
    return (
        f"Ablation board, {kind} ({MEASURED[kind]}); chosen: {ticked(state)}. The eight networks in %: {cells}. "
        f"What each part and each pair does: {effects}. Below: the chosen network among the others, by difficulty."
    )
