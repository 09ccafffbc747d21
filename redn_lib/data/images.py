"""The one decoder of images: always RGB, whole files only, always upright.

A camera may store an image lying on its side and say so in the file (EXIF orientation). Every image is turned upright
here. Published points count the pixels as they are *stored*: those of 300-W were set in Matlab, which ignores EXIF. So
the points of such an image are turned with it (`upright_points`), and both end upright. Other programs show an image
turned: points that are upright as they are have been set on it as shown, and stay. (our choice)
"""

import io
import zlib
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from redn_lib.landmarks import MEAN_SHAPE, MIRROR, fit_similarity

IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def read_image(path: str | Path, offset: int = 0, count: int = -1, crc: int | None = None) -> np.ndarray:
    """The image in a file, or in `count` bytes of it from `offset` on: (H, W, 3) uint8 RGB, upright.

    crc: checksum that these bytes must have.
    Raises FileNotFoundError or ValueError, naming the file, where the image is gone, damaged or cut short.
    """
    if Path(path).exists() and not Path(path).is_file():
        raise ValueError(f"{path}: a folder, pipe or device in place of an image; delete or rename it")
    with Path(path).open("rb") as file:
        file.seek(offset)
        content = file.read(count)
    if crc is not None and zlib.crc32(content) != crc:
        raise ValueError(f"{path}: no whole image (checksum of the bytes from {offset} on); copy it again or delete it")
    return decode_image(content, path)


def decode_image(content: bytes, name: str | Path) -> np.ndarray:
    """The image in the bytes of a file: (H, W, 3) uint8 RGB, upright. Raises ValueError, naming it, as `read_image`."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            exchange, flip_x, flip_y = _turn(image)
            pixels = _eight_bits(image, content)
    except (Image.DecompressionBombError, MemoryError) as error:
        raise ValueError(f"{name}: too large an image ({error}); shrink it or delete it") from error
    except Exception as error:  # of any kind, where the file is damaged
        why = "of no known kind" if isinstance(error, UnidentifiedImageError) else error
        raise ValueError(f"{name}: no whole image ({why}); copy it again or delete it") from error
    if min(pixels.shape[:2]) < 8:
        raise ValueError(f"{name}: an image of less than 8 pixels a side; delete it")
    pixels = pixels.transpose(1, 0, 2) if exchange else pixels
    return pixels[:: -1 if flip_y else 1, :: -1 if flip_x else 1].copy()


def _eight_bits(image: Image.Image, content: bytes) -> np.ndarray:
    """(H, W, 3) uint8 RGB. Of more bits than 8: the upper ones of the 8, 10, 12, 14 or 16 that the brightest needs,
    since 10 bits are stored as 16, too (our choice).
    """
    deep = image.mode.startswith("I") or any("16" in str(tile[-1]) for tile in image.tile)
    image.load()  # raises where it is not whole
    if deep:
        how = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION  # Pillow gives 8 bits of colours
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), how)
        if pixels is not None and pixels.dtype == np.uint16:
            bits = next(bits for bits in (8, 10, 12, 14, 16) if pixels.max() < 2**bits)
            return (pixels >> (bits - 8)).astype(np.uint8)[..., ::-1]
    if image.mode[0] in "IF":
        raise ValueError("it has numbers of 32 bits, of unknown range, for pixels: save it with 8 or 16")
    return np.asarray(image.convert("RGB"))


def upright_points(points: np.ndarray, path: Path) -> np.ndarray:
    """Points (68, 2) of the image as it is stored, turned as `read_image` turns it, and renamed where mirrored; points
    of the image as it is shown stay. Where both faces stand upright they are of the stored one.
    """
    try:
        with Image.open(path) as image:
            (exchange, flip_x, flip_y), size = _turn(image), np.array(image.size)
    except Exception:
        return points  # `read_image` says what is wrong
    turned, size = (points[:, ::-1], size[::-1]) if exchange else (points, size)
    turned = np.where((flip_x, flip_y), size - 1 - turned, turned).astype(np.float32)
    turned = turned[MIRROR] if exchange ^ flip_x ^ flip_y else turned
    return points if upright(points) > upright(turned) + 0.5 else turned


def upright(points: np.ndarray) -> float:
    """How upright a face stands, points (68, 2), some NaN: cosine of its turn; 1 where it stands on its chin."""
    known = np.isfinite(points).all(-1)
    linear, _ = fit_similarity(MEAN_SHAPE[known], points[known].astype(float))
    return float(linear[0, 0] / max(np.hypot(linear[0, 0], linear[1, 0]), 1e-9))


def _turn(image: Image.Image) -> tuple[bool, bool, bool]:
    """By the EXIF orientation (1 is upright): whether x and y are exchanged, and then whether each is mirrored."""
    orientation = image.getexif().get(0x0112, 1) if "exif" in image.info else 1
    return orientation in (5, 6, 7, 8), orientation in (2, 3, 6, 7), orientation in (3, 4, 7, 8)


def encode_image(image: np.ndarray) -> bytes:
    """JPEG bytes of an image (H, W, 3) uint8 RGB."""
    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
