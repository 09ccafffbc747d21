"""The exercises of a committed notebook, found by the tags of their cells."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent
from zipfile import ZipFile, ZipInfo

import nbformat
from nbformat import NotebookNode

from redn_lib.files import suite_folder

CHECK = re.compile(r"^(?:\w+ = )?lesson\.(\w+)\.check\((.+)\)", re.MULTILINE)


@dataclass(frozen=True)
class Piece:
    """An exercise as it stands in a notebook.

    cell: id of the cell with the attempt.
    check: its name in the module of the lesson.
    attempt: the expression that is checked, such as `flip`.
    before, answer, after: lines of code: the stub up to its blank, what belongs there, the rest of the stub.
    tail: the lines from the check on.
    minutes, difficulty: as the statement says them; "" and 2 where it does not.
    """

    cell: str
    check: str
    attempt: str
    before: str
    answer: str
    after: str
    tail: str
    minutes: str
    difficulty: int

    @property
    def points(self) -> int:
        """What a right answer is worth in nbgrader and otter (our choice): its difficulty."""
        return self.difficulty

    def solved(self, begin: str = "", end: str = "") -> str:
        """The stub with its answer; begin, end: marks in lines of their own around it."""
        space = re.match(r" *", self.answer)[0]
        lines = [self.before, begin and space + begin, self.answer, end and space + end, self.after]
        return "\n".join(line for line in lines if line).strip("\n")


def notebooks() -> list[Path]:
    """The notebooks of the suite in their order."""
    return sorted(suite_folder("notebooks").glob("[0-9][0-9]_*.ipynb"))


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return cell.metadata.get("tags", [])


def pieces(notebook: NotebookNode) -> Iterator[Piece]:
    """The exercises of a notebook. Raises ValueError where an answer does not fit its stub."""
    statement = ""
    for i, cell in enumerate(notebook.cells):
        if "exercise-statement" in tags(cell):
            statement = cell.source
        if "exercise-attempt" not in tags(cell):
            continue
        answer = next((c.source for c in notebook.cells[i:] if "exercise-answer" in tags(c)), "")
        found = CHECK.search(cell.source)
        head, tail = cell.source[: found.start()], cell.source[found.start() :]
        minutes = re.search(r"\d+ minutes", statement)
        difficulty = re.search(r"Difficulty (\d)", statement)
        yield Piece(
            cell.id,
            *found.groups(),
            *_filled(head.rstrip(), found[2], answer),
            tail,
            minutes[0] if minutes else "",
            int(difficulty[1]) if difficulty else 2,
        )


def _filled(stub: str, attempt: str, answer: str) -> tuple[str, str, str]:
    """A stub up to its `...`, the lines of the answer in its place, the rest of the stub."""
    lines, name = stub.splitlines(), attempt.split(".")[-1]
    for node in ast.walk(ast.parse(stub)):
        if isinstance(node, ast.Assign) and ast.unparse(node) == f"{attempt} = ...":
            body = f"{attempt} = {re.search('`([^`]+)`', answer)[1]}"
            return "\n".join(lines[: node.lineno - 1]), body, "\n".join(lines[node.end_lineno :])
        if isinstance(node, ast.FunctionDef) and node.name == name:
            code = dedent(re.search(r"```python\n(.*?)```", answer, re.DOTALL)[1])
            written = ast.parse(code).body
            if len(written) != 1 or ast.unparse(written[0].args) != ast.unparse(node.args):
                raise ValueError(f"the answer of {attempt} is not one function with the parameters of its stub")
            first = next(s for s in node.body if any(getattr(n, "value", 0) is ... for n in ast.walk(s)))
            body = dedent("\n".join(code.splitlines()[written[0].body[0].lineno - 1 :]))
            before, after = lines[: first.lineno - 1], lines[node.end_lineno :]
            return "\n".join(before), indent(body, " " * first.col_offset), "\n".join(after)
    raise ValueError(f"there is no blank for {attempt}")


def questions(notebook: NotebookNode) -> list[str]:
    """The questions of a notebook to which students write down a prediction."""
    found = []
    for cell in notebook.cells:
        for node in ast.walk(ast.parse(cell.source)) if "prediction" in tags(cell) else ():
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "Prediction":
                found.append(ast.literal_eval(node.args[0]))
    return found


def read(path: Path) -> NotebookNode:
    """A notebook of the suite."""
    return nbformat.read(path, as_version=4)


def pack_checks(path: Path) -> None:
    """Write the checks of all lessons into an archive, from which notebooks beside it import them."""
    with ZipFile(path, "w") as archive:
        for file in sorted((suite_folder("notebooks") / "checks").glob("*.py")):
            archive.writestr(ZipInfo(f"checks/{file.name}"), file.read_bytes())
