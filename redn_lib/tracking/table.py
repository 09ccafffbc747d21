"""The table of a tracked video; a run that is killed goes on where it was, and ends with the same table.

Rows are appended to a file beside the table, `.NAME.part`. Every so many frames `.NAME.state` is written with all that
the tracker knows by then. (our choice)
"""

import csv
import io
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import fields
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from redn_lib.files import unsealed, whole_file, write_sealed
from redn_lib.landmarks import N_POINTS
from redn_lib.temporal import MemoryState
from redn_lib.tracking.align import Fit
from redn_lib.tracking.tracker import Followed, State, TrackedFrame, Tracker
from redn_lib.tracking.video import Frames

HEADER = ["frame", "time", "lost", "confidence", *(f"{axis}{i}" for i in range(N_POINTS) for axis in "xy"), "face"]
EVERY = 250  # frames after which the state is kept


class PointsTable:
    """Context manager that writes a row for each frame; the table is there, whole, when it ends well.

    settings: all that the points depend on; a state of others is not gone on from. None: no state is kept.
    after: the last frame that was written by a run that was killed, None where there was none.
    done, lost: how many frames are in it, and in how many of them the face is lost.
    Raises OSError naming the table where it cannot be written.
    """

    def __init__(self, out: Path, source: Frames, settings: Mapping[str, Any] | None) -> None:
        self.out, self.source, self.settings = out, source, settings
        self.part, self.state = (out.with_name(f".{out.name}.{ending}") for ending in ("part", "state"))
        self.done = self.lost = 0
        self.after = self._resume()

    def __enter__(self) -> "PointsTable":
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.part.open("ab" if self.after else "wb")
        self._bytes = self._file.tell()
        if not self.after:
            self._append([*HEADER, "file"] if self.source.files else HEADER)
        return self

    def write(self, frame: TrackedFrame) -> bool:
        """Append a frame; False where its face is lost."""
        is_lost = frame.lost or frame.index in self.source.skipped
        points = [""] * (2 * N_POINTS) if is_lost else [f"{v:.3f}" for v in frame.points.ravel()]
        face = "" if is_lost else frame.face
        name = [self.source.files[frame.index].name] if self.source.files else []
        sure = f"{frame.confidence.mean():.4f}"
        self._append([frame.index, f"{frame.time:.4f}", int(is_lost), sure, *points, face, *name])
        self.done, self.lost, self._last = self.done + 1, self.lost + is_lost, frame
        if self.done % EVERY == 0:
            os.fsync(self._file.fileno())
            self._keep()
        return not is_lost

    def __exit__(self, kind: type | None, *_: object) -> None:
        """Ended: the table is there. Stopped by Ctrl-C: as far as it is, and the next run goes on from here."""
        with suppress(OSError):
            self._file.close()
        if kind is None:
            with whole_file(self.out) as temporary:
                os.replace(self.part, temporary)
        elif issubclass(kind, KeyboardInterrupt):
            os.truncate(self.part, self._bytes)
            if self.done:
                self._keep()
            with whole_file(self.out) as temporary:
                shutil.copyfile(self.part, temporary)
        if self.settings is None or kind is None or issubclass(kind, Exception):
            for path in (self.part, self.state):
                path.unlink(missing_ok=True)

    def _append(self, row: list) -> None:
        text = io.StringIO()
        csv.writer(text).writerow(row)
        try:
            self._file.write(text.getvalue().encode("utf-8", "backslashreplace"))
            self._file.flush()
            self._bytes = self._file.tell()
        except OSError as error:
            told = f"could not write {self.out} ({error.strerror}); what was there is unchanged"
            raise OSError(error.errno, told) from error

    def _keep(self) -> None:
        if self.settings is None:
            return
        reached = {"bytes": self._bytes, "done": self.done, "lost": self.lost, "settings": dict(self.settings)}
        write_sealed(self.state, partial(torch.save, reached | packed(self._last)))

    def _resume(self) -> TrackedFrame | None:
        """The last frame that is kept; the rows behind it are cut off. None where nothing fits."""
        try:
            kept = torch.load(unsealed(self.state), weights_only=True)
            if kept["settings"] != self.settings or self.part.stat().st_size < kept["bytes"]:
                return None
            frame = unpacked(kept)
            os.truncate(self.part, kept["bytes"])
        except Exception:  # of any kind, where it is damaged or not there: the run begins again
            return None
        self.done, self.lost, self._last = kept["done"], kept["lost"], frame
        return frame


def packed(frame: TrackedFrame) -> dict[str, Any]:
    """What `Tracker.track` needs of a frame to go on after it, as plain values and tensors."""
    face, number, box, last_index = frame.state
    about = {"index": frame.index, "number": number, "last_index": last_index}
    about["box"] = None if box is None else torch.from_numpy(np.asarray(box))
    if face:
        about |= {"points": torch.from_numpy(face.fit.points), "confidence": torch.from_numpy(face.fit.confidence)}
        about |= {"memory": face.fit.state and tuple(face.fit.state), "age": face.age, "unseen": face.unseen}
    return about


def unpacked(kept: Mapping[str, Any]) -> TrackedFrame:
    """A frame from what `packed` gives; what is not needed is None."""
    face = None
    if "points" in kept:
        known = {"points": kept["points"].numpy(), "confidence": kept["confidence"].numpy()}
        known["state"] = kept["memory"] and MemoryState(*kept["memory"])
        fit = Fit(**{field.name: known.get(field.name) for field in fields(Fit)})
        face = Followed(fit, kept["age"], kept["unseen"])
    box = None if kept["box"] is None else kept["box"].numpy()
    state = State(face, kept["number"], box, kept["last_index"])
    return TrackedFrame(kept["index"], *[None] * 5, face is None, state.number, state)


def fingerprint(*paths: Path) -> str:
    """Changes when the name, size or time of change of one of the files changes."""
    states = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in paths if path.exists()]
    return sha256(repr(states).encode("utf-8", "backslashreplace")).hexdigest()[:24]


def write_points(
    tracker: Tracker,
    source: Frames,
    out: Path,
    settings: Mapping[str, Any] | None,
    *,
    is_stopped: Callable[[], bool],
    show: Callable[[Iterable], Iterable] = iter,
    each: Callable[[TrackedFrame, bool], None] | None = None,
) -> tuple[PointsTable, bool]:
    """Track a source into a table: the table and whether it came to its end.

    is_stopped: asked after each frame. show: wraps the iterator, e.g. a progress bar. each: called with each frame and
    whether its face is there.
    """
    table = PointsTable(out, source, settings)
    try:
        with table:
            for frame in show(tracker.track(source, *[table.after] * bool(table.after))):
                is_there = table.write(frame)
                if each:
                    each(frame, is_there)
                if is_stopped():
                    raise KeyboardInterrupt
    except KeyboardInterrupt:
        return table, False
    return table, True
