"""data_scripts/get.py on every dataset: good ones, damaged ones, interrupted ones."""

import dataclasses
import errno
import http.server
import importlib.util
import os
import re
import shutil
import threading
from collections import Counter
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_sets import MAKERS, packed, shape

from redn_lib.data import convert, layouts
from redn_lib.data.dataset import open as open_dataset
from redn_lib.data.pts import write_pts

SCRIPT = Path(__file__).parents[2] / "data_scripts" / "get.py"
SPEC = importlib.util.spec_from_file_location("get", SCRIPT)
get = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(get)

every_set = pytest.mark.parametrize("name", MAKERS)


@pytest.fixture
def made(tmp_path, request, monkeypatch):
    """The set of the test's `name` in its published layout, and the script told that it is this small."""
    name = request.getfixturevalue("name")
    it = MAKERS[name](tmp_path / "source")
    monkeypatch.setitem(layouts.SETS, name, dataclasses.replace(layouts.SETS[name], expected=it.splits))
    videos = {"001": "train", "114": "cat1", "203": "cat2", "410": "cat3"}
    monkeypatch.setattr("redn_lib.data.layouts.readers.SPLITS", videos)
    return it


@pytest.fixture
def run(tmp_path, capsys):
    def run(name, *sources, out="out"):
        status = get.main([name, *map(str, sources), "--out", str(tmp_path / out)])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return run


@every_set
def test_a_good_set_is_converted_and_reported(name, made, run, tmp_path):
    status, printed = run(name, made.root)
    assert status == 0, printed
    assert f"{name}: {made.frames} frames" in printed and "left out or odd: 0" in printed and "counts: 0" in printed
    dataset = open_dataset(tmp_path / "out")
    assert len(dataset) == made.frames and dataset.identities == layouts.SETS[name].identities
    assert Counter(sample.split for sample in dataset) == made.splits
    assert (tmp_path / "out/report.txt").read_text().startswith(f"{name}: ")
    assert cv2.imread(str(tmp_path / "out/contact_sheet.jpg")).shape[1] == 160 * min(8, made.frames)
    for sample in dataset:
        image = sample.load().frames[0]
        x, y = np.rint(sample.points[30]).astype(int)
        assert image[y, x].min() > 215, "the tip of the nose is drawn white"
        assert (sample.box[:2] >= 0).all() and (sample.box[2:] <= image.shape[1::-1]).all()
        assert (sample.box[2:] - sample.box[:2] > 40).all()


@pytest.mark.parametrize("name", ["300w", "ytf68"])
@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_an_archive_gives_what_the_folder_gives(name, made, run, tmp_path, ending):
    status, printed = run(name, packed(made.root, tmp_path / f"{made.root.name}{ending}"))
    assert status == 0, printed
    run(name, made.root, out="other")
    one, other = open_dataset(tmp_path / "out"), open_dataset(tmp_path / "other")
    assert [sample.name for sample in one] == [sample.name for sample in other]
    np.testing.assert_array_equal([sample.points for sample in one], [sample.points for sample in other])
    assert not (tmp_path / "out/unpacked").exists()


@pytest.mark.parametrize("name", ["300w"])
@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_an_archive_run_again_does_only_what_is_missing(name, made, run, tmp_path, ending, monkeypatch):
    archive, unpacked, written = packed(made.root, tmp_path / f"set{ending}"), [], []

    def noted(calls, function):
        return lambda *given: calls.append(1) or function(*given)

    monkeypatch.setattr(convert, "unpack", noted(unpacked, convert.unpack))
    monkeypatch.setattr(convert, "_write_part", noted(written, convert._write_part))
    assert run(name, archive)[0] == 0 and (len(unpacked), len(written)) == (1, 6)
    os.utime(archive)
    assert run(name, archive)[0] == 0 and (len(unpacked), len(written)) == (2, 6)
    next((tmp_path / "out/parts").glob("helen-test*.bin")).unlink()
    assert run(name, archive)[0] == 0 and (len(unpacked), len(written)) == (3, 7)
    assert len(open_dataset(tmp_path / "out")) == made.frames


def edit(old, new):
    """Replace text in the chosen frame's file of points."""

    def damage(made):
        text = made.points.read_text()
        assert re.search(old, text, re.MULTILINE)
        made.points.write_text(re.sub(old, new, text, count=1, flags=re.MULTILINE))

    return damage


def beyond(made):
    made.points.with_name("000004.pts").rename(made.points.with_name("000005.pts"))


def fewer_points(made):
    write_pts(made.points, shape(0)[:67])


def gone(which):
    return lambda made: getattr(made, which).unlink()


def emptied(which):
    return lambda made: getattr(made, which).write_bytes(b"")


def outside(made):
    write_pts(made.points, shape(0) + 500)


