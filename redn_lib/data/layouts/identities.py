"""LFW and CelebA: who is shown, for the identity classifier f_CLS; no 68 points, only where the face is."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from redn_lib.data.layouts.stills import files_below
from redn_lib.data.markups import CELEBA5
from redn_lib.data.pictures import store_still
from redn_lib.data.records import DataSet, Frame, Link, Plan, in_units

LFW_BOX = np.array([0.5 - 0.5 / 2.2, 0.5 - 0.5 / 2.2, 0.5 + 0.5 / 2.2, 0.5 + 0.5 / 2.2])
"""The face in LFW's pictures, as shares of the side: the set enlarged what its detector found 2.2 times."""

CELEBA_LISTS = {"identity_CelebA.txt": 1, "list_landmarks_align_celeba.txt": 10, "list_eval_partition.txt": 1}
"""CelebA's lists and how many numbers stand behind each picture's name."""

ABOUT_LFW = """\
  what      13,233 pictures of 5,749 named people (Huang et al. 2007), 250 px, the face in the middle; no points.
            For people, not for alignment: the points of the store are unknown, the box is the set's own.
  licence   none is stated; pictures from news pages, for research.
  size      lfw.tgz, about 180 MB
  get it    --download, or by hand: http://vis-www.cs.umass.edu/lfw/ (lfw.tgz; funneled ones are read too)
  layout    lfw/Person_Name/Person_Name_0001.jpg; lfw-names.txt or people.txt beside it is checked where it is there"""

ABOUT_CELEBA = """\
  what      202,599 pictures of 10,177 people by number (Liu et al. 2015), aligned, 178 x 218 px, five points each, of
            which nose tip and mouth corners are among our 68. For people, not for alignment.
  licence   non-commercial research only; read the agreement on the page.
  size      img_align_celeba.zip, about 1.4 GB, and three lists
  get it    by hand: https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html
  layout    img_align_celeba/000001.jpg, and anywhere identity_CelebA.txt, list_landmarks_align_celeba.txt,
            list_eval_partition.txt. Whether pixels count from 0 or 1 is not said: taken as from 0 (our choice)"""


class _Portrait(NamedTuple):
    picture: Path
    person: str
    split: str
    points: np.ndarray | None


def plan_lfw(folders: Sequence[Path]) -> Plan:
    """Units of all pictures; the numbers of each person's pictures are checked, against the set's list if there."""
    made, portraits = Plan(), []
    for root in folders:
        pictures = [p for p in files_below(root, (".jpg",)) if p.stem.rpartition("_")[0] == p.parent.name]
        if strange := len(files_below(root, (".jpg", ".png"))) - len(pictures):
            told = f"{strange} pictures are not named Person/Person_0001.jpg"
            made.problems.append(f"{root}: {told}; rename or delete them")
        _check_people(root, pictures, made.problems)
        portraits += [_Portrait(p, p.parent.name, "all", None) for p in pictures]
    made.units += in_units("lfw", portraits, _read, lambda portrait: (portrait.picture,))
    return made


def _check_people(root: Path, pictures: list[Path], problems: list[str]) -> None:
    """Tell of people with gaps in their numbers, with none, or with another count than the set's list says."""
    there = Counter(p.parent.name for p in pictures)
    homes = {p.parent.parent for p in pictures}
    numbers = {p.name: set() for home in homes for p in home.iterdir() if p.is_dir()}
    for picture in pictures:
        last = picture.stem.rpartition("_")[2]
        numbers[picture.parent.name].add(int(last) if last.isdecimal() else 0)
    for person, mine in sorted(numbers.items()):
        if gone := sorted(set(range(1, max(mine, default=1) + 1)) - mine):
            problems.append(f"{root}: {person} lacks picture {gone[0]:04d} and {len(gone) - 1} more; copy them anew")
    for table in [p for name in ("lfw-names.txt", "people.txt") for p in sorted(root.rglob(name))]:
        for number, cells in _lines(table, problems):
            if len(cells) == 1 and cells[0].isdecimal():
                continue  # how many names follow
            if len(cells) != 2:
                problems.append(f"{table}, line {number}: not a name and a number; mend or delete it")
            elif cells[1] != str(there[cells[0]]):
                told = f"{there[cells[0]]} pictures of {cells[0]}, the list says {cells[1]}"
                problems.append(f"{table}, line {number}: {told}; copy the pictures anew or mend the list")


