"""`redn course mark`: every copy gets its row, whatever it does, and none harms another."""

import os
import sys

import psutil
import pytest
from made_course import RIGHT, before, cell_of, hand_in
from made_course import suite as suite
from nbformat.v4 import new_code_cell

from redn_lib.cli import main
from redn_lib.course import mark as marking
from redn_lib.course.mark import Marked, mark, page, sandboxes, table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500), pytest.mark.skipif(os.name == "nt", reason="POSIX signals")]
EXERCISES = ["00 double", "00 half", "00 choice"]
LIES = """
class Yes(str):
    __repr__ = str.__str__
    answer = None

type(lesson.double).check = lambda self, attempt: Yes("✓ right")
"""
CARELESS = """
import os, shutil, socket
import ipywidgets
shown = ipywidgets.Output()
with shown:
    1 / 0
for place in ("../written", os.path.expanduser("~/written"), {outside!r}):
    try:
        open(place, "w").write("x")
    except OSError:
        pass
shutil.rmtree({folder!r}, ignore_errors=True)
shutil.rmtree("../../../others", ignore_errors=True)
"""


def rows(folder, seconds=400, memory=1500, jobs=2):
    """The table of a folder as {student: [a text for each exercise]}, and the whole table."""
    made = table(mark(folder, seconds, memory, jobs, print))
    return {student: list(row[EXERCISES]) for student, row in made.iterrows()}, made


def test_right_wrong_blank_and_what_is_no_copy(suite, tmp_path):
    folder = tmp_path / "class"
    predicted = lambda notebook: cell_of(notebook, "predict").update(  # noqa: E731
        source=cell_of(notebook, "predict").source.replace("None", '"b"')
    )
    hand_in(folder, "anna", predicted, **RIGHT)
    hand_in(
        folder,
        "ben",
        before("assert n == 2, 'not the small parameters'"),
        double="    return x * x",
        half="    return 2 * x",
        choice='{"b"}',
    )
    hand_in(folder, "cara", before("n ="), double="    return x *", half="    return 2 * x")
    (folder / "dora").mkdir()
    (folder / "emil").mkdir()
    (folder / "emil" / "00_made.ipynb").write_text('{"cells": [')
    (folder / "fay").mkdir()
    (folder / "fay" / "00_made.ipynb").write_text('{"cells": 3, "nbformat": 4, "nbformat_minor": 5}')
    arguments = ["course", "mark", str(folder), "--out", str(tmp_path / "t.csv"), "--html", str(tmp_path / "t.html")]
    assert main([*arguments, "--seconds", "400", "--jobs", "2"]) == 0
    marked = mark(folder, 400, 1500, 2, print)
    assert (tmp_path / "t.csv").read_text() == table(marked).to_csv(), "another table the second time"
    assert (tmp_path / "t.html").read_text() == page(marked, table(marked))
    found = {student: list(row[EXERCISES]) for student, row in table(marked).iterrows()}
    assert found["anna"] == ["right"] * 3
    assert found["ben"] == ["wrong: that is the square", "wrong: that is double", "wrong: b does not hold"]
    assert found["cara"][0].startswith("did not run: SyntaxError")
    assert found["cara"][1:] == ["wrong: that is double", "not attempted"]
    assert found["dora"] == ["did not run: nothing handed in"] * 3
    assert set(found["emil"]) == {"did not run: the file is no notebook (NotJSONError)"}
    assert all(words.startswith("did not run: the file is no notebook") for words in found["fay"])
    assert table(marked).loc["anna", "00 prediction 1"] == "did not come true: the second"
    assert table(marked).loc["ben", "00 prediction 1"] == "none" and table(marked).right["anna"] == 3
    assert "extra: SyntaxError" in table(marked).notes["cara"] and table(marked).notes["ben"] == ""
    assert page(marked, table(marked)).index("that is double") < page(marked, table(marked)).index(
        "that is the square"
    ), "commonest first"
    assert (tmp_path / "t.seconds.csv").read_text().startswith("student,notebook,seconds\nanna,00,")


def test_cells_that_are_missing_doubled_or_moved_are_told(suite, tmp_path):
    def shuffle(notebook):
        double, half = cell_of(notebook, "do-double"), cell_of(notebook, "do-half")
        again = new_code_cell(half.source.replace("2 * x", "x / 2"), id="again")
        notebook.cells = [c for c in notebook.cells if c.id not in ("do-double", "do-choice")]
        notebook.cells += [again, double]

    hand_in(tmp_path / "class", "gus", shuffle, double="    return 2 * x", half="    return 2 * x")
    found, made = rows(tmp_path / "class")
    assert found["gus"] == ["right", "right", "did not run: its cell is missing"]
    assert made.notes["gus"] == (
        "00 missing cells: do-choice; 00 cells that are there more than once, the last one counts: do-half; "
        "00 cells in another order; 00 after: NameError; "
    )


def test_changed_checks_and_stolen_answers_are_noticed(suite, tmp_path):
    hand_in(tmp_path / "class", "hal", before(LIES), half="    return 2 * x", double="    return x")
    steal = lambda notebook: cell_of(notebook, "do-double").update(  # noqa: E731
        source="double = lesson.double.answer\n\nlesson.double.check(double)"
    )
    hand_in(tmp_path / "class", "ida", steal)
    found, made = rows(tmp_path / "class")
    assert found["hal"][:2] == ["wrong: it is another", "wrong: that is double"]
    assert "do-double: its own check was changed" in made.notes["hal"]
    assert "do-half: its own check was changed" in made.notes["hal"]
    assert found["ida"][0] == "wrong: it is the answer of the checks, not one of your own"


