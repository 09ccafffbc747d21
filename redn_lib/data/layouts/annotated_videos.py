"""A video with a `.pts` for each of its frames, numbered from 1."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from redn_lib.data.markups import markup_of
from redn_lib.data.pictures import store_frame
from redn_lib.data.pts import read_pts
from redn_lib.data.records import Frame, Unit

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

    def _frames(self, points: list[Path], problems: list[str]) -> Iterator[Frame]:
        by_number = numbered(points, problems)
        if not by_number:
            problems.append(f"{self.annot}: no points 000001.pts ...; copy the folder anew")
            return
        seen = 0
        for seen, image, fps in _read(self.path, problems):
            if seen in by_number:
                path = by_number[seen]
                try:
                    place = read_pts(path)
                    own = markup_of(place, str(path))
                    stored = store_frame(image, own.to_68(place), own.box(place), str(path))
                except ValueError as error:
                    problems.append(str(error))
                    continue
                yield Frame(f"{self.name}/{seen:06d}", self.person, self.name, seen, self.split, *stored, fps)
        if seen:
            self._compare(seen, set(by_number), problems)

    def _compare(self, seen: int, marked: set[int], problems: list[str]) -> None:
        """Tell where the number of frames and of points differ."""
        missing, beyond = sorted(set(range(1, seen + 1)) - marked), sorted(n for n in marked if not 1 <= n <= seen)
        if missing:
            told = f"no points for frames {runs(missing)} of {seen}, which are left out; copy them there"
            problems.append(f"{self.annot}: {told}")
        if beyond:
            problems.append(f"{self.path}: {seen} frames, but points for {runs(beyond)} too; copy the video anew")


def _read(path: Path, problems: list[str]) -> Iterator[tuple[int, np.ndarray, float]]:
    """(number from 1, image (H, W, 3) RGB, frames a second), as far as the video can be read."""
    if not path.is_file() or not path.stat().st_size:
        problems.append(f"{path}: {'the video is empty' if path.is_file() else 'no such video'}; copy it anew")
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
        problems.append(f"{path}: no frame can be read; it is broken or cut off: copy it anew")


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
