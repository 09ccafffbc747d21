"""The explorer's one picture, 1000 px wide: the face with its points, what the step saw, z, response maps, errors."""

import cv2
import numpy as np

from redn_lib.landmarks import PARTS
from redn_lib.widgets.draw import colour_map, draw_box, draw_face, draw_response_map, join_maps
from redn_lib.widgets.explorer_view import ALL, Look, crop_corners, turned_box
from redn_lib.widgets.panels import CAPTION_HEIGHT, GAP, caption, card, fit_into, side_by_side, stack, text_width, write
from redn_lib.widgets.style import ANSWER, BLUE, BOX, CARD, GREEN, GRID, INK, MISS, QUIET, TRUTH, Colour

SMALL = 256
FACE_WIDTH = 1000 - 2 * SMALL - 4 * GAP
FACE_HEIGHT = 2 * SMALL + CAPTION_HEIGHT + GAP
FACE_SPAN = 1.9
"""Width of the face panel in box widths."""


def compose(look: Look) -> np.ndarray:
    """All panels of one look in one picture (H, 1000, 3) uint8 RGB."""
    k = look.state.step
    crop, z = look.fit.crop_images[k], look.fit.z[k]
    right = stack(
        [
            side_by_side(
                [
                    caption(fit_into(crop, SMALL, SMALL), f"What look {k + 1} sees", f"{crop.shape[0]} px a side"),
                    caption(fit_into(_z_picture(z, look.state.point), SMALL, SMALL), "z fed back", _z_note(z, k)),
                ]
            ),
            side_by_side(
                [
                    caption(_response(look), "Response map" + "s" * (look.state.point == ALL), "over what it sees"),
                    caption(_steps_chart(look), _chart_title(look), _chart_note(look)),
                ]
            ),
        ]
    )
    inside = side_by_side([_face_panel(look), right])
    out = card(inside.shape[0] + 2 * GAP, inside.shape[1] + 2 * GAP)
    out[GAP:-GAP, GAP:-GAP] = inside
    return out


def in_words(look: Look) -> str:
    """Alt text of the picture."""
    state = look.state
    what = "all 68 points" if state.point == ALL else f"point {state.point}"
    changes = [
        word
        for word, on in (
            ("the box is disturbed", (state.shift_x, state.shift_y, state.scale, state.turn) != (0, 0, 1, 0)),
            ("an occluder hides part of the face", state.occluder),
            ("z is kept blank", state.blank_z),
        )
        if on
    ]
    labels = "" if look.errors is None else " and the labels"
    return (
        f"Response-map explorer, look {state.step + 1} of {len(look.fit.steps)}, {what} of {look.picture.name}: "
        f"the face with the network's points{labels}, the crop that the look saw, the map z fed back, "
        "the response map over the crop, and a bar for each look" + "".join(f"; {c}" for c in changes)
    )


def _face_panel(look: Look) -> np.ndarray:
    """The face around its undisturbed box, enlarged: box given, what the step saw, points, labels and errors."""
    low, high = look.picture.box[:2], look.picture.box[2:]
    zoom = FACE_WIDTH / (FACE_SPAN * (high - low).max())
    origin = (low + high) / 2 - (np.array([FACE_WIDTH, FACE_HEIGHT]) - 1) / 2 / zoom

    def to_panel(points: np.ndarray) -> np.ndarray:
        return (points - origin) * zoom

    matrix = np.array([[zoom, 0, -zoom * origin[0]], [0, zoom, -zoom * origin[1]]])
    how = cv2.INTER_CUBIC if zoom > 1 else cv2.INTER_AREA
    panel = cv2.warpAffine(look.image, matrix, (FACE_WIDTH, FACE_HEIGHT), flags=how, borderValue=GRID)
    panel = draw_box(panel, to_panel(crop_corners(look.fit.crops[look.state.step])), colour=GREEN)
    panel = draw_box(panel, to_panel(turned_box(look.box, look.state.turn)), colour=BOX)
    truth = None if look.picture.truth is None else to_panel(look.picture.truth)
    only = None if look.state.point == ALL else [look.state.point]
    points = to_panel(look.fit.steps[look.state.step])
    panel = draw_face(panel, points, look.confidence, truth, only=only)
    out = caption(panel, "Points")
    marks: list[tuple[str, Colour]] = [("network", ANSWER), ("unsure", CARD)]
    if truth is not None:
        marks += [("label", TRUTH), ("error", MISS)]
    _legend(out, [*marks, ("box", BOX), ("seen", GREEN)])
    return out


