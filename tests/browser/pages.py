"""The page of a widget in JupyterLab in a real browser, and what a person does to it."""

import json
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

ANSWERED = """before => {
    const mic = document.querySelector('.mic')?.page ?? {};
    return mic.answered > before && !mic.busy;
}"""
NAME = """() => {
    const here = document.activeElement, label = here.closest('label, fieldset');
    if (!here.closest('.mic')) return null;
    const group = here.type === 'radio' && here.closest('fieldset').querySelector('legend');
    const around = label?.firstChild?.nodeType === 3 ? label.firstChild.data : label?.innerText;
    const words = here.getAttribute('aria-label') ?? (group ? group.innerText : null);
    return (words ?? (here.tagName === 'BUTTON' ? here.innerText : around)).trim();
}"""
CUT = """() => {
    const root = document.querySelector('.mic'), right = root.getBoundingClientRect().right + 1;
    const beyond = e => !e.closest('svg') && e.getBoundingClientRect().right > right;
    const wrong = [...root.querySelectorAll('*')].filter(beyond).map(e => e.className || e.tagName);
    const panel = document.querySelector('.jp-WindowedPanel-outer').getBoundingClientRect();
    return [wrong, root.getBoundingClientRect().height, panel.height, panel.right - right];
}"""


def write_notebook(path: Path, source: str) -> None:
    """A notebook of one cell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))


class Scope:
    """The widget's page."""

    def __init__(self, notebook):
        self.page = notebook.page
        self.status = self.page.locator(".mic-status")

    @contextmanager
    def answered(self):
        """Waits until the kernel has answered what is done inside, and nothing more is asked."""
        before = self.page.evaluate("() => document.querySelector('.mic')?.page?.answered ?? 0")
        yield
        self.page.wait_for_function(ANSWERED, arg=before, timeout=90_000)

    def press(self, key: str, times: int = 1) -> None:
        with self.answered():
            for _ in range(times):
                self.page.keyboard.press(key)

    def to(self, name: str) -> None:
        """Tab on to the control whose accessible name begins so."""
        for _ in range(40):
            if (self.page.evaluate(NAME) or "").startswith(name):
                return
            self.page.keyboard.press("Tab")
        pytest.fail(f"no way to {name!r} by Tab")

    def by_tab(self, first: str) -> list[str]:
        """Accessible names of the controls that Tab reaches from the first one on, which is in focus again then."""
        self.page.locator(first).first.focus()
        reached = []
        while (name := self.page.evaluate(NAME)) is not None and len(reached) < 40:
            reached.append(name)
            self.page.keyboard.press("Tab")
        self.page.locator(first).first.focus()
        return reached

    def reaches(self, names: str) -> None:
        """Tab goes from the play button through controls whose accessible names begin so, divided by ;, and back."""
        due, reached = [name.strip() for name in names.split(";")], self.by_tab(".mic-play")
        assert len(reached) == len(due)
        for name, begins in zip(reached, due, strict=True):
            assert name.startswith(begins)

    def state(self) -> dict:
        return self.page.evaluate("() => document.querySelector('.mic').page.state")

    def drag(self, start, end) -> None:
        """From one place of the page to another, in a few moves."""
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move(*end, steps=4)
        self.page.mouse.up()

    def place(self, selector: str, x: float = 0.5, y: float = 0.5) -> tuple[float, float]:
        """Of a share of an element, in the page."""
        box = self.page.locator(selector).first.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]


def opened(notebook, root: Path, name: str, source: str, width: int = 1366, height: int = 768) -> Scope:
    path = root / "build" / "browser" / f"{name}.ipynb"
    write_notebook(path, source)
    notebook.page.set_viewport_size({"width": width, "height": height})
    scope = Scope(notebook)
    notebook.open(path.relative_to(root).as_posix())
    with scope.answered():
        assert notebook.run_all() == []
    notebook.page.locator(".mic").evaluate("mic => mic.scrollIntoView({block: 'start'})")
    return scope


def fits(notebook, root: Path, name: str, source: str, width: int, shown: Mapping[str, str]) -> None:
    """Light and dark, with each button of `shown` pressed: nothing is cut or out of sight, axe finds nothing serious.

    Screenshots go to build/browser.
    """
    scope = opened(notebook, root, f"{name}_{width}", source, width)
    for theme in ("Light", "Dark"):
        change = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
        scope.page.evaluate(change, f"JupyterLab {theme}")
        scope.page.wait_for_function(f"document.body.dataset.jpThemeLight === '{str(theme == 'Light').lower()}'")
        scope.page.wait_for_selector("#jupyterlab-splash", state="detached")
        for words, button in shown.items():
            if button:
                with scope.answered():
                    scope.page.locator(button).first.click()
            scope.page.screenshot(path=root / "build" / "browser" / f"{name}_{width}_{theme}_{words}.png")
            cut, height, room, spare = scope.page.evaluate(CUT)
            assert cut == [] and spare >= 0
            assert height <= room, (height, room)
        if any(shown.values()):
            with scope.answered():
                scope.page.locator(".mic-reset").click()
        found = Axe().run(scope.page, ".mic").response["violations"]
        serious = [v for v in found if v["impact"] in ("serious", "critical")]
        assert serious == [], json.dumps(serious, indent=1)[:3000]
    assert notebook.errors == [] and notebook.blocked == []
