"""Images with a `.pts` of the same name beside them (or in another folder of the same dataset): of any folder, too."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from redn_lib.data.images import IMAGES, upright_points
from redn_lib.data.markups import Markup, face_box, markup_of
from redn_lib.data.pts import read_pts
from redn_lib.data.records import Layout, Plan, Sample

ABOUT = """\
  what      your own images: NAME.jpg or .png with NAME.pts beside it; 68 or 7 points, pixels counted from 1, in the
            image as it is stored (an EXIF turn is applied to image and points alike)
  licence   yours
  size      any
  get it    you have it; most tools that set points write .pts
  layout    FOLDER/NAME.jpg NAME.pts; an image in a folder of its own shows that person: FOLDER/Ann/1.jpg 1.pts"""


class Still(NamedTuple):
    """An image and its points on disk, and what the layout says of them; as in `records.Sample`."""

    image: Path
    points: Path
    name: str
    person: str
    video: str
    split: str
    number: int


def files_below(root: Path, endings: Iterable[str]) -> list[Path]:
    """Files with one of the endings below a folder, sorted; hidden ones and MacOS's copies left out."""
    endings = set(endings)
    found = (path for path in root.rglob("*") if path.suffix.lower() in endings)
    return sorted(path for path in found if path.is_file() and not _is_hidden(path.relative_to(root)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def pairs(root: Path, problems: list[str], beside: bool = True) -> list[tuple[Path, Path]]:
    """(image, points) by name, in one folder where `beside`, else anywhere below root; what has no partner, or two, is
    told in `problems`.
    """
    images: dict[tuple, list[Path]] = defaultdict(list)
    for path in files_below(root, IMAGES):
        images[path.parent if beside else None, path.stem].append(path)
    found = []
    for points in files_below(root, (".pts",)):
        mine = images.pop((points.parent if beside else None, points.stem), [])
        if not mine:
            problems.append(f"{points}: no image of that name (.jpg, .png); copy it there or delete the points")
            continue
        if len(mine) > 1:
            problems.append(f"{points}: two images, {mine[0].name} was taken and {mine[1].name} left; delete one")
        found.append((mine[0], points))
    lonely = [path for rest in images.values() for path in rest]
    problems += [f"{path}: no points {path.stem}.pts with it; copy them there or delete the image" for path in lonely]
    return found


def read_stills(
    stills: Sequence[Still],
    problems: list[str],
    markup: Callable[..., Markup] = markup_of,
    first: float = 1,
) -> Iterator[Sample]:
    """The images of stills; broken points are told in `problems`. markup(points, where); first: as in `read_pts`."""
    for still in stills:
        try:
            points = read_pts(still.points, first)
            points = upright_points(markup(points, str(still.points)).to_68(points), still.image)
            box = face_box(points)
        except (ValueError, FileNotFoundError) as error:
            problems.append(str(error))
            continue
        yield Sample(*still[2:], points, box, still.image)


def files_of(still: Still) -> tuple[Path, Path]:
    """The two files of a still."""
    return still.image, still.points


def plan(folders: Sequence[Path]) -> Plan:
    """Units of all images; the folder an image lies in is the person, at the top each is its own."""
    made, stills = Plan(), []
    for root in folders:
        for image, points in pairs(root, made.problems):
            name = image.relative_to(root).with_suffix("").as_posix()
            person = name.rpartition("/")[0] or name
            stills.append(Still(image, points, name, person, name, "all", 0))
    made.add_stills("all", stills, read_stills, files_of)
    return made


FOLDER = Layout("folder", "any folder of images with .pts", ABOUT, plan, r"\.pts$", identities=True)
