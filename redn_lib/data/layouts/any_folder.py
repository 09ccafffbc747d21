"""Any folder of pictures with a `.pts` beside each: your own data."""

from collections.abc import Sequence
from pathlib import Path

from redn_lib.data.layouts.stills import Still, files_of, pairs, read_stills
from redn_lib.data.records import DataSet, Plan, in_units

ABOUT = """\
  what      your own pictures: NAME.jpg or .png with NAME.pts beside it; 68, 29, 21 or 7 points, pixels counted from 1
  licence   yours
  size      any
  get it    you have it; most tools that set points write .pts
  layout    FOLDER/NAME.jpg NAME.pts; a picture in a folder of its own shows that person: FOLDER/Ann/1.jpg 1.pts"""


def plan(folders: Sequence[Path]) -> Plan:
    """Units of all pictures; the folder a picture lies in is the person, at the top each is its own."""
    made, stills = Plan(), []
    for root in folders:
        for picture, points in pairs(root, made.problems):
            name = picture.relative_to(root).with_suffix("").as_posix()
            person = name.rpartition("/")[0] or name
            stills.append(Still(picture, points, name, person, name, 0, "all"))
    made.units += in_units("all", stills, read_stills, files_of)
    return made


FOLDER = DataSet("folder", "any folder of pictures with .pts", ABOUT, plan, identities=True)
