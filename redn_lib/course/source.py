"""The exercises of a committed notebook, found by the tags of their cells."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent
from zipfile import ZipFile, ZipInfo

import nbformat
from nbformat import NotebookNode

from redn_lib import files

CHECK = re.compile(r"^(?:\w+ = )?lesson\.(\w+)\.check\(([\w.]+)\)", re.MULTILINE)


@dataclass(frozen=True)
class Piece:
    """An exercise as it stands in a notebook.

    cell, number: id of the cell with the attempt; of the lesson.
    check, attempt: name of the check in the lesson's module; what is checked, such as `flip`.
    before, answer, after: lines of code: the stub up to its blank, what belongs there, the rest of the stub.
    tail: the lines from the check on.
    minutes: as the statement says them, such as "5 minutes".
    points: what a right answer is worth in nbgrader and otter: its difficulty, 2 where none is stated (our choice).
    """

    cell: str
    number: str
    check: str
    attempt: str
    before: str
    answer: str
    after: str
    tail: str
    minutes: str
    points: int

    def solved(self, begin: str = "", end: str = "") -> str:
        """The stub with its answer; begin, end: marks in lines of their own around it."""
        space = re.match(r" *", self.answer)[0]
        lines = [self.before, begin and space + begin, self.answer, end and space + end, self.after]
        return "\n".join(line for line in lines if line)


def notebooks() -> dict[str, Path]:
    """The notebooks of the suite by their number, in order."""
    return {
        path.name.split("_")[0]: path for path in sorted(files.suite_folder("notebooks").glob("[0-9][0-9]*_*.ipynb"))
    }


def small_parameters() -> dict[str, dict]:
    """Small values of parameters by the name of a notebook, with which it runs in less than a minute."""
    return json.loads((files.suite_folder("notebooks") / "fast.json").read_text(encoding="utf-8"))


def read(path: Path) -> NotebookNode:
    """A notebook of the suite."""
    return nbformat.read(path, as_version=4)


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return cell.metadata.get("tags", [])


def pieces(notebook: NotebookNode) -> Iterator[Piece]:
    """The exercises of a notebook. Raises ValueError where an answer does not fit its stub."""
    statement = number = ""
    for i, cell in enumerate(notebook.cells):
        if "exercise-statement" in tags(cell):
            statement = cell.source
        if loaded := re.search(r'load_lesson\("(\d\d\w?)"\)', cell.source):
            number = loaded[1]
        if "exercise-attempt" in tags(cell):
            answer = next((c.source for c in notebook.cells[i:] if "exercise-answer" in tags(c)), "")
            found = CHECK.search(cell.source)
            parts = _filled(cell.source[: found.start()].rstrip(), found[2], answer)
            minutes, difficulty = re.search(r"\d+ minutes", statement), re.search(r"Difficulty (\d)", statement)
            stated = minutes[0] if minutes else "a few minutes", int(difficulty[1]) if difficulty else 2
            yield Piece(cell.id, number, *found.groups(), *parts, cell.source[found.start() :], *stated)


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
            blank = next(s for s in node.body if any(getattr(n, "value", 0) is ... for n in ast.walk(s)))
            body = dedent("\n".join(code.splitlines()[written[0].body[0].lineno - 1 :]))
            before, after = lines[: blank.lineno - 1], lines[node.end_lineno :]
            return "\n".join(before), indent(body, " " * blank.col_offset), "\n".join(after)
    raise ValueError(f"there is no blank for {attempt}")


def questions(notebook: NotebookNode) -> list[str]:
    """The questions of a notebook to which students write down a prediction."""
    calls = (n for c in notebook.cells if "prediction" in tags(c) for n in ast.walk(ast.parse(c.source)))
    return [ast.literal_eval(n.args[0]) for n in calls if getattr(getattr(n, "func", 0), "attr", "") == "Prediction"]


def pack_checks(path: Path) -> None:
    """Write the checks of all lessons into an archive, from which notebooks beside it import them."""
    with ZipFile(path, "w") as archive:
        archive.writestr(ZipInfo("checks/"), "")  # by which Python finds a package without __init__.py
        for file in sorted((files.suite_folder("notebooks") / "checks").glob("*.py")):
            archive.writestr(ZipInfo(f"checks/{file.name}"), file.read_bytes())
