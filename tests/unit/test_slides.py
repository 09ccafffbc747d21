"""Slides of the notebooks: what is on them, alt texts, nothing from the internet."""

import importlib.util
import re

import nbformat
import pytest


@pytest.fixture(scope="module")
def slides(root):
    """The module that builds the slides."""
    spec = importlib.util.spec_from_file_location("slides", root / "docs" / "teaching" / "slides" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_slides_of_a_notebook(slides, root):
    path = root / "notebooks" / "03_spatial_feedback.ipynb"
    notebook = nbformat.read(path, as_version=4)
    headings = sum(c.source.startswith(("# ", "## ")) for c in notebook.cells if c.cell_type == "markdown")
    answer = next(c.source for c in notebook.cells if "exercise-answer" in c.metadata.get("tags", []))
    page, _ = slides.slides_exporter().from_notebook_node(slides.as_slides(notebook))
    assert page.count("<section") > headings + len(notebook.cells) / 2
    assert re.search(r"return (.*)", answer)[1] not in page, "answers are left out"
    pictures = re.findall(r"<img[^>]*>", page)
    assert pictures and all(re.search(r'alt="[^"]+"', picture) for picture in pictures)
    asked = re.findall(r'(?:src|href)="([^"#]+)"', page) + re.findall(r'import .* from "([^"]+)"', page)
    asked = [name for name in asked if not name.startswith("data:")]
    assert {"reveal.js/dist/reveal.js", "mathjax.js"} <= set(asked)
    assert not re.search(r"<(?:script|link)[^>]*https?:", page) and "cdn" not in "".join(asked)
