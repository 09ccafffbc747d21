"""Inside one look: what a pool keeps and remembers, what the decoder puts back, the maps it ends in. (our choice)

one_step(model, faces)                       # in a notebook, with a kernel: controls and a live picture
one_step_figure(model, faces, memory=False)  # the same picture without widgets
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import ipywidgets as widgets
import numpy as np
from IPython.display import Image

from redn_lib.landmarks import N_POINTS
from redn_lib.rednet import RedNet
from redn_lib.widgets.draw import colour_map, draw_face, draw_response_map
from redn_lib.widgets.explorer_view import point_name, to_pictures
from redn_lib.widgets.inside import Inside, inside_step
from redn_lib.widgets.live import Drawing, Live, refuse_unknown, rows_of_three, still
from redn_lib.widgets.panels import GAP, caption, card, fit_into, side_by_side, stack, text_width
from redn_lib.widgets.style import BLUE, GREEN, GRID, ORANGE, PURPLE

SIDE = 235
PLACES = np.array([BLUE, ORANGE, GREEN, PURPLE, GRID], np.uint8)
"""Colours of a window's places: upper left, upper right, lower left, lower right; grey for a window without a value."""


@dataclass(frozen=True)
class LookState:
    """Where every control stands. picture: 0-based; pool: from 1, one that the decoder undoes; rank: 1 is the channel
    that the decoder holds strongest with nothing switched off; point: 0 to 67; memory, features: as `inside_step`."""

    picture: int = 0
    pool: int = 2
    rank: int = 1
    point: int = 36
    memory: bool = True
    features: bool = True


def one_step(model: RedNet, faces, boxes=None, truths=None, **start) -> Live:
    """Controls over the inside of the model's first look at each face.

    faces, boxes, truths: as the explorer takes them; start: where controls begin, by the names of `LookState`. Raises
    TypeError for an unknown one, ValueError for a pool that the decoder does not undo.
    """
    inside, controls, state = _prepare(model, faces, boxes, truths, start)
    live = Live(lambda **values: draw_step(inside, LookState(**values)), controls, _shelf)
    live.line.layout.min_height = "4.3em"  # room for a line that wraps, so that the picture stays in place
    return live


def one_step_figure(model: RedNet, faces, boxes=None, truths=None, **start) -> Image:
    """The same picture as an image with alt text, for pages where no widget runs; arguments as `one_step`."""
    inside, _, state = _prepare(model, faces, boxes, truths, start)
    drawing = draw_step(inside, state)
    return still(drawing.picture, drawing.alt)


def draw_step(inside: Callable[[int, bool, bool], Inside], state: LookState) -> Drawing:
    """Upper row: the way down to the pool; lower row: the way up from it to the maps. inside: a look by picture, memory
    and features."""
    look, whole = inside(state.picture, state.memory, state.features), inside(state.picture, True, True)
    s, p, zoom = state.pool - 1, state.point, SIDE / len(look.crop)
    c = strongest(whole, s)[state.rank - 1]
    before, held, back = look.before[s][c], look.held[s][c], look.back[s][c]
    pooled = windows(before).max(-1)
    found, response = (draw_response_map(look.crop, m, zoom=zoom) for m in (look.detection[1 + p], look.maps[p]))
    response = draw_face(response, (look.points + 0.5) * zoom - 0.5, only=[p], lines=False)
    down = [
        ("The crop", "with all points", draw_face(look.crop, look.points, zoom=zoom)),
        ("Encoder", f"stage {state.pool}, {_size(before)}", colour_map(before)),
        ("Pooled", f"maxima, {_size(pooled)}", colour_map(pooled)),
        ("Remembered", "        grey: none", place_colours(before, look.where[s][c])),
    ]
    up = [
        ("Decoder", f"holds, {_size(held)}", colour_map(held)),
        ("Put back", "where it was" if state.memory else "upper left", colour_map(back)),
        ("Detection", f"point {p}, {_size(look.detection[0])}", found),
        ("Response map", f"point {p}", response),
    ]
    rows = [side_by_side([caption(fit_into(x, SIDE, SIDE), name, note) for name, note, x in r]) for r in (down, up)]
    window = PLACES[:4].reshape(2, 2, 3).repeat(9, 0).repeat(9, 1)  # the key: one window, its places in their colours
    x = 3 * (SIDE + GAP) + text_width("Remembered", bold=True) + 8
    rows[0][2:20, x : x + 18] = window
    both = stack(rows)
    out = card(both.shape[0] + GAP, both.shape[1] + 2 * GAP)
    out[: both.shape[0], GAP:-GAP] = both
    return Drawing(out, describe(look, state, c, whole), in_words(state, c))


