"""The ablation board's one picture, 1000 px wide: the grid, the effects with their intervals, the cell on all kinds."""

from collections.abc import Mapping, Sequence
from math import isnan

import cv2
import numpy as np
from matplotlib.ticker import MaxNLocator

from redn_lib.widgets.ablation_view import (
    MEASURED,
    SHAKES,
    STATES,
    TICKS,
    Cell,
    Effect,
    Grid,
    State,
    neighbours,
    shortly,
    with_spread,
)
from redn_lib.widgets.panels import GAP, caption, card, side_by_side, stack, text_width, write
from redn_lib.widgets.style import BLUE, CARD, GREEN, GRID, INK, ORANGE, PURPLE, QUIET, Colour

ROW, HEAD, FOOT = 33, 26, 40
GRID_WIDTH = 610
EFFECT_WIDTH = 1000 - GRID_WIDTH - 3 * GAP
KIND_HEIGHT = 176
COLOURS = dict(zip(TICKS, (BLUE, GREEN, ORANGE), strict=True))
CHOSEN: Colour = (220, 234, 245)
"""Behind the chosen cell and the chosen kind."""

SHORT = "short run here"

Live = Mapping[str, Mapping[str, float]]


def compose(grid: Grid, state: State, live: Live) -> np.ndarray:
    """The whole board (H, 1000, 3) uint8 RGB. live: figures of short runs by cell and kind."""
    upper = side_by_side(
        [
            caption(_cells(grid, state, live), f"Eight networks, {state.kind}", MEASURED[state.kind]),
            caption(_effects(grid, state), "What each part does", "over the whole grid"),
        ]
    )
    lower = caption(
        _kinds(grid, state), f"{_short(state)} among the eight", "by what makes a clip hard; lower is better"
    )
    both = stack([upper, lower])
    out = card(both.shape[0] + GAP, both.shape[1] + 2 * GAP)
    out[: both.shape[0], GAP:-GAP] = both
    return out


def _unit(state: State) -> str:
    return "shaking, % of the eye distance" if state.kind == SHAKES else "NME, %"


def _short(state: State) -> str:
    return "The chosen network" if any(getattr(state, tick) for tick in TICKS) else "The network with no part"


class Scale:
    """Numbers to pixels: from `low`, `high` of the numbers to `start`, `end` of the panel."""

    def __init__(self, low: float, high: float, start: float, end: float):
        self.ticks = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        self.low, self.high, self.start, self.end = self.ticks[0], self.ticks[-1], start, end

    def __call__(self, value: float) -> float:
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)


def _reach(cells: Sequence[Cell]) -> tuple[float, float]:
    """Least and largest of means with their spreads."""
    ends = [c.mean + side * (0 if isnan(c.sd) else c.sd) for c in cells for side in (-1, 1)]
    return min(ends), max(ends)


def _cells(grid: Grid, state: State, live: Live) -> np.ndarray:
    """A row for each network: which parts it has, its mean on the kind, and its spread."""
    out = card(HEAD + ROW * len(STATES) + FOOT, GRID_WIDTH)
    scale = Scale(*_reach([cell[state.kind] for cell in grid.cells.values()]), 214, 410)
    apart = {cell: COLOURS[tick] for tick, cell in neighbours(state).items()}
    chosen = HEAD + ROW * STATES.index(State(**{tick: getattr(state, tick) for tick in TICKS}))
    out[chosen : chosen + ROW] = CHOSEN
    spread = f"mean and spread over {grid.seeds} seeds" if grid.seeds > 1 else "one seed"
    _ruler(out, scale, HEAD, HEAD + ROW * len(STATES), f"{_unit(state)}, {spread}")
    for i, tick in enumerate(TICKS):
        _centred(out, tick, 34 + 64 * i, 6)
    write(out, "in colour: one part apart", scale.start, 6, size=11, colour=QUIET)
    if live:
        write(out, SHORT, GRID_WIDTH - text_width(SHORT, 11) - 4, 6, size=11, colour=PURPLE)
    for row, cell in enumerate(STATES):
        y, here, found = HEAD + ROW * row + ROW // 2, cell.cell == state.cell, grid.cells[cell.cell][state.kind]
        for i, tick in enumerate(TICKS):
            _mark(out, 34 + 64 * i, y, COLOURS[tick] if getattr(cell, tick) else GRID, filled=getattr(cell, tick))
        colour = INK if here else apart.get(cell.cell, QUIET)
        _interval(out, scale, y, found.mean, found.mean - found.sd, found.mean + found.sd, colour, 5 if here else 4)
        write(out, with_spread(found), 426, y - 9, bold=here, colour=INK if here else QUIET)
        if cell.cell in live:
            words = shortly(live[cell.cell][state.kind])
            write(out, words, GRID_WIDTH - text_width(words) - 4, y - 9, colour=PURPLE)
    return out


