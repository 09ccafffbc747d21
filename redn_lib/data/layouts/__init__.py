"""One file a published layout: what the dataset is, and how its folders are read. `SETS` has them by name."""

import re
from pathlib import Path

from redn_lib.data.layouts.movies import FACE_MOVIE, TALKING_FACE
from redn_lib.data.layouts.stills import FOLDER
from redn_lib.data.layouts.w300 import W300
from redn_lib.data.layouts.w300vw import W300VW
from redn_lib.data.layouts.youtube import YTF68, YTF_NPZ
from redn_lib.data.records import Layout

SETS: dict[str, Layout] = {s.name: s for s in (W300, W300VW, TALKING_FACE, FACE_MOVIE, YTF68, YTF_NPZ, FOLDER)}


def recognised(folder: Path) -> Layout:
    """The layout of still images that a folder has, by the names of its files; the first of `SETS` that fits.

    Raises ValueError, with the remedy, where it holds videos, which must be converted, or nothing known.
    """
    files = [f"{folder.name}/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*")]
    for layout in SETS.values():
        if any(re.search(layout.sign, file, re.IGNORECASE) for file in files):
            break
    else:
        raise ValueError(f"{folder}: no dataset of a known layout; `python data_scripts/get.py` lists them")
    if layout.is_videos:
        raise ValueError(
            f"{folder} holds videos ({layout.title}), which must be converted first: "
            f"`python data_scripts/get.py {layout.name} {folder} --out DIR`; then name DIR"
        )
    return layout
