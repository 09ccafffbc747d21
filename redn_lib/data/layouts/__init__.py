"""Published layouts of datasets, by name in `SETS`: how their folders are read.

A new one is a reader in `UNITS`, an entry in sets.json, and a text NAME.txt: a title, what it is, its licence, its
size, how to get it, its layout.
"""

import json
from pathlib import Path

from redn_lib.data.layouts.clips import units_300vw, units_fm, units_tf
from redn_lib.data.layouts.stills import units_300w, units_folder
from redn_lib.data.layouts.youtube import units_npz, units_ytf68
from redn_lib.data.records import Layout

UNITS = {
    "300w": units_300w,
    "300vw": units_300vw,
    "tf": units_tf,
    "fm": units_fm,
    "ytf68": units_ytf68,
    "ytf-npz": units_npz,
    "folder": units_folder,
}
_ABOUT = json.loads(Path(__file__).with_name("sets.json").read_text(encoding="utf-8"))
SETS = {name: Layout(name, units, **_ABOUT[name]) for name, units in UNITS.items()}
