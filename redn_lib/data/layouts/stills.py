"""Images with a `.pts` of the same name beside them: of any folder, too."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from redn_lib.data.images import IMAGES, upright_points
from redn_lib.data.markups import face_box, read_68
from redn_lib.data.records import Layout, Sample, Unit

UNIT = 400
"""So many still images make a unit (our choice: little is lost when a conversion is interrupted)."""


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


def labelled(root: Path, problems: list[str]) -> Iterator[tuple[Path, np.ndarray, np.ndarray]]:
    """(image, points (68, 2) upright, box (4,)) of each image with a `.pts` of its name beside it."""
    images = {path.with_suffix(""): path for path in reversed(files_below(root, IMAGES))}
    points = {path.with_suffix(""): path for path in files_below(root, (".pts",))}
    for stem in sorted(images.keys() ^ points.keys()):
        path, lacking = (images[stem], "points .pts") if stem in images else (points[stem], "image .jpg or .png")
        problems.append(f"{path}: no {lacking} of that name; copy it there or delete this file")
    for stem, path in points.items():
        if stem not in images:
            continue
        try:
            place = upright_points(read_68(path), images[stem])
        except ValueError as error:
            problems.append(str(error))
            continue
        yield images[stem], place, face_box(place)


def units(folders: Sequence[Path], problems: list[str]) -> Iterator[Unit]:
    """Units of all images; the folder an image lies in is the person, at the top each is its own."""
    samples = []
    for root in folders:
        for image, points, box in labelled(root, problems):
            name = image.relative_to(root).with_suffix("").as_posix()
            person = name.rpartition("/")[0] or name
            samples.append(Sample(name, person, name, "all", 0, points, box, image))
    return still_units(samples)


FOLDER = Layout("folder", units, r"\.pts$", identities=True)