DAMAGE = [
    ("300w", gone("image"), "{points}: no image .jpg or .png of that name; copy it there", 1),
    ("300w", gone("points"), "{image}: no points .pts of that name; copy it there", 1),
    ("300w", emptied("image"), "{image}: no whole image .*copy it again", 1),
    ("300w", edit("^[0-9.]+ ", "nan "), "{points}: no whole .pts file .*mend or delete it", 1),
    ("300w", fewer_points, "{points}: 67 points .*mend or leave it out", 1),
    ("300w", outside, "{image}.*: the points lie outside the image.*mend or delete", 1),
    ("300vw", gone("points"), "114: no points for frames 2, left out; copy the missing files", 1),
    ("300vw", beyond, "114: no points for frames 4.*\n.*114: no images for frames 5", 1),
    ("300vw", emptied("image"), "114: no images for frames 1, 2, 3, 4, left out; copy", 4),
    ("folder", edit("n_points: 68", "n_points: 70"), "{points}: no whole .pts file .*copy it again", 1),
    ("ytf68", gone("image"), "{image}: no such image.*copy it there or delete the row", 1),
    ("ytf68", emptied("image"), "{image}: no whole image", 1),
    ("ytf68", edit("^(Bo_Ek_12.jpg),[^,]*", r"\1,nan"), "{points}: no table .*not a number.*mend it", 3),
    ("ytf68", edit("^(Bo_Ek_12.jpg),[^,]*", r"\1,x"), "{points}: no table .*'x'.*mend it", 3),
    ("ytf68", edit(",[^,]*$\nAnn_Lee_21", "\nAnn_Lee_21"), "{points}: no table .*mend it or copy it again", 3),
]


@pytest.mark.parametrize(("name", "damage", "message", "lost"), DAMAGE)
def test_damage_is_named_with_its_remedy_and_the_rest_converted(name, damage, message, lost, made, run, tmp_path):
    damage(made)
    status, printed = run(name, made.root)
    assert status == 1, printed
    files = {"image": re.escape(str(made.image)), "points": re.escape(str(made.points))}
    assert re.search(message.format(**files) if "{" in message else message, printed), printed
    assert len(open_dataset(tmp_path / "out")) == made.frames - lost


@pytest.mark.parametrize("name", ["ytf68"])
def test_mended_and_run_again_it_is_whole(name, made, run, tmp_path):
    good = made.points.read_bytes()
    edit("^(Bo_Ek_12.jpg),[^,]*", r"\1,nan")(made)
    assert run(name, made.root)[0] == 1
    made.points.write_bytes(good)
    status, printed = run(name, made.root)
    assert status == 0 and len(open_dataset(tmp_path / "out")) == made.frames, printed


@pytest.mark.parametrize("name", ["folder"])
def test_names_that_are_no_text_are_told(name, made, run):
    shutil.copy(made.points, os.fsdecode(bytes(made.points.parent) + b"/caf\xe9.pts"))
    status, printed = run(name, made.root)
    assert status == 1 and "caf\\udce9.pts: no image .jpg or .png of that name" in printed


@pytest.mark.parametrize("name", ["300w"])
def test_an_archive_is_named_where_a_file_in_it_or_itself_is_damaged(name, made, run, tmp_path):
    made.image.unlink()
    archive = packed(made.root, tmp_path / "set.zip")
    status, printed = run(name, archive)
    assert status == 1 and "\n  set.zip/helen/trainset/image_1_0.pts: no image .jpg or .png of that name" in printed
    archive.write_bytes(archive.read_bytes()[:-100])
    status, printed = run(name, archive)
    assert status == 2 and "set.zip: no whole and safe zip or tar archive" in printed


@pytest.mark.parametrize("name", ["300w"])
def test_a_full_disk_leaves_nothing_half_and_goes_on_later(name, made, run, tmp_path, monkeypatch):
    calls = []

    def fsync(_):
        calls.append(1)
        if len(calls) > 4:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        status, printed = run(name, made.root)
    assert status == 2 and re.search(r"could not write .*out.*No space left.*free some space", printed), printed
    with pytest.raises(FileNotFoundError, match="did not finish; run the same"):
        open_dataset(tmp_path / "out")
    status, printed = run(name, made.root)
    assert status == 0 and len(open_dataset(tmp_path / "out")) == made.frames
    assert [p for p in (tmp_path / "out").rglob("*") if p.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["300vw"])
def test_interrupted_it_goes_on_and_only_what_changed_is_done_again(name, made, run, tmp_path, monkeypatch):
    written, real = [], convert._write_part

    def write(unit, folder):
        written.append(unit.key)
        if len(written) == 3:
            raise KeyboardInterrupt
        return real(unit, folder)

    monkeypatch.setattr(convert, "_write_part", write)
    status, printed = run(name, made.root)
    assert status == 130 and "goes on from here" in printed and not (tmp_path / "out/store.json").exists()
    assert run(name, made.root)[0] == 0 and written == ["001", "114", "203", "203", "410"]
    assert run(name, made.root)[0] == 0 and len(written) == 5
    edit("n_points: 68", "n_points: 60")(made)
    assert run(name, made.root)[0] == 1 and written[5:] == ["114"]
    assert len(open_dataset(tmp_path / "out")) == made.frames - 1


