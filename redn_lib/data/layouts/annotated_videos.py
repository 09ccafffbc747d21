"""A video with a `.pts` for each of its frames, numbered from 1."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from redn_lib.data.markups import face_box, markup_of
from redn_lib.data.pts import read_pts
from redn_lib.data.records import AnnotatedImage, Unit

VIDEOS = (".avi", ".mp4", ".mov", ".mkv")


class Video(NamedTuple):
    """A video file, its folder of points, and what the layout says of them."""

    path: Path
    annot: Path
    name: str
    person: str
    split: str

    def unit(self) -> Unit:
        """The video as one unit."""
        points = sorted(self.annot.glob("*.pts")) if self.annot.is_dir() else []
        return Unit(self.name, (self.path, *points), len(points), lambda problems: self._frames(points, problems))

    def _frames(self, points: list[Path], problems: list[str]) -> Iterator[AnnotatedImage]:
        by_number = numbered(points, problems)
        if not by_number:
            problems.append(f"{self.annot}: no points 000001.pts ...; copy the folder again")
            return
        number = 0
        for number, image, fps in _read(self.path, problems):
            if number in by_number:
                path = by_number[number]
                try:
                    points = read_pts(path)
                    points = markup_of(points, str(path)).to_68(points)
                    box = face_box(points)
                except ValueError as error:
                    problems.append(str(error))
                    continue
                name = f"{self.name}/{number:06d}"
                yield AnnotatedImage(name, self.person, self.name, self.split, number, points, box, image, fps)
        if number:
            self._compare(number, set(by_number), problems)

    def _compare(self, count: int, marked: set[int], problems: list[str]) -> None:
        """Tell where the number of frames and of points differ."""
        missing = sorted(set(range(1, count + 1)) - marked)
        beyond = sorted(n for n in marked if not 1 <= n <= count)
        if missing:
            told = f"no points for frames {runs(missing)} of {count}, which are left out; copy them there"
            problems.append(f"{self.annot}: {told}")
        if beyond:
            problems.append(f"{self.path}: {count} frames, but points for {runs(beyond)} too; copy the video again")


def _read(path: Path, problems: list[str]) -> Iterator[tuple[int, np.ndarray, float]]:
    """(number from 1, image (H, W, 3) RGB, frames a second), as far as the video can be read."""
    if not path.is_file() or not path.stat().st_size:
        problems.append(f"{path}: {'the video is empty' if path.is_file() else 'no such video'}; copy it again")
        return
    capture, number = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), 0
    try:
        fps = capture.get(cv2.CAP_PROP_FPS)
        fps = fps if np.isfinite(fps) and 0 < fps <= 1000 else 25.0
        while capture.isOpened():
            ok, image = capture.read()
            if not ok:
                break
            number += 1
            yield number, cv2.cvtColor(image, cv2.COLOR_BGR2RGB), fps
    finally:
        capture.release()
    if not number:
        problems.append(f"{path}: no frame can be read; it is broken or cut off: copy it again")


def numbered(paths: Iterable[Path], problems: list[str]) -> dict[int, Path]:
    """Files by the last number in their names; one without, or a second with the same, is told in `problems`."""
    found: dict[int, Path] = {}
    for path in paths:
        digits = re.findall(r"\d+", path.stem)
        if not digits or len(digits[-1]) > 9:
            problems.append(f"{path}: no frame number in the name; rename or delete it")
        elif (number := int(digits[-1])) in found:
            problems.append(f"{path}: frame {number} is there twice, {found[number].name} was taken; delete one")
        else:
            found[number] = path
    return found


def runs(numbers: list[int]) -> str:
    """Sorted numbers in short: "3, 7-9"."""
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in np.split(numbers, breaks))
