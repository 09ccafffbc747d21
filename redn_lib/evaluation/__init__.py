"""Measuring by the rules of published tables, and beside other programs.

protocols.py     which frames make up a table, the figures of the paper, and whether weights saw these people
errors.py        samples to predictions and errors
scores.py        predictions to figures: overall, by split, by video
tables.py        tables printed and as files, with their commands and commits
offset.py        the part of an error that is only another mark-up
peers.py         other programs, as optional packages
side_by_side.py  all of them on the same frames and boxes
"""
