"""Writes the common form part by part: each whole or not there, so an interrupted conversion goes on."""

import json
import os
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from redn_lib.data.records import DataSet, Frame, Unit
from redn_lib.data.store import COLUMNS, FORMAT, Store
from redn_lib.files import whole_file

UNPACKED = "unpacked"
"""Folder in a store where archives are unpacked and from which they are deleted at the end."""

_TEXT = ("person", "video", "split")


class StoreWriter:
    """A store in the making in a folder. Parts first, in any order; `finish` joins them and makes it readable."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.parts = self.folder / "parts"

    def begin(self) -> None:
        """Make the folder, and from now on until `finish` no readable store. Raises OSError where it cannot."""
        self.parts.mkdir(parents=True, exist_ok=True)
        (self.folder / "store.json").unlink(missing_ok=True)
        for left in self.parts.glob(".*"):
            left.unlink()

    def has(self, unit: Unit) -> bool:
        """Whether the part is whole and the unit's files are as they were when it was written."""
        try:
            labels = self._labels(unit)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return False
        pictures = self._pictures(unit)
        same = str(labels["fingerprint"]) == unit.fingerprint()
        return same and pictures.is_file() and pictures.stat().st_size == int(labels["total"])

    def write(self, unit: Unit, frames: Iterable[Frame], problems: list[str]) -> None:
        """Write a part: its pictures, then its labels, which make it count. problems: filled while frames are read.

        Raises OSError, naming the file, where the disk is full.
        """
        self._label_file(unit).unlink(missing_ok=True)
        columns: dict[str, list] = defaultdict(list)
        fingerprint, told, offset = unit.fingerprint(), sha256(), 0
        with whole_file(self._pictures(unit)) as temporary, temporary.open("wb") as file:
            for frame in frames:
                file.write(frame.jpeg)
                told.update(frame.jpeg)
                for name in (*_TEXT, "name", "number", "fps", "size", "box", "origin", "points"):
                    columns[name].append(getattr(frame, name))
                columns["offset"].append(offset)
                columns["bytes"].append(len(frame.jpeg))
                columns["digest"].append(sha256(frame.jpeg).hexdigest()[:16])
                offset += len(frame.jpeg)
        with whole_file(self._label_file(unit)) as temporary:
            np.savez(
                temporary,
                fingerprint=np.array(fingerprint),
                total=np.array(offset),
                sha256=np.array(told.hexdigest()),
                problems=np.array(problems, str),
                **{name: np.array(values) for name, values in columns.items()},
            )

    def finish(self, dataset: DataSet, units: list[Unit], problems: list[str], made_of: Any) -> Store:
        """Join the parts into a store and open it. made_of: what a later run compares to see that nothing changed.

        Raises ValueError where no part has a frame, OSError where the disk is full.
        """
        parts, joined, away = [], defaultdict(list), f"{self.folder / UNPACKED}{os.sep}"
        for unit in units:
            labels = self._labels(unit)
            problems = problems + labels["problems"].tolist()
            if "name" not in labels:
                continue
            for name, values in labels.items():
                if values.ndim:
                    joined[name].append(values)
            joined["part"].append(np.full(len(labels["name"]), len(parts)))
            parts.append({"name": unit.key, "bytes": int(labels["total"]), "sha256": str(labels["sha256"])})
        problems = [told.replace(away, "") for told in problems]
        if not parts:
            raise ValueError(_nothing(dataset, problems))
        joined.pop("problems")
        columns = {name: np.concatenate(values) for name, values in joined.items()}
        order = np.lexsort((columns["number"], columns["video"], columns["split"]))
        columns = {name: values[order] for name, values in columns.items()}
        names = {}
        for name in _TEXT:
            known, columns[name] = np.unique(columns[name], return_inverse=True)
            names[name] = known.tolist()
        problems = problems + _equal(columns)
        with whole_file(self.folder / "points.npy") as temporary:
            np.save(temporary, columns["points"].astype(np.float32))
        with whole_file(self.folder / "frames.npz") as temporary:
            np.savez(temporary, **{name: columns[name] for name in COLUMNS})
        about = {
            "format": FORMAT, "set": dataset.name, "identities": dataset.identities, "expected": dataset.expected,
            "made_of": made_of, "people": names["person"], "videos": names["video"], "splits": names["split"],
            "parts": parts, "problems": problems,
        }  # fmt: skip
        with whole_file(self.folder / "store.json") as temporary:
            temporary.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        return Store(self.folder)

    def _labels(self, unit: Unit) -> dict[str, np.ndarray]:
        with np.load(self._label_file(unit)) as file:
            return {name: file[name] for name in file.files}

    def _label_file(self, unit: Unit) -> Path:
        return self.parts / f"{unit.key}.npz"

    def _pictures(self, unit: Unit) -> Path:
        return self.parts / f"{unit.key}.bin"


def _equal(columns: dict[str, np.ndarray]) -> list[str]:
    """A sentence for each picture that is there under several names; a video may well stand still."""
    groups: dict[str, dict[int, str]] = defaultdict(dict)
    for digest, video, name in zip(*(columns[c].tolist() for c in ("digest", "video", "name")), strict=True):
        groups[digest].setdefault(video, name)
    return [
        f"{' = '.join(group.values())}: the same picture, all were taken; delete all but one if that is a mistake"
        for group in groups.values()
        if len(group) > 1
    ]


def _nothing(dataset: DataSet, problems: list[str]) -> str:
    more = [f"... and {len(problems) - 20} more"] if len(problems) > 20 else []
    first = "".join(f"\n  {line}" for line in [*problems[:20], *more])
    how = f"`python data_scripts/get.py {dataset.name}` says what its layout is"
    return f"nothing usable of {dataset.name} was found; {how}{first}"
