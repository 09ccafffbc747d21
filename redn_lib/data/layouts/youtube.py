"""YouTube Faces with 68 points: the images of a keypoint course, and whole videos as one `.npz` each."""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from redn_lib.data.images import upright_points
from redn_lib.data.layouts.stills import files_below, still_units
from redn_lib.data.records import DAMAGED, Sample, Unit
from redn_lib.landmarks import N_POINTS, tight_box

SPLITS = ("training", "test")
"""The published split leaks (the same people and clips on both sides): both halves are for training, to be split by
person."""

BROKEN = ("Marieta_Chrousala_12.jpg", "Ali_Abbas_22.jpg", "Elton_John_10.jpg", "Jafar_Umar_Thalib_31.jpg")
"""Images of "training" whose points are plainly wrong, left out (our choice: found by looking)."""


def units_ytf68(folders: Sequence[Path], problems: list[str]) -> Iterator[Unit]:
    """Units of the rows of both halves, wherever below the folders the csv files lie; known broken labels left out.

    The three or four frames of a video do not follow on one another, so each is a still image.
    """
    samples = []
    for split in SPLITS:
        for table in sorted(path for root in folders for path in root.rglob(f"{split}_frames_keypoints.csv")):
            try:
                samples += _rows(table, split, problems)
            except (ValueError, csv.Error) as error:
                problems.append(f"{table}: no table of names and 136 numbers ({error}); mend it or copy it again")
    return still_units(samples)


def _rows(table: Path, split: str, problems: list[str]) -> Iterator[Sample]:
    """The samples of a csv. Raises ValueError or csv.Error where a row is malformed."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row][1:]
    points = np.array([row[1:] for row in rows], np.float32).reshape(-1, N_POINTS, 2) - 1
    if not np.isfinite(points).all():
        raise ValueError("a point is not a number")
    for (name, *_), place in zip(rows, points, strict=True):
        path = table.parent / split / name
        if not re.fullmatch(r"[^/\\]+_\d\d\.jpg", name) or not path.is_file():
            problems.append(f"{path}: no such image, or not named Person_Name_21.jpg; copy it there or delete the row")
        elif split != "training" or name not in BROKEN:
            place = upright_points(place, path)
            key, person = f"{split}/{name}", name.rpartition("_")[0]
            yield Sample(key, person, key, split, 0, place, tight_box(place), path)


def units_npz(folders: Sequence[Path], problems: list[str]) -> Iterator[Unit]:
    """A unit for each .npz."""
    for path in (path for root in folders for path in files_below(root, (".npz",))):
        if re.fullmatch(r".+_\d+", path.stem):
            yield Unit(path.stem, [path], lambda problems, path=path: _frames(path, problems))
        else:
            problems.append(f"{path}: not named Person_Name_0.npz (0: the video); rename it")


def _frames(path: Path, problems: list[str]) -> Iterator[Sample]:
    try:
        with np.load(path) as file:
            images, points = file["colorImages"], file["landmarks2D"]
        are_images = images.dtype == np.uint8 and images.ndim == 4 and images.shape[2] == 3
        if not are_images or points.shape != (N_POINTS, 2, images.shape[3]):
            raise ValueError(f"colorImages is {images.dtype} {images.shape}, landmarks2D {points.shape}")
        images = np.ascontiguousarray(images.transpose(3, 0, 1, 2))
        points = points.transpose(2, 0, 1).astype(np.float32) - 1
    except DAMAGED as error:
        problems.append(f"{path}: no whole .npz of a video ({error}); copy it again")
        return
    person = path.stem.rpartition("_")[0]
    for t, (image, place) in enumerate(zip(images, points, strict=True)):
        if np.isfinite(place).all():
            yield Sample(f"{path.stem}/{t:06d}", person, path.stem, "all", t, place, tight_box(place), image)
        else:
            problems.append(f"{path}, frame {t}: a point is not a number; mend it or leave the frame out")
