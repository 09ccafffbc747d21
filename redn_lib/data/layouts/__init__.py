"""Published layouts of datasets, by name in `SETS`: how their folders are read.

A new one is a reader in `UNITS`, an entry in sets.json, and a text NAME.txt: a title, what it is, its licence, its
size, how to get it, its layout.
"""

import json
from pathlib import Path

from redn_lib.data.layouts import readers
from redn_lib.data.records import Layout

UNITS = {
    "300w": readers.units_300w,
    "300vw": readers.units_300vw,
    "tf": readers.units_tf,
    "fm": readers.units_fm,
    "ytf68": readers.units_ytf68,
    "ytf-npz": readers.units_npz,
    "folder": readers.units_folder,
}
_ABOUT = json.loads(Path(__file__).with_name("sets.json").read_text(encoding="utf-8"))
SETS = {name: Layout(name, units, **_ABOUT[name]) for name, units in UNITS.items()}
