"""Marks a folder of students' notebooks, FOLDER/STUDENT/NN_name.ipynb, by the teacher's checks.

Each copy runs in processes of its own with limits of time, memory, processes and output. Where bubblewrap (`bwrap`,
Linux) is installed, a copy has no network, sees no other copy, and writes into memory only; elsewhere it runs with the
rights of whoever marks.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import nbformat
import pandas as pd
import psutil
from nbformat import NotebookNode

import redn_lib
from redn_lib.course.source import CHECK, notebooks, pack_checks, pieces, questions, read, small_parameters, tags
from redn_lib.teach.lesson import load_lesson

MOST_PROCESSES = 60  # of one copy at a time; the notebooks need four
MOST_WRITTEN = 500_000_000  # bytes that a copy may write under bubblewrap
JUDGE = '__import__("redn_lib.course.judge", fromlist=["judge"])'


@dataclass
class Marked:
    """What is known of one student's copy of a notebook.

    words: of the verdict, by the name of the check. why: an exercise has none.
    notes: what else the teacher should know. predictions: choice and result, by the question.
    """

    student: str
    number: str
    words: dict[str, str] = field(default_factory=dict)
    why: str = ""
    notes: list[str] = field(default_factory=list)
    predictions: dict[str, dict] = field(default_factory=dict)
    seconds: float = 0.0


def mark(folder: Path, seconds: int, memory: int, jobs: int, tell: Callable[[str], None]) -> list[Marked]:
    """Run all copies in a folder, `jobs` at a time; by student, then by notebook.

    seconds: of one copy; a tenth of it for one check. memory: MB of one of its processes; all together take twice that.
    tell: called with a line about each copy. Raises ValueError where the folder has no copies.
    """
    masters = notebooks()
    students = sorted(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink() and p.name[0] != ".")
    found = {(s, n): path for s in students for n in masters if (path := _copy_of(s, n, masters[n].name))}
    if not found:
        raise ValueError(f"{folder} has no copies: FOLDER/STUDENT/{next(iter(masters.values())).name} is looked for")

    def one(student: Path, number: str) -> Marked:
        marked = Marked(student.name, number, why="" if (student, number) in found else "nothing handed in")
        try:
            if not marked.why:
                _run_copy(marked, found[student, number], masters[number], folder, seconds, memory)
        except Exception as error:  # a copy may hold anything, and must not stop the others
            marked.why = f"it cannot be marked: {type(error).__name__}"
        tell(f"{student.name} {number}: {marked.seconds:.0f} s {marked.why}")
        return marked

    with ThreadPoolExecutor(jobs) as pool:
        pairs = [(s, n) for s in students for n in sorted({number for _, number in found})]
        return list(pool.map(one, *zip(*pairs, strict=True)))


def _copy_of(student: Path, number: str, name: str) -> Path | None:
    """A student's copy of a notebook: the one of its own name, else the first that begins with its number."""
    copies = [p for p in sorted(student.rglob(f"{number}_*.ipynb")) if p.is_file() and not p.is_symlink()]
    copies = [p for p in copies if ".ipynb_checkpoints" not in p.parts]
    return min(copies, key=lambda p: p.name != name, default=None)


