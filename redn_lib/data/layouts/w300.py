"""300-W: AFW, Helen, LFPW and iBUG with 68 points each, as one dataset of still images."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from redn_lib.data.layouts.stills import labelled, still_units
from redn_lib.data.records import Layout, Sample, Unit

GROUPS = {
    "train": ("afw", "helen-train", "lfpw-train"),
    "test": ("helen-test", "lfpw-test"),
    "common": ("helen-test", "lfpw-test"),
    "challenging": ("ibug",),
    "full": ("helen-test", "lfpw-test", "ibug"),
    "authors-train": ("afw", "ibug", "helen-train", "lfpw-train"),
    "authors-test": ("helen-test", "lfpw-test"),
    "private": ("indoor", "outdoor"),
}
"""Which splits make up what papers train and test on: the common protocol, and the one of RED-Net's code."""

COUNTS = {"afw": 337, "helen-train": 2000, "helen-test": 330, "lfpw-train": 811, "lfpw-test": 224, "ibug": 135}
_HOST = "https://ibug.doc.ic.ac.uk/download/annotations"


_HOME = r".*(^|/)((afw|ibug)[^/]*|0[12]_(indoor|outdoor)|(helen|lfpw)[^/]*/(.*/)?(train|test)set)/"
"""The part of a file's path that tells its split, such as helen/trainset/."""


def split_of(path: str) -> str | None:
    """Which split a file belongs to, from the folders it lies in; None for none of the known ones."""
    match = re.match(_HOME, path.lower())
    return match and "-".join(filter(None, match.group(3, 4, 5, 7)))


def units(folders: Sequence[Path], problems: list[str]) -> Iterator[Unit]:
    """Units of each split, from one folder or several."""
    samples = []
    for root in folders:
        for image, points, box in labelled(root, problems):
            split = split_of(f"{root.name}/{image.relative_to(root).as_posix()}")
            if split is None:
                problems.append(f"{image}: in no folder afw, ibug, helen/trainset, lfpw/testset; move it there")
                continue
            name = f"{split}/{image.stem}"
            samples.append(Sample(name, name, name, split, 0, points, box, image))
    return still_units(sorted(samples, key=lambda sample: sample.split))


W300 = Layout(
    name="300w",
    units=units,
    sign=_HOME + r".*\.pts$",
    expected=COUNTS,
    groups=GROUPS,
    links=tuple(f"{_HOST}/{name}.zip" for name in ("afw", "helen", "lfpw", "ibug")),
)