def strongest(look: Inside, stage: int) -> np.ndarray:
    """Channels of a stage (0-based) by the largest value that the decoder holds in each: (C,), the strongest first."""
    return np.argsort(-look.held[stage].max((1, 2)), kind="stable")


def windows(features: np.ndarray) -> np.ndarray:
    """The 2x2 windows of a channel: (h, w) to (h/2, w/2, 4), each read line by line."""
    h, w = features.shape
    return features.reshape(h // 2, 2, w // 2, 2).swapaxes(1, 2).reshape(h // 2, w // 2, 4)


def place_colours(before: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Which of its four places each window remembers, as colours: (h, w) and (h/2, w/2) to (h/2, w/2, 3) uint8."""
    y, x = np.divmod(where, before.shape[1])
    return PLACES[np.where(windows(before).max(-1) > 0, 2 * (y % 2) + x % 2, 4)]


def describe(look: Inside, state: LookState, channel: int, whole: Inside) -> str:
    """Shapes and what the pool keeps; then the chosen point, and the error beside that of the look as it is built."""
    before, where = look.before[state.pool - 1], look.where[state.pool - 1]
    full = windows(before[channel]).max(-1) > 0
    put = "where they were" if state.memory else "upper left in their window"
    x, y = look.points[state.point]
    words = [f"pool {state.pool} keeps {where.size:,} of {before.size:,} values, and a place for each"]
    words += [f"rank {state.rank} is channel {channel}: {full.sum()} of {full.size} windows hold a value"]
    words += [f"values go back {put}"]
    last = [f"{point_name(state.point)}: at ({x:.1f}, {y:.1f}) px of the crop"]
    if look.error is None:
        last.append(f"all points moved by {np.linalg.norm(look.points - whole.points, axis=1).mean():.1f} px")
    else:
        last.append(f"NME of this look {look.error:.1%}, as built {whole.error:.1%}")
    return "\n".join(" · ".join(line) for line in (words, last))


def in_words(state: LookState, channel: int) -> str:
    """Alt text of the picture."""
    off = [w for w, on in (("pools forget", state.memory), ("f_REG sees no features", state.features)) if not on]
    return (
        f"Inside one look at picture {state.picture}, pool {state.pool}, channel {channel}. Above: the crop with its "
        "points, the channel before the pool, its maxima, the remembered places. Below: what the decoder holds, the "
        f"same put back, the detection map and the response map of point {state.point}"
        + "".join(f"; {word}" for word in off)
    )


def _size(values: np.ndarray) -> str:
    return f"{values.shape[-1]}x{values.shape[-2]}"


def _prepare(model, faces, boxes, truths, start) -> tuple[Callable, dict[str, widgets.Widget], LookState]:
    refuse_unknown(start, LookState, "the look")
    state, pictures, widths = LookState(**start), to_pictures(faces, boxes, truths), model.preset.widths
    pools = range(len(widths) - model.preset.levels + 1, len(widths) + 1)
    if state.pool not in pools:
        raise ValueError(f"the decoder undoes the pools {pools[0]} to {pools[-1]}, not {state.pool}")

    @lru_cache(maxsize=16)
    def inside(picture: int, memory: bool, features: bool) -> Inside:
        return inside_step(model, pictures[picture], memory, features)

    def slider(name: str, words: str, low: int, high: int) -> widgets.IntSlider:
        return widgets.IntSlider(getattr(state, name), min=low, max=high, description=words, disabled=low == high)

    controls = {
        "picture": slider("picture", "picture", 0, len(pictures) - 1),
        "pool": slider("pool", "pool", pools[0], pools[-1]),
        "rank": slider("rank", "rank", 1, min(w[-1] for w in widths[pools[0] - 1 :])),
        "point": slider("point", "point", 0, N_POINTS - 1),
        "memory": widgets.Checkbox(state.memory, description="pools remember"),
        "features": widgets.Checkbox(state.features, description="f_REG sees features"),
    }
    return inside, controls, state


def _shelf(controls: dict[str, widgets.Widget]) -> widgets.Widget:
    return rows_of_three(list(controls.values()), "5em")