def _run_copy(marked: Marked, path: Path, master: Path, folder: Path, seconds: int, memory: int) -> None:
    """Run a copy and enter what it shows."""
    try:
        copy = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        sources = [(cell.get("id", "?"), "".join(cell.source)) for cell in copy.cells if cell.cell_type == "code"]
    except Exception as error:
        marked.why = f"the file is no notebook ({type(error).__name__})"
        return
    with tempfile.TemporaryDirectory(prefix="redn-") as scratch:
        job, home = Path(scratch).resolve() / "job", Path(scratch).resolve() / "home"
        ours = shutil.ignore_patterns("*.ipynb", "checks*", "job.json", "master.zip", ".*")
        shutil.copytree(path.parent, job, symlinks=True, ignore=ours)  # a link stays one: it shows nothing of ours
        home.mkdir()
        pack_checks(job / "checks.zip")
        pack_checks(job / "master.zip")
        small = small_parameters().get(master.stem, {})
        cells = _prepared(sources, read(master), marked, str(job / "master.zip"), small)
        (job / "job.json").write_text(json.dumps({"memory": memory, "seconds": seconds // 10, "cells": cells}))
        begin = time.monotonic()
        command = [sys.executable, "-m", "redn_lib.course.execute", str(job), str(home)]
        findings, why = _watched([*_sandbox(folder, job, home), *command], home, seconds, memory)
        marked.seconds = time.monotonic() - begin
    told = {kind: [f[kind] for f in findings if kind in f] for kind in ("note", "error", "ended", "predictions")}
    marked.words |= {f["check"]: f["words"] for f in findings if "check" in f}
    more = len(told["error"]) - 3
    marked.notes += told["note"] + told["error"][:3] + ([f"and {more} more errors"] if more > 0 else [])
    marked.predictions = (told["predictions"] or [{}])[0]
    marked.why = (told["ended"] or [why])[0]


def _prepared(
    sources: list[tuple[str, str]], master: NotebookNode, marked: Marked, archive: str, small: dict
) -> list[dict]:
    """The code cells to run; those of an exercise are cut at their check, and the teacher's check stands between.

    sources: id and text of each code cell of the copy. small: values that replace its parameters.
    """
    known = list(pieces(master))
    by_check, by_cell = {p.check: p for p in known}, {p.cell: p for p in known}
    cells, names = [{"role": "first", "id": "", "source": f"{JUDGE}.load({marked.number!r}, {archive!r})"}], []
    parameters = [cell.id for cell in master.cells if "parameters" in tags(cell)]
    for name, source in sources:
        if name in parameters:
            source += "".join(f"\n{key} = {value!r}" for key, value in small.items())
        found = CHECK.search(source)
        piece = by_check.get(found[1] if found else "") or by_cell.get(name)
        names.append(piece.cell if piece else name)
        if not piece:
            cells.append({"role": "cell", "id": name, "source": source})
            continue
        cut = found.start() if found else len(source)
        call = f'{JUDGE}.judge("TOKEN", "{piece.check}", lambda: {found[2] if found else piece.attempt})'
        for role, text in (("head", source[:cut]), ("judge", call), ("tail", source[cut:])):
            cells.append({"role": role, "id": piece.cell, "check": piece.check, "source": text})
    due = [cell.id for cell in master.cells if cell.cell_type == "code"]
    there = [name for name in dict.fromkeys(names) if name in due]
    if missing := [name for name in due if name not in there]:
        marked.notes.append(f"missing cells: {', '.join(missing[:5])}" + (" ..." if len(missing) > 5 else ""))
    if doubled := [name for name in there if names.count(name) > 1]:
        marked.notes.append(f"cells that are there more than once, the last one counts: {', '.join(doubled)}")
    if there != [name for name in due if name in there]:
        marked.notes.append("cells in another order")
    marked.words = {p.check: "did not run: its cell is missing" for p in known if p.cell not in there}
    return cells


@cache
def sandboxes() -> bool:
    """Whether bubblewrap is there and works."""
    command = ["bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--unshare-all", "true"]
    return bool(shutil.which("bwrap")) and subprocess.run(command, capture_output=True, check=False).returncode == 0


def _sandbox(folder: Path, job: Path, home: Path) -> list[str]:
    """The words before a command by which it sees all files, the other copies left out, and writes into memory only."""
    if not sandboxes():
        return []
    memory = ["--size", str(MOST_WRITTEN), "--tmpfs"]
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--ro-bind", "/", "/"]
    words += ["--proc", "/proc", "--dev", "/dev", *memory, "/dev/shm", "--remount-ro", "/dev"]
    for place in sorted({str(Path(name).resolve()) for name in ("/tmp", "/var/tmp", tempfile.gettempdir())}):
        words += [*memory, place]
    for place in (sys.base_prefix, sys.prefix, str(Path(redn_lib.__file__).resolve().parents[1])):
        words += ["--ro-bind", place, place]
    return [*words, *memory, str(folder.resolve()), "--ro-bind", str(job), str(job), "--dir", str(home)]


def _watched(command: list[str], home: Path, seconds: int, memory: int) -> tuple[list[dict], str]:
    """Run a command until it ends or takes too much: its findings, and why there are no more of them."""
    env = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    env |= {"HOME": str(home), "USERPROFILE": str(home), "TMPDIR": str(home), "USER": "student"}
    env |= {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    env["PYTHONPATH"] = str(Path(redn_lib.__file__).parents[1])
    why, end, used = "it was killed", time.monotonic() + seconds, 0
    with tempfile.TemporaryFile() as out:
        streams = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": subprocess.DEVNULL}
        process = psutil.Popen(command, env=env, cwd=home, start_new_session=True, **streams)
        started = {process}
        while process.poll() is None:
            group = _with_children(process)
            started.update(group)
            with suppress(psutil.Error):  # one may end meanwhile
                used = sum(child.memory_info().rss for child in group)
            if len(group) > MOST_PROCESSES or used > 2e6 * memory:
                why = f"more than {memory} MB of memory, or more than {MOST_PROCESSES} processes"
                break
            if time.monotonic() > end:
                why = f"more than {seconds} seconds"
                break
            time.sleep(0.25)
        while alive := {p for s in started for p in _with_children(s)} | _at_home(home):
            for child in alive:  # the first ends all that is in a sandbox
                with suppress(psutil.Error):
                    child.kill()
            process.poll()
            time.sleep(0.1)
        out.seek(0)
        findings = []
        for line in out.read(10_000_000).splitlines():
            with suppress(ValueError):
                findings.append(json.loads(line))
    return findings, "" if any("done" in f for f in findings) else why


def _with_children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            return [process, *process.children(recursive=True)]
    return []


def _at_home(home: Path) -> set[psutil.Process]:
    """All processes of a copy, those too that have cut themselves loose: its home is in their environment."""
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # of another user, or just ended
            if process.environ().get("HOME") == str(home):
                found.add(process)
    return found


def verdicts(marked: list[Marked]) -> pd.DataFrame:
    """A row for each student and exercise: verdict ("right", "wrong", "not attempted", "did not run") and why."""
    rows, masters = [], notebooks()
    for copy in marked:
        for piece in pieces(read(masters[copy.number])):
            words = copy.words.get(piece.check, f"did not run: {copy.why or 'no verdict'}")
            verdict, _, why = words.removeprefix("✗ ").replace(" because ", ": ", 1).partition(": ")
            short = {"✓": "right", "○": "not attempted"}.get(words[0])
            exercise = getattr(load_lesson(copy.number), piece.check).name
            rows.append((copy.student, exercise, short or verdict, "" if short else why))
    return pd.DataFrame(rows, columns=["student", "exercise", "verdict", "why"])


def table(marked: list[Marked]) -> pd.DataFrame:
    """A row for each student: how many are right, a column for each exercise, predictions, notes."""
    found, masters = verdicts(marked), notebooks()
    found["shown"] = found.verdict.where(found.why == "", found.verdict + ": " + found.why)
    wide = found.pivot(index="student", columns="exercise", values="shown")
    wide.insert(0, "right", (found.verdict == "right").groupby(found.student).sum())
    notes = dict.fromkeys(wide.index, "")
    for copy in marked:
        for number, question in enumerate(questions(read(masters[copy.number])), 1):
            kept = copy.predictions.get(question) if isinstance(copy.predictions, dict) else None
            kept = kept if isinstance(kept, dict) else {}  # a copy may have written anything
            choice, result = kept.get("choice", "none"), kept.get("result")
            came = "" if result is None else "came true: " if result == choice else "did not come true: "
            wide.loc[copy.student, f"{copy.number} prediction {number}"] = f"{came}{choice}"[:200]
        notes[copy.student] += "".join(f"{copy.number} {note}; " for note in copy.notes)
    return wide.assign(notes=pd.Series(notes))


def page(marked: list[Marked], made: pd.DataFrame) -> str:
    """A web page: what is wrong most often in the class, then the table that `table` made."""
    wrong = verdicts(marked).query("verdict == 'wrong'").groupby(["exercise", "why"]).size().rename("students")
    most = wrong.reset_index().sort_values(["students", "exercise", "why"], ascending=[False, True, True])
    style = "body{font-family:sans-serif} td,th{padding:4px;text-align:left;vertical-align:top}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Marks</title><style>{style}</style>\n'
        f"<h1>Marks</h1><h2>The commonest mistakes</h2>{most.to_html(index=False)}\n"
        f"<h2>Students</h2>{made.rename_axis(None).rename_axis('student', axis=1).to_html(na_rep='')}</html>\n"
    )
