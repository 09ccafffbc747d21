"""Talking Face and Face Movie: a few long clips, for testing only."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from redn_lib.data.layouts.stills import files_below, labelled
from redn_lib.data.layouts.videos import VIDEOS, numbered, video_unit
from redn_lib.data.markups import IBUG68, XM2VTS68, Markup, markup_of, misfit
from redn_lib.data.records import Layout, Plan, Sample

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


def _frames(folder: Path, name: str, problems: list[str], **how) -> list[Sample]:
    """The frames of a clip kept as images, in order of their numbers; how: as in `labelled`."""
    found = {image: labels for image, *labels in labelled(folder, problems, **how)}
    images = sorted(numbered(found, problems).items())
    return [Sample(f"{name}/{path.stem}", name, name, "test", number, *found[path], path) for number, path in images]


def plan_talking(folders: Sequence[Path]) -> Plan:
    """The one clip in units of some hundred frames."""
    made = Plan()
    for root in folders:
        made.add_stills("franck", _frames(root, "franck", made.problems, beside=False, markup=which_68, first=0))
    return made


def plan_movie(folders: Sequence[Path]) -> Plan:
    """A unit for each clip kept as a video, some for each kept as images."""
    made = Plan()
    for root in folders:
        parents = {path.parent for path in files_below(root, (*VIDEOS, ".pts"))}
        homes = {parent.parent if parent.name == "annot" else parent for parent in parents}
        for home in sorted(homes):
            name = "_".join(home.relative_to(root).parts) or root.name
            videos = [path for path in files_below(home, VIDEOS) if path.parent == home]
            if videos:
                made.units.append(video_unit(videos[0], home / "annot", name, "test"))
            else:
                made.add_stills(name, _frames(home, name, made.problems))
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
