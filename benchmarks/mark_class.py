"""How `redn course mark` judges a class of thirty: each known mistake, and copies that try to do harm.

`python benchmarks/mark_class.py FOLDER --jobs 2` writes copies of notebooks 00 and 03 of thirty made students into
FOLDER/class, marks them, and says which are judged otherwise than they should be, whether anything outside of them was
touched, and the seconds. A second FOLDER gives the same marks.csv. `--students anna exit` takes only these. Without
bubblewrap some copies really write and delete outside: run it there from an account of its own.
"""

import argparse
import time
from pathlib import Path

import nbformat
import pandas as pd
from nbformat.v4 import new_code_cell

from redn_lib.cli import main
from redn_lib.course.source import notebooks, pieces, read
from redn_lib.teach.lesson import load_lesson

NORM = "np.linalg.norm"
W, E = f"{NORM}(p[48] - p[54])", f"{NORM}(p[36] - p[45])"
WIDTHS = [  # one for each known mistake of 00, in the order of its check
    f"{NORM}(p[60] - p[64]) / {E}",
    f"{NORM}(p[48] - p[64]) / {E}",
    f"{NORM}(p[60] - p[54]) / {E}",
    f"{NORM}(p[62] - p[66]) / {E}",
    f"{NORM}(p[51] - p[57]) / {E}",
    f"{NORM}(p[31] - p[35]) / {E}",
    f"{NORM}(p[49] - p[55]) / {E}",
    f"{NORM}(p[47] - p[53]) / {E}",
    f"{W} / {NORM}(p[39] - p[42])",
    f"{W} / {NORM}(p[37] - p[46])",
    f"{W} / {NORM}(p[35] - p[44])",
    f"{W} / {NORM}(p[36] - p[39])",
    f"{W} / {NORM}(p[42] - p[45])",
    f"{W} / {NORM}(p[0] - p[16])",
    f"abs(p[48, 0] - p[54, 0]) / {E}",
    f"abs(p[48, 1] - p[54, 1]) / {E}",
    "abs(p[48, 0] - p[54, 0]) / abs(p[36, 0] - p[45, 0])",
    f"{W} / abs(p[36, 0] - p[45, 0])",
    "abs(p[48] - p[54]).sum() / abs(p[36] - p[45]).sum()",
    "((p[48] - p[54]) ** 2).sum() / ((p[36] - p[45]) ** 2).sum()",
    W,
    f"{W} - {E}",
    f"{W} * {E}",
    f"{E} / {W}",
    f"(p[48] - p[54]) / {E}",
]
CROPS = "torch.stack([my_upright_crop(p, c) for p, c in zip(points, last)])"
DRAWN = f"my_gaussians(my_to_crop(points, {CROPS}))"
FED = [  # as above, of the three exercises of 03
    f"{CROPS}, my_gaussians(my_to_crop(points, last))",
    f"{CROPS}, my_gaussians(points)",
    f"{CROPS}, my_gaussians(my_to_patch(points, {CROPS}))",
    f"{CROPS}, 0 * {DRAWN}",
    "last, my_gaussians(my_to_crop(points, last))",
    f"last, {DRAWN}",
    f"{DRAWN}, {CROPS}",
    f"{CROPS}, my_to_crop(points, {CROPS})",
    CROPS,
    DRAWN,
    f"{CROPS}, points",
    f"(c := {CROPS}[:1].expand(len(points), 2, 3)), my_gaussians(my_to_crop(points, c))",
    "(c := my_upright_crop(points.flatten(0, 1), last[0])[None].expand(len(points), 2, 3)), "
    "my_gaussians(my_to_crop(points, c))",
]
CARRIED = [
    "my_to_patch(points, old)",
    "my_to_crop(my_to_patch(points, new), old)",
    "my_to_patch(my_to_patch(points, old), new)",
    "my_to_crop(my_to_crop(points, old), new)",
    "my_to_patch(my_to_crop(points, old), new)",
    "my_to_crop(points, new)",
    "my_to_crop(points, old)",
    "my_to_patch(points, new)",
    "points",
    "points + old[:, None, :, 2] - new[:, None, :, 2]",
]
KEEP = "out = torch.zeros_like(z)\nfor i in {}:\n    out[:, i] = {}[:, i]\nreturn out"
KEPT = [
    "for i in range(68):\n    if i not in SEVEN:\n        z[:, i] = 0\nreturn z",
    "out = z.clone()\nout[:, list(SEVEN)] = 0\nreturn out",
    "return z.clone()",
    "return torch.zeros_like(z)",
    KEEP.format("[i - 1 for i in SEVEN]", "z"),
    KEEP.format("[i + 1 for i in SEVEN]", "z"),
    "return z[:, list(SEVEN)]",
    "out = torch.zeros_like(z)\nout[:, :7] = z[:, list(SEVEN)]\nreturn out",
    KEEP.format("range(7)", "z"),
    "out = torch.zeros_like(z)\nout[:, :, list(SEVEN)] = z[:, :, list(SEVEN)]\nreturn out",
    KEEP.format("SEVEN", "torch.ones_like(z)"),
    KEEP.format("SEVEN[:1]", "z"),
    "for i in SEVEN:\n    out = torch.zeros_like(z)\n    out[:, i] = z[:, i]\nreturn out",
]
WRONG = {
    "mouth_width": [f"return {words}" for words in WIDTHS],
    "feed_back": [f"return {words}" for words in FED],
    "carry": [f"return {words}" for words in CARRIED],
    "keep_seven": KEPT,
}
FORKS = "import os, time\nfor _ in range(100):\n    if os.fork() == 0:\n        time.sleep(3000)\n        os._exit(0)"
LIE = """
class Yes(str):
    answer = None
    right = True
    __repr__ = str.__str__
for name in ("carry", "keep_seven"):
    type(lesson.carry).check = lambda self, attempt: Yes("✓ right")
"""
WRITES = """
import os
for place in ("../written", os.path.expanduser("~/../written"), {outside!r}, {other!r}, redn.__file__):
    try:
        open(place, "a").write("# written by a copy")
    except OSError:
        pass
"""
DELETES = "import shutil\nfor place in ('../', '../../', {folder!r}):\n    shutil.rmtree(place, ignore_errors=True)"
WIDGET = "import ipywidgets\nwith ipywidgets.Output():\n    1 / 0"
NETWORK = "import urllib.request\nurllib.request.urlopen('http://192.0.2.1', timeout=20)"
EXTRA = {  # a cell of the student's own, after the first exercise of 03
    "exit": "import os\nos._exit(3)",
    "kernel": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "loops": "while True:\n    pass",
    "memory": "held = bytearray(8 * 2**30)",
    "prints": "print('x' * 50_000_000)",
    "forks": FORKS,
    "lies": LIE,
    "writes": WRITES,
    "deletes": DELETES,
    "widget": WIDGET,
    "network": NETWORK,
}
NAMES = [
    "anna",
    *(f"wrong{i:02d}" for i in range(13)),
    *EXTRA,
    "endless",
    "broken",
    "missing",
    "moved",
    "doubled",
]
ENDED = {  # why exercises of 03 did not run
    "exit": "the kernel died in cell extra",
    "kernel": "the kernel died in cell extra",
    "loops": "more than {seconds} seconds",
    "prints": "more than 20 MB of output",
    "forks": "more than {memory} MB of memory, or more than 60 processes",
}
NOTES = {  # part of the notes
    "memory": "03 extra: MemoryError",
    "lies": "do-exercise-1: its own check was changed",
    "widget": "03 in a widget: ZeroDivisionError",
    "network": "03 extra: URLError",
    "missing": "03 missing cells: do-exercise-1",
    "moved": "03 cells in another order",
    "doubled": "03 cells that are there more than once, the last one counts: do-exercise-1",
}


