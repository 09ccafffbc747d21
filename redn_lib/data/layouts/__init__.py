"""Published layouts of datasets, by name in `SETS`: how their folders are read.

A new one is a file NAME.toml and, where none of those in readers.py serves it, a reader there. The file has its sign, its
splits, its links, and `about`: a title, what it is, its licence, its size, how to get it, its layout.
"""

from redn_lib.data.layouts.readers import SETS as SETS
