"""A live widget in JupyterLab in a real browser, and what a person at the keyboard does to it."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import expect

CHANGED = """before => {
    const image = document.querySelector('img.widget-image');
    return image.src !== before && image.complete && image.naturalWidth === 1000;
}"""
FOCUSED = """() => {
    const here = document.activeElement, widget = here.closest('.jp-OutputArea :is(.widget-hslider, .jupyter-widgets)');
    const words = (widget?.innerText ?? '').split('\\n').map(w => w.replace(/\\u200b/g, '').trim());
    return [words.find(w => w) ?? '', here.getAttribute('role') ?? here.tagName];
}"""
MEAN_COLOUR = """(image, [x, y, w, h]) => {
    const canvas = document.createElement('canvas'), context = canvas.getContext('2d');
    canvas.width = canvas.height = 1;
    context.drawImage(image, x, y, w, h, 0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""


def write_notebook(path: Path, source: str) -> None:
    """A notebook of one cell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))


class Driven:
    """The widget's page. says: a word of its line of numbers, by which that is found."""

    def __init__(self, notebook, says: str):
        self.page = notebook.page
        self.image = self.page.locator("img.widget-image")
        self.status = self.page.get_by_role("status").filter(has_text=says)

    def press(self, key: str) -> None:
        """Press a key and wait for another picture."""
        before = self.image.get_attribute("src")
        self.page.keyboard.press(key)
        self.page.wait_for_function(CHANGED, arg=before, timeout=20_000)

    def to(self, label: str) -> str:
        """Tab on to the slider or button of this label; its role. Fails where there is no way to it."""
        for _ in range(60):
            here, role = self.page.evaluate(FOCUSED)
            if here == label and role in ("slider", "BUTTON"):
                return role
            self.page.keyboard.press("Tab")
        pytest.fail(f"no way to {label!r} by Tab")

    def press_all(self, keys: Mapping[str, str]) -> list[str]:
        """Tab from control to control up to "start again", each moved by the key of its role. Labels of those moved."""
        moved: list[str] = []
        while "start again" not in moved:
            label, kind = self.page.evaluate(FOCUSED)
            assert label, f"the keyboard left the widget after {moved}"
            if kind in keys:  # not the number beside a slider, which can be typed into
                self.press(keys[kind])
                moved.append(label)
            self.page.keyboard.press("Tab")
        return moved

    def says(self, *words: str | re.Pattern) -> None:
        """Wait until the line of numbers has all the words or patterns; it may come after the picture."""
        for some in words:
            expect(self.status).to_contain_text(some, timeout=20_000)

    def colour(self, x: int, y: int, w: int = 1, h: int = 1) -> list[int]:
        """Mean colour of a part of the picture."""
        return self.image.evaluate(MEAN_COLOUR, [x, y, w, h])


def driving(notebook, root: Path, name: str, source: str, says: str) -> Iterator[Driven]:
    """For a fixture to yield from: the widget of a cell, its first slider focused. Nothing may go wrong."""
    path = root / "build" / "browser" / f"{name}.ipynb"
    write_notebook(path, source)
    notebook.open(path.relative_to(root).as_posix())
    assert notebook.run_all() == []
    widget = Driven(notebook, says)
    widget.page.wait_for_function(CHANGED, arg="", timeout=20_000)
    widget.page.locator(".noUi-handle").first.focus()
    yield widget
    assert notebook.errors == [] and notebook.blocked == []
