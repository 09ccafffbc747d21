"""YouTube Faces with 68 points: the images of a keypoint course, and whole videos as one `.npz` each.

The course's layout:

    ROOT/training_frames_keypoints.csv   ROOT/training/Person_Name_21.jpg   (video 2, frame 1)
    ROOT/test_frames_keypoints.csv       ROOT/test/...

The published split leaks (the same people and clips on both sides): both halves are for training, to be split by
person.
"""

import csv
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from redn_lib.data.images import upright_points
from redn_lib.data.layouts.stills import files_below
from redn_lib.data.pts import FARTHEST
from redn_lib.data.records import Layout, Link, Plan, Sample, Unit
from redn_lib.landmarks import N_POINTS, tight_box

SPLITS = ("training", "test")
BROKEN = frozenset(
    {
        "training/Marieta_Chrousala_12.jpg",
        "training/Ali_Abbas_22.jpg",
        "training/Elton_John_10.jpg",
        "training/Jafar_Umar_Thalib_31.jpg",
    }
)
"""Images of the published dataset whose points are plainly wrong, left out (our choice: found by looking)."""

_NAME = re.compile(r"(?P<person>.+)_\d\d\.jpg")
_RIGHTS = """\
  licence   none is stated for the images with points. YouTube Faces is offered for research; the rights of the
            videos stay with their makers, those of the faces with the people shown. Do not pass images on."""

ABOUT_YTF68 = f"""\
  what      5,770 images cut from videos of YouTube Faces (Wolf, Hassner, Maoz, CVPR 2011), one face each, with 68
            points, as published for a keypoint course. The points come from another network, not from hand: below some
            4 % error one fits its habits. The published halves share people and clips: split by person instead.
            Four images whose points are plainly wrong are left out (redn_lib/data/layouts/youtube.py names them).
{_RIGHTS}
  size      a zip of 323 MB
  get it    --download, or by hand:
            https://s3.amazonaws.com/video.udacity-data.com/topher/2018/May/5aea1b91_train-test-data/train-test-data.zip
            the page of the videos: https://www.cs.tau.ac.il/~wolf/ytfaces/
  layout    training_frames_keypoints.csv  training/Person_Name_21.jpg  (video 2, frame 1)
            test_frames_keypoints.csv      test/...
            a csv row: file name, then 136 numbers x0, y0, ..., x67, y67, pixels counted from 1"""

ABOUT_NPZ = f"""\
  what      the same videos with 68 points in every frame, up to 240 frames a video. The points come from another
            network, not from hand.
{_RIGHTS}
  size      many GB (check the page)
  get it    by hand: https://www.kaggle.com/datasets/selfishgene/youtube-faces-with-facial-keypoints
  layout    Person_Name_0.npz (0: the video) with colorImages (H, W, 3, T) uint8 RGB, landmarks2D (68, 2, T),
            boundingBox. Pixels are taken as counted from 1, as in the images of the course (our choice)"""


def plan_ytf68(folders: Sequence[Path]) -> Plan:
    """Units of the rows of both halves, wherever below the folders the csv files lie; known broken labels left out.

    The three or four frames of a video do not follow on one another, so each is a still image.
    """
    made = Plan()
    for split in SPLITS:
        samples = []
        for table in sorted(path for root in folders for path in root.rglob(f"{split}_frames_keypoints.csv")):
            try:
                samples += [sample for sample in _rows(table, split, made.problems) if sample.name not in BROKEN]
            except (ValueError, csv.Error) as error:
                made.problems.append(f"{table}: {error}; copy the file again")
        made.add_stills(split, samples)
    return made


def _rows(table: Path, split: str, problems: list[str]) -> Iterator[Sample]:
    """The samples of a csv; a bad row is told in `problems`. Raises ValueError or csv.Error for no such table."""
    known = set()
    with table.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        if next(rows, [])[1:] != [str(i) for i in range(2 * N_POINTS)]:
            raise ValueError("row 1: the header must be an empty cell and 0 to 135")
        for number, cells in enumerate(rows, 2):
            if not cells:
                continue
            where = f"{table}, row {number} ({cells[0]})"
            try:
                sample = _sample(table.parent / split, split, cells)
                if sample.name in known:
                    raise ValueError("this image is listed twice; delete one row")
            except ValueError as error:
                problems.append(f"{where}: {error}")
                continue
            known.add(sample.name)
            yield sample


