"""YouTube Faces with 68 points: the pictures of a keypoint course, and whole videos as one `.npz` each."""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from redn_lib.data.layouts.stills import files_below
from redn_lib.data.markups import IBUG68
from redn_lib.data.pictures import store_frame, store_still
from redn_lib.data.records import DataSet, Frame, Link, Plan, Unit, in_units
from redn_lib.data.ytf import BROKEN, SPLITS, YtfRow, scan

_RIGHTS = """\
  licence   none is stated for the pictures with points. YouTube Faces is offered for research; the rights of the
            videos stay with their makers, those of the faces with the people shown. Do not pass pictures on."""

ABOUT_YTF68 = f"""\
  what      5,770 pictures cut from videos of YouTube Faces (Wolf, Hassner, Maoz, CVPR 2011), one face each, with 68
            points, as published for a keypoint course. The points come from another network, not from hand: below some
            4 % error one fits its habits. The published halves share people and clips: split by person instead.
            Four pictures whose points are plainly wrong are left out (redn_lib/data/ytf.py names them).
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
            boundingBox. Pixels are taken as counted from 1, as in the pictures of the course (our choice)"""


def plan_ytf68(folders: Sequence[Path]) -> Plan:
    """Units of the rows of both halves, wherever below the folders the csv files lie; known broken labels left out.

    The three or four frames of a video do not follow on one another, so each is a still.
    """
    made, rows = Plan(), []
    for root in folders:
        homes = {p.parent for split in SPLITS for p in root.rglob(f"{split}_frames_keypoints.csv")}
        if not homes:
            made.problems.append(f"{root}: no training_frames_keypoints.csv in it; name the folder that holds it")
        for home in sorted(homes):
            try:
                good, errors = scan(home)
            except (FileNotFoundError, ValueError) as error:
                good, errors = [], [error]
            rows += [row for row in good if row.name not in BROKEN]
            made.problems += map(str, errors)
    for split in SPLITS:
        mine = [row for row in rows if row.name.startswith(f"{split}/")]
        made.units += in_units(split, mine, _read_rows, _files_of)
    return made


def _files_of(row: YtfRow) -> tuple[Path, Path]:
    folder = row.path.parent
    return row.path, folder.with_name(f"{folder.name}_frames_keypoints.csv")


def _read_rows(rows: Sequence[YtfRow], problems: list[str]) -> Iterator[Frame]:
    for row in rows:
        try:
            stored = store_still(row.path, row.points, IBUG68.box(row.points))
        except (ValueError, FileNotFoundError) as error:
            problems.append(f"{error} ({row.where})")
            continue
        yield Frame(row.name, row.person, row.name, 0, row.name.split("/")[0], *stored)


def plan_npz(folders: Sequence[Path]) -> Plan:
    """A unit for each .npz."""
    made = Plan()
    for path in (p for root in folders for p in files_below(root, (".npz",))):
        if not re.fullmatch(r".+_\d+", path.stem):
            made.problems.append(f"{path}: not named Person_Name_0.npz (0: the video); rename it")
        elif any(unit.key == path.stem for unit in made.units):
            made.problems.append(f"{path}: video {path.stem} is there twice; delete one")
        else:
            made.units.append(Unit(path.stem, (path,), 0, lambda problems, path=path: _read_npz(path, problems)))
    return made


def _read_npz(path: Path, problems: list[str]) -> Iterator[Frame]:
    try:
        images, points = _arrays(path)
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        problems.append(f"{path}: no whole .npz of a video ({error}); copy it anew")
        return
    if not len(images):
        problems.append(f"{path}: the video is empty; copy it anew")
    if len(images) != len(points):
        told = f"{len(images)} frames, but points for {len(points)}"
        problems.append(f"{path}: {told}; only those with both are taken: copy it anew")
    person = path.stem.rpartition("_")[0]
    for t, (image, place) in enumerate(zip(images, points, strict=False)):
        where = f"{path}, frame {t}"
        try:
            if not np.isfinite(place).all():
                raise ValueError(f"{where}: a point is not a number; mend it or leave the frame out")
            stored = store_frame(image, place, IBUG68.box(place), where)
        except ValueError as error:
            problems.append(str(error))
            continue
        yield Frame(f"{path.stem}/{t:06d}", person, path.stem, t, "all", *stored)


def _arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """((T, H, W, 3) uint8, (T, 68, 2) float32 in 0-based pixels). Raises whatever is wrong with the file."""
    with np.load(path) as file:
        images, points = file["colorImages"], file["landmarks2D"]
    if images.ndim != 4 or images.shape[2] != 3 or images.dtype != np.uint8 or min(images.shape[:2]) < 8:
        raise ValueError(f"colorImages is {images.dtype} {images.shape}, not uint8 (H, W, 3, T)")
    if points.ndim != 3 or points.shape[:2] != (68, 2) or points.dtype.kind not in "fiu":
        raise ValueError(f"landmarks2D is {points.dtype} {points.shape}, not numbers (68, 2, T)")
    frames = np.ascontiguousarray(images.transpose(3, 0, 1, 2))
    return frames, points.transpose(2, 0, 1).astype(np.float32) - 1


_LINK = Link(
    "https://s3.amazonaws.com/video.udacity-data.com/topher/2018/May/5aea1b91_train-test-data/train-test-data.zip"
)
YTF68 = DataSet(
    "ytf68",
    "YouTube Faces: pictures with 68 points",
    ABOUT_YTF68,
    plan_ytf68,
    {"training": 3462, "test": 2308},
    (_LINK,),
    True,
)
YTF_NPZ = DataSet("ytf-npz", "YouTube Faces: a .npz a video", ABOUT_NPZ, plan_npz, identities=True)
