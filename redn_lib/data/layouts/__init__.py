"""Published layouts of datasets, by name in `SETS`: how their folders are read.

A new one is a reader in readers.py, entered in its `UNITS`, an entry in sets.json, and a text NAME.txt: a title, what
it is, its licence, its size, how to get it, its layout. The order of `UNITS` counts: a folder that is not converted is
read by the first whose sign fits.
"""

from redn_lib.data.layouts.readers import SETS as SETS
