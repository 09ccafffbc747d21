"""Talking Face and Face Movie: a few long clips, for testing only."""

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from redn_lib.data.layouts.annotated_videos import VIDEOS, Video
from redn_lib.data.layouts.stills import Still, files_below, files_of, pairs, read_stills
from redn_lib.data.markups import IBUG68, XM2VTS68, Markup, markup_of, misfit
from redn_lib.data.records import Layout, Plan, in_units

TALKING = """\
  what      5,000 frames (200 s) of one man talking, each with 68 points from a tracker, checked by eye (FGnet). The
            points are the older XM2VTS mark-up, of which 14 are among ours: the seven of the paper are.
            (A copy set again with our 68 is recognised.)
  licence   made available under FGnet for research; the page states no more. Check the set's own readme.
  size      check the page
  get it    by hand: https://personalpages.manchester.ac.uk/staff/Timothy.F.Cootes/data/talking_face/talking_face.html
  layout    franck_00127.jpg and franck_00127.pts, in one folder or in two. The set does not say whether pixels count
            from 0 or 1: taken as from 0 (our choice)"""

FACE = """\
  what      Face Movie, six video clips that the paper tests on (7 points). Nobody is named: a clip is a person.
  licence   not stated where we could see it; ask the authors of the paper (Peng et al.), films have owners.
  size      unknown
  get it    by hand, from the authors
  layout    not published where we could see it; check the set's own readme. Read is a folder a clip, with either
            vid.avi (any name) and annot/000001.pts ..., or images and .pts in pairs; 7 or 68 points"""


def which_68(points: np.ndarray, where: str) -> Markup:
    """The mark-up of 68 points: the library's or the older XM2VTS, whichever looks more like a face (our choice)."""
    own = markup_of(points, where)
    if own is not IBUG68:
        return own
    return min((IBUG68, XM2VTS68), key=lambda markup: misfit(markup.to_68(points)))


def _stills(folder: Path, name: str, problems: list[str], beside: bool) -> list[Still]:
    """The frames of a clip kept as images, in order of their numbers."""
    found = []
    for image, points in pairs(folder, problems, beside):
        digits = re.findall(r"\d{1,9}", image.stem)
        if digits:
            found.append(Still(image, points, f"{name}/{image.stem}", name, name, "test", int(digits[-1])))
        else:
            problems.append(f"{image}: no frame number in the name; rename or delete it")
    found.sort(key=lambda still: still.number)
    for one, other in pairwise(found):
        if one.number == other.number:
            told = f"frame {one.number} is there twice, as {one.image.name} too"
            problems.append(f"{other.image}: {told}; both were taken, delete one")
    return found


def plan_talking(folders: Sequence[Path]) -> Plan:
    """The one clip in units of some hundred frames."""
    made = Plan()
    stills = [s for root in folders for s in _stills(root, "franck", made.problems, beside=False)]
    gone = sorted(set(range(stills[0].number, stills[-1].number)) - {s.number for s in stills}) if stills else []
    if gone:
        told = f"{len(gone)} frames are missing, the first is {gone[0]:05d}"
        made.problems.append(f"{folders[0]}: {told}; copy them again")
    read = partial(read_stills, markup=which_68, first=0)
    made.units += in_units("franck", stills, read, files_of)
    return made


def plan_movie(folders: Sequence[Path]) -> Plan:
    """A unit for each clip kept as a video, some for each kept as images."""
    made, homes = Plan(), defaultdict(list)
    for root in folders:
        for path in files_below(root, VIDEOS):
            homes[root, path.parent].append(path)
        for path in files_below(root, (".pts",)):
            homes.setdefault((root, path.parent.parent if path.parent.name == "annot" else path.parent), [])
    for (root, home), videos in sorted(homes.items()):
        name = "_".join(home.relative_to(root).parts) or root.name
        if videos or (home / "annot").is_dir():
            if len(videos) > 1:
                made.problems.append(f"{home}: {len(videos)} videos, {videos[0].name} was taken; give each a folder")
            video = videos[0] if videos else home / "vid.avi"
            made.units.append(Video(video, home / "annot", name, name, "test").unit())
        else:
            stills = _stills(home, name, made.problems, beside=True)
            made.units += in_units(name, stills, read_stills, files_of)
    return made


TALKING_FACE = Layout(
    name="tf",
    title="Talking Face: one man, 5,000 frames",
    about=TALKING,
    plan=plan_talking,
    sign=r"(^|/)franck_\d+\.pts$",
    expected={"test": 5000},
)
FACE_MOVIE = Layout(
    name="fm",
    title="Face Movie: six video clips",
    about=FACE,
    plan=plan_movie,
    sign=r"\.(avi|mp4|mov|mkv)$|(^|/)annot/[^/]+\.pts$",
    is_videos=True,
)
