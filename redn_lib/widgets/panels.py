"""Pictures with captions, side by side and in rows: functions on (H, W, 3) uint8 RGB arrays."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from redn_lib.widgets.style import BOLD_FONT, CARD, FONT, INK, QUIET

CAPTION_HEIGHT = 24
GAP = 12
TITLES, NOTES = ImageFont.truetype(BOLD_FONT, 13), ImageFont.truetype(FONT, 12)


def on_card(image: np.ndarray, top: int = 0, bottom: int = 0, left: int = 0, right: int = 0) -> np.ndarray:
    """The image with so many pixels of empty card around it."""
    return cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=CARD)


def fit_into(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The whole image, as large as goes, centred on a card of the size; enlarged pixels stay square."""
    scale = min(height / image.shape[0], width / image.shape[1])
    w, h = (max(round(n * scale), 1) for n in image.shape[1::-1])
    how = cv2.INTER_NEAREST if scale >= 2 else cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA
    y, x = (height - h) // 2, (width - w) // 2
    return on_card(cv2.resize(image, (w, h), interpolation=how), y, height - h - y, x, width - w - x)


def caption(image: np.ndarray, title: str, note: str = "") -> np.ndarray:
    """The image under a line with a bold title and, to its right, a quiet note; wider where these are."""
    words = int(TITLES.getlength(title) + (8 + NOTES.getlength(note) if note else 0)) + 1
    out = Image.fromarray(on_card(image, CAPTION_HEIGHT, right=max(words - image.shape[1], 0)))
    pen = ImageDraw.Draw(out)
    pen.text((0, 2), title, INK, TITLES)
    pen.text((TITLES.getlength(title) + 8, 3), note, QUIET, NOTES)
    return np.array(out)


def side_by_side(images: Sequence[np.ndarray], captions: Sequence[str] = (), gap: int = GAP) -> np.ndarray:
    """Images in a row, centred in height, with a caption above each where given."""
    if captions:
        images = [caption(i, c) for i, c in zip(images, captions, strict=True)]
    height, row = max(map(len, images)), []
    for image in images:
        above = (height - len(image)) // 2
        row.append(on_card(image, above, height - len(image) - above, gap * bool(row)))
    return np.hstack(row)


def stack(rows: Sequence[np.ndarray], gap: int = GAP) -> np.ndarray:
    """Rows one below the other, flush left."""
    width = max(r.shape[1] for r in rows)
    return np.vstack([on_card(r, gap * (n > 0), right=width - r.shape[1]) for n, r in enumerate(rows)])
