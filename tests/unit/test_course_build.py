"""`redn course build`: what an edition holds, and what nbgrader and otter make of theirs."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from difflib import SequenceMatcher
from html import unescape
from pathlib import Path

import nbformat
import pytest
from made_course import ANSWERS, cell_of
from made_course import suite as suite

from redn_lib.cli import main
from redn_lib.course import build as building
from redn_lib.course.build import build, execute
from redn_lib.course.source import notebooks, pieces, read, tags


def code_of(notebook, name):
    return cell_of(notebook, name).source


def test_students_get_hints_and_checks_and_neither_outputs_nor_answers(suite, tmp_path):
    (path,) = build(tmp_path / "out")
    text, notebook = path.read_text(encoding="utf-8"), read(path)
    assert "secret" not in text and "exercise-answer" not in text and "y = x" not in text
    assert all(cell.outputs == [] and cell.execution_count is None for cell in notebook.cells if "outputs" in cell)
    assert "Hint" in text and code_of(notebook, "do-double") == code_of(read(suite / path.name), "do-double")
    assert {p.name for p in path.parent.iterdir()} == {"00_made.ipynb", "checks.zip"}
    assert "checks/lesson_00.py" in zipfile.ZipFile(path.parent / "checks.zip").namelist()
    nbformat.validate(notebook)


def test_teachers_get_filled_blanks_answers_and_usual_mistakes(suite, tmp_path):
    (path,) = build(tmp_path / "out", "teacher")
    notebook = read(path)
    due = 'def double(x):\n    """x to twice x."""\n    return 2 * x  # the secret\n\n\nlesson.double.check(double)'
    assert code_of(notebook, "do-double") == due
    assert "    y = x\n    return y / 2\n\n\nverdict = " in code_of(notebook, "do-half")
    assert code_of(notebook, "do-choice").startswith('choice = {"a"}\n')
    assert "5 minutes" in code_of(notebook, "note-do-double")
    assert "that is the square" in code_of(notebook, "note-do-double")
    assert sum("exercise-answer" in tags(cell) for cell in notebook.cells) == 3


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_teachers_answers_must_be_right(suite, tmp_path):
    assert main(["course", "build", str(tmp_path / "out"), "--edition", "teacher", "--execute"]) == 0
    done = read(tmp_path / "out" / "00_made.ipynb")
    assert "✓ right" in str(cell_of(done, "do-half").outputs)
    made = read(suite / "00_made.ipynb")
    cell_of(made, "double-answer").source = ANSWERS["double"].replace("2", "3")
    nbformat.write(made, suite / "00_made.ipynb")
    with pytest.raises(ValueError, match="do-double: the answer is not right: ✗ wrong because"):
        execute(build(tmp_path / "wrong", "teacher")[0])
    cell_of(made, "after").source = "1 / 0"
    cell_of(made, "double-answer").source = ANSWERS["double"]
    nbformat.write(made, suite / "00_made.ipynb")
    with pytest.raises(ValueError, match="00_made.ipynb, cell [0-9]+: ZeroDivisionError"):
        execute(build(tmp_path / "stops", "teacher")[0])


def test_an_answer_that_does_not_fit_and_wrong_use_are_errors(suite, tmp_path, capsys):
    made = read(suite / "00_made.ipynb")
    cell_of(made, "double-answer").source = ANSWERS["double"].replace("(x)", "(y)")
    with pytest.raises(ValueError, match="the answer of double"):
        list(pieces(made))
    with pytest.raises(ValueError, match="there is no notebook 77"):
        build(tmp_path, numbers=["77"])
    assert main(["course", "build", str(tmp_path / "out"), "--execute"]) == 2
    assert "--edition teacher" in capsys.readouterr().err


def most_in_one_text(answer, notebook):
    """The longest piece of an answer that a text cell holds, such as a hint: its share of the code, spaces left out."""
    code = re.sub(r'""".*?"""|#.*|\s', "", answer, flags=re.DOTALL)
    texts = [re.sub(r"</?code>|[`\s]", "", unescape(c.source)) for c in notebook.cells if c.cell_type == "markdown"]
    matchers = [SequenceMatcher(None, code, text, autojunk=False) for text in texts]
    return max(matcher.find_longest_match().size for matcher in matchers) / len(code)


def test_every_notebook_of_the_suite_has_all_editions(tmp_path):
    for number, path in notebooks().items():
        source, answers = read(path), [piece.answer for piece in pieces(read(path))]
        handed_out = building.student(source)
        student = nbformat.writes(handed_out)
        assert len(answers) == sum("exercise-attempt" in tags(cell) for cell in source.cells) > 0, number
        assert not [answer for answer in answers if json.dumps(answer)[1:-1] in student], number
        assert not [answer for answer in answers if most_in_one_text(answer, handed_out) > 0.6], number
        teacher = nbformat.writes(building.teacher(source))
        assert not [answer for answer in answers if json.dumps(answer.splitlines()[-1])[1:-1] not in teacher], number


WRONG = {"double": "    return x * x", "half": "    return 2 * x", "choice": 'choice = {"b"}'}


def submitted(path: Path, to: Path, answers: dict) -> None:
    """A student's copy of a released notebook, with what is written into its blanks."""
    notebook = read(path)
    for cell in notebook.cells:
        for name, text in answers.items():
            if cell.cell_type == "code" and cell.source.startswith((f"def {name}", f"{name} =", "...")):
                is_function = cell.source.startswith("def")
                if is_function or name == "choice" and "..." in cell.source and "def " not in cell.source:
                    head = cell.source[: cell.source.index("...")].rstrip(" ").removesuffix("choice = ")
                    cell.source = head + text + "\n"
    to.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, to)


