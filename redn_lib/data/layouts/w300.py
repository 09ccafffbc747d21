"""300-W: AFW, Helen, LFPW and iBUG with 68 points each, as one dataset of still images."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from redn_lib.data.layouts.stills import labelled
from redn_lib.data.records import Layout, Link, Plan, Sample

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

ABOUT = """\
  what      3,837 still images in the wild, a face each with 68 points, set half by hand (Sagonas et al. 2013):
            AFW 337, Helen 2,000 + 330, LFPW 811 + 224, iBUG 135. Nobody is named: each image counts as a person.
  licence   the points are for research only, no commercial use; the images belong to who took them.
  size      four archives; check the page (Helen is the largest, by far)
  get it    https://ibug.doc.ic.ac.uk/resources/facial-point-annotations/ (afw, helen, lfpw, ibug .zip), or --download
  layout    afw/NAME.jpg NAME.pts  helen/trainset/  helen/testset/  lfpw/trainset/  lfpw/testset/  ibug/
            .pts count pixels from 1; 01_Indoor/ and 02_Outdoor/ of the private test set are taken too"""


def split_of(path: Path) -> str | None:
    """Which split a file belongs to, from the folders it lies in; None for none of the known ones."""
    parts = [part.lower() for part in path.parts[:-1]]
    for part in reversed(parts):
        if part in ("01_indoor", "02_outdoor"):
            return part[3:]
        if part.startswith(("afw", "ibug")):
            return part[:3] if part.startswith("afw") else "ibug"
        if part.startswith(("helen", "lfpw")):
            name = "helen" if part.startswith("helen") else "lfpw"
            half = next((p for p in parts if p in ("trainset", "testset")), None)
            return f"{name}-{half[:-3]}" if half else None
    return None


def plan(folders: Sequence[Path]) -> Plan:
    """Units of each split, from one folder or several."""
    made, samples = Plan(), defaultdict(list)
    for root in folders:
        for image, points, box in labelled(root, made.problems):
            split = split_of(Path(root.name) / image.relative_to(root))
            if split is None:
                made.problems.append(f"{image}: in no folder afw, ibug, helen/trainset, lfpw/testset; move it there")
                continue
            name = f"{split}/{image.stem}"
            samples[split].append(Sample(name, name, name, split, 0, points, box, image))
    for split, mine in sorted(samples.items()):
        made.add_stills(split, mine)
    return made


W300 = Layout(
    name="300w",
    title="300-W: still images in the wild with 68 points",
    about=ABOUT,
    plan=plan,
    sign=r"(^|/)(afw|ibug|(helen|lfpw).*/(train|test)set|01_indoor|02_outdoor)[^/]*/(.*/)?[^/]+\.pts$",
    expected=COUNTS,
    groups=GROUPS,
    links=tuple(Link(f"{_HOST}/{name}.zip") for name in ("afw", "helen", "lfpw", "ibug")),
)
