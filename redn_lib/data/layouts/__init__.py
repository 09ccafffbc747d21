"""Published layouts of datasets, by name in `SETS`: how their folders are read.

A new one is a file NAME.toml (sign, splits, links and `about`: a title, what it is, its licence and size, how to get
it, its layout) and, where none of those in readers.py serves it, a reader there.
"""

from redn_lib.data.layouts.readers import SETS as SETS