def test_copies_that_break_down_harm_no_other(suite, tmp_path):
    folder = tmp_path / "class"
    hand_in(folder, "exit", before("import os; os._exit(3)"), **RIGHT)
    hand_in(folder, "kernel", before("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), **RIGHT)
    hand_in(folder, "parent", before("import os, signal; os.kill(os.getppid(), signal.SIGKILL)"), **RIGHT)
    hand_in(folder, "prints", before("print('x' * 50_000_000)"), **RIGHT)
    child = "        time.sleep(3000); os._exit(0)\n"
    forks = f"import os, time\nfor _ in range(100):\n    if os.fork() == 0:\n{child}time.sleep(3000)"
    hand_in(folder, "forks", before(forks), **RIGHT)
    hand_in(folder, "right", **RIGHT)
    found, _ = rows(folder)
    assert set(found["exit"]) == set(found["kernel"]) == {"did not run: the kernel died in cell extra"}
    assert set(found["parent"]) == {"did not run: it was killed"}
    assert set(found["prints"]) == {"did not run: more than 20 MB of output"}
    assert set(found["forks"]) == {"did not run: more than 1500 MB of memory, or more than 60 processes"}
    assert found["right"] == ["right"] * 3


def test_endless_loops_are_ended(suite, tmp_path):
    hand_in(tmp_path / "cell", "jan", before("while True: pass"), **RIGHT)
    assert set(rows(tmp_path / "cell", seconds=15)[0]["jan"]) == {"did not run: more than 15 seconds"}
    hand_in(tmp_path / "function", "kim", **RIGHT | {"double": "    while True: pass"})
    found = rows(tmp_path / "function", seconds=80)[0]["kim"]
    assert found == ["did not run: endless: more than 8 seconds", "right", "right"]


def test_a_process_that_cuts_itself_loose_is_ended_without_a_sandbox(suite, tmp_path, monkeypatch):
    monkeypatch.setattr(marking, "sandboxes", lambda: False)
    loose = (
        "import subprocess, sys\nfor _ in range(3):\n    subprocess.Popen(['sleep', '4321.5'], start_new_session=True)"
    )
    hand_in(tmp_path / "class", "max", before(f"{loose}\nimport os; os._exit(3)"), **RIGHT)
    assert set(rows(tmp_path / "class")[0]["max"]) == {"did not run: the kernel died in cell extra"}
    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "4321.5"]]


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's limits")
def test_memory_is_limited(suite, tmp_path):
    hand_in(tmp_path / "class", "leo", before("held = bytearray(8 * 2**30)"), **RIGHT)
    found, made = rows(tmp_path / "class")
    assert found["leo"] == ["right"] * 3 and made.notes["leo"] == "00 extra: MemoryError; "


@pytest.mark.skipif(not sandboxes(), reason="needs bubblewrap")
def test_a_copy_reaches_no_network_no_files_and_no_other_copy(suite, tmp_path):
    folder, outside = tmp_path / "class", tmp_path / "outside"
    outside.mkdir()
    hand_in(folder, "mia", before(CARELESS.format(outside=str(outside / "x"), folder=str(folder))), **RIGHT)
    calls = before("import urllib.request; urllib.request.urlopen('http://192.0.2.1', timeout=20)", "net")
    hand_in(folder, "ned", calls, **RIGHT)
    reads = f"open({str(folder / 'mia' / '00_made.ipynb')!r})"
    hand_in(folder, "ola", before(reads), **RIGHT)
    found, made = rows(folder)
    assert found == dict.fromkeys(("mia", "ned", "ola"), ["right"] * 3)
    assert "in a widget: ZeroDivisionError" in made.notes["mia"]
    assert made.notes["ned"] == "00 net: URLError; " and made.notes["ola"] == "00 extra: FileNotFoundError; "
    assert (folder / "mia").is_dir() and list(outside.iterdir()) == []


@pytest.mark.parametrize("written", [[1], {"Which?": 3}, {"Which?": {"result": []}}, {"Which?": {"choice": "<b>"}}])
def test_whatever_a_copy_wrote_gives_a_row_and_no_markup(suite, written):
    marked = [Marked("<i>", "00", {"double": "✓ right", "half": "✗ wrong because <b>"}, "why", [], written)]
    assert list(table(marked).loc["<i>", EXERCISES]) == ["right", "wrong: <b>", "did not run: why"]
    assert "<b>" not in page(marked, table(marked)) and "<i>" not in page(marked, table(marked))


def test_it_is_said_that_copies_are_not_kept_apart_and_where_copies_are_looked_for(
    suite, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(marking, "sandboxes", lambda: False)
    (tmp_path / "empty").mkdir()
    assert main(["course", "mark", str(tmp_path / "empty"), "--out", str(tmp_path / "t.csv")]) == 2
    told = capsys.readouterr().err
    assert "bubblewrap" in told and "FOLDER/STUDENT/00_made.ipynb" in told
    assert main(["course", "mark", str(tmp_path / "none"), "--out", str(tmp_path / "t.csv")]) == 2
    hand_in(tmp_path / "class", "pia", **RIGHT)
    assert rows(tmp_path / "class")[0]["pia"] == ["right"] * 3
