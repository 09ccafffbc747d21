"""An image of many faces with their points, to see at a glance whether a dataset was read correctly."""

from collections.abc import Iterable

import cv2
import numpy as np

from redn_lib.crop import Crop
from redn_lib.widgets.style import SKY, YELLOW

TILE, COLUMNS = 160, 8


def contact_sheet(faces: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> np.ndarray:
    """Tiles of 160 pixels, eight to a row: (H, W, 3) uint8 RGB.

    faces: one or more of (image (H, W, 3) uint8 RGB, points (68, 2) with NaN where unmarked, box (4,)) in pixels of
    the image; points are drawn in yellow, the box in sky blue.
    """
    tiles = []
    for image, points, box in faces:
        crop = Crop.around(box, margin=1.6, size=TILE)
        tile = crop.take(image)
        low, high = np.rint(crop.to_crop(box.reshape(2, 2))).astype(int).tolist()
        cv2.rectangle(tile, low, high, SKY, 1)
        for x, y in crop.to_crop(points[np.isfinite(points).all(1)]):
            cv2.circle(tile, (round(x * 16), round(y * 16)), 24, YELLOW, -1, cv2.LINE_AA, 4)
        tiles.append(tile)
    columns = min(COLUMNS, len(tiles))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])