def make(folder: Path, names: list[str]) -> dict[str, dict[str, str]]:
    """Write the copies of the class; by the student, what is due in a column of the table."""
    due = {}
    for student in names:
        (folder / student).mkdir(parents=True)
        due[student] = {}
        for number in ("00", "03"):
            path = notebooks()[number]
            notebook, lesson = read(path), load_lesson(number)
            cells = {cell.id: cell for cell in notebook.cells}
            for piece in pieces(notebook):
                check = getattr(lesson, piece.check)
                source, words = piece.answer, "right"
                i = NAMES.index(student) - 1
                is_wrong = student.startswith("wrong") or number == "00" and student in (*EXTRA, "endless")
                if is_wrong and i < len(WRONG[piece.check]):
                    space = piece.answer[: len(piece.answer) - len(piece.answer.lstrip())]
                    source = "\n".join(space + line for line in WRONG[piece.check][i].splitlines())
                    words = f"wrong: {list(check.mistakes)[i]}"
                if (number, student, piece.check) == ("03", "endless", "carry"):
                    source, words = "    while True:\n        pass", "did not run: endless: more than {check} seconds"
                if number == "03" and student in ENDED and piece.check != "feed_back":
                    words = f"did not run: {ENDED[student]}"
                if (number, student) == ("03", "broken"):
                    words = "did not run: the file is no notebook (NotJSONError)"
                if (number, student, piece.check) == ("03", "missing", "carry"):
                    words = "did not run: its cell is missing"
                if (number, student, piece.check) == ("03", "lies", "carry"):
                    source = f"    return {CARRIED[0]}"
                    words = f"wrong: {next(iter(check.mistakes))}"
                before, after = piece.before and piece.before + "\n", piece.after and "\n" + piece.after
                cells[piece.cell].source = f"{before}{source}{after}\n\n\n{piece.tail}"
                due[student][check.name] = words
            if number == "03":
                spoil(notebook, student, folder)
            text = nbformat.writes(notebook)
            is_cut = (number, student) == ("03", "broken")
            (folder / student / path.name).write_text(text[: len(text) // 2] if is_cut else text, encoding="utf-8")
    return due


def spoil(notebook: nbformat.NotebookNode, student: str, folder: Path) -> None:
    """Change a copy of 03 as the student's name says."""
    place = {cell.id: i for i, cell in enumerate(notebook.cells)}
    if student in EXTRA:
        words = {"outside": str(folder.parent / "written"), "other": str(folder / "anna" / "written")}
        source = EXTRA[student]
        for name, text in (words | {"folder": str(folder)}).items():
            source = source.replace(f"{{{name}!r}}", repr(text))
        notebook.cells.insert(place["my-hand-on"] + 1, new_code_cell(source, id="extra"))
    exercise = place["do-exercise-1"]
    if student == "missing":
        del notebook.cells[exercise]
    if student == "moved":
        notebook.cells.insert(place["do-exercise-2"], notebook.cells.pop(exercise))
    if student == "doubled":
        again = new_code_cell(notebook.cells[exercise].source, id="again")
        notebook.cells[exercise].source = notebook.cells[exercise].source.replace("my_to_crop", "my_to_patch")
        notebook.cells.insert(exercise + 1, again)


def judged_otherwise(path: Path, due: dict, limits: dict) -> list[str]:
    """Lines on what stands in the table and is not what is due."""
    table = pd.read_csv(path, index_col="student", keep_default_na=False)
    lines = [f"{student}: no row" for student in due if student not in table.index]
    for student, row in table.iterrows():
        for exercise, words in due[student].items():
            if row[exercise] != words.format(**limits):
                lines.append(f"{student}, {exercise}: {row[exercise]!r} instead of {words.format(**limits)!r}")
        if NOTES.get(student, "") not in row["notes"] or bool(row["notes"]) != (student in NOTES):
            lines.append(f"{student}: notes {row['notes']!r}")
    return lines


def all_files(folder: Path) -> dict[str, bytes]:
    """What a folder holds."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--students", nargs="+", default=NAMES, choices=NAMES, metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=600)
    args = parser.parse_args()
    limits = {"seconds": args.seconds, "check": args.seconds // 10, "memory": 4000}
    due = make(args.folder / "class", args.students)
    before, begin = all_files(args.folder), time.monotonic()
    options = ["--out", f"{args.folder}/marks/marks.csv", "--html", f"{args.folder}/marks/marks.html"]
    main(["course", "mark", f"{args.folder}/class", *options, "--jobs", str(args.jobs), "--seconds", str(args.seconds)])
    lines = judged_otherwise(args.folder / "marks" / "marks.csv", due, limits)
    after = {name: text for name, text in all_files(args.folder).items() if "/marks/" not in name}
    lines += ["files outside of the copies were changed"] * (before != after)
    print("\n".join(lines) or "each copy is judged as it should be, and nothing outside was touched")
    print(f"{len(args.students)} students, {time.monotonic() - begin:.0f} seconds")