def _sample(folder: Path, split: str, cells: list[str]) -> Sample:
    """The sample of a row. Raises ValueError, with the remedy, where the row is malformed or the image is not there."""
    match = _NAME.fullmatch(cells[0])
    if match is None or "/" in cells[0] or "\\" in cells[0]:
        raise ValueError("not named Person_Name_VI.jpg (two digits: video, frame); rename it")
    if len(cells) != 1 + 2 * N_POINTS:
        raise ValueError(f"{len(cells) - 1} numbers, not {2 * N_POINTS}; mend or delete the row")
    path, name = folder / cells[0], f"{split}/{cells[0]}"
    if not path.is_file():
        raise ValueError(f"{path}: no such image; copy it there or delete the row")
    try:
        points = np.array(cells[1:], np.float32).reshape(N_POINTS, 2) - 1
    except ValueError as error:
        raise ValueError(f"{error}; mend or delete the row") from error
    if not (abs(points) < FARTHEST).all():
        raise ValueError("a point is no place in an image; mend or delete the row")
    points = upright_points(points, path)
    return Sample(name, match["person"], name, split, 0, points, tight_box(points), path)


def plan_npz(folders: Sequence[Path]) -> Plan:
    """A unit for each .npz."""
    made, known = Plan(), set()
    for path in (p for root in folders for p in files_below(root, (".npz",))):
        if not re.fullmatch(r".+_\d+", path.stem):
            made.problems.append(f"{path}: not named Person_Name_0.npz (0: the video); rename it")
        elif path.stem in known:
            made.problems.append(f"{path}: video {path.stem} is there twice; delete one")
        else:
            known.add(path.stem)
            made.units.append(Unit(path.stem, (path,), lambda problems, path=path: _read_npz(path, problems)))
    return made


def _read_npz(path: Path, problems: list[str]) -> Iterator[Sample]:
    try:
        images, points = _arrays(path)
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        problems.append(f"{path}: no whole .npz of a video ({error}); copy it again")
        return
    person = path.stem.rpartition("_")[0]
    for t, (image, place) in enumerate(zip(images, points, strict=True)):
        if not np.isfinite(place).all():
            problems.append(f"{path}, frame {t}: a point is not a number; mend it or leave the frame out")
            continue
        yield Sample(f"{path.stem}/{t:06d}", person, path.stem, "all", t, place, tight_box(place), image)


def _arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """((T, H, W, 3) uint8, (T, 68, 2) float32 in 0-based pixels). Raises whatever is wrong with the file."""
    with np.load(path) as file:
        images, points = file["colorImages"], file["landmarks2D"]
    if images.ndim != 4 or images.shape[2] != 3 or images.dtype != np.uint8 or min(images.shape) < 1:
        raise ValueError(f"colorImages is {images.dtype} {images.shape}, not uint8 (H, W, 3, T)")
    if points.ndim != 3 or points.shape[:2] != (N_POINTS, 2) or points.dtype.kind not in "fiu":
        raise ValueError(f"landmarks2D is {points.dtype} {points.shape}, not numbers (68, 2, T)")
    if images.shape[3] != points.shape[2]:
        raise ValueError(f"{images.shape[3]} frames, but points for {points.shape[2]}")
    frames = np.ascontiguousarray(images.transpose(3, 0, 1, 2))
    return frames, points.transpose(2, 0, 1).astype(np.float32) - 1


_LINK = Link(
    "https://s3.amazonaws.com/video.udacity-data.com/topher/2018/May/5aea1b91_train-test-data/train-test-data.zip"
)
YTF68 = Layout(
    name="ytf68",
    title="YouTube Faces: images with 68 points",
    about=ABOUT_YTF68,
    plan=plan_ytf68,
    sign=r"(^|/)(training|test)_frames_keypoints\.csv$",
    expected={"training": 3462, "test": 2308},
    groups={"train": SPLITS},
    links=(_LINK,),
    identities=True,
)
YTF_NPZ = Layout(
    name="ytf-npz",
    title="YouTube Faces: a .npz a video",
    about=ABOUT_NPZ,
    plan=plan_npz,
    sign=r"_\d+\.npz$",
    identities=True,
    is_videos=True,
)
