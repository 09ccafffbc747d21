"""The table of points goes on after a kill, as if nothing had happened."""

import csv
import os
import re
from pathlib import Path

import numpy as np
import pytest

from redn_lib import cli
from redn_lib.commands import track as module
from redn_lib.data.samples import carphone
from redn_lib.pretrained import load_pretrained
from redn_lib.tracking import table as table_module
from redn_lib.tracking.table import write_points
from redn_lib.tracking.tracker import Tracker
from redn_lib.tracking.video import VideoWriter, frames


class Killed(BaseException):
    """Ends a run as a kill does: nothing is tidied up."""


@pytest.fixture(scope="module")
def tracker():
    return Tracker(load_pretrained())


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Eleven frames of a face, with a cut to black in between, so that it is lost and found."""
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    with VideoWriter(path, 25) as writer:
        for index, _, image in frames(carphone()):
            writer.write(np.zeros_like(image) if index == 4 else image)
            if index == 10:
                break
    return path


def killed_after(count):
    asked = []

    def is_stopped():
        asked.append(1)
        if len(asked) == count:
            raise Killed
        return False

    return is_stopped


def run(tracker, clip, out, is_stopped=lambda: False, settings=()):
    return write_points(tracker, frames(clip), out, dict(settings), is_stopped=is_stopped)


def test_killed_five_times_the_table_is_that_of_an_undisturbed_run(tracker, clip, tmp_path, monkeypatch):
    monkeypatch.setattr(table_module, "EVERY", 2)
    run(tracker, clip, tmp_path / "whole.csv")
    indices, real = [], Tracker.track

    def track(self, source, after=None):
        for frame in real(self, source, *[after] * bool(after)):
            indices.append(frame.index)
            yield frame

    monkeypatch.setattr(Tracker, "track", track)
    out = tmp_path / "points.csv"
    for count in (3, 1, 2, 3, 4):
        with pytest.raises(Killed):
            run(tracker, clip, out, killed_after(count))
        assert not out.exists()
    table, is_whole = run(tracker, clip, out)
    assert is_whole and table.done == 11 and out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert len(indices) < 11 + 5 * 2 + 1  # each kill loses fewer than two frames
    assert sorted(p.name for p in tmp_path.iterdir()) == ["points.csv", "whole.csv"]
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["face"] for row in rows] == ["1"] * 4 + [""] + ["2"] * 6


def test_other_options_or_a_damaged_state_begin_again(tracker, clip, tmp_path, monkeypatch):
    monkeypatch.setattr(table_module, "EVERY", 2)
    out = tmp_path / "points.csv"
    for damage in ("options", "state", "rows"):
        with pytest.raises(Killed):
            run(tracker, clip, out, killed_after(5))
        part, state = (tmp_path / f".points.csv.{ending}" for ending in ("part", "state"))
        if damage == "state":
            state.write_bytes(state.read_bytes()[:-70] + bytes(70))
        if damage == "rows":
            part.write_bytes(part.read_bytes()[:100])
        table, _ = run(tracker, clip, out, settings={"steps": 2} if damage == "options" else ())
        assert table.after is None and table.done == 11


def test_a_full_disk_names_the_table_and_leaves_what_was_there(tracker, clip, tmp_path, full_disk):
    out = tmp_path / "points.csv"
    out.write_text("old")
    with full_disk(4000), pytest.raises(OSError, match=r"could not write .*points\.csv .*unchanged"):
        run(tracker, clip, out)
    assert out.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


@pytest.fixture
def folder(clip, tmp_path):
    """Four clips, two of them in folders, one a folder of images; two damaged ones."""
    home = tmp_path / "clips"
    for name in ("a.avi", "sub/b.avi"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(clip.read_bytes())
    (home / "empty.mp4").write_bytes(b"")
    (home / "half.avi").write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    return home


def test_many_clips_give_a_table_each_and_damaged_ones_are_named(folder, tmp_path, capfd):
    command = ["track", str(folder), "--out", str(tmp_path / "out"), "--jobs", "2", "--steps", "1"]
    assert cli.main(command) == 1
    printed = capfd.readouterr()
    assert "2 tables of 4 clips, 2 failed" in printed.out
    assert "empty.mp4 is empty" in printed.err and "half.avi breaks off" in printed.err
    tables = sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.csv"))
    assert tables == ["a.avi.csv", "sub/b.avi.csv"]
    assert (tmp_path / "out/half.avi.csv.incomplete").is_file()
    whole = (tmp_path / "out/a.avi.csv").read_bytes()
    assert len(whole.splitlines()) == 12 and (tmp_path / "out/sub/b.avi.csv").read_bytes() == whole
    (folder / "empty.mp4").unlink()
    (folder / "half.avi").unlink()
    (tmp_path / "out/a.avi.csv").unlink()
    before = (tmp_path / "out/sub/b.avi.csv").stat().st_mtime_ns
    assert cli.main(command) == 0 and (tmp_path / "out/a.avi.csv").read_bytes() == whole
    assert (tmp_path / "out/sub/b.avi.csv").stat().st_mtime_ns == before  # what was done stays
    assert cli.main([*command[:-1], "2"]) == 2 and "other weights or options" in capfd.readouterr().err


def test_a_folder_that_cannot_be_read_is_told(folder, tmp_path, monkeypatch):
    def scandir(path, plain=os.scandir):
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied", str(path))
        return plain(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.warns(UserWarning, match="left out: .*sub: Permission denied"):
        assert [path.name for path in module.clips_of(folder, tmp_path / "out")] == ["a.avi", "empty.mp4", "half.avi"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["clips", "--out", "out", "--jobs", "0"], "--jobs must be 1 or more"),
        (["clips", "--out", "out", "--jobs", "2", "--video", "o.mp4"], "--video does not go with --jobs"),
        (["clips/a.avi", "--out", "out", "--jobs", "2"], "is no folder"),
        (["empty", "--out", "out", "--jobs", "2"], "holds no video"),
        (["clips", "--out", "clips", "--jobs", "2"], "would overwrite"),
        (["clips", "--out", "p.csv"], "holds no image.*--jobs"),
    ],
)
def test_wrong_use_of_jobs_is_told(folder, tmp_path, monkeypatch, options, message, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "in_processes", None)
    Path("empty").mkdir()
    assert cli.main(["track", *options]) == 2
    printed = capsys.readouterr().err
    assert len(printed.splitlines()) == 1 and re.search(message, printed)
