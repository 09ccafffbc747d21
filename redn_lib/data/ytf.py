"""Reader for a folder in the published YouTube-Faces keypoint layout: pictures with 68 points from another network.

    ROOT/training_frames_keypoints.csv   ROOT/training/Person_Name_21.jpg   (video 2, frame 1)
    ROOT/test_frames_keypoints.csv       ROOT/test/...

A csv row is a file name and 136 numbers x, y, ...; the published points are 1-based, so 1 is subtracted here. The
published split leaks (the same people and clips on both sides): both halves come as one list, to be split by person.
"""

import csv
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from redn_lib.data.clip import Face
from redn_lib.landmarks import N_POINTS

SPLITS = ("training", "test")

BROKEN = frozenset(
    {
        "training/Marieta_Chrousala_12.jpg",
        "training/Ali_Abbas_22.jpg",
        "training/Elton_John_10.jpg",
        "training/Jafar_Umar_Thalib_31.jpg",
    }
)
"""Pictures of the published set whose points are plainly wrong (our choice: found by looking)."""

HOW_TO_GET = "`python data_scripts/get.py ytf68` says the layout and how to get the set"
_NAME = re.compile(r"(?P<person>.+)_(?P<video>\d)(?P<frame>\d)\.jpg")
_END_OF_JPEG = b"\xff\xd9"  # OpenCV fills the rest of a picture cut short with grey and says nothing


@dataclass(frozen=True)
class YtfRow:
    """One row of a csv, its picture still on disk: path, name ("training/Person_Name_21.jpg"), person, video and frame
    number, points (68, 2) float32 in 0-based pixels of the picture, where ("FILE, row N")."""

    path: Path
    name: str
    person: str
    video: int
    frame: int
    points: np.ndarray
    where: str

    def load(self) -> Face:
        """The face with its picture. Raises FileNotFoundError or ValueError where that is gone or cannot be read."""
        if not self.path.is_file():
            raise FileNotFoundError(_no_picture(self))
        data = self.path.read_bytes()
        try:
            whole = _END_OF_JPEG in data[-1024:]
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if whole else None
        except cv2.error:
            image = None
        if image is None:
            raise ValueError(f"{self.path} ({self.where}): no whole JPEG; copy the picture anew or delete the row")
        return Face(image, self.points, self.person, self.name)


def read_faces(
    root: str | Path,
    people: Collection[str] | None = None,
    without: Collection[str] | None = None,
    skip: Collection[str] = BROKEN,
) -> list[YtfRow]:
    """Rows of both csv files, in their order; pictures are read by `row.load()`.

    people: take only these; without: leave these out; skip: names ("training/Person_Name_21.jpg") left out, by default
    the known broken ones. Raises FileNotFoundError for a missing folder, csv or picture, ValueError for a malformed
    row; both name the file, the row and the remedy.
    """
    rows, problems = scan(root)
    if problems:
        raise problems[0]
    known = {row.person for row in rows}
    if people is not None and not known & set(people):
        raise ValueError(f"{root}: holds none of the {len(people)} people asked for, but {min(known)!r} and others")
    wanted = (known if people is None else set(people)) - set(without or ())
    return [row for row in rows if row.person in wanted and row.name not in skip]


def scan(root: str | Path) -> tuple[list[YtfRow], list[Exception]]:
    """(good rows, what is wrong with the others): reads every row, known broken ones too, and stops at none.

    Raises FileNotFoundError or ValueError where a whole csv or folder is missing or none is there.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder; {HOW_TO_GET}")
    rows: list[YtfRow] = []
    problems: list[Exception] = []
    for split in SPLITS:
        for found in _read_split(root, split):
            (rows if isinstance(found, YtfRow) else problems).append(found)
    if not rows and not problems:
        raise FileNotFoundError(f"{root}: holds no rows of training_ or test_frames_keypoints.csv; {HOW_TO_GET}")
    return rows, problems


def read_people(root: str | Path) -> list[str]:
    """Names of the people in the folder, sorted. Raises as `read_faces`."""
    return sorted({row.person for row in read_faces(root)})


def split_by_person(rows: Collection[YtfRow], share: float, seed: int = 0) -> tuple[list[YtfRow], list[YtfRow]]:
    """(rest, held out): `share` of the people, in (0, 1), drawn by `seed`; nobody is on both sides.

    The draw depends on the people alone, not on the order or number of rows.
    Raises ValueError where a side would be empty.
    """
    people = sorted({row.person for row in rows})
    if not 0 < share < 1 or len(people) < 2:
        raise ValueError(f"cannot hold out {share} of {len(people)} people: give 0 < share < 1 and at least two people")
    n = min(max(round(share * len(people)), 1), len(people) - 1)
    held = {people[i] for i in np.random.default_rng(seed).permutation(len(people))[:n]}
    return [r for r in rows if r.person not in held], [r for r in rows if r.person in held]


def _csv(root: Path, split: str) -> Path:
    return root / f"{split}_frames_keypoints.csv"


def _no_picture(row: YtfRow) -> str:
    return f"{row.path} ({row.where}): no such picture; copy it there or delete the row"


def _read_split(root: Path, split: str) -> Iterator[YtfRow | Exception]:
    table, folder = _csv(root, split), root / split
    if not table.is_file() and not folder.is_dir():
        return
    if not table.is_file():
        raise FileNotFoundError(f"{table}: missing beside the folder {split}/; {HOW_TO_GET}")
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: missing folder of the pictures of {table.name}; {HOW_TO_GET}")
    there = {p.name for p in folder.iterdir()}
    seen: set[str] = set()
    with table.open(newline="", encoding="utf-8", errors="replace") as file:
        cells = _cells(file, table)
        _check_header(next(cells, []), table)
        for number, row_cells in enumerate(cells, 2):
            if not row_cells:
                continue
            try:
                row = _parse(row_cells, folder, split, f"{table.name}, row {number}")
                if row.path.name not in there:
                    raise FileNotFoundError(_no_picture(row))
                if row.name in seen:
                    raise ValueError(f"{row.where}: {row.name} is listed twice; delete one of the rows")
                seen.add(row.name)
                yield row
            except (ValueError, FileNotFoundError) as error:
                yield error


def _cells(file, table: Path) -> Iterator[list[str]]:
    try:
        yield from csv.reader(file)
    except csv.Error as error:
        raise ValueError(f"{table}: not a csv file ({error}); copy it anew") from error


def _check_header(cells: list[str], table: Path) -> None:
    if cells[1:] != [str(i) for i in range(2 * N_POINTS)]:
        raise ValueError(f"{table}, row 1: the header must be an empty cell and 0 to 135; copy the file anew")


def _parse(cells: list[str], folder: Path, split: str, where: str) -> YtfRow:
    picture, numbers = cells[0], cells[1:]
    match = _NAME.fullmatch(picture)
    if match is None or "/" in picture or "\\" in picture:
        raise ValueError(f"{where}: {picture!r} is not named Person_Name_VI.jpg (two digits: video, frame); rename it")
    if len(numbers) != 2 * N_POINTS:
        raise ValueError(f"{where} ({picture}): {len(numbers)} numbers, not {2 * N_POINTS}; mend or delete the row")
    values = []
    for i, text in enumerate(numbers):
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not abs(value) < 1e5:
            raise ValueError(f"{where} ({picture}): column {i} holds {text!r}, no coordinate; mend or delete the row")
        values.append(value)
    points = np.array(values, np.float32).reshape(N_POINTS, 2) - 1
    video, frame = int(match["video"]), int(match["frame"])
    return YtfRow(folder / picture, f"{split}/{picture}", match["person"], video, frame, points, where)
