"""The one image decoder of the library: whole files only, always RGB, always upright.

A camera may store an image lying on its side and say so in the file (EXIF orientation). Every image is turned upright
here. Published points count the pixels as they are *stored*: those of 300-W were set in Matlab, which ignores EXIF. So
the points of such an image are turned with it (`upright_points`), and both end upright. (our choice)
"""

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from redn_lib.landmarks import MIRROR

IMAGES = (".jpg", ".jpeg", ".png", ".bmp")
"""Endings of image files."""

QUALITY = 95
_ENDS = {b"\xff\xd8": (b"\xff\xda", b"\xff\xd9"), b"\x89P": (b"IDAT", b"IEND")}
"""By a file's first bytes (JPEG, PNG): what comes before the last pixels, and what after them. OpenCV fills an image
that is cut short with grey and says nothing."""


_TURNS = {
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}
"""How to turn an image upright, by its EXIF orientation (1 is upright): whether x and y are exchanged, and whether the
image is then mirrored left to right, and top to bottom."""


def read_image(source: str | Path | bytes, name: str = "") -> np.ndarray:
    """An image (H, W, 3) uint8 RGB, upright.

    source: a file, or the bytes of one. name: what errors call the bytes.
    Raises FileNotFoundError or ValueError, naming file and remedy, where the image is gone, damaged or cut short.
    """
    if not isinstance(source, bytes):
        name, path = name or str(source), Path(source)
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such image; copy it there")
        source = path.read_bytes()
    try:
        flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
        image = cv2.imdecode(np.frombuffer(source, np.uint8), flags) if _is_whole(source) else None
    except cv2.error:
        image = None
    if image is None or min(image.shape[:2]) < 8:
        raise ValueError(f"{name or 'image'}: no whole image; copy it again or delete it")
    exchange, flip_x, flip_y = _TURNS.get(_header(source)[0], (False, False, False))
    image = image.transpose(1, 0, 2) if exchange else image
    return np.ascontiguousarray(image[:: -1 if flip_y else 1, :: -1 if flip_x else 1])


def upright_points(points: np.ndarray, source: str | Path | bytes) -> np.ndarray:
    """Points (68, 2) in pixels of the image as it is stored, turned as `read_image` turns the image.

    Only the file's header is read. A mirrored image has its points renamed, so that left stays the person's left.
    """
    orientation, width, height = _header(source)
    if orientation not in _TURNS:
        return points
    exchange, flip_x, flip_y = _TURNS[orientation]
    size = np.array((height, width) if exchange else (width, height))
    points = points[:, ::-1] if exchange else points
    points = np.where((flip_x, flip_y), size - 1 - points, points).astype(np.float32)
    is_mirrored = exchange ^ flip_x ^ flip_y
    return points[MIRROR] if is_mirrored else points


def encode_image(image: np.ndarray) -> bytes:
    """JPEG bytes of an image (H, W, 3) uint8 RGB."""
    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def is_upright(source: str | Path | bytes) -> bool:
    """Whether an image file is stored as it is shown."""
    return _header(source)[0] not in _TURNS


def _is_whole(data: bytes) -> bool:
    begin, end = _ENDS.get(data[:2], (b"", b""))
    return bool(data) and data.rfind(end) >= data.rfind(begin)


def _header(source: str | Path | bytes) -> tuple[int, int, int]:
    """(EXIF orientation, width, height) of an image file; orientation 1 and no size where its head has no EXIF."""
    with io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb") as file:
        head = file.read(1 << 16)
        if b"Exif" not in head and b"eXIf" not in head:
            return 1, 0, 0
        try:
            with Image.open(file) as image:
                return image.getexif().get(0x0112, 1), *image.size
        except (OSError, SyntaxError, ValueError):
            return 1, 0, 0
