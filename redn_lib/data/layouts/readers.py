"""Readers of the published layouts: the units below some folders, with a sentence on each thing that cannot be read.

300-W and folders of images with a `.pts` beside each; 300-VW, videos with a `.pts` for each frame; YouTube Faces as csv
files. What else is to be known of a dataset stands in NAME.toml, which names its reader: `units`.
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from redn_lib.data.clip import Layout, Sample, Unit
from redn_lib.data.images import IMAGES, upright_points
from redn_lib.data.pts import read_68
from redn_lib.data.videos import VideoFile
from redn_lib.landmarks import N_POINTS

UNIT = 400  # so many still images make a unit (our choice: little is lost when a conversion is interrupted)

BROKEN = ("Marieta_Chrousala_12.jpg", "Ali_Abbas_22.jpg", "Elton_John_10.jpg", "Jafar_Umar_Thalib_31.jpg")
"""Images of "training" whose points are plainly wrong, left out (our choice: found by looking)."""


def files_below(root: Path, endings: Iterable[str]) -> list[Path]:
    """Files with one of the endings below a folder, sorted; left out are hidden ones, such as MacOS's copies, and links
    that lead out of the folder.
    """
    home = root.resolve()
    found = [path for path in root.rglob("*") if path.suffix.lower() in endings and path.is_file()]
    found = [path for path in found if not path.is_symlink() or path.resolve().is_relative_to(home)]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts))


def still_units(samples: Iterable[Sample]) -> Iterator[Unit]:
    """Units of still images, each of one split."""
    by_split = defaultdict(list)
    for sample in samples:
        by_split[sample.split].append(sample)
    for split, mine in by_split.items():
        for start in range(0, len(mine), UNIT):
            some = mine[start : start + UNIT]
            labels = b"".join(sample.points.tobytes() for sample in some)
            key = f"{split}-{start // UNIT:04d}"
            yield Unit(key, [sample.source for sample in some], lambda _, some=some: some, labels)


def labelled(folders: Sequence[Path], problems: list[str], names: Callable) -> Iterator[Sample]:
    """Each image with a `.pts` of its name; names: of a folder and a file below: its name, person and split."""
    known: set[str] = set()
    for root in folders:
        images: dict[Path, Path] = {}
        for path in files_below(root, IMAGES):
            first = images.setdefault(path.with_suffix(""), path)
            if first != path:
                problems.append(f"{path}: {first.name} is there, too, and taken; delete one")
        points = {path.with_suffix(""): path for path in files_below(root, (".pts",))}
        for stem in sorted(images.keys() ^ points.keys()):
            path, lacking = (images[stem], "points .pts") if stem in images else (points[stem], "image .jpg or .png")
            problems.append(f"{path}: no {lacking} of that name; copy it there or delete this file")
        for stem in (stem for stem in points if stem in images):
            try:
                name, person, split = names(root, stem)
                if name in known:
                    raise ValueError(f"{images[stem]}: {name} is there twice; delete or rename one")
                known.add(name)
                place = upright_points(read_68(points[stem]), images[stem])
            except ValueError as error:
                problems.append(str(error))
                continue
            yield Sample(name, person, name, split, 0, place, images[stem])


def units_folder(folders: Sequence[Path], problems: list[str]) -> Iterator[Unit]:
    """Units of all images; the folder an image lies in is the person, at the top each is its own."""

    def names(root: Path, stem: Path) -> tuple[str, str, str]:
        name = stem.relative_to(root).as_posix()
        return name, name.rpartition("/")[0] or name, "all"

    return still_units(labelled(folders, problems, names))


def units_300w(folders: Sequence[Path], problems: list[str]) -> Iterator[Unit]:
    """Units of each split, told by the folders that an image lies in, from one folder or several.

    The video of an image of AFW is the photo that it was cut from, as others may be: NUMBER of NUMBER_1, NUMBER_2.
    """

    def names(root: Path, stem: Path) -> tuple[str, str, str]:
        match = re.match(SETS["300w"].sign, f"{root.name}/{stem.relative_to(root).as_posix()}.pts", re.IGNORECASE)
        if match is None:
            raise ValueError(f"{stem}: in no folder afw, ibug, helen/trainset, lfpw/testset; move it there")
        split = "-".join(filter(None, match.group(3, 4, 5, 7))).lower()
        return f"{split}/{stem.name}", f"{split}/{stem.name}", split

    samples = sorted(labelled(folders, problems, names), key=lambda sample: sample.split)
    for sample in samples:
        if sample.split == "afw":
            sample.video = re.sub(r"_\d+$", "", sample.name)
    return still_units(samples)


def units_300vw(folders: Sequence[Path], problems: list[str]) -> list[Unit]:
    """A unit for each of the 114 videos that is there; each counts as a person of its own."""
    made = []
    for home in sorted({path.parent.parent for root in folders for path in files_below(root, (".pts",))}):
        if home.name in SPLITS:
            made.append(Unit(home.name, files_below(home, (".avi", ".pts")), partial(_video_frames, home)))
        else:
            problems.append(f"{home}: not one of the 114 videos; give it its number or leave it out")
    gone = sorted(SPLITS.keys() - {unit.key for unit in made})
    if made and gone:
        problems.append(f"videos not there: {' '.join(gone)}; unpack all parts of the archive")
    return made


def _video_frames(home: Path, problems: list[str]) -> Iterator[Sample]:
    """The frames of vid.avi, as far as it can be read, that have points in annot/."""
    labels = {int(path.stem): path for path in (home / "annot").glob("*.pts") if path.stem.isdecimal()}
    lacking = []
    for number, image, fps in _video_images(home / "vid.avi", problems):
        path = labels.pop(number, None)
        if path is None:
            lacking.append(number)
            continue
        try:
            points = read_68(path)
        except ValueError as error:
            problems.append(str(error))
            continue
        name, video = f"{home.name}/{number:06d}", home.name
        yield Sample(name, video, video, SPLITS[video], number, points, image, fps)
    for what, numbers in (("points", lacking), ("images", sorted(labels))):
        if numbers:
            some = ", ".join(map(str, numbers[:10])) + (" ..." if len(numbers) > 10 else "")
            problems.append(f"{home}: no {what} for frames {some}, left out; copy the missing files there")


def _video_images(path: Path, problems: list[str]) -> Iterator[tuple[int, np.ndarray, float]]:
    """(number from 1 on, image, frames a second of the video), as far as it can be read."""
    try:
        video = VideoFile(path)
        for number, (_, image) in enumerate(video, 1):
            yield number, image, video.fps
    except (ValueError, OSError) as error:
        problems.append(str(error))


def units_ytf68(folders: Sequence[Path], problems: list[str]) -> Iterator[Unit]:
    """Units of the rows of both halves, wherever below the folders the csv files lie; known broken labels left out.

    The three or four frames of a video do not follow on one another, so each is a still image. The published split
    leaks (the same people and clips on both sides): both halves are for training, to be split by person.
    """
    samples = []
    for split in ("training", "test"):
        for table in sorted(path for root in folders for path in root.rglob(f"{split}_frames_keypoints.csv")):
            try:
                samples += _rows(table, split, problems)
            except ValueError as error:
                problems.append(f"{table}: no table of names and 136 numbers ({error}); mend it or copy it again")
    return still_units(samples)


def _rows(table: Path, split: str, problems: list[str]) -> Iterator[Sample]:
    """The samples of a csv. Raises ValueError where a row is malformed."""
    cells = np.loadtxt(table, str, comments=None, delimiter=",", skiprows=1, encoding="utf-8", ndmin=2)
    points = cells[:, 1:].astype(np.float32).reshape(-1, N_POINTS, 2) - 1
    if not np.isfinite(points).all():
        raise ValueError("a point is not a number")
    for name, place in zip(cells[:, 0].tolist(), points, strict=True):
        path = table.parent / split / name
        if not re.fullmatch(r"[^/\\]+_\d\d\.jpg", name) or not path.is_file():
            problems.append(f"{path}: no such image, or not named Person_Name_21.jpg; copy it there or delete the row")
        elif split != "training" or name not in BROKEN:
            place = upright_points(place, path)
            key, person = f"{split}/{name}", name.rpartition("_")[0]
            yield Sample(key, person, key, split, 0, place, path)


def _layout(file: Path) -> Layout:
    """The layout that NAME.toml tells of."""
    about = tomllib.loads(file.read_text(encoding="utf-8"))
    return Layout(file.stem, globals()[about.pop("units")], **about)


_FILES = sorted(Path(__file__).parent.glob("*.toml"), key=lambda file: (file.stem == "folder", file.stem))
SETS = {file.stem: _layout(file) for file in _FILES}
"""Layouts by name; the first whose sign fits a file of a folder reads it, so "folder", the widest one, stands last."""

SPLITS = {video: split for split, videos in SETS["300vw"].videos.items() for video in videos.split()}
"""Split of each of the 114 videos of 300-VW."""
