"""One file a published layout: what the set is, and its folders as units to convert. `SETS` has them by name."""

from redn_lib.data.layouts.aflw import AFLW
from redn_lib.data.layouts.any_folder import FOLDER
from redn_lib.data.layouts.identities import CELEBA, LFW
from redn_lib.data.layouts.movies import FACE_MOVIE, TALKING_FACE
from redn_lib.data.layouts.w300 import W300
from redn_lib.data.layouts.w300vw import W300VW
from redn_lib.data.layouts.youtube import YTF68, YTF_NPZ
from redn_lib.data.records import DataSet

SETS: dict[str, DataSet] = {
    s.name: s for s in (W300, W300VW, FACE_MOVIE, TALKING_FACE, AFLW, LFW, CELEBA, YTF68, YTF_NPZ, FOLDER)
}
