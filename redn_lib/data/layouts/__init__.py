"""One file a published layout: what the dataset is, and how its folders are read. `SETS` has them by name."""

from redn_lib.data.layouts.clips import FACE_MOVIE, TALKING_FACE, W300VW
from redn_lib.data.layouts.stills import FOLDER
from redn_lib.data.layouts.w300 import W300
from redn_lib.data.layouts.youtube import YTF68, YTF_NPZ
from redn_lib.data.records import Layout

SETS: dict[str, Layout] = {s.name: s for s in (W300, W300VW, TALKING_FACE, FACE_MOVIE, YTF68, YTF_NPZ, FOLDER)}
