"""data_scripts/get.py on every data set: good ones, ten damaged ones each, interrupted ones."""

import dataclasses
import errno
import importlib.util
import os
import re
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from damaged_sets import DAMAGE, KINDS
from made_sets import MAKERS, packed

from redn_lib.data import layouts
from redn_lib.data.records import Link
from redn_lib.data.store import Store

SCRIPT = Path(__file__).parents[2] / "data_scripts" / "get.py"
SPEC = importlib.util.spec_from_file_location("get", SCRIPT)
get = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(get)


@pytest.fixture
def made(tmp_path, request, monkeypatch):
    """The set of the test's `name` in its published layout, and the script told that it is this small."""
    name = request.getfixturevalue("name")
    it = MAKERS[name](tmp_path / "source")
    small = dataclasses.replace(layouts.SETS[name], expected=it.splits)
    monkeypatch.setitem(layouts.SETS, name, small)
    if name == "300vw":
        monkeypatch.setattr(
            "redn_lib.data.layouts.w300vw.SPLITS", {"001": "train", "114": "cat1", "203": "cat2", "410": "cat3"}
        )
    return it


@pytest.fixture
def run(tmp_path, capsys):
    def run(name, *sources, out="out"):
        status = get.main([name, *map(str, sources), "--out", str(tmp_path / out)])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def left_whole(out: Path) -> None:
    """Nothing half-written lies about."""
    assert [p for p in out.rglob("*") if p.name.startswith(".") or p.suffix == ".part"] == []
    assert not (out / "unpacked").exists()


every_set = pytest.mark.parametrize("name", MAKERS)


@every_set
def test_a_good_set_is_converted_verified_and_reported(name, made, run, tmp_path):
    status, said = run(name, made.root)
    assert status == 0, said
    assert f"{name}: {made.frames} frames" in said and "left out or odd: 0" in said and "wrong counts: 0" in said
    store = Store(tmp_path / "out")
    store.check()
    assert len(store) == made.frames and store.identities == layouts.SETS[name].identities
    assert {s: sum(row.split == s for row in store.rows) for s in store.splits} == made.splits
    assert (tmp_path / "out/report.txt").read_text().startswith(f"{name}: ")
    assert cv2.imread(str(tmp_path / "out/contact_sheet.jpg")).shape[1] == 160 * min(8, made.frames)
    left_whole(tmp_path / "out")


@every_set
def test_points_lie_on_the_picture_where_the_face_was_drawn(name, made, run, tmp_path):
    run(name, made.root)
    store = Store(tmp_path / "out")
    for row in store.rows:
        image, tip = row.picture(), row.points[30]
        if name != "lfw":
            x, y = np.rint(tip).astype(int)
            assert image[y, x].min() > 215, (row.name, tip)
        inside = (row.box[:2] >= 0).all() and (row.box[2:] <= image.shape[1::-1]).all()
        assert inside and (row.box[2:] - row.box[:2] > 40).all()


@every_set
@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_an_archive_gives_what_the_folder_gives(name, made, run, tmp_path, ending):
    status, said = run(name, packed(made.root, tmp_path / f"{made.root.name}{ending}"))
    assert status == 0, said
    run(name, made.root, out="other")
    one, other = Store(tmp_path / "out"), Store(tmp_path / "other")
    assert [row.name for row in one.rows] == [row.name for row in other.rows]
    np.testing.assert_array_equal(one.points, other.points)
    left_whole(tmp_path / "out")


@every_set
@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_named_with_its_remedy_and_the_rest_converted(name, kind, made, run, tmp_path):
    damage, message, gone = DAMAGE[name][kind]
    damage(made)
    status, said = run(name, made.root)
    files = {"picture": re.escape(str(made.picture)), "points": re.escape(str(made.points))}
    assert re.search(message.format(**files) if "{p" in message else message, said), said
    if made.frames == gone or (name, kind) == ("ytf68", "wrong encoding"):
        assert status == 2 and not (tmp_path / "out/store.json").exists()
        return
    assert status == 1 and len(Store(tmp_path / "out")) == made.frames - gone
    assert said.count("Traceback") == 0
    left_whole(tmp_path / "out")


@every_set
def test_mended_and_run_again_it_is_whole(name, made, run, tmp_path):
    good = {path: path.read_bytes() for path in made.root.rglob("*") if path.is_file()}
    DAMAGE[name]["NaN"][0](made)
    assert run(name, made.root)[0] == 1
    for path, data in good.items():
        if path.read_bytes() != data:
            path.write_bytes(data)
    status, said = run(name, made.root)
    assert status == 0 and len(Store(tmp_path / "out")) == made.frames, said


@pytest.mark.parametrize("name", ["folder"])
def test_names_that_are_no_text_are_told(name, made, run):
    shutil.copy(made.points, os.fsdecode(bytes(made.points.parent) + b"/caf\xe9.pts"))
    status, said = run(name, made.root)
    assert status == 1 and "caf\\udce9.pts: no picture of that name" in said


@pytest.mark.parametrize("name", ["300w"])
def test_what_is_told_of_an_archive_names_the_file_in_it(name, made, run, tmp_path):
    made.picture.unlink()
    status, said = run(name, packed(made.root, tmp_path / "set.zip"))
    assert status == 1 and "\n  set.zip/helen/trainset/image_1_0.pts: no picture of that name" in said


