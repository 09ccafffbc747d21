"""Widgets, one a file. A new one is a frozen dataclass whose fields are made by `setting` (they become the controls), a
function from it to a `Drawing`, and a function under `@widget` that returns the `Scene` of both; all are in widget.py.
The smallest to copy is clip_browser.py; every widget, such as `head_sliders(person=3)`, has its first picture without
controls as `head_sliders.figure(person=3)`. Pictures are made of draw.py and panels.py, in colours of style.py.
The loop microscope alone has a page of its own, microscope.js; what it shows is computed in disturbed_loop.py.
"""
