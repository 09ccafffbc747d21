"""Measuring by the rules of published tables, and beside other programs.

protocols.py     which frames make up a table
scores.py        errors to figures: overall, by split, by video
disjoint.py      nobody is measured on what was trained on
published.py     the figures of the paper, each with its conditions
report.py        what is printed and written
offset.py        the part of an error that is only another mark-up
peers/           other programs, as optional packages
side_by_side.py  all of them on the same frames and boxes
"""
