"""Widgets, one a file, drawn by pages in the browser: plain ES modules for anywidget. page.js has what all pages share.

A new widget is a frozen dataclass whose fields are made by `setting` (they become the controls), a function from it to
a `Drawing`, and a function under `@widget` that returns the `Scene` of both; all are in widget.py, their page is
controls.js. The smallest to copy is clip_browser.py; every widget, such as `head_sliders(person=3)`, has its first
picture without controls as `head_sliders.figure(person=3)`. Pictures are made of draw.py, in colours of style.py.
The loop microscope (microscope.py), the memory microscope (memory.py) and own_face.py have pages of their own.
"""