def _effects(grid: Grid, state: State) -> np.ndarray:
    """A row for each part, each pair and all three: the mean effect and its interval around zero."""
    out = card(HEAD + ROW * len(STATES) + FOOT, EFFECT_WIDTH)
    found = {name: by_kind[state.kind] for name, by_kind in grid.effects.items()}
    far = max(abs(end) for e in found.values() for end in (e.mean, e.low, e.high) if not isnan(end))
    scale = Scale(-max(far, 1e-3), max(far, 1e-3), 154, EFFECT_WIDTH - 58)
    bottom = HEAD + ROW * len(found)
    interval = "mean and 95 % interval; hollow: holds zero" if grid.seeds > 1 else "one seed: no interval"
    _ruler(out, scale, HEAD, bottom, interval)
    cv2.line(out, (round(scale(0)), HEAD), (round(scale(0)), bottom), INK, 1)
    less, more = ("steadier", "shakier") if state.kind == SHAKES else ("less error", "more error")
    write(out, less, scale(0) - 8 - text_width(less, 11), 6, size=11, colour=QUIET)
    write(out, more, scale(0) + 8, 6, size=11, colour=QUIET)
    for row, (name, effect) in enumerate(found.items()):
        y = HEAD + ROW * row + ROW // 2
        words = "all three" if name.count("×") == 2 else name
        bold = bool(effect.verdict)
        write(out, words, 142 - text_width(words, 11, bold), y - 8, size=11, bold=bold)
        _interval(out, scale, y, *effect, _tone(name, effect), 5, hollow=not effect.verdict)
        value = f"{effect.mean:+.2f}"
        write(out, value, EFFECT_WIDTH - text_width(value) - 2, y - 9, colour=INK if effect.verdict else QUIET)
    return out


def _tone(name: str, effect: Effect) -> Colour:
    return COLOURS.get(name, INK) if effect.verdict else QUIET


def _kinds(grid: Grid, state: State) -> np.ndarray:
    """A column for each kind: all eight networks as strokes, the chosen one as a dot with its spread."""
    out = card(KIND_HEIGHT, 1000 - 2 * GAP)
    top, bottom, left = 8, KIND_HEIGHT - 26, 52
    wide = (out.shape[1] - left - 44) / len(grid.kinds)
    errors = [kind for kind in grid.kinds if kind != SHAKES]
    scales = {}
    for group in (errors, [SHAKES] if SHAKES in grid.kinds else []):
        cells = [cell[kind] for cell in grid.cells.values() for kind in group]
        scales |= {kind: Scale(*_reach(cells), bottom, top) for kind in group}
    for i, kind in enumerate(grid.kinds):
        scale, x0 = scales[kind], left + wide * i + (44 if kind == SHAKES else 0)
        if kind == state.kind:
            out[:, round(x0) : round(x0 + wide) - 6] = CHOSEN
        for at in scale.ticks:
            y = round(scale(at))
            cv2.line(out, (round(x0), y), (round(x0 + wide) - 7, y), GRID, 1)
            if kind in (grid.kinds[0], SHAKES):
                words = f"{at:g}"
                write(out, words, x0 - 6 - text_width(words, 11), y - 8, size=11, colour=QUIET)
        _column(out, [cell[kind] for cell in grid.cells.values()], grid.cells[state.cell][kind], scale, x0, wide - 6)
        _centred(out, kind, x0 + (wide - 6) / 2, bottom + 6, size=12, bold=kind == state.kind)
    return out


def _column(out: np.ndarray, all_cells: Sequence[Cell], chosen: Cell, scale: Scale, x0: float, wide: float) -> None:
    x = round(x0 + wide * 0.36)
    for cell in all_cells:
        cv2.line(out, (x - 16, round(scale(cell.mean))), (x + 16, round(scale(cell.mean))), QUIET, 1)
    y, reach = scale(chosen.mean), 0 if isnan(chosen.sd) else chosen.sd
    low, high = (round(scale(chosen.mean + side * reach)) for side in (-1, 1))
    cv2.line(out, (x, low), (x, high), INK, 2)
    _dot(out, x, y, 6, INK)
    write(out, f"{chosen.mean:.2f}", x + 20, y - 9, bold=True)


def _ruler(out: np.ndarray, scale: Scale, top: int, bottom: int, words: str) -> None:
    """Lines at round numbers, and below them what is measured."""
    for at in scale.ticks:
        x = round(scale(at))
        cv2.line(out, (x, top), (x, bottom), GRID, 1)
        _centred(out, f"{at:g}", x, bottom + 3, colour=QUIET)
    _centred(out, words, (scale.start + scale.end) / 2, bottom + 20, colour=QUIET)


def _interval(
    out: np.ndarray,
    scale: Scale,
    y: int,
    mean: float,
    low: float,
    high: float,
    colour: Colour,
    radius: int,
    hollow: bool = False,
) -> None:
    """A dot at the mean; a line from low to high with ends, none where they are NaN."""
    if not isnan(low):
        a, b = (round(scale(end)) for end in (low, high))
        cv2.line(out, (a, y), (b, y), colour, 2)
        for end in (a, b):
            cv2.line(out, (end, y - 7), (end, y + 7), colour, 2)
    _dot(out, scale(mean), y, radius, colour, hollow)


def _dot(out: np.ndarray, x: float, y: float, radius: int, colour: Colour, hollow: bool = False) -> None:
    at = round(x), round(y)
    cv2.circle(out, at, radius, colour, -1, cv2.LINE_AA)
    if hollow:
        cv2.circle(out, at, radius - 2, CARD, -1, cv2.LINE_AA)


def _mark(out: np.ndarray, x: int, y: int, colour: Colour, filled: bool) -> None:
    cv2.circle(out, (x, y), 8, colour, -1 if filled else 2, cv2.LINE_AA)


def _centred(
    out: np.ndarray, words: str, x: float, y: float, size: int = 11, bold: bool = False, colour: Colour = INK
) -> None:
    write(out, words, x - text_width(words, size, bold) / 2, y, size=size, bold=bold, colour=colour)
