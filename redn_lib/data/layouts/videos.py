"""A video with a `.pts` for each of its frames, numbered from 1."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from redn_lib.data.markups import face_box, markup_of
from redn_lib.data.pts import read_pts
from redn_lib.data.records import Sample, Unit

VIDEOS = (".avi", ".mp4", ".mov", ".mkv")


def video_unit(video: Path, annot: Path, name: str, split: str) -> Unit:
    """A video file and its folder of points as one unit; the video counts as a person of its own."""
    points = sorted(annot.glob("*.pts"))

    def read(problems: list[str]) -> Iterator[Sample]:
        by_number, bare, count = numbered(points, problems), [], 0
        for count, image, fps in _frames(video, problems):
            path = by_number.pop(count, None)
            if path is None:
                bare.append(count)
                continue
            try:
                place = read_pts(path)
                place = markup_of(place, str(path)).to_68(place)
                box = face_box(place)
            except ValueError as error:
                problems.append(str(error))
                continue
            yield Sample(f"{name}/{count:06d}", name, name, split, count, place, box, image, fps)
        if bare:
            problems.append(f"{annot}: no points for frames {_some(bare)} of {count}, left out; copy them there")
        if count and by_number:
            left = _some(sorted(by_number))
            problems.append(f"{video}: {count} frames, but points for {left} too; copy the video again")

    return Unit(name, (video, *points), read)


def numbered(paths: Iterable[Path], problems: list[str]) -> dict[int, Path]:
    """Files by the last number in their names; one without, or a second with the same, is told in `problems`."""
    found: dict[int, Path] = {}
    for path in paths:
        digits = re.findall(r"\d+", path.stem)
        number = int(digits[-1][-9:]) if digits else None
        if number is None:
            problems.append(f"{path}: no frame number in the name; rename or delete it")
        elif number in found:
            problems.append(f"{path}: frame {number} is there twice, {found[number].name} was taken; delete one")
        else:
            found[number] = path
    return found


def _frames(path: Path, problems: list[str]) -> Iterator[tuple[int, np.ndarray, float]]:
    """(number from 1, image (H, W, 3) RGB, frames a second), as far as the video can be read."""
    capture, number = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), 0
    fps = capture.get(cv2.CAP_PROP_FPS)
    fps = fps if 0 < fps <= 1000 else 25.0
    is_read, image = capture.read()
    while is_read:
        number += 1
        yield number, cv2.cvtColor(image, cv2.COLOR_BGR2RGB), fps
        is_read, image = capture.read()
    capture.release()
    if not number:
        problems.append(f"{path}: no such video, or no frame of it can be read; copy it again")


def _some(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:10])) + (" ..." if len(numbers) > 10 else "")
