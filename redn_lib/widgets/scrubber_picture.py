"""The scrubber's one picture, 1000 px wide: a frame with and without memory, and below it the whole clip over time."""

from collections.abc import Mapping

import cv2
import numpy as np

from redn_lib.widgets.draw import draw_face, draw_response_map, join_maps
from redn_lib.widgets.explorer_view import ALL
from redn_lib.widgets.panels import GAP, caption, card, fit_into, side_by_side, stack, text_width, write
from redn_lib.widgets.scrubber_view import WITH, WITHOUT, Scrubbed
from redn_lib.widgets.style import BLUE, CARD, GREEN, GRID, INK, ORANGE, PURPLE, QUIET, Colour

SIDE = 235
CLOSE = 1.9
"""Width of a face panel in widths of the face's box."""

WIDTH = 1000 - 2 * GAP
LEFT, RIGHT = 60, 6
ERROR_HEIGHT, REACH_HEIGHT, STATE_ROWS, ROW = 120, 56, 40, 2
UNITS = STATE_ROWS * ROW
CURVES: Mapping[str, Colour] = {WITHOUT: ORANGE, WITH: BLUE}
MOST = 0.4
"""Errors above this are cut off in the chart."""


def compose(scrubbed: Scrubbed) -> np.ndarray:
    """All panels in one picture (H, 1000, 3) uint8 RGB."""
    faces = [_face(scrubbed, name) for name in (WITHOUT, WITH)] + [_maps(scrubbed, name) for name in (WITHOUT, WITH)]
    whole = stack([side_by_side(faces), _film(scrubbed), _errors(scrubbed), _reach(scrubbed), _units(scrubbed)], 8)
    out = card(whole.shape[0] + 2 * GAP, WIDTH + 2 * GAP)
    out[GAP:-GAP, GAP:-GAP] = whole
    return out


def in_words(scrubbed: Scrubbed) -> str:
    """Alt text of the picture."""
    state, covers = scrubbed.state, scrubbed.covered
    here = ", ".join(f"{errors[state.frame]:.0%} {name}" for name, errors in scrubbed.errors.items())
    what = (
        f"the face is covered most, by {covers.max():.0%}, in frame {covers.argmax()}"
        if covers.any()
        else "nothing before the face"
    )
    dropped = f", dropped before frame {state.forget}" if state.forget else ""
    return (
        f"Time scrubber, frame {state.frame} of 0 to {len(covers) - 1} of {scrubbed.clip.name}: the face with its "
        f"points, and its response maps, followed without memory and with it; error here {here}. Below over time: the "
        f"frames, {what}; the error; what the memory counts; the state of the LSTM{dropped}"
    )


def _face(scrubbed: Scrubbed, name: str) -> np.ndarray:
    """The frame around the true face, with the points of one run and the truth."""
    t = scrubbed.state.frame
    face, told = scrubbed.clip[t], scrubbed.told[name][t]
    zoom = SIDE / (CLOSE * (face.box[2:] - face.box[:2]).max())
    origin = (face.box[:2] + face.box[2:]) / 2 - (SIDE - 1) / 2 / zoom
    matrix = np.array([[zoom, 0, -zoom * origin[0]], [0, zoom, -zoom * origin[1]]])
    panel = cv2.warpAffine(face.image, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderValue=GRID)
    only = None if scrubbed.state.point == ALL else [scrubbed.state.point]
    panel = draw_face(panel, (told.points - origin) * zoom, truth=(face.points - origin) * zoom, only=only)
    error = scrubbed.errors[name][t]
    return caption(panel, name.capitalize(), f"{error:.{int(error < 0.1)}%} off · yellow: true")


def _maps(scrubbed: Scrubbed, name: str) -> np.ndarray:
    """What the last look saw and answered; green: where the memory expected the points."""
    state = scrubbed.state
    told = scrubbed.told[name][state.frame]
    maps, zoom = told.maps.astype(np.float32), SIDE / told.frame.shape[0]
    chosen = range(len(maps)) if state.point == ALL else [state.point]
    panel = draw_response_map(told.frame, join_maps(maps) if state.point == ALL else maps[state.point], zoom=zoom)
    panel = fit_into(panel, SIDE, SIDE)
    note = "last look" if name == WITHOUT else "green: expected"
    if told.expected is not None:
        at = (told.crop.to_crop(told.expected) + 0.5) * zoom - 0.5
        for i in chosen:
            centre = tuple(int(v) for v in np.rint(np.clip(at[i], -999, 999) * 16))
            cv2.circle(panel, centre, (2 if state.point == ALL else 5) * 16, GREEN, 1, cv2.LINE_AA, 4)
    return caption(panel, f"Maps, {name}", note)


def _columns(scrubbed: Scrubbed) -> np.ndarray:
    """Where the column of each frame begins, and where the last one ends: (T + 1,) pixels."""
    return np.rint(np.linspace(LEFT, WIDTH - RIGHT, len(scrubbed.clip) + 1)).astype(int)


