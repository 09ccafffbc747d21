"""Words and layout for pictures: text, captions, panels side by side. All on (H, W, 3) uint8 RGB arrays."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from redn_lib.widgets.style import ANSWER, BOLD_FONT, CARD, FONT, INK, QUIET, Colour

CAPTION_HEIGHT = 24
GAP = 12


@lru_cache(maxsize=1024)
def _letters(words: str, size: int, bold: bool) -> np.ndarray:
    """How much ink each pixel of the words takes: (h, w, 1) float32 in [0, 1]; every line of a size is equally high."""
    font = ImageFont.truetype(str(BOLD_FONT if bold else FONT), size)
    mask = Image.new("L", (max(round(font.getlength(words)), 1), sum(font.getmetrics())))
    ImageDraw.Draw(mask).text((0, 0), words, font=font, fill=255)
    return np.asarray(mask, np.float32)[..., None] / 255


def text_width(words: str, size: int = 13, bold: bool = False) -> int:
    """Width of a line of words in pixels."""
    return _letters(words, size, bold).shape[1]


def write(picture, words: str, x: float, y: float, *, size=13, bold=False, colour=INK, anchor=0.0) -> None:
    """Write a line of words, its top at y; what falls outside is cut. anchor: the share of it that is left of x."""
    ink = _letters(words, size, bold)
    x, y = round(x - anchor * ink.shape[1]), round(y)
    top, left = max(-y, 0), max(-x, 0)
    under = picture[max(y, 0) : y + ink.shape[0], max(x, 0) : x + ink.shape[1]]
    ink = ink[top : top + under.shape[0], left : left + under.shape[1]]
    under[:] = np.rint(under + ink * (np.array(colour, np.float32) - under)).astype(np.uint8)


def card(height: int, width: int) -> np.ndarray:
    """An empty card (height, width, 3)."""
    return np.full((height, width, 3), CARD, np.uint8)


def fit_into(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The whole image, as large as goes, centred on a card of the size; enlarged pixels stay square."""
    scale = min(height / image.shape[0], width / image.shape[1])
    size = tuple(max(round(n * scale), 1) for n in image.shape[1::-1])
    how = cv2.INTER_NEAREST if scale >= 2 else cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA
    small = cv2.resize(image, size, interpolation=how)
    out = card(height, width)
    y, x = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    out[y : y + small.shape[0], x : x + small.shape[1]] = small
    return out


def caption(image: np.ndarray, title: str, note: str = "", side: int = 0) -> np.ndarray:
    """The image under a line with a bold title and, to its right, a quiet note. side: fits it into a square first."""
    image = fit_into(image, side, side) if side else image
    out = cv2.copyMakeBorder(image, CAPTION_HEIGHT, 0, 0, 0, cv2.BORDER_CONSTANT, value=CARD)
    write(out, title, 0, 2, bold=True)
    write(out, note, text_width(title, bold=True) + 8, 3, size=12, colour=QUIET)
    return out


def side_by_side(images: Sequence[np.ndarray], captions: Sequence[str] = (), gap: int = GAP) -> np.ndarray:
    """Images in a row, centred in height, with a caption above each where given."""
    if captions:
        images = [caption(i, c) for i, c in zip(images, captions, strict=True)]
    height = max(i.shape[0] for i in images)
    out = card(height, sum(i.shape[1] for i in images) + gap * (len(images) - 1))
    x = 0
    for image in images:
        y = (height - image.shape[0]) // 2
        out[y : y + image.shape[0], x : x + image.shape[1]] = image
        x += image.shape[1] + gap
    return out


def stack(rows: Sequence[np.ndarray], gap: int = GAP) -> np.ndarray:
    """Rows one below the other, flush left."""
    out = card(sum(r.shape[0] for r in rows) + gap * (len(rows) - 1), max(r.shape[1] for r in rows))
    y = 0
    for row in rows:
        out[y : y + row.shape[0], : row.shape[1]] = row
        y += row.shape[0] + gap
    return out


def board(rows: Sequence[Sequence[np.ndarray]], gap: int = GAP) -> np.ndarray:
    """Rows of panels one below the other, with an empty border: the whole picture of a widget."""
    inner = stack([side_by_side(row) for row in rows], gap)
    return cv2.copyMakeBorder(inner, GAP, GAP, GAP, GAP, cv2.BORDER_CONSTANT, value=CARD)


def legend(captioned: np.ndarray, marks: Mapping[str, Colour]) -> np.ndarray:
    """A coloured dot for each word, written flush right into the caption; one in the card's colour is a ring."""
    x = captioned.shape[1]
    for words, colour in reversed(marks.items()):
        x -= text_width(words, 12)
        write(captioned, words, x, 3, size=12, colour=QUIET)
        x -= 10
        for radius, tone in ((5, ANSWER if colour == CARD else INK), (4, colour)):
            cv2.circle(captioned, (x, 11), radius, tone, -1, cv2.LINE_AA)
        x -= 12
    return captioned
