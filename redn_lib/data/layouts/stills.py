"""Images with a `.pts` of the same name beside them (or in another folder of the same dataset): of any folder, too."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

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


def files_below(root: Path, endings: Iterable[str]) -> list[Path]:
    """Files with one of the endings below a folder, sorted; hidden ones and MacOS's copies left out."""
    endings = set(endings)
    found = (path for path in root.rglob("*") if path.suffix.lower() in endings)
    return sorted(path for path in found if path.is_file() and not _is_hidden(path.relative_to(root)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def labelled(
    root: Path,
    problems: list[str],
    beside: bool = True,
    markup: Callable[..., Markup] = markup_of,
    first: float = 1,
) -> Iterator[tuple[Path, np.ndarray, np.ndarray]]:
    """(image, points (68, 2) upright, box (4,)) of each image and `.pts` of one name; the rest is told in `problems`.

    beside: whether the two must lie in one folder, or anywhere below root.
    markup: of points (N, 2) and the file's name: the mark-up that they are.
    first: what the file calls the first pixel.
    """
    images: dict[tuple, list[Path]] = defaultdict(list)
    for path in files_below(root, IMAGES):
        images[path.parent if beside else None, path.stem].append(path)
    for path in files_below(root, (".pts",)):
        mine = images.pop((path.parent if beside else None, path.stem), [])
        if not mine:
            problems.append(f"{path}: no image of that name (.jpg, .png); copy it there or delete the points")
            continue
        if len(mine) > 1:
            problems.append(f"{path}: two images, {mine[0].name} was taken and {mine[1].name} left; delete one")
        try:
            points = read_pts(path, first)
            points = upright_points(markup(points, str(path)).to_68(points), mine[0])
            yield mine[0], points, face_box(points)
        except ValueError as error:
            problems.append(str(error))
    for path in (path for rest in images.values() for path in rest):
        problems.append(f"{path}: no points {path.stem}.pts with it; copy them there or delete the image")


def plan(folders: Sequence[Path]) -> Plan:
    """Units of all images; the folder an image lies in is the person, at the top each is its own."""
    made, samples = Plan(), []
    for root in folders:
        for image, points, box in labelled(root, made.problems):
            name = image.relative_to(root).with_suffix("").as_posix()
            person = name.rpartition("/")[0] or name
            samples.append(Sample(name, person, name, "all", 0, points, box, image))
    made.add_stills("all", samples)
    return made


FOLDER = Layout("folder", "any folder of images with .pts", ABOUT, plan, r"\.pts$", identities=True)