def _legend(out: np.ndarray, marks: list[tuple[str, Colour]]) -> None:
    """A coloured dot for each word, flush right in the caption; an unsure point is a ring in the network's colour."""
    x = out.shape[1]
    for words, colour in reversed(marks):
        x -= text_width(words, 12)
        write(out, words, x, 3, size=12, colour=QUIET)
        x -= 10
        cv2.circle(out, (x, 11), 5, ANSWER if colour == CARD else INK, -1, cv2.LINE_AA)
        cv2.circle(out, (x, 11), 4, colour, -1, cv2.LINE_AA)
        x -= 12


def _z_picture(z: np.ndarray, point: int) -> np.ndarray:
    chosen = z[point] if point != ALL and len(z) > 1 else z.max(0)
    return colour_map(chosen, top=max(float(z.max()), 1e-6))


def _z_note(z: np.ndarray, step: int) -> str:
    if z.max() > 0:
        return f"{z.shape[0]} channel{'s' * (len(z) > 1)}"
    return "blank: nothing seen yet" if step == 0 else "blank"


def _response(look: Look) -> np.ndarray:
    state, k = look.state, look.state.step
    maps, image, crop = look.fit.response_maps[k], look.fit.crop_images[k], look.fit.crops[k]
    zoom = SMALL / image.shape[0]
    if state.point == ALL:
        return draw_response_map(image, join_maps(maps), zoom=zoom)
    glow = draw_response_map(image, maps[state.point], zoom=zoom)
    scale = SMALL / crop.size
    at = (crop.to_crop(look.fit.steps[k]) + 0.5) * scale - 0.5
    truth = None if look.picture.truth is None else (crop.to_crop(look.picture.truth) + 0.5) * scale - 0.5
    return draw_face(glow, at, truth=truth, only=[state.point], lines=False)


def _chart_title(look: Look) -> str:
    return "Confidence by look" if look.errors is None else "Error by look"


def _chart_note(look: Look) -> str:
    what = "all points" if look.state.point == ALL else f"point {look.state.point}"
    return what if look.errors is None else f"{what}, % of eyes"


def _steps_chart(look: Look) -> np.ndarray:
    """A bar for each step, this one in full colour, and below it a bar for each part of the face."""
    rows = look.confidences if look.errors is None else 100 * look.errors
    chosen = slice(None) if look.state.point == ALL else [look.state.point]
    style = "{:.2f}" if look.errors is None else "{:.1f}"
    out = card(SMALL, SMALL)
    steps = [(f"look {k + 1}", float(row[chosen].mean())) for k, row in enumerate(rows)]
    parts = [(name.replace("_", " "), float(rows[look.state.step][list(at)].mean())) for name, at in PARTS.items()]
    top = max(value for _, value in steps + parts)
    step_height = min(22, 110 // len(steps))
    for k, (name, value) in enumerate(steps):
        _bar(out, 6 + k * step_height, step_height, name, value, top, style, BLUE if k == look.state.step else GRID)
    y = 6 + step_height * len(steps) + 8
    part_height = min((SMALL - y) // len(parts), 20)
    for i, (name, value) in enumerate(parts):
        here = look.state.point == ALL or look.state.point in PARTS[name.replace(" ", "_")]
        _bar(out, y + i * part_height, part_height, name, value, top, style, ANSWER if here else GRID)
    return out


def _bar(out: np.ndarray, y: int, height: int, name: str, value: float, top: float, style: str, colour: Colour) -> None:
    left, right = 92, SMALL - 40
    write(out, name, left - 8 - text_width(name, 11), y + (height - 14) // 2, size=11, colour=QUIET)
    end = left + round((right - left) * value / top) if top > 0 else left
    out[y + 2 : y + height - 2, left : max(end, left + 1)] = colour
    out[y + 2 : y + height - 2, max(end, left + 1) :] = CARD
    write(out, style.format(value), max(end, left + 1) + 5, y + (height - 14) // 2, size=11)