GOOD = {"double": "    return x + x", "half": "    return x / 2", "choice": 'choice = {"a"}'}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nbgrader_gives_all_points_to_right_copies_and_none_to_wrong_ones(suite, tmp_path, monkeypatch):
    pytest.importorskip("nbgrader")
    from nbgrader.api import Gradebook

    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")  # for alembic
    monkeypatch.setenv("HOME", str(tmp_path))
    course = tmp_path / "course"
    build(course, "nbgrader")
    grade = [sys.executable, "-m", "nbgrader"]
    subprocess.run([*grade, "generate_assignment", "00_made"], cwd=course, check=True)
    released = course / "release" / "00_made" / "00_made.ipynb"
    assert "secret" not in released.read_text(encoding="utf-8")
    for student, answers in {"right": GOOD, "wrong": WRONG, "blank": {}}.items():
        submitted(released, course / "submitted" / student / "00_made" / released.name, answers)
    subprocess.run([*grade, "autograde", "00_made"], cwd=course, check=True)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        scores = {s.student_id: (s.score, s.max_score) for s in book.assignment_submissions("00_made")}
    assert scores == {"right": (9, 9), "wrong": (0, 9), "blank": (0, 9)}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_otter_gives_all_points_to_right_copies_and_none_to_wrong_ones(suite, tmp_path, monkeypatch):
    pytest.importorskip("otter")
    from otter.api import grade_submission

    (path,) = build(tmp_path / "course", "otter")
    monkeypatch.chdir(path.parent)
    subprocess.run([sys.executable, "-m", "otter", "assign", path.name, "dist"], check=True)
    released = path.parent / "dist" / "student" / path.name
    assert "secret" not in released.read_text(encoding="utf-8")
    (archive,) = (path.parent / "dist" / "autograder").glob("*autograder*.zip")
    for name, answers, points in (("right", GOOD, 9), ("wrong", WRONG, 0), ("blank", {}, 0)):
        submitted(released, tmp_path / name / path.name, answers)
        shutil.copy(path.parent / "checks.zip", tmp_path / name)
        result = grade_submission(str(tmp_path / name / path.name), str(archive), quiet=True)
        assert (result.total, result.possible) == (points, 9), name
