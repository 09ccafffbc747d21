"""Editions of the notebooks: for students, for teachers, and as nbgrader and otter want them.

Students: no outputs, no answers; hints stay, the checks travel as `checks.zip`. Teachers: the blanks are filled with the
answers, and a note after each exercise says its usual mistakes.
"""

from copy import deepcopy
from pathlib import Path

import nbformat
import papermill
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from redn_lib.course.source import Piece, notebooks, pack_checks, pieces, read, tags
from redn_lib.files import whole_file
from redn_lib.teach.lesson import load_lesson

KEPT = ("tags", "jupyter")  # of a cell's metadata; the rest may show results

NBGRADER = """c = get_config()  # noqa: F821
c.ClearSolutions.code_stub = {"python": "..."}
c.Execute.timeout = 600
c.ExecutePreprocessor.timeout = 600
"""
OTTER = """# ASSIGNMENT CONFIG
init_cell: true
export_cell: false
run_tests: false
files:
  - checks.zip
"""


def build(folder: Path, edition: str = "student", format: str = "plain", numbers: tuple[str, ...] = ()) -> list[Path]:
    """Write an edition of the notebooks; their paths.

    edition: "student" or "teacher"; the other formats make both from one notebook and have none.
    format: "plain", "nbgrader" (FOLDER/source/NAME/NAME.ipynb) or "otter" (FOLDER/NAME/NAME.ipynb).
    numbers: of the notebooks, such as "01"; none: all.
    Raises OSError as `whole_file`, ValueError for a number that no notebook has.
    """
    chosen = [path for path in notebooks() if not numbers or path.name[:2] in numbers]
    if unknown := set(numbers) - {path.name[:2] for path in chosen}:
        raise ValueError(f"there is no notebook {', '.join(sorted(unknown))}")
    make = {"plain": {"student": student, "teacher": teacher}[edition], "nbgrader": nbgrader, "otter": otter}[format]
    written = []
    for path in chosen:
        home = {"plain": folder, "nbgrader": folder / "source" / path.stem, "otter": folder / path.stem}[format]
        _write(make(read(path)), home / path.name)
        with whole_file(home / "checks.zip") as temporary:
            pack_checks(temporary)
        written.append(home / path.name)
    if format == "nbgrader":
        with whole_file(folder / "nbgrader_config.py") as temporary:
            temporary.write_text(NBGRADER, encoding="utf-8")
    return written


def student(notebook: NotebookNode) -> NotebookNode:
    """Without outputs, answers and whatever metadata may show them."""
    notebook = deepcopy(notebook)
    notebook.metadata = {k: v for k, v in notebook.metadata.items() if k != "widgets"}
    notebook.cells = [cell for cell in notebook.cells if "exercise-answer" not in tags(cell)]
    for cell in notebook.cells:
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in KEPT}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def teacher(notebook: NotebookNode) -> NotebookNode:
    """The student edition with the blanks filled, the answers, and a note after each."""
    answers = [cell for cell in notebook.cells if "exercise-answer" in tags(cell)]
    edition, cells = student(notebook), []
    for cell, piece in _with_pieces(edition, notebook):
        cells.append(cell)
        if piece:
            cell.source = f"{piece.solved()}\n\n\n{piece.tail}"
            cells += [answers.pop(0), new_markdown_cell(_note(piece, notebook), id=f"note-{piece.cell}")]
            cells[-1].metadata["tags"] = ["teacher-note"]
    edition.cells = cells
    return edition


