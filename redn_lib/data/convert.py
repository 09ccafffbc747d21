"""From what the user got to the common form: unpack, plan, write part by part, report."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from redn_lib.data.archives import unpack
from redn_lib.data.contact_sheet import contact_sheet
from redn_lib.data.pictures import encode
from redn_lib.data.records import DataSet, Frame, Plan, Unit
from redn_lib.data.store import Store
from redn_lib.data.store_report import report
from redn_lib.data.store_writer import UNPACKED, StoreWriter
from redn_lib.files import whole_file

SHEET_FACES = 64


def convert(dataset: DataSet, sources: Sequence[Path], out: Path, progress: bool = False) -> Store:
    """Convert folders and archives of a set into a store in `out`, with report.txt and contact_sheet.jpg beside it.

    What is finished and unchanged is not done again: run anew after an interruption, or after mending some files.
    Raises FileNotFoundError or ValueError where nothing usable is there, OSError where the disk is full.
    """
    writer, unpacked = StoreWriter(out), out / UNPACKED
    _check_place(dataset, out)
    made_of = [_state(path) for path in sources]
    old = _finished(out) if (out / "contact_sheet.jpg").is_file() else None
    if old and all(path.is_file() for path in sources) and old.made_of["sources"] == made_of:
        old.check()
        return old
    problems: list[str] = []
    folders = [path if path.is_dir() else _unpacked(path, unpacked, problems, progress) for path in sources]
    plan = dataset.plan(folders)
    problems += plan.problems
    made_of = {"sources": made_of, "units": {unit.key: unit.fingerprint() for unit in plan.units}, "problems": problems}
    if old and old.made_of == made_of and all(writer.has(unit) for unit in plan.units):
        old.check()
    else:
        writer.begin()
        _write_parts(writer, plan, progress)
        _finish(writer, dataset, plan, problems, made_of)
    if unpacked.is_dir():
        shutil.rmtree(unpacked)
    return Store(out)


def _write_parts(writer: StoreWriter, plan: Plan, progress: bool) -> None:
    todo = [unit for unit in plan.units if not writer.has(unit)]
    with tqdm(total=sum(unit.count for unit in todo), unit=" frames", disable=not progress) as bar:
        for unit in todo:
            problems: list[str] = []
            writer.write(unit, _counted(unit, problems, bar), problems)


def _counted(unit: Unit, problems: list[str], bar: tqdm) -> Iterator[Frame]:
    for frame in unit.read(problems):
        yield frame
        bar.update()


def _finish(writer: StoreWriter, dataset: DataSet, plan: Plan, problems: list[str], made_of: dict) -> None:
    """Make the store readable, and beside it the report and the contact sheet."""
    store = writer.finish(dataset, plan.units, problems, made_of)
    with whole_file(writer.folder / "report.txt") as temporary:
        temporary.write_text(report(store, most=10**9) + "\n", encoding="utf-8", errors="backslashreplace")
    chosen = np.unique(np.linspace(0, len(store) - 1, min(SHEET_FACES, len(store))).round().astype(int))
    rows = [store.rows[i] for i in chosen]
    with whole_file(writer.folder / "contact_sheet.jpg") as temporary:
        temporary.write_bytes(encode(contact_sheet((row.picture(), row.points, row.box) for row in rows)))


def _check_place(dataset: DataSet, out: Path) -> None:
    """Claim the folder for the set. Raises ValueError where it holds anything else."""
    claim = out / "set.txt"
    held = claim.read_text(encoding="utf-8").strip() if claim.is_file() else None
    if held not in (None, dataset.name):
        raise ValueError(f"{out}: holds the set {held}; give --out another folder, or delete this one")
    if held is None and out.is_dir() and any(out.iterdir()):
        raise ValueError(f"{out}: is not empty; give --out a folder of its own")
    with whole_file(claim) as temporary:
        temporary.write_text(dataset.name + "\n", encoding="utf-8")


def _finished(out: Path) -> Store | None:
    try:
        return Store(out)
    except (FileNotFoundError, ValueError):
        return None


def _state(path: Path) -> list:
    """What tells whether an archive has changed; of a folder the units do."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such folder or archive; check the path")
    state = path.stat()
    return [path.name] if path.is_dir() else [path.name, state.st_size, state.st_mtime_ns]


def _unpacked(archive: Path, home: Path, problems: list[str], progress: bool) -> Path:
    """The folder of an archive's files, unpacked unless that was done before; adds to `problems` what was left out."""
    folder = home / archive.name
    done = home / f"{archive.name}.unpacked.json"
    state = _state(archive)
    told = json.loads(done.read_text(encoding="utf-8")) if done.is_file() else None
    if told is None or told["state"] != state:
        shutil.rmtree(folder, ignore_errors=True)
        left = unpack(archive, folder, progress)
        folder.mkdir(parents=True, exist_ok=True)
        told = {"state": state, "problems": left}
        with whole_file(done) as temporary:
            temporary.write_text(json.dumps(told), encoding="utf-8")
    problems += told["problems"]
    return folder