def test_without_a_source_it_says_what_a_set_is(capsys):
    assert get.main([]) == 0
    listed = capsys.readouterr().out
    assert set(MAKERS) == set(layouts.SETS)
    for name in MAKERS:
        assert f"  {name}" in listed and get.main([name]) == 0
        about = capsys.readouterr().out
        words = ("what ", "licence ", "size ", "get it ", "layout ", f"get.py {name} SOURCE --out DIR")
        assert all(word in about for word in words)
        assert max(map(len, about.splitlines())) <= 120


@pytest.mark.parametrize("name", ["folder"])
def test_wrong_use_is_told(name, made, run, tmp_path, capsys):
    status, printed = run("300vw", tmp_path / "nowhere", out="a")
    assert status == 2 and "nowhere: no folder and no archive is there" in printed
    status, printed = run("300vw", os.devnull, out="a")
    assert status == 2 and f"{os.devnull}: no folder and no archive is there" in printed
    (tmp_path / "empty").mkdir()
    status, printed = run("300w", tmp_path / "empty", out="b")
    assert status == 2 and "nothing usable of 300w was found" in printed and "get.py 300w" in printed
    run(name, made.root)
    status, printed = run("300w", made.root)
    assert status == 2 and "holds another set or other files; give --out a folder of its own" in printed
    status, printed = run(name, made.root, out="source")
    assert status == 2 and "holds another set or other files; give --out a folder of its own" in printed
    assert get.main(["300vw", "--download", "--out", str(tmp_path / "c")]) == 2
    assert "cannot be downloaded directly; get it by hand" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        get.main([name, str(made.root)])


@pytest.mark.parametrize("name", ["folder"])
def test_two_archives_of_one_name_are_told_and_one_named_twice_is_taken_once(name, made, run, tmp_path):
    for home in ("a", "b"):
        (tmp_path / home).mkdir()
        packed(made.root, tmp_path / home / "set.zip")
    status, printed = run(name, tmp_path / "a/set.zip", tmp_path / "b/set.zip", out="c")
    assert status == 2 and "set.zip: another of the archives has its name, too; rename one" in printed
    status, printed = run(name, tmp_path / "a/set.zip", tmp_path / "b/../a/set.zip", out="d")
    assert status == 0 and "left out or odd: 0" in printed and len(open_dataset(tmp_path / "d")) == made.frames


@pytest.mark.parametrize("name", ["folder"])
def test_a_download_is_converted_and_a_gone_host_told(name, made, tmp_path, capsys, monkeypatch):
    packed(made.root, tmp_path / "set.zip")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        small = dataclasses.replace(layouts.SETS[name], links=(f"http://127.0.0.1:{server.server_port}/set.zip",))
        monkeypatch.setitem(layouts.SETS, name, small)
        assert get.main([name, "--download", "--out", str(tmp_path / "out")]) == 0
        server.shutdown()
    assert len(open_dataset(tmp_path / "out")) == made.frames and (tmp_path / "out-downloads/set.zip").is_file()
    gone = dataclasses.replace(small, links=("http://no-such-host.invalid/x.zip",))
    monkeypatch.setitem(layouts.SETS, name, gone)
    capsys.readouterr()
    assert get.main([name, "--download", "--out", str(tmp_path / "other")]) == 2
    printed = capsys.readouterr().err
    assert "get x.zip by hand" in printed and "layout " in printed


@pytest.mark.parametrize("name", ["folder"])
def test_a_damaged_download_is_got_again(name, made, tmp_path, capsys, monkeypatch):
    archive = packed(made.root, tmp_path / "set.zip")
    whole, folder = archive.read_bytes(), tmp_path / "out-downloads"
    monkeypatch.setitem(layouts.SETS, name, dataclasses.replace(layouts.SETS[name], links=("http://host/set.zip",)))

    def fetch(url, folder, progress):
        folder.mkdir(exist_ok=True)
        return shutil.copy(archive, folder / "set.zip")

    monkeypatch.setattr(get, "fetch", lambda *args: Path(fetch(*args)))
    archive.write_bytes(whole[:-100])
    assert get.main([name, "--download", "--out", str(tmp_path / "out")]) == 2
    assert "no whole and safe" in capsys.readouterr().err and not list(folder.iterdir())
    archive.write_bytes(whole)
    assert get.main([name, "--download", "--out", str(tmp_path / "out")]) == 0
