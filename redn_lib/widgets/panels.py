"""What pictures of widgets are made of: words, captions, panels side by side, curves over time.

All on (H, W, 3) uint8 RGB arrays; Matplotlib would take most of the time between two pictures.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from redn_lib.widgets.draw import dot, polyline
from redn_lib.widgets.style import BOLD_FONT, CARD, FONT, GREEN, GRID, INK, QUIET, Colour

CAPTION_HEIGHT = 24
GAP = 12
LEFT, RIGHT = 56, 6  # pixels beside the axes of a time chart


@lru_cache
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(BOLD_FONT if bold else FONT, size)


def text_width(words: str, size: int = 13, bold: bool = False) -> int:
    """Width of a line of words in pixels."""
    return round(_font(size, bold).getlength(words))


def write(picture, words: str, x: float, y: float, *, size=13, bold=False, colour=INK, anchor=0.0) -> None:
    """Write a line of words, its top at y; what falls outside is cut. anchor: the share of it that is left of x."""
    page, x = Image.fromarray(picture), x - anchor * text_width(words, size, bold)
    ImageDraw.Draw(page).text((round(x), round(y)), words, colour, _font(size, bold))
    picture[:] = page


def card(height: int, width: int) -> np.ndarray:
    """An empty card (height, width, 3)."""
    return np.full((height, width, 3), CARD, np.uint8)


def _widened(image: np.ndarray, top: int = 0, bottom: int = 0, left: int = 0, right: int = 0) -> np.ndarray:
    """The image with so many pixels of empty card around it."""
    return cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=CARD)


def fit_into(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The whole image, as large as goes, centred on a card of the size; enlarged pixels stay square."""
    scale = min(height / image.shape[0], width / image.shape[1])
    w, h = (max(round(n * scale), 1) for n in image.shape[1::-1])
    how = cv2.INTER_NEAREST if scale >= 2 else cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA
    y, x = (height - h) // 2, (width - w) // 2
    return _widened(cv2.resize(image, (w, h), interpolation=how), y, height - h - y, x, width - w - x)


def caption(image: np.ndarray, title: str, note: str = "", side: int = 0) -> np.ndarray:
    """The image under a line with a bold title and, to its right, a quiet note. side: fits it into a square first."""
    out = _widened(fit_into(image, side, side) if side else image, CAPTION_HEIGHT)
    write(out, title, 0, 2, bold=True)
    write(out, note, text_width(title, bold=True) + 8, 3, size=12, colour=QUIET)
    return out


def side_by_side(images: Sequence[np.ndarray], captions: Sequence[str] = (), gap: int = GAP) -> np.ndarray:
    """Images in a row, centred in height, with a caption above each where given."""
    if captions:
        images = [caption(i, c) for i, c in zip(images, captions, strict=True)]
    height, row = max(map(len, images)), []
    for image in images:
        above = (height - len(image)) // 2
        row.append(_widened(image, above, height - len(image) - above, gap * bool(row)))
    return np.hstack(row)


def stack(rows: Sequence[np.ndarray], gap: int = GAP) -> np.ndarray:
    """Rows one below the other, flush left."""
    width = max(r.shape[1] for r in rows)
    return np.vstack([_widened(r, gap * (n > 0), right=width - r.shape[1]) for n, r in enumerate(rows)])


def board(rows: Sequence[Sequence[np.ndarray]], gap: int = GAP) -> np.ndarray:
    """Rows of panels one below the other, with an empty border: the whole picture of a widget."""
    return _widened(stack([side_by_side(row) for row in rows], gap), GAP, GAP, GAP, GAP)


def legend(captioned: np.ndarray, marks: Mapping[str, Colour]) -> np.ndarray:
    """A coloured dot for each word, written flush right into the caption."""
    x = captioned.shape[1]
    for words, colour in reversed(marks.items()):
        write(captioned, words, x, 3, size=12, colour=QUIET, anchor=1)
        x -= text_width(words, 12) + 10
        dot(captioned, (x, 11), 4, colour, border=1)
        x -= 12
    return captioned


def columns(frames: int, width: int) -> np.ndarray:
    """Where the column of each frame of a time chart begins, and where the last one ends: (frames + 1,) pixels."""
    return np.rint(np.linspace(LEFT, width - RIGHT, frames + 1)).astype(int)


def time_chart(curves, colours, frame: int, grey: np.ndarray, limits, form: str, size, cut: int = 0) -> np.ndarray:
    """Curves over the frames of a clip, with a mark at one frame and grey behind some frames.

    curves: (T,) by name, NaN where unknown, cut off at the limits; the last one has a dot at the frame.
    grey: (T,) share of the height that is grey.
    form: how the limits are written.
    size: height and width in pixels; cut: a green line before this frame, 0: none.
    """
    (height, width), frames = size, len(grey)
    out, edges = card(height, width), columns(frames, width)
    middles = np.interp(np.arange(frames), (-0.5, frames - 0.5), (LEFT, width - RIGHT))
    for t in range(frames):
        out[round(height - 5 - grey[t] * (height - 10)) : height - 5, edges[t] : edges[t + 1]] = GRID
    for limit, y in zip(limits, (height - 5, 5), strict=True):
        polyline(out, [(LEFT, y), (width - RIGHT, y)], False, GRID)
        write(out, form.format(limit), LEFT - 6, y - 7, size=11, colour=QUIET, anchor=1)
    for name, values in curves.items():
        points = np.stack([middles, np.interp(values, limits, (height - 5, 5))], 1)
        known = np.isfinite(points).all(1)
        for t in np.flatnonzero(known[1:] & known[:-1]):
            polyline(out, points[t : t + 2], False, colours[name], 2)
        for point in points[known]:
            dot(out, point, 2, colours[name], edge=colours[name])
    polyline(out, [(middles[frame], 5), (middles[frame], height - 5)], False, INK)
    if cut:
        polyline(out, [(edges[cut], 5), (edges[cut], height - 5)], False, GREEN, 2)
    if known[frame]:
        dot(out, points[frame], 4.5, INK, edge=CARD)
    return out
