"""Widgets, one a file. A new one is a frozen dataclass whose fields are made by `setting` (they become the controls), a
function from it to a `Drawing`, and a function under `@widget` that returns the `Scene` of both; all are in widget.py.
The smallest to copy is clip_browser.py; pictures are made of draw.py, panels.py and chart.py, in colours of style.py.
The loop microscope alone has a page of its own, microscope.js; what it shows is computed in disturbed_loop.py.
"""