@every_set
def test_of_a_cut_archive_the_first_part_is_converted(name, made, run, tmp_path):
    archive = packed(made.root, tmp_path / "set.zip")
    with zipfile.ZipFile(archive) as file:
        last = max(info.header_offset for info in file.infolist())
    archive.write_bytes(archive.read_bytes()[: last + 60])
    status, said = run(name, archive)
    assert status == 1 and re.search(r"set\.zip: cut off .*get the archive anew", said), said
    assert 0 < len(Store(tmp_path / "out")) < made.frames


@every_set
def test_a_path_that_leaves_the_archive_is_left_and_named(name, made, run, tmp_path):
    archive = packed(made.root, tmp_path / "set.zip", {"../../evil.txt": b"evil"})
    status, said = run(name, archive)
    assert status == 1 and re.search(r"set\.zip: '\.\./\.\./evil\.txt' leads out .*get it from the set's page", said)
    assert len(Store(tmp_path / "out")) == made.frames and not list(tmp_path.rglob("evil.txt"))


@every_set
def test_a_full_disk_leaves_nothing_half_and_goes_on_later(name, made, run, tmp_path, monkeypatch):
    calls = []

    def fsync(_):
        calls.append(1)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        status, said = run(name, made.root)
    assert status == 2 and re.search(r"could not write .*out.*No space left.*free some space", said), said
    with pytest.raises(FileNotFoundError, match="did not finish; run the same"):
        Store(tmp_path / "out")
    status, said = run(name, made.root)
    assert status == 0 and len(Store(tmp_path / "out")) == made.frames
    left_whole(tmp_path / "out")


def test_every_set_has_ten_kinds_of_damage():
    others = 3  # cut archive, path leaving it, full disk: above
    assert all(set(kinds) == set(KINDS) and len(kinds) + others == 10 for kinds in DAMAGE.values())
    assert set(DAMAGE) == set(layouts.SETS) == set(MAKERS)


@pytest.mark.parametrize("name", ["300vw"])
def test_interrupted_it_goes_on_and_mended_only_the_mended_is_done_anew(name, made, run, tmp_path, monkeypatch):
    from redn_lib.data import store_writer

    written, real = [], store_writer.StoreWriter.write

    def write(self, unit, frames, problems):
        if len(written) == 2:
            written.append("stop")
            next(iter(frames))
            raise KeyboardInterrupt
        written.append(unit.key)
        real(self, unit, frames, problems)

    monkeypatch.setattr(store_writer.StoreWriter, "write", write)
    status, said = run(name, made.root)
    assert status == 130 and "goes on from here" in said and not (tmp_path / "out/store.json").exists()
    assert run(name, made.root)[0] == 0 and written == ["001", "114", "stop", "203", "410"]
    before = (tmp_path / "out/store.json").stat().st_mtime_ns
    assert run(name, made.root)[0] == 0 and (tmp_path / "out/store.json").stat().st_mtime_ns == before
    made.points.write_text(made.points.read_text().replace("n_points: 68", "n_points: 60"))
    assert run(name, made.root)[0] == 1 and written[5:] == ["114"]
    assert len(Store(tmp_path / "out")) == made.frames - 1


def test_without_a_source_it_says_what_a_set_is(capsys):
    assert get.main([]) == 0
    listed = capsys.readouterr().out
    for name in MAKERS:
        assert f"  {name}" in listed and get.main([name]) == 0
        about = capsys.readouterr().out
        words = ("what ", "licence ", "size ", "get it ", "layout ", f"get.py {name} SOURCE --out DIR")
        assert all(word in about for word in words)
        assert max(map(len, about.splitlines())) <= 120


@pytest.mark.parametrize("name", ["folder"])
def test_wrong_use_is_told(name, made, run, tmp_path, capsys):
    status, said = run("300vw", tmp_path / "nowhere", out="a")
    assert status == 2 and "nowhere: no such folder or archive" in said
    (tmp_path / "empty").mkdir()
    status, said = run("300w", tmp_path / "empty", out="b")
    assert status == 2 and "nothing usable of 300w was found" in said and "get.py 300w" in said
    run(name, made.root)
    status, said = run("300w", made.root)
    assert status == 2 and "holds the set folder; give --out another folder" in said
    status, said = run(name, made.root, out="source")
    assert status == 2 and "is not empty; give --out a folder of its own" in said
    assert get.main(["300vw", "--download", "--out", str(tmp_path / "c")]) == 2
    assert "cannot be downloaded directly; get it by hand" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        get.main([name, str(made.root)])


@pytest.mark.parametrize("name", ["folder"])
def test_a_download_is_converted_and_a_gone_host_told(name, made, tmp_path, capsys, monkeypatch):
    archive = packed(made.root, tmp_path / "set.zip")
    small = dataclasses.replace(layouts.SETS[name], links=(Link(archive.as_uri()),))
    monkeypatch.setitem(layouts.SETS, name, small)
    assert get.main([name, "--download", "--out", str(tmp_path / "out")]) == 0
    assert len(Store(tmp_path / "out")) == made.frames and (tmp_path / "out-downloads/set.zip").is_file()
    gone = dataclasses.replace(small, links=(Link("http://no-such-host.invalid/x.zip"),))
    monkeypatch.setitem(layouts.SETS, name, gone)
    capsys.readouterr()
    assert get.main([name, "--download", "--out", str(tmp_path / "other")]) == 2
    said = capsys.readouterr().err
    assert "get x.zip by hand" in said and "layout " in said
