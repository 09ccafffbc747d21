"""Pictures of a data set into what is stored: whole, JPEG, and of a size that is read fast."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

PICTURES = (".jpg", ".jpeg", ".png", ".bmp")
LARGEST = 640
"""A larger still is cut to three times the face's box and shrunk to this many pixels a side (our choice): room for
every sloppy box and crop of the training, and decoded in a millisecond."""

MARGIN = 3.0
QUALITY = 95
WHOLE = (0.0, 0.0, 1.0, 1.0)
"""The origin of a picture that was not cut."""

_READ = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION  # Matlab, in which the points were set, knows no EXIF
_ENDS = {".jpg": (b"\xff\xda", b"\xff\xd9"), ".jpeg": (b"\xff\xda", b"\xff\xd9"), ".png": (b"IDAT", b"IEND")}
"""What comes before the last pixels, and after them: OpenCV fills a picture cut short with grey and says nothing."""


class Stored(NamedTuple):
    """A picture ready to be stored; points and box in its own pixels, the rest as in `records.Frame`."""

    jpeg: bytes
    size: tuple[int, int]
    points: np.ndarray
    box: np.ndarray
    origin: tuple[float, float, float, float]


def decode(data: bytes, where: str) -> np.ndarray:
    """The picture (H, W, 3) uint8 RGB of the bytes of a file. Raises ValueError, naming `where`, if it is broken."""
    begin, end = _ENDS.get(Path(where).suffix.lower(), (b"", b""))
    try:
        whole = data.rfind(end) >= data.rfind(begin)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _READ) if whole and data else None
    except cv2.error:
        image = None
    if image is None or min(image.shape[:2]) < 8:
        raise ValueError(f"{where}: no whole picture; copy it anew or delete it")
    return image


def encode(image: np.ndarray) -> bytes:
    """JPEG bytes of a picture (H, W, 3) uint8 RGB."""
    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def store_still(path: Path, points: np.ndarray, box: np.ndarray, whole: bool = False) -> Stored:
    """The still with its points (68, 2) and box (4,), cut around the face where it is large; a small JPEG as it is.

    whole: cut nothing, the picture is a frame of a video. Raises FileNotFoundError or ValueError where the picture is
    gone, broken, or the box is not in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such picture; copy it there or delete its points")
    data = path.read_bytes()
    image = decode(data, str(path))
    _check_box(image, box, str(path))
    if not whole and max(image.shape[:2]) > LARGEST:
        return _cut(image, points, box)
    jpeg = data if path.suffix.lower() in (".jpg", ".jpeg") else encode(image)
    return Stored(jpeg, image.shape[1::-1], points, box, WHOLE)


def store_frame(image: np.ndarray, points: np.ndarray, box: np.ndarray, where: str) -> Stored:
    """A frame of a video, whole, whatever its size: a tracker needs all of it. Raises ValueError as `store_still`."""
    _check_box(image, box, where)
    return Stored(encode(image), image.shape[1::-1], points, box, WHOLE)


def _cut(image: np.ndarray, points: np.ndarray, box: np.ndarray) -> Stored:
    """The picture around the face, at most LARGEST pixels a side."""
    half = MARGIN / 2 * (box[2:] - box[:2]).max()
    middle = (box[:2] + box[2:]) / 2
    low = np.maximum(np.floor(middle - half), 0).astype(int)
    high = np.minimum(np.ceil(middle + half) + 1, image.shape[1::-1]).astype(int)
    image = image[low[1] : high[1], low[0] : high[0]]
    before = np.array(image.shape[1::-1])
    shrink = max(before.max() / LARGEST, 1.0)
    if shrink > 1:
        size = tuple(max(round(n / shrink), 8) for n in before)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    scale = before / image.shape[1::-1]
    points = ((points - low + 0.5) / scale - 0.5).astype(np.float32)
    box = (box - np.r_[low, low] + 0.5) / np.r_[scale, scale] - 0.5
    return Stored(encode(image), image.shape[1::-1], points, box, (*low.astype(float), *scale))


def _check_box(image: np.ndarray, box: np.ndarray, where: str) -> None:
    high = np.array(image.shape[1::-1])
    if not np.isfinite(box).all() or (box[2:] - box[:2] < 1).any() or (box[2:] < 0).any() or (box[:2] >= high).any():
        raise ValueError(f"{where}: the points lie outside the picture or on one spot; mend or delete them")
