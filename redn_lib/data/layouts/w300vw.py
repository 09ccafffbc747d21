"""300-VW: 114 videos, each frame with 68 points; the published lists of test videos."""

from collections.abc import Sequence
from pathlib import Path

from redn_lib.data.layouts.videos import video_unit
from redn_lib.data.records import Layout, Plan

CATEGORIES = {
    "cat1": "114 124 125 126 150 158 401 402 505 506 507 508 509 510 511 514 515 518 519 520 521 522 524 525 537 538 "
    "540 541 546 547 548",
    "cat2": "203 208 211 212 213 214 218 224 403 404 405 406 407 408 409 412 550 551 553",
    "cat3": "410 411 516 517 526 528 529 530 531 533 557 558 559 562",
    "train": "001 002 003 004 007 009 010 011 013 015 016 017 018 019 020 022 025 027 028 029 031 033 034 035 037 039 "
    "041 043 044 046 047 048 049 053 057 059 112 113 115 119 120 123 138 143 144 160 204 205 223 225",
}
SPLITS = {video: split for split, videos in CATEGORIES.items() for video in videos.split()}
"""Split of each of the 114 videos: categories 1 (well lit), 2 (mild), 3 (hard) are for testing. The lists as OpenFace,
Supervision-by-Registration and MMPose agree on them."""

ABOUT = """\
  what      114 videos of one face each, 218,000 frames or so, every one with 68 points (Shen et al. 2015): 50 for
            training, 31 + 19 + 14 for testing in categories 1 (well lit), 2 (mild), 3 (hard). Each video counts as a
            person of its own: the set does not say who returns.
  licence   research only; ask for it, agree to its terms, do not pass it on.
  size      many GB (check the page); converted, as JPEG frames, several times that
  get it    by hand: https://ibug.doc.ic.ac.uk/resources/300-VW/
            parts .zip.001 ... must be joined first:  cat 300VW*.zip.0* > 300vw.zip
  layout    300VW_Dataset_2015_12_14/001/vid.avi  001/annot/000001.pts (one a frame, pixels counted from 1)"""


def plan(folders: Sequence[Path]) -> Plan:
    """A unit for each folder with a vid.avi or an annot/ in it."""
    made, known = Plan(), set()
    homes = {path.parent for root in folders for name in ("vid.avi", "annot") for path in root.rglob(name)}
    for home in sorted(homes):
        if home.name not in SPLITS:
            made.problems.append(f"{home}: not one of the 114 published videos; give it its number or leave it out")
        elif home.name in known:
            made.problems.append(f"{home}: video {home.name} is there twice; delete one")
        else:
            known.add(home.name)
            made.units.append(video_unit(home / "vid.avi", home / "annot", home.name, SPLITS[home.name]))
    gone = sorted(set(SPLITS) - known)
    if gone and known:
        made.problems.append(f"videos not there: {' '.join(gone)}; unpack all parts of the archive")
    return made


W300VW = Layout(
    name="300vw",
    title="300-VW: videos with 68 points in every frame",
    about=ABOUT,
    plan=plan,
    sign=r"(^|/)\d{3}/(vid\.avi|annot/\d+\.pts)$",
    groups={"train": ("train",), "test": ("cat1", "cat2", "cat3")},
    is_videos=True,
)
