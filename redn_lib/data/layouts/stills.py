"""Pictures with a `.pts` of the same name beside them (or in another folder of the same set)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from redn_lib.data.markups import Markup, markup_of
from redn_lib.data.pictures import PICTURES, store_still
from redn_lib.data.pts import read_pts
from redn_lib.data.records import Frame


class Still(NamedTuple):
    """A picture and its points on disk, and what the layout says of them; as in `records.Frame`."""

    picture: Path
    points: Path
    name: str
    person: str
    video: str
    number: int
    split: str


def files_below(root: Path, endings: Iterable[str]) -> list[Path]:
    """Files with one of the endings below a folder, sorted; hidden ones and MacOS's copies left out."""
    endings = set(endings)
    found = (path for path in root.rglob("*") if path.suffix.lower() in endings)
    return sorted(path for path in found if path.is_file() and not _hidden(path.relative_to(root)))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def pairs(root: Path, problems: list[str], beside: bool = True) -> list[tuple[Path, Path]]:
    """(picture, points) by name, in one folder where `beside`, else anywhere below root; what has no partner, or two,
    is told in `problems`."""
    pictures: dict[tuple, list[Path]] = defaultdict(list)
    for path in files_below(root, PICTURES):
        pictures[_key(path, beside)].append(path)
    found = []
    for points in files_below(root, (".pts",)):
        mine = pictures.pop(_key(points, beside), [])
        if not mine:
            problems.append(f"{points}: no picture of that name (.jpg, .png); copy it there or delete the points")
        elif len(mine) > 1:
            problems.append(f"{points}: two pictures, {mine[0].name} was taken and {mine[1].name} left; delete one")
        found += [(mine[0], points)] if mine else []
    lonely = [path for rest in pictures.values() for path in rest]
    problems += [f"{path}: no points {path.stem}.pts with it; copy them there or delete the picture" for path in lonely]
    return found


def _key(path: Path, beside: bool) -> tuple:
    return (path.parent if beside else None, path.stem)


def read_stills(
    stills: Sequence[Still],
    problems: list[str],
    markup: Callable[..., Markup] = markup_of,
    first: float = 1,
    whole: bool = False,
) -> Iterator[Frame]:
    """The frames of stills; a broken one is told in `problems`. markup(points, where); first: as in `read_pts`; whole:
    as in `store_still`."""
    for still in stills:
        try:
            points = read_pts(still.points, first)
            own = markup(points, str(still.points))
            stored = store_still(still.picture, own.to_68(points), own.box(points), whole)
        except (ValueError, FileNotFoundError) as error:
            problems.append(str(error))
            continue
        yield Frame(still.name, still.person, still.video, still.number, still.split, *stored)


def files_of(still: Still) -> tuple[Path, Path]:
    """The two files of a still."""
    return still.picture, still.points
