"""Clips with a `.pts` for each frame: 300-VW, and two sets for testing only, Talking Face and Face Movie.

A clip is a video file, or images numbered by the last number in their names; so are its points.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from redn_lib.data.images import IMAGES, upright_points
from redn_lib.data.layouts.stills import files_below
from redn_lib.data.markups import XM2VTS68, face_box, read_68
from redn_lib.data.records import Sample, Unit

VIDEOS = (".avi", ".mp4", ".mov", ".mkv")

CATEGORIES = json.loads(Path(__file__).with_name("300vw.json").read_text(encoding="utf-8"))
SPLITS = {video: split for split, videos in CATEGORIES.items() for video in videos.split()}
"""Split of each of the 114 videos of 300-VW: categories 1 (well lit), 2 (mild), 3 (hard) are for testing. The lists as
OpenFace, Supervision-by-Registration and MMPose agree on them."""


def clip_unit(home: Path, name: str, split: str, **how) -> Unit:
    """The clip below a folder as one unit; it counts as a person of its own. how: as in `read_68`."""
    files = files_below(home, (*VIDEOS, *IMAGES, ".pts"))

    def read(problems: list[str]) -> Iterator[Sample]:
        labels, lacking = _numbered(path for path in files if path.suffix.lower() == ".pts"), []
        for number, image, fps in _frames(files):
            path = labels.pop(number, None)
            if path is None:
                lacking.append(number)
                continue
            try:
                points = read_68(path, **how)
            except ValueError as error:
                problems.append(str(error))
                continue
            frame = f"{number:06d}"
            if isinstance(image, Path):
                points, frame = upright_points(points, image), image.stem
            yield Sample(f"{name}/{frame}", name, name, split, number, points, face_box(points), image, fps)
        for what, numbers in (("points", lacking), ("images", sorted(labels))):
            if numbers:
                some = ", ".join(map(str, numbers[:10])) + (" ..." if len(numbers) > 10 else "")
                problems.append(f"{home}: no {what} for frames {some}, left out; copy the missing files there")

    return Unit(name, files, read)


def _numbered(paths: Iterable[Path]) -> dict[int, Path]:
    """Files by the last number in their names. Raises ValueError where two have the same."""
    found: dict[int, Path] = {}
    for path in paths:
        number = int(re.findall(r"\d+", f"0{path.stem}")[-1])
        if number in found:
            raise ValueError(f"{path} has the frame number of {found[number].name}; rename or delete one")
        found[number] = path
    return found


def _frames(files: Sequence[Path]) -> Iterator[tuple[int, np.ndarray | Path, float]]:
    """(number, image, frames a second): of the first video, as far as it can be read, else of the images."""
    videos = [path for path in files if path.suffix.lower() in VIDEOS]
    if not videos:
        images = _numbered(path for path in files if path.suffix.lower() in IMAGES)
        yield from ((number, path, 25.0) for number, path in sorted(images.items()))
        return
    capture, number = cv2.VideoCapture(str(videos[0]), cv2.CAP_FFMPEG), 1
    fps = capture.get(cv2.CAP_PROP_FPS)
    is_read, image = capture.read()
    while is_read:
        yield number, cv2.cvtColor(image, cv2.COLOR_BGR2RGB), fps if 0 < fps <= 1000 else 25.0
        number += 1
        is_read, image = capture.read()
    capture.release()


def _homes(root: Path) -> list[Path]:
    """The folders of clips: where a video or images with points lie; the points may lie in annot/ below."""
    parents = {path.parent for path in files_below(root, (*VIDEOS, ".pts"))}
    return sorted({parent.parent if parent.name == "annot" else parent for parent in parents})


def units_300vw(folders: Sequence[Path], problems: list[str]) -> list[Unit]:
    """A unit for each of the 114 videos that is there."""
    made = []
    for home in (home for root in folders for home in _homes(root)):
        if home.name in SPLITS:
            made.append(clip_unit(home, home.name, SPLITS[home.name]))
        else:
            problems.append(f"{home}: not one of the 114 videos; give it its number or leave it out")
    gone = sorted(SPLITS.keys() - {unit.key for unit in made})
    if made and gone:
        problems.append(f"videos not there: {' '.join(gone)}; unpack all parts of the archive")
    return made


def units_tf(folders: Sequence[Path], problems: list[str]) -> list[Unit]:
    """The one clip of Talking Face."""
    return [clip_unit(root, "franck", "test", first=0, markup=XM2VTS68) for root in folders]


def units_fm(folders: Sequence[Path], problems: list[str]) -> Iterator[Unit]:
    """A unit for each clip of Face Movie, named by its folder."""
    for root in folders:
        for home in _homes(root):
            yield clip_unit(home, "_".join(home.relative_to(root).parts) or root.name, "test")
