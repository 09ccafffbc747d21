"""Editions of the notebooks: for students, for teachers, and as nbgrader and otter want them.

Students: no outputs, no answers; hints stay, the checks travel as `checks.zip`. Teachers: the blanks are filled with
the answers, and a note after each exercise says its usual mistakes.
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
NBGRADER = 'c = get_config()\nc.ClearSolutions.code_stub = {"python": "..."}\nc.Execute.timeout = 600\n'
OTTER = "# ASSIGNMENT CONFIG\ninit_cell: true\nexport_cell: false\nrun_tests: false\nfiles:\n  - checks.zip"


def build(folder: Path, kind: str = "student", numbers: list[str] | None = None) -> list[Path]:
    """Write an edition of the notebooks, each with the checks beside it; their paths.

    kind: "student" or "teacher" (FOLDER/NAME.ipynb), "nbgrader" (FOLDER/source/NAME/NAME.ipynb) or "otter"
        (FOLDER/NAME/NAME.ipynb). numbers: of the notebooks, such as "01"; none: all.
    Raises OSError as `whole_file`, ValueError for a number that no notebook has.
    """
    sources, written = notebooks(), []
    if unknown := set(numbers or ()) - set(sources):
        raise ValueError(f"there is no notebook {', '.join(sorted(unknown))}")
    for path in (sources[number] for number in numbers or sources):
        home = folder / {"nbgrader": f"source/{path.stem}", "otter": path.stem}.get(kind, "")
        edition = KINDS[kind](read(path))
        with whole_file(home / path.name) as temporary:
            temporary.write_text(nbformat.writes(edition), encoding="utf-8")
        with whole_file(home / "checks.zip") as temporary:
            pack_checks(temporary)
        written.append(home / path.name)
    if kind == "nbgrader":
        with whole_file(folder / "nbgrader_config.py") as temporary:
            temporary.write_text(NBGRADER, encoding="utf-8")
    return written


def execute(path: Path) -> None:
    """Run a notebook of the teacher edition and store its outputs.

    Raises ValueError naming the exercise whose answer is not right, or the cell that stops.
    """
    try:
        done = papermill.execute_notebook(path, path, cwd=path.parent, kernel_name="python3", progress_bar=False)
    except papermill.PapermillExecutionError as error:
        raise ValueError(f"{path.name}, cell {error.cell_index}: {error.ename}: {error.evalue}") from error
    for cell in done.cells:
        shown = [output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", [])]
        if "exercise-check" in tags(cell) and not any(text.startswith("✓") for text in shown):
            raise ValueError(f"{path.name}, {cell.id}: the answer is not right: {' '.join(shown) or 'no verdict'}")


def student(notebook: NotebookNode) -> NotebookNode:
    """Without outputs, answers and whatever metadata may show them."""
    notebook = deepcopy(notebook)
    notebook.metadata.pop("widgets", None)
    notebook.cells = [cell for cell in notebook.cells if "exercise-answer" not in tags(cell)]
    for cell in notebook.cells:
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in KEPT}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def teacher(notebook: NotebookNode) -> NotebookNode:
    """The student edition with the blanks filled, the answers, and a note after each."""
    answers = iter([cell for cell in notebook.cells if "exercise-answer" in tags(cell)])

    def make(cell: NotebookNode, piece: Piece) -> list[NotebookNode]:
        cell.source = f"{piece.solved()}\n\n\n{piece.tail}"
        check = getattr(load_lesson(piece.number), piece.check)
        known = getattr(check, "mistakes", None) or [f"{letter}: {why}" for letter, why in check.why.items()]
        words = f"**For teachers**: {piece.minutes}.\n\n<details><summary>Mistakes that the check knows</summary>\n\n"
        note = new_markdown_cell(words + "\n".join(f"* {mistake}" for mistake in known) + "\n</details>")
        note.id, note.metadata["tags"] = f"note-{piece.cell}", ["teacher-note"]
        return [cell, next(answers), note]

    return _with_exercises(notebook, make)


def nbgrader(notebook: NotebookNode) -> NotebookNode:
    """A cell with the answer between nbgrader's marks, then a locked one that gives the points."""

    def make(cell: NotebookNode, piece: Piece) -> list[NotebookNode]:
        cell.source = piece.solved("### BEGIN SOLUTION", "### END SOLUTION")
        after = [line for line in piece.tail.splitlines()[1:] if "=" in line]  # so that the notebook goes on
        test = new_code_cell("\n".join([*_test(piece, after)]), id=f"test-{piece.cell}")
        kind = {"schema_version": 3, "cell_type": "code", "task": False}
        graded = {"grade": True, "locked": True, "solution": False, "points": piece.points}
        cell.metadata["nbgrader"] = kind | {"grade": False, "locked": False, "solution": True, "grade_id": cell.id}
        test.metadata["nbgrader"] = kind | graded | {"grade_id": test.id}
        return [cell, test]

    return _with_exercises(notebook, make)


def otter(notebook: NotebookNode) -> NotebookNode:
    """A question of otter's for each exercise; its test stands alone, as otter runs it apart from the notebook."""

    def make(cell: NotebookNode, piece: Piece) -> list[NotebookNode]:
        cell.source = piece.solved("# BEGIN SOLUTION", "# END SOLUTION")
        begin = f"BEGIN QUESTION\nname: {piece.cell.replace('-', '_')}\npoints: {piece.points}"
        words = [begin, "BEGIN SOLUTION", "END SOLUTION", "BEGIN TESTS", "END TESTS", "END QUESTION"]
        marks = [new_raw_cell(f"# {mark}") for mark in words]
        test = new_code_cell("\n".join(_test(piece, [])))
        return [*marks[:2], cell, *marks[2:4], test, *marks[4:], new_code_cell(piece.tail)]

    edition = _with_exercises(notebook, make)
    edition.cells.insert(0, new_raw_cell(OTTER))
    return edition


KINDS = {"student": student, "teacher": teacher, "nbgrader": nbgrader, "otter": otter}


def _with_exercises(notebook: NotebookNode, make) -> NotebookNode:
    """The student edition, where each cell with an attempt is replaced by the cells that `make` returns."""
    found, edition = {piece.cell: piece for piece in pieces(notebook)}, student(notebook)
    made = [make(cell, found[cell.id]) if cell.get("id") in found else [cell] for cell in edition.cells]
    edition.cells = [cell for cells in made for cell in cells]
    return edition


def _test(piece: Piece, after: list[str]) -> list[str]:
    """Lines that stop with the words of the verdict where it is not right."""
    shown = piece.tail.split(" = ")[0] if " = lesson." in piece.tail.splitlines()[0] else "verdict"
    call = f'{shown} = load_lesson("{piece.number}").{piece.check}.check({piece.attempt})'
    return ["from redn_lib.teach.lesson import load_lesson", "", call, *after, f"assert {shown}.right, {shown}"]
