"""The one image decoder: whole files only, and every EXIF turn applied to image and points alike."""

import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from made_sets import shape, stored
from PIL import Image, ImageOps

from redn_lib.data.images import encode_image, read_image, upright_points


def a_photo(path, orientation=1):
    """Points of a face (68, 2), upright and as they are stored in a file with a white dot at each of ten of them."""
    image = np.zeros((100, 120, 3), np.uint8)
    points = shape(0).round().astype(np.float32)
    image[:50] += 40
    for x, y in points[::7].astype(int):
        image[y, x] = 255
    turned, there = stored(image, points, orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(turned).save(path, exif=exif)
    return points, there


@pytest.mark.parametrize("orientation", range(1, 9))
def test_image_and_points_end_upright_together(tmp_path, orientation):
    points, there = a_photo(tmp_path / "a.png", orientation)
    image = read_image(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as photo:
        np.testing.assert_array_equal(image, np.asarray(ImageOps.exif_transpose(photo)))
    upright = upright_points(there, tmp_path / "a.png")
    assert upright.dtype == np.float32 and np.array_equal(upright, points)
    for x, y in upright[::7].astype(int):
        assert image[y, x].min() == 255


@pytest.mark.parametrize("orientation", [1, 3, 4, 5, 6, 7, 8])
def test_points_set_on_an_image_as_it_is_shown_stay(tmp_path, orientation):
    points, _ = a_photo(tmp_path / "a.png", orientation)
    assert np.array_equal(upright_points(points, tmp_path / "a.png"), points)


def test_the_points_of_a_mirrored_photo_keep_left_and_right(tmp_path):
    _, there = a_photo(tmp_path / "a.png", 2)
    upright = upright_points(there, tmp_path / "a.png")
    assert there[36, 0] < there[45, 0] and upright[36, 0] < upright[45, 0]


def test_grey_and_a_piece_of_a_file_are_rgb(tmp_path):
    grey = np.arange(400, dtype=np.uint16).reshape(20, 20).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), grey)
    assert (read_image(tmp_path / "a.png") == grey[..., None]).all()
    red = np.zeros((20, 20, 3), np.uint8)
    red[..., 0] = 200
    jpeg = encode_image(red)
    (tmp_path / "a.bin").write_bytes(b"before" + jpeg + b"behind")
    assert abs(read_image(tmp_path / "a.bin", 6, len(jpeg)).astype(int) - red).max() < 4


@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_an_image_cut_short_is_refused_and_one_with_more_behind_it_taken(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (80, 60, 3), np.uint8))
    data = path.read_bytes()
    path.write_bytes(data + b"appended" * 1000)
    assert read_image(path).shape == (80, 60, 3)
    for length in (0, 3, len(data) // 2, len(data) - 200):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=f"a{ending}: no whole image .*copy it again"):
            read_image(path)


def test_what_is_no_image_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"b\.jpg"):
        read_image(tmp_path / "b.jpg")
    (tmp_path / "c.bmp").write_bytes(b"text")
    with pytest.raises(ValueError, match=r"c\.bmp: no whole image"):
        read_image(tmp_path / "c.bmp")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes with a name")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png: a folder, pipe or device"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_pixels_of_32_bits_are_refused_as_their_range_is_unknown(tmp_path, kind):
    """Of those from 0 to 1 nothing but black would be left."""
    Image.fromarray(np.linspace(0, 1, 400).reshape(20, 20).astype(kind)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=r"a\.tif: .*32 bits.*save it with 8 or 16"):
        read_image(tmp_path / "a.tif")


def test_an_image_that_claims_to_be_huge_is_named(tmp_path):
    """Before a byte of it is decoded."""
    start = b"IHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    parts = [
        struct.pack(">I", 13) + start + struct.pack(">I", zlib.crc32(start)),
        struct.pack(">I", 0) + b"IDAT5\xaf\x06\x1e",
    ]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with pytest.raises(ValueError, match=r"a\.png: too large"):
        read_image(tmp_path / "a.png")
    assert (upright_points(np.zeros((68, 2)), tmp_path / "a.png") == 0).all()


@pytest.mark.parametrize("ending", [".png", ".tif"])
@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_more_bits_than_eight_are_stretched_by_what_they_hold(tmp_path, ending, bits, channels):
    ramp = np.linspace(0, 255, 400).astype(np.uint16).reshape(20, 20, 1) * np.arange(1, channels + 1) // channels
    cv2.imwrite(str(tmp_path / f"a{ending}"), ramp.astype(np.uint16) << (bits - 8))
    image = read_image(tmp_path / f"a{ending}").astype(int)
    assert abs(image - ramp[..., ::-1]).max() <= 1


def test_what_telephones_add_and_misname_is_taken(tmp_path):
    image = np.full((20, 30, 3), 90, np.uint8)
    (tmp_path / "a.jpg").write_bytes(encode_image(image) + b"\0\0\0\x18ftypmp42" + bytes(5000))
    cv2.imwrite(str(tmp_path / "b.png"), image)
    (tmp_path / "b.png").rename(tmp_path / "b.jpg")
    for name in ("a.jpg", "b.jpg"):
        assert abs(read_image(tmp_path / name).astype(int) - 90).max() < 4