def plan_celeba(folders: Sequence[Path]) -> Plan:
    """Units of all pictures with a person; a picture without one is told."""
    made, portraits = Plan(), []
    for root in folders:
        people, places, halves = (_table(root, name, n, made.problems) for name, n in CELEBA_LISTS.items())
        pictures = {p.name: p for p in files_below(root, (".jpg", ".png"))}
        for name, (person,) in people.items():
            if name not in pictures:
                made.problems.append(f"{root}: no picture {name}, though identity_CelebA.txt has it; copy it there")
            elif name not in places:
                made.problems.append(f"{root}: no good points for {name} in list_landmarks_align_celeba.txt; mend it")
            else:
                split = {0: "train", 1: "val", 2: "test"}.get(halves.get(name, [-1])[0], "unknown")
                points = np.reshape(places[name], (5, 2))
                portraits.append(_Portrait(pictures[name], f"celeba-{person:.0f}", split, points))
        if unknown := sorted(set(pictures) - set(people)):
            told = f"{len(unknown)} pictures, such as {unknown[0]}, are not in identity_CelebA.txt"
            made.problems.append(f"{root}: {told}; copy the list anew")
    tables = tuple(p for root in folders for name in CELEBA_LISTS for p in sorted(root.rglob(name)))
    made.units += in_units("celeba", portraits, _read, lambda portrait: (portrait.picture, *tables))
    return made


def _table(root: Path, name: str, columns: int, problems: list[str]) -> dict[str, list[float]]:
    """Numbers of each picture in one of the set's lists; the two lines of a heading are passed over."""
    found: dict[str, list[float]] = {}
    tables = sorted(root.rglob(name))
    if not tables:
        problems.append(f"{root}: no {name}; get it from the set's page and put it there")
    for number, cells in (line for table in tables[:1] for line in _lines(table, problems)):
        where = f"{tables[0]}, line {number}"
        if number <= 2 and not cells[0].endswith((".jpg", ".png")):
            continue
        try:
            values = [float(cell) for cell in cells[1:]]
        except ValueError:
            values = []
        if len(values) != columns or not np.isfinite(values).all():
            problems.append(f"{where}: not a picture and {columns} numbers; mend or delete it")
        elif cells[0] in found:
            problems.append(f"{where}: {cells[0]} is listed twice; delete one of the lines")
        else:
            found[cells[0]] = values
    return found


def _lines(table: Path, problems: list[str]) -> Iterator[tuple[int, list[str]]]:
    """(number, cells) of each line that is not blank."""
    try:
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        problems.append(f"{table}: not plain text; save it as UTF-8 or copy it anew")
        return
    yield from ((i, line.split()) for i, line in enumerate(text.split("\n"), 1) if line.strip())


def _read(portraits: Sequence[_Portrait], problems: list[str]) -> Iterator[Frame]:
    unknown = np.full((68, 2), np.nan, np.float32)
    for portrait in portraits:
        try:
            if portrait.points is None:
                stored = store_still(portrait.picture, unknown, LFW_BOX * 250 - 0.5)
            else:
                stored = store_still(portrait.picture, CELEBA5.to_68(portrait.points), CELEBA5.box(portrait.points))
        except (ValueError, FileNotFoundError) as error:
            problems.append(str(error))
            continue
        name = f"{portrait.person}/{portrait.picture.stem}"
        yield Frame(name, portrait.person, name, 0, portrait.split, *stored)


_LINK = Link("http://vis-www.cs.umass.edu/lfw/lfw.tgz", "a17d05bd522c52d84eca14327a23d494")
LFW = DataSet("lfw", "LFW: named people", ABOUT_LFW, plan_lfw, {"all": 13233}, (_LINK,), True)
CELEBA = DataSet(
    "celeba",
    "CelebA: people by number",
    ABOUT_CELEBA,
    plan_celeba,
    {"train": 162770, "val": 19867, "test": 19962},
    identities=True,
)
