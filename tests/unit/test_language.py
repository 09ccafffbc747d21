"""The field's words in names, options and headings: one word for one thing, as the paper and its field say it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

INSTEAD = {
    "look looks": "step",
    "view views": "crop",
    "retake": "recrop",
    "settle settled": "average",
    "sloppy sloppiness": "disturbed box, BoxNoise",
    "film films": "video, clip",
    "rival rivals": "baseline",
    "covered": "occluded",
    "doubt": "uncertainty",
    "recall": "prior",
    "anew": "again, new",
}
IN_NAMES_ONLY = {"said heard": "predictions, outputs", "seen": "outputs"}
PHRASES = {"told apart": "significant", "blind half": "random split"}
TERMS = {word: better for words, better in INSTEAD.items() for word in words.split()}
NAME_TERMS = TERMS | {word: better for words, better in IN_NAMES_ONLY.items() for word in words.split()}
TOOLKITS = re.compile(r"_view_(name|module|module_version|count)|widget_views?|.*_mime", re.IGNORECASE)
"""Names that ipywidgets gives."""
ORDINARY = re.compile(r"\b(look(s|ing)? (at|for|like|up)|views of)\b", re.IGNORECASE)
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def parts(name: str) -> list[str]:
    """The words of a name: crop_points, CropPoints, --crop-points."""
    return [part.lower() for part in PART.findall(name)]


def wrong_parts(name: str) -> list[str]:
    """What is wrong in a name, and what to say instead."""
    if TOOLKITS.fullmatch(name):
        return []
    return [f"{name}: {word} -> {NAME_TERMS[word]}" for word in parts(name) if word in NAME_TERMS]


def names_in(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of everything that the source defines, and of each command-line option."""
    for node in ast.walk(ast.parse(source)):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield line, node.name
        elif isinstance(node, ast.arg):
            yield line, node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield line, node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield line, node.asname
        elif isinstance(node, ast.Constant) and re.fullmatch(r"--[a-z][a-z-]*", str(node.value)):
            yield line, node.value


def wrong_in_text(text: str) -> list[str]:
    """What is wrong in a heading."""
    ordinary = ORDINARY.sub("", text.lower())
    terms = TERMS | PHRASES
    return [f"{text}: {term} -> {better}" for term, better in terms.items() if re.search(rf"\b{term}\b", ordinary)]


def headings(markdown: str) -> list[str]:
    return re.findall(r"^#{1,6} .+$", re.sub(r"```.*?```", "", markdown, flags=re.S), flags=re.MULTILINE)


@pytest.mark.parametrize("folder", ["redn_lib", "data_scripts", "benchmarks"])
def test_names_options_and_files_use_the_fields_words(root: Path, folder: str):
    found = []
    for path in sorted((root / folder).rglob("*.py")):
        where = path.relative_to(root)
        found += [f"{where}: {wrong}" for wrong in wrong_parts(path.stem)]
        names = {name: line for line, name in reversed(list(names_in(path.read_text(encoding="utf-8"))))}
        found += [f"{where}:{line}: {wrong}" for name, line in names.items() for wrong in wrong_parts(name)]
    assert not found, "\n".join(found)


def test_notebooks_use_the_fields_words_in_names_and_headings(root: Path):
    found = []
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        found += [f"{path.name}: {wrong}" for wrong in wrong_parts(path.stem)]
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                wrong = [w for name in sorted({n for _, n in names_in(cell.source)}) for w in wrong_parts(name)]
            else:
                wrong = [w for heading in headings(cell.source) for w in wrong_in_text(heading)]
            found += [f"{path.name}, cell {cell.id}: {w}" for w in wrong + wrong_parts(cell.id)]
    assert not found, "\n".join(found)


def test_pages_use_the_fields_words_in_headings(root: Path):
    pages = sorted(root.glob("*.md")) + sorted(root.glob("redn_lib/**/*.md"))
    found = [f"{p.name}: {w}" for p in pages for h in headings(p.read_text(encoding="utf-8")) for w in wrong_in_text(h)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "name", ["look", "n_looks", "LookState", "to_view", "said_now", "--sloppy", "filmClip", "SEEN", "settle", "covered"]
)
def test_wrong_names_are_noticed(name):
    assert wrong_parts(name)


@pytest.mark.parametrize("name", ["lookup", "review", "preview", "unseen", "recrop", "WIDGET_VIEW", "_view_name", "k"])
def test_right_names_pass(name):
    assert not wrong_parts(name)


def test_uses_are_no_definitions():
    names = [name for _, name in names_in("import a as b\nx.view(2)\ndef f(c, *, d=1): e = c.seen\ng.h = 1")]
    assert sorted(names) == ["b", "c", "d", "e", "f", "h"]


def test_headings_are_judged_by_terms():
    assert wrong_in_text("## What look 2 sees") and wrong_in_text("# Nothing is told apart")
    assert not wrong_in_text("## Look at the maps")
