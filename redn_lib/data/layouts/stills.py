"""Images with a `.pts` of the same name beside them: 300-W, and any folder."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from redn_lib.data.images import IMAGES, upright_points
from redn_lib.data.markups import face_box, read_68
from redn_lib.data.records import Sample, Unit

UNIT = 400
"""So many still images make a unit (our choice: little is lost when a conversion is interrupted)."""

W300_HOME = r".*(^|/)((afw|ibug)[^/]*|0[12]_(indoor|outdoor)|(helen|lfpw)[^/]*/(.*/)?(train|test)set)/"
"""The folders of a file of 300-W, such as helen/trainset/; groups 3, 4, 5 and 7 make the name of its split."""


def files_below(root: Path, endings: Iterable[str]) -> list[Path]:
    """Files with one of the endings below a folder, sorted; hidden ones and MacOS's copies left out."""
    return sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in endings
        and path.is_file()
        and not any(part.startswith(".") or part == "__MACOSX" for part in path.relative_to(root).parts)
    )


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
    """Each image with a `.pts` of its name beside it.

    names: of a folder and a file below it, without ending: its name, its person, its split. May raise ValueError.
    """
    for root in folders:
        images = {path.with_suffix(""): path for path in reversed(files_below(root, IMAGES))}
        points = {path.with_suffix(""): path for path in files_below(root, (".pts",))}
        for stem in sorted(images.keys() ^ points.keys()):
            path, lacking = (images[stem], "points .pts") if stem in images else (points[stem], "image .jpg or .png")
            problems.append(f"{path}: no {lacking} of that name; copy it there or delete this file")
        for stem in (stem for stem in points if stem in images):
            try:
                name, person, split = names(root, stem)
                place = upright_points(read_68(points[stem]), images[stem])
            except ValueError as error:
                problems.append(str(error))
                continue
            yield Sample(name, person, name, split, 0, place, face_box(place), images[stem])


def units_folder(folders: Sequence[Path], problems: list[str]) -> Iterator[Unit]:
    """Units of all images; the folder an image lies in is the person, at the top each is its own."""

    def names(root: Path, stem: Path) -> tuple[str, str, str]:
        name = stem.relative_to(root).as_posix()
        return name, name.rpartition("/")[0] or name, "all"

    return still_units(labelled(folders, problems, names))


def units_300w(folders: Sequence[Path], problems: list[str]) -> Iterator[Unit]:
    """Units of each split, told by the folders that an image lies in, from one folder or several."""

    def names(root: Path, stem: Path) -> tuple[str, str, str]:
        match = re.match(W300_HOME, f"{root.name}/{stem.relative_to(root).as_posix()}", re.IGNORECASE)
        if match is None:
            raise ValueError(f"{stem}: in no folder afw, ibug, helen/trainset, lfpw/testset; move it there")
        split = "-".join(filter(None, match.group(3, 4, 5, 7))).lower()
        return f"{split}/{stem.name}", f"{split}/{stem.name}", split

    return still_units(sorted(labelled(folders, problems, names), key=lambda sample: sample.split))
