"""The code mixer's one picture, 1000 px wide: the faces, their codes as strips, what the mix decodes to."""

import cv2
import numpy as np

from redn_lib.landmarks import LINES
from redn_lib.widgets.draw import colour_map, draw_face, draw_response_map, enlarge, zoomed
from redn_lib.widgets.explorer_view import ALL
from redn_lib.widgets.mixer_view import ROLES, Mix
from redn_lib.widgets.panels import GAP, caption, card, side_by_side, stack, text_width, write
from redn_lib.widgets.style import ANSWER, GREEN, GRID, INK, ORANGE, QUIET, Colour

SIDE = 235
COLOURS: dict[str, Colour] = {"A": GREEN, "B": ORANGE, "C": QUIET, "mix": ANSWER}
AXES = (("turn", "left", "right"), ("nod", "up", "down"), ("mouth", "shut", "open"))
"""The numbers of `pose_of`, and what less and more of each mean."""

REACH = 3.0
"""Spreads to either side that the pose panel shows."""


def compose(mix: Mix) -> np.ndarray:
    """All panels of one mix in one picture (H, 1000, 3) uint8 RGB."""
    point, black = mix.state.point, np.zeros_like(mix.crop_images["A"])
    chosen, what = (slice(None), "all points") if point == ALL else (slice(point, point + 1), f"point {point}")
    zoom = SIDE / len(black)
    shown = [draw_response_map(black, maps[chosen], zoom=zoom) for maps in (mix.detection, mix.maps)]
    only = None if point == ALL else [point]
    shown[1] = draw_face(shown[1], (mix.points["mix"] + 0.5) * zoom - 0.5, only=only, lines=False)
    faces = [caption(_face(mix, who, zoom), who, _gives(mix, who)) for who in ROLES]
    answers = [
        caption(shown[0], "Detection", f"f_DEC, {what}"),
        caption(shown[1], "Response maps", f"f_REG, {what}"),
        caption(_outlines(mix, zoom), "Points", "of the mix, A and B"),
        caption(_poses(mix), "Pose", "of the points"),
    ]
    both = stack([side_by_side([*faces, caption(_strips(mix), "Codes", "a stripe a channel")]), side_by_side(answers)])
    out = card(both.shape[0] + GAP, both.shape[1] + 2 * GAP)
    out[: both.shape[0], GAP:-GAP] = both
    return out


def in_words(mix: Mix) -> str:
    """Alt text of the picture."""
    state = mix.state
    what = "all points" if state.point == ALL else f"point {state.point}"
    return (
        f"Code mixer, {mix.names['A']} and {mix.names['B']}: {state.identity:.0%} of B's C_id, {state.changing:.0%} of "
        f"B's C_pe, places of {state.places}, features of {state.features}. Above: faces A, B and C with their own "
        f"points, and the codes of A, mix and B as stripes. Below: detection and response maps of the mix, {what}; its "
        "points with those of A and B; turn, nod and mouth of the three on a line each"
    )


def _gives(mix: Mix, who: str) -> str:
    state = mix.state
    shares = {"A": (1 - state.identity, 1 - state.changing), "B": (state.identity, state.changing)}.get(who, (0, 0))
    given = [f"{share:.0%} {name}" for name, share in zip(("C_id", "C_pe"), shares, strict=True) if share > 0]
    given += [name for name, whose in (("places", state.places), ("features", state.features)) if whose == who]
    return "gives " + (", ".join(given) or "nothing")


def _face(mix: Mix, who: str, zoom: float) -> np.ndarray:
    out = _outline(enlarge(mix.crop_images[who], zoom), mix.points[who], COLOURS[who], zoom)
    cv2.rectangle(out, (0, 0), (out.shape[1] - 1, out.shape[0] - 1), COLOURS[who], 4)
    return out


def _outline(picture: np.ndarray, points: np.ndarray, colour: Colour, zoom: float, width: int = 1) -> np.ndarray:
    """Drawn into the picture: the strokes of a face whose points are in pixels before it was enlarged."""
    at = np.rint(zoomed(points, zoom) * 16).astype(np.int32)
    for indices, closed in LINES:
        cv2.polylines(picture, [at[list(indices)].reshape(-1, 1, 2)], closed, colour, width, cv2.LINE_AA, 4)
    return picture


def _outlines(mix: Mix, zoom: float) -> np.ndarray:
    """The mix broad, the own answers for A and B thin over it."""
    out = np.full((SIDE, SIDE, 3), 255, np.uint8)
    _outline(out, mix.points["mix"], COLOURS["mix"], zoom, 3)
    for who in "AB":
        _outline(out, mix.points[who], COLOURS[who], zoom)
    x = 6
    for who in ("A", "mix", "B"):
        cv2.line(out, (x, SIDE - 10), (x + 12, SIDE - 10), COLOURS[who], 3)
        write(out, who, x + 17, SIDE - 18, size=12)
        x += 17 + text_width(who, 12) + 12
    return out


def _strips(mix: Mix) -> np.ndarray:
    """C_id and C_pe of A, mix and B: a stripe for each channel, dark to bright from the least of all faces to most."""
    out = card(SIDE, SIDE)
    left, high = 34, 26
    y = 4
    for name, part in (("C_id", slice(0, mix.channels)), ("C_pe", slice(mix.channels, None))):
        write(out, name, left, y, size=12, bold=True)
        y += 18
        for who in ("A", "mix", "B"):
            stripes = colour_map(mix.codes[who][None, part], 1.0)
            out[y : y + high, left:] = cv2.resize(stripes, (SIDE - left, high), interpolation=cv2.INTER_NEAREST)
            write(out, who, left - 6 - text_width(who, 12), y + 5, size=12)
            out[y : y + high, left - 4 : left - 1] = COLOURS[who]
            y += high + 3
        y += 8
    return out


def _poses(mix: Mix) -> np.ndarray:
    """A line for turn, nod and mouth each: ticks where the own answers for A and B stand, a dot where the mix does."""
    out = card(SIDE, SIDE)
    left, right, row = 14, SIDE - 14, SIDE // len(AXES)
    for k, (name, less, more) in enumerate(AXES):
        y = k * row + 44
        write(out, name, left, y - 38, size=12, bold=True)
        write(out, less, left, y + 12, size=11, colour=QUIET)
        write(out, more, right - text_width(more, 11), y + 12, size=11, colour=QUIET)
        cv2.line(out, (left, y), (right, y), GRID, 3)
        x = {
            who: round(left + (right - left) * (_clipped(pose[k]) / (2 * REACH) + 0.5))
            for who, pose in mix.poses.items()
        }
        for who in "AB":
            cv2.line(out, (x[who], y - 9), (x[who], y + 9), COLOURS[who], 4)
            write(out, who, x[who] - text_width(who, 11) // 2, y - 25, size=11, colour=QUIET)
        for radius, colour in ((7, INK), (6, COLOURS["mix"])):
            cv2.circle(out, (x["mix"], y), radius, colour, -1, cv2.LINE_AA)
    return out


def _clipped(value: float) -> float:
    return float(np.clip(value, -REACH, REACH))