def _film(scrubbed: Scrubbed) -> np.ndarray:
    """Every frame, small; the one that is shown framed."""
    edges, here = _columns(scrubbed), scrubbed.state.frame
    side = int(np.diff(edges).min())
    out = card(side + 2, WIDTH)
    write(out, "frame", 0, 0, size=12, bold=True)
    write(out, str(here), 0, 16, size=12, colour=QUIET)
    for t, frame in enumerate(scrubbed.clip.frames):
        out[1 : side + 1, edges[t] : edges[t] + side] = fit_into(frame, side, side)
    cv2.rectangle(out, (edges[here], 0), (edges[here] + side - 1, side + 1), INK, 2)
    return out


def _plot(scrubbed: Scrubbed, height: int, top: float, style: str) -> np.ndarray:
    """An empty chart from 0 to `top`: the covered share as grey columns, a line at the frame shown."""
    out, edges, t = card(height, WIDTH), _columns(scrubbed), scrubbed.state.frame
    for share, begin, end in zip(scrubbed.covered, edges[:-1], edges[1:], strict=True):
        out[height - round(share * height) :, begin:end] = GRID
    for level, y in ((top, 0), (0, height - 1)):
        words = style.format(level)
        cv2.line(out, (LEFT, y), (WIDTH - RIGHT, y), GRID, 1)
        write(out, words, LEFT - 6 - text_width(words, 11), y - (2 if y == 0 else 13), size=11, colour=QUIET)
    x = (edges[t] + edges[t + 1]) // 2
    cv2.line(out, (x, 0), (x, height), INK, 1)
    if f := scrubbed.state.forget:
        cv2.line(out, (edges[f], 0), (edges[f], height), GREEN, 2)
    return out


def _curve(out: np.ndarray, scrubbed: Scrubbed, values: np.ndarray, top: float, colour: Colour) -> None:
    edges, height = _columns(scrubbed), len(out)
    x = (edges[:-1] + edges[1:]) / 2
    y = 2 + (height - 5) * (1 - np.clip(values / top, 0, 1))
    path = np.rint(np.c_[x, y] * 16).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(out, [path], False, CARD, 4, cv2.LINE_AA, 4)
    cv2.polylines(out, [path], False, colour, 2, cv2.LINE_AA, 4)
    for place in path[:, 0]:
        cv2.circle(out, tuple(int(v) for v in place), 40, colour, -1, cv2.LINE_AA, 4)


def _errors(scrubbed: Scrubbed) -> np.ndarray:
    top = min(max(float(np.max([e.max() for e in scrubbed.errors.values()])), 0.1), MOST)
    out = _plot(scrubbed, ERROR_HEIGHT, top, "{:.0%}")
    colours = {name: CURVES.get(name, PURPLE) for name in scrubbed.errors}
    for name, errors in scrubbed.errors.items():
        _curve(out, scrubbed, errors, top, colours[name])
    chart = caption(
        out, "Error", f"% of the eye distance, cut off at {MOST:.0%}; grey: share of the face that is covered"
    )
    _legend(chart, {name if name in CURVES else f"{name} filter": colour for name, colour in colours.items()})
    return chart


def _legend(out: np.ndarray, marks: Mapping[str, Colour]) -> None:
    """A coloured bar for each word, flush right in the caption."""
    x = WIDTH - RIGHT
    for words, colour in reversed(marks.items()):
        x -= text_width(words, 12)
        write(out, words, x, 3, size=12, colour=QUIET)
        x -= 22
        cv2.line(out, (x, 11), (x + 16, 11), colour, 3)
        x -= 14


def _reach(scrubbed: Scrubbed) -> np.ndarray:
    values = scrubbed.height
    top = max(float(values.max()), 1e-6)
    out = _plot(scrubbed, REACH_HEIGHT, top, "{:.2g}")
    _curve(out, scrubbed, values, top, GREEN)
    return caption(
        out, "Reach of the memory", "at most so much, in logits, does it count against the maps; mean over the points"
    )


def _units(scrubbed: Scrubbed) -> np.ndarray:
    """The units of the LSTM that move most, a row each, in their order."""
    hidden, edges = scrubbed.hidden, _columns(scrubbed)
    rows = np.sort(np.argsort(-hidden.std(0), kind="stable")[:STATE_ROWS])
    out = card(ROW * len(rows), WIDTH)
    strength = np.abs(hidden[:, rows]).T[..., None]
    sign = np.where(hidden[:, rows].T[..., None] > 0, np.array(BLUE), np.array(ORANGE))
    colours = np.uint8(np.array(CARD) + strength.clip(0, 1) ** 0.7 * (sign - np.array(CARD)))
    for t, (begin, end) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        out[:, begin:end] = np.repeat(colours[:, t], ROW, 0)[:, None]
    here = scrubbed.state.frame
    cv2.rectangle(out, (edges[here], 0), (edges[here + 1] - 1, len(out) - 1), INK, 1)
    note = f"the {len(rows)} of {hidden.shape[1]} units that move most; blue above 0, orange below"
    return caption(out, "State of the LSTM", note)