def execute(path: Path) -> None:
    """Run a notebook of the teacher edition and store its outputs.

    Raises ValueError naming the exercise whose answer is not right, papermill's error where a cell stops.
    """
    done = papermill.execute_notebook(path, path, cwd=path.parent, kernel_name="python3", progress_bar=False)
    for cell in done.cells:
        shown = [output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", [])]
        if "exercise-check" in tags(cell) and not any(text.startswith("✓") for text in shown):
            raise ValueError(f"{path.name}, {cell.id}: the answer is not right: {' '.join(shown) or 'no verdict'}")


def nbgrader(notebook: NotebookNode) -> NotebookNode:
    """A cell with the answer between nbgrader's marks, then a locked one that gives the points."""
    edition, cells = student(notebook), []
    for cell, piece in _with_pieces(edition, notebook):
        cells.append(cell)
        if piece:
            cell.source = piece.solved("### BEGIN SOLUTION", "### END SOLUTION")
            cell.metadata["nbgrader"] = _graded(piece.cell, solution=True)
            cells.append(new_code_cell(_tested(piece, notebook), id=f"test-{piece.cell}"))
            cells[-1].metadata["nbgrader"] = _graded(f"test-{piece.cell}", grade=True, locked=True, points=piece.points)
    edition.cells = cells
    return edition


def otter(notebook: NotebookNode) -> NotebookNode:
    """A question of otter's for each exercise; its test stands alone, as otter runs it apart from the notebook."""
    edition, cells = student(notebook), [new_raw_cell(OTTER.strip(), id="otter")]
    for cell, piece in _with_pieces(edition, notebook):
        if not piece:
            cells.append(cell)
            continue
        name = piece.cell.replace("-", "_")
        cell.source = piece.solved("# BEGIN SOLUTION", "# END SOLUTION")
        test = new_code_cell(_tested(piece, notebook, goes_on=False))
        marks = [f"BEGIN QUESTION\nname: {name}\npoints: {piece.points}", "BEGIN SOLUTION", "END SOLUTION"]
        marks = [new_raw_cell(f"# {mark}") for mark in [*marks, "BEGIN TESTS", "END TESTS", "END QUESTION"]]
        cells += [*marks[:2], cell, *marks[2:4], test, *marks[4:], new_code_cell(piece.tail)]
    edition.cells = cells
    return edition


def _with_pieces(edition: NotebookNode, notebook: NotebookNode) -> list[tuple[NotebookNode, Piece | None]]:
    found = {piece.cell: piece for piece in pieces(notebook)}
    return [(cell, found.get(cell.id)) for cell in edition.cells]


def _number(notebook: NotebookNode) -> str:
    """Of the lesson whose checks a notebook loads."""
    return next(c.source.split('load_lesson("')[1][:2] for c in notebook.cells if 'load_lesson("' in c.source)


def _note(piece: Piece, notebook: NotebookNode) -> str:
    check = getattr(load_lesson(_number(notebook)), piece.check)
    mistakes = getattr(check, "mistakes", None) or {f"{letter}: {why}": why for letter, why in check.why.items()}
    lines = "\n".join(f"* {words}" for words in mistakes)
    return f"**For teachers.** {piece.minutes or 'A few minutes'}. The check knows these mistakes:\n\n{lines}"


def _tested(piece: Piece, notebook: NotebookNode, goes_on: bool = True) -> str:
    """A cell that stops with the words of the verdict where it is not right. goes_on: then what follows needs it."""
    after = [line for line in piece.tail.splitlines()[1:] if "=" in line] if goes_on else []
    shown = piece.tail.split(" = ")[0] if " = lesson." in piece.tail else "verdict"
    lines = [
        "from redn_lib.teach.lesson import load_lesson",
        "",
        f'{shown} = load_lesson("{_number(notebook)}").{piece.check}.check({piece.attempt})',
        *after,
        f"assert {shown}.right, {shown}",
    ]
    return "\n".join(lines)


def _graded(name: str, grade=False, solution=False, locked=False, **points: int) -> dict:
    """nbgrader's metadata of a cell."""
    kind = {"grade": grade, "solution": solution, "locked": locked, "task": False}
    return {"schema_version": 3, "cell_type": "code", "grade_id": name, **kind, **points}


def _write(notebook: NotebookNode, path: Path) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(nbformat.writes(notebook), encoding="utf-8")
