"""An image of many faces with their points, to see at a glance whether a dataset was read correctly."""

from collections.abc import Iterable

import numpy as np

from redn_lib.crop import Crop
from redn_lib.widgets.draw import draw_box, draw_face
from redn_lib.widgets.panels import side_by_side, stack

TILE, COLUMNS = 160, 8


def contact_sheet(faces: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> np.ndarray:
    """Tiles of 160 pixels, eight to a row: (H, W, 3) uint8 RGB, with points and boxes.

    faces: one or more of (image (H, W, 3) uint8 RGB, points (68, 2) with NaN where unmarked, box (4,)) in pixels of
    the image.
    """
    tiles = []
    for image, points, box in faces:
        crop = Crop.around(box, margin=1.6, size=TILE)
        tile = draw_box(crop.take(image), crop.to_crop(box.reshape(2, 2)).flatten())
        tiles.append(draw_face(tile, crop.to_crop(points), lines=False))
    return stack([side_by_side(tiles[i : i + COLUMNS], gap=0) for i in range(0, len(tiles), COLUMNS)], gap=0)
