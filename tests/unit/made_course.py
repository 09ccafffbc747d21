"""A made suite of one small notebook, whose checks need no network, and copies of it as students hand them in."""

import json
import sys
from pathlib import Path
from textwrap import dedent

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from redn_lib import files
from redn_lib.teach import lesson

CHECKS = """
import json
from pathlib import Path


class Verdict(str):
    __repr__ = str.__str__
    answer = None
    right = property(lambda self: self.startswith("✓"))


class Task:
    def __init__(self, name, answer, mistakes):
        self.name, self.answer, self.mistakes = name, answer, mistakes

    def check(self, attempt):
        result = attempt if attempt is ... else attempt(4) if callable(attempt) else attempt
        reasons = [why for why, made in self.mistakes.items() if made == result]
        due = self.answer(4)
        words = "✓ right" if result == due else f"✗ wrong because {(reasons or ['it is another'])[0]}"
        verdict = Verdict("○ not attempted" if result is ... or result is None else words)
        verdict.answer = attempt if verdict.right else self.answer
        return verdict


class Prediction:
    def __init__(self, question, options, choice):
        if choice:
            kept = {"predictions": {question: {"choice": options[choice], "result": options["a"]}}}
            Path("progress.json").write_text(json.dumps(kept))


double = Task("00 double", lambda x: 2 * x, {"that is the square": 16, "that is half": 2})
half = Task("00 half", lambda x: x / 2, {"that is double": 8})
choice = Task("00 choice", lambda x: {"a"}, {"b does not hold": {"b"}})
"""
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
STATEMENT = "Difficulty 3 of 5 · importance 1 of 5 · 5 minutes\n\n<details><summary>Hint</summary>Times</details>"
DOUBLE = 'def double(x):\n    """x to twice x."""\n    return ...\n\n\nlesson.double.check(double)'
HALF = (
    "def half(x):\n    ...\n\n\nverdict = lesson.half.check(half)\nhalf = verdict.answer  # yours, else ours\nverdict"
)
PREDICT = 'prediction = lesson.Prediction("Which?", {"a": "the first", "b": "the second"}, choice=None)'
ANSWERS = {
    "double": "```python\ndef double(x):\n    return 2 * x  # the secret\n```",
    "half": "```python\ndef half(x):\n    y = x\n    return y / 2\n```",
    "choice": '`{"a"}`. The rest is wrong.',
}
RIGHT = {"double": "    return x + x", "half": "    return x / 2", "choice": '{"a"}'}


def suite_notebook():
    """Three exercises, a prediction, and results stored in its outputs."""
    load = 'from redn_lib.teach.lesson import load_lesson\n\nlesson = load_lesson("00")'
    cells = [
        new_code_cell("n = 4", id="parameters", metadata={"tags": ["parameters"]}),
        new_code_cell(load, id="set-up"),
        new_code_cell(PREDICT, id="predict", metadata={"tags": ["prediction"]}),
    ]
    for name, source in {
        "double": DOUBLE,
        "half": HALF,
        "choice": "choice = ...\n\nlesson.choice.check(choice)",
    }.items():
        tags = ["exercise-attempt", "exercise-check"]
        cells += [
            new_markdown_cell(STATEMENT, id=f"{name}-statement", metadata={"tags": ["exercise-statement"]}),
            new_code_cell(source, id=f"do-{name}", metadata={"tags": tags, "redn": {"secret": "2 * x"}}),
            new_markdown_cell(f"<details>\n\n{ANSWERS[name]}\n</details>", id=f"{name}-answer"),
        ]
        cells[-1].metadata["tags"] = ["exercise-answer"]
        cells[-2].outputs = [new_output("stream", text="stored secret")]
        cells[-2].execution_count = 7
    cells.append(new_code_cell("half(double(2) or 1)", id="after"))
    return new_notebook(cells=cells, metadata={"widgets": {"state": "stored secret"}, "kernelspec": KERNEL})


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """The made suite in place of the real one; its folder."""
    home = tmp_path / "suite"
    (home / "checks").mkdir(parents=True)
    (home / "checks" / "lesson_00.py").write_text(CHECKS, encoding="utf-8")
    (home / "fast.json").write_text(json.dumps({"00_made": {"n": 2}}))
    nbformat.write(suite_notebook(), home / "00_made.ipynb")
    for module in (files, lesson):
        monkeypatch.setattr(module, "suite_folder", lambda name: home)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in [name for name in sys.modules if name.split(".")[0] == "checks"]:
        monkeypatch.delitem(sys.modules, name)
    yield home
    for name in [name for name in sys.modules if name.split(".")[0] == "checks"]:
        del sys.modules[name]


def cell_of(notebook, name):
    """The cell of an id."""
    return next(cell for cell in notebook.cells if cell.get("id") == name)


def hand_in(folder: Path, student: str, change=lambda notebook: None, **pieces: str) -> None:
    """Write a student's copy. pieces: by the exercise, what stands in its blank; change: done to the notebook then."""
    notebook = suite_notebook()
    for name, text in pieces.items():
        cell = cell_of(notebook, f"do-{name}")
        cell.source = cell.source.replace(
            "    return ..." if name == "double" else "    ..." if name == "half" else "...", text, 1
        )
    change(notebook)
    (folder / student).mkdir(parents=True)
    (folder / student / "00_made.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def before(source: str, name: str = "extra"):
    """A change: a cell of the student's own before the exercises."""
    return lambda notebook: notebook.cells.insert(3, new_code_cell(dedent(source), id=name))
