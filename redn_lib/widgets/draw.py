"""Faces, points, maps and boxes drawn into pictures: plain functions from arrays to a new (H, W, 3) uint8 RGB array.

`zoom` enlarges the picture before anything is drawn; points are given in pixels of the picture as it comes in.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from redn_lib.data.occluder import fixed_point
from redn_lib.landmarks import LINES
from redn_lib.widgets.style import ANSWER, BOX, GRID, INK, MISS, OCCLUDER, TRUTH, Colour


def enlarge(image: np.ndarray, zoom: float) -> np.ndarray:
    """A copy `zoom` times as large."""
    return cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR if zoom > 1 else cv2.INTER_AREA)


def zoomed(points: np.ndarray, zoom: float) -> np.ndarray:
    """Points in pixels of the enlarged picture."""
    return (np.asarray(points, float) + 0.5) * zoom - 0.5


def close_up(image: np.ndarray, box: np.ndarray, zoom: float, width: int, height: int) -> tuple[np.ndarray, Callable]:
    """A panel (height, width, 3) with the image around the middle of a box (4,), `zoom` times as large, and a function
    from points of the image to points of the panel.
    """
    origin = (box[:2] + box[2:]) / 2 - (np.array([width, height]) - 1) / 2 / zoom
    matrix = np.array([[zoom, 0, -zoom * origin[0]], [0, zoom, -zoom * origin[1]]])
    how = cv2.INTER_CUBIC if zoom > 1 else cv2.INTER_AREA
    panel = cv2.warpAffine(image, matrix, (width, height), flags=how, borderValue=GRID)
    return panel, lambda points: (points - origin) * zoom


def draw_face(image, points, confidence=None, truth=None, *, zoom=1.0, only=None, lines=True) -> np.ndarray:
    """The face with its points, joined by strokes where `lines` is True.

    image: (H, W, 3) uint8 RGB; zoom: how many times as large it is drawn.
    points: (68, 2), rows with NaN are left out.
    confidence: (68,) in [0, 1]; a point below one half is drawn hollow.
    truth: (68, 2) labels, each joined to its point by a line: the error.
    only: numbers of the points to draw, all by default.
    """
    out = enlarge(image, zoom)
    radius = max(min(out.shape[:2]) / 200, 1.2) * (1 if only is None else 1.8)
    at = zoomed(points, zoom)
    chosen = [i for i in (range(len(at)) if only is None else only) if np.isfinite(at[i]).all()]
    if lines:
        lined, strength = out.copy(), 0.6 if only is None else 0.25
        strokes(lined, at, ANSWER)
        cv2.addWeighted(lined, strength, out, 1 - strength, 0, dst=out)
    if truth is not None:
        goal = zoomed(truth, zoom)
        for i in chosen:
            polyline(out, [at[i], goal[i]], False, MISS, 1 if only is None else 2)
        for i in chosen:
            dot(out, goal[i], radius * 0.8, TRUTH)
    for i in chosen:
        if confidence is not None and confidence[i] < 0.5:
            ring(out, at[i], radius + 1, ANSWER)
        else:
            dot(out, at[i], radius, ANSWER)
    return out


def turned_box(box: np.ndarray, turn: float) -> np.ndarray:
    """Corners (4, 2) of a box (4,) x0, y0, x1, y1 turned about its middle by degrees clockwise."""
    low, high = np.split(np.asarray(box, float), 2)
    return cv2.boxPoints(((low + high) / 2, high - low, turn))


def draw_box(image: np.ndarray, box: np.ndarray, *, zoom: float = 1) -> np.ndarray:
    """The picture with a box (4,) x0, y0, x1, y1, or any four-sided frame given by its corners (4, 2)."""
    out = enlarge(image, zoom)
    at = zoomed(turned_box(box, 0) if np.shape(box) == (4,) else box, zoom)
    polyline(out, at, True, INK, 3)
    polyline(out, at, True, BOX, 1)
    return out


def to_bytes(values: np.ndarray, top: float | None = None) -> np.ndarray:
    """Numbers from 0 to `top` (their maximum by default) as uint8, 0 to 255."""
    top = float(values.max()) if top is None else top
    return np.uint8(np.clip(values / max(top, 1e-12), 0, 1) * 255)


def colour_map(values: np.ndarray, top: float | None = None) -> np.ndarray:
    """A map (h, w) of numbers from 0 to `top` (its maximum by default) in colours: (h, w, 3) uint8 RGB."""
    return cv2.cvtColor(cv2.applyColorMap(to_bytes(values, top), cv2.COLORMAP_MAGMA), cv2.COLOR_BGR2RGB)


def to_peaks(maps: np.ndarray) -> np.ndarray:
    """Maps (..., h, w), each scaled to its own peak."""
    return maps / np.maximum(maps.max((-2, -1), keepdims=True), 1e-12)


def draw_response_map(image: np.ndarray, response: np.ndarray, *, zoom: float = 1) -> np.ndarray:
    """A response map (h, w), or several (L, h, w), each scaled to its own peak, glowing over the dark grey picture."""
    whole = to_peaks(response).max(0) if response.ndim == 3 else response
    whole = np.asarray(whole, np.float32)
    under = enlarge(image, zoom)
    grey = cv2.cvtColor(cv2.cvtColor(under, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB).astype(np.float32) * 0.55
    big = cv2.resize(whole, under.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    share = np.clip(big / max(float(whole.max()), 1e-12), 0, 1)
    glow = np.sqrt(share)[..., None] * 0.9
    return np.uint8(grey * (1 - glow) + colour_map(share, 1.0) * glow)


def occlude(image: np.ndarray, centre: Sequence[float], side: float) -> np.ndarray:
    """A copy with an upright square hidden: centre (x, y) and side in pixels."""
    out, half = image.copy(), np.array([side, side]) / 2
    (x0, y0), (x1, y1) = np.rint([centre - half, centre + half]).astype(int).clip(0)
    out[y0:y1, x0:x1] = OCCLUDER
    return out


_CIRCLE = np.stack([f(np.linspace(0, 2 * np.pi, 16, endpoint=False)) for f in (np.cos, np.sin)], 1)  # (16, 2)


def polyline(out: np.ndarray, at: np.ndarray, closed: bool, colour: Colour, width: int = 1) -> None:
    """Draw a line through points (N, 2) into the picture."""
    if len(at) > 1:
        cv2.polylines(out, [fixed_point(at)], closed, colour, width, cv2.LINE_AA, 4)


def strokes(out: np.ndarray, at: np.ndarray, colour: Colour, width: int = 1) -> None:
    """Draw the strokes of a face with points (68, 2) into the picture; points with NaN are left out."""
    for indices, closed in LINES:
        polyline(out, at[[i for i in indices if np.isfinite(at[i]).all()]], closed, colour, width)


def ring(out: np.ndarray, at: np.ndarray, radius: float, colour: Colour, width: int = 1) -> None:
    """Draw a circle around a point (2,) into the picture; OpenCV's own small circles come out as diamonds."""
    polyline(out, at + _CIRCLE * radius, True, colour, width)


def dot(
    out: np.ndarray, at: np.ndarray, radius: float, colour: Colour, edge: Colour = INK, border: float = 0.7
) -> None:
    """Draw a dot with an edge at a point (2,) into the picture."""
    for size, fill in ((radius + border, edge), (radius, colour)):
        cv2.fillConvexPoly(out, fixed_point(at + _CIRCLE * size), fill, cv2.LINE_AA, 4)
