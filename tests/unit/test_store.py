"""The common form: written part by part, read as faces and clips, and never taken for whole when it is not."""

import argparse
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_sets import make_300vw, make_300w, make_aflw, make_npz, make_ytf68, picture, save, shape

from redn_lib.commands.common import chosen_rows
from redn_lib.data.convert import convert
from redn_lib.data.layouts import SETS
from redn_lib.data.pictures import LARGEST, store_still
from redn_lib.data.pts import write_pts
from redn_lib.data.store import Store
from redn_lib.data.ytf import read_faces, split_by_person
from redn_lib.rednet import COMPACT
from redn_lib.training.batches import StillBatches, cut_patch
from redn_lib.training.stages import Stage


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    root = tmp_path_factory.mktemp("videos")
    made = make_300vw(root / "source")
    made.points.unlink()  # frame 2 of video 114
    return convert(SETS["300vw"], [made.root], root / "out")


def test_rows_say_what_is_known_of_a_frame(videos):
    row = next(row for row in videos.rows if row.name == "114/000003")
    assert (row.person, row.video, row.frame, row.split) == ("114", "114", 3, "cat1")
    assert row.points.dtype == np.float32 and videos.column("fps")[row.index] == 30
    np.testing.assert_allclose(row.points, shape(12), atol=1e-4)
    face = row.load()
    assert face.image.shape == (100, 120, 3) and face.person == "114"
    assert np.abs(face.image.astype(int) - picture(12, shape(12))).mean() < 6


def test_clips_are_stretches_of_consecutive_frames(videos):
    runs = videos.runs(2)
    assert [(run[0].video, [row.frame for row in run]) for run in runs] == [
        ("001", [1, 2]), ("001", [3, 4]), ("114", [3, 4]), ("203", [1, 2]), ("203", [3, 4]), ("410", [1, 2]),
        ("410", [3, 4]),
    ]  # fmt: skip
    clip = videos.clip(runs[2])
    assert len(clip) == 2 and clip.frames.shape == (2, 100, 120, 3) and clip.fps == 30 and clip.person == "114"
    np.testing.assert_allclose(clip.points[1], shape(13), atol=1e-4)
    assert len(videos.runs(4)) == 3 and videos.runs(5) == []
    with pytest.raises(ValueError, match="of one video, not of 2"):
        videos.clip([runs[0][0], runs[2][0]])


def test_a_store_travels_to_workers(videos):
    again = pickle.loads(pickle.dumps(videos))
    assert (again.picture(3) == videos.picture(3)).all()


def test_frames_that_are_marked_in_part_are_no_faces(tmp_path):
    made = make_aflw(tmp_path / "source")
    row = convert(SETS["aflw"], [made.root], tmp_path / "out").rows[0]
    assert np.isfinite(row.points).all(1).sum() == 14 and row.picture().shape == (100, 120, 3)
    with pytest.raises(ValueError, match="aflw/39341 of .*: 14 of the 68 points"):
        row.load()


@pytest.mark.parametrize("file", ["store.json", "points.npy", "frames.npz", "parts/114.bin"])
@pytest.mark.parametrize("damage", ["gone", "cut", "other"])
def test_what_is_not_whole_is_not_opened(videos, tmp_path, file, damage):
    folder = tmp_path / "store"
    shutil.copytree(videos.folder, folder)
    data = (folder / file).read_bytes()
    if damage == "gone":
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(data[: len(data) // 2] if damage == "cut" else data[::-1])
    with pytest.raises((ValueError, FileNotFoundError), match="store.*run the same data_scripts/get.py command again"):
        Store(folder).check()


def test_a_folder_that_is_no_store_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"{tmp_path.name}: no converted data set"):
        Store(tmp_path)


def test_a_large_still_is_cut_around_the_face_and_the_way_back_kept(tmp_path):
    points = (shape(0) - 50) * 6 + [900, 700]
    save(tmp_path / "large.png", 0, points, (1600, 1300))
    stored = store_still(tmp_path / "large.png", points.astype(np.float32), np.r_[points.min(0), points.max(0)])
    image = cv2.imdecode(np.frombuffer(stored.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape[1::-1] == stored.size and max(stored.size) <= LARGEST
    x, y, width, height = stored.origin
    back = (stored.points + 0.5) * [width, height] - 0.5 + [x, y]
    np.testing.assert_allclose(back, points, atol=1e-3)
    assert image[tuple(np.rint(stored.points[30, ::-1]).astype(int))].min() > 200


def test_a_small_jpeg_is_stored_as_it_is(tmp_path):
    save(tmp_path / "small.jpg", 0)
    box = np.r_[shape(0).min(0), shape(0).max(0)]
    assert store_still(tmp_path / "small.jpg", shape(0), box).jpeg == (tmp_path / "small.jpg").read_bytes()


@pytest.mark.parametrize("name", ["tf", "fm"])
def test_frames_of_a_clip_kept_as_pictures_stay_whole_and_make_a_clip(tmp_path, name):
    for i in range(3):
        points = shape(i) * 2 + [300 + 40 * i, 200]
        save(tmp_path / f"source/clip/f_{i:05d}.jpg", i, points, (720, 576))
        write_pts(tmp_path / f"source/clip/f_{i:05d}.pts", points - (name == "tf"))
    store = convert(SETS[name], [tmp_path / "source"], tmp_path / "out")
    clip = store.clip(store.runs(3)[0])
    assert clip.frames.shape == (3, 576, 720, 3)
    np.testing.assert_allclose(clip.points[2], points, atol=1e-4)


@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_a_still_cut_short_is_refused_and_one_with_more_behind_it_taken(tmp_path, ending):
    path, box = tmp_path / f"still{ending}", np.r_[shape(0).min(0), shape(0).max(0)]
    save(path, 0)
    data = path.read_bytes()
    path.write_bytes(data + b"appended" * 1000)
    assert store_still(path, shape(0), box).size == (120, 100)
    for length in (0, 3, len(data) // 2, len(data) - 20):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=f"still{ending}: no whole picture; copy it anew"):
            store_still(path, shape(0), box)


@pytest.mark.parametrize(("name", "make"), [("ytf68", make_ytf68), ("ytf-npz", make_npz), ("300w", make_300w)])
def test_every_set_trains_through_the_same_path(tmp_path, name, make):
    made = make(tmp_path / "source")
    store = convert(SETS[name], [made.root], tmp_path / "out")
    rest, held = split_by_person(store.rows, 0.5, 0)
    assert rest and held and not {r.person for r in rest} & {r.person for r in held}
    stage = Stage(iterations=2, batch=4, procedural=0.0)
    batch = StillBatches([cut_patch(row.load()) for row in rest], stage, COMPACT)[0]
    assert batch.patches.shape == (4, 3, 224, 224) and batch.points.shape == (4, 68, 2)
    assert (batch.person >= 0).all()


def test_commands_take_a_store_or_the_published_folder(tmp_path):
    made = make_ytf68(tmp_path / "source")
    convert(SETS["ytf68"], [made.root], tmp_path / "out")
    (tmp_path / "people.txt").write_text("Bo_Ek Cy_Oh")
    for people, without, left in ((None, "people.txt", {"Ann_Lee"}), ("people.txt", None, {"Bo_Ek", "Cy_Oh"})):
        for folder in ("source", "out"):
            names = [tmp_path / n if n else None for n in (people, without)]
            args = argparse.Namespace(data=tmp_path / folder, people=names[0], without=names[1])
            assert {row.load().person for row in chosen_rows(args)} == left
    (tmp_path / "out/store.json").unlink()
    with pytest.raises(FileNotFoundError, match="did not finish"):
        chosen_rows(args)


def test_ytf68_is_read_as_by_its_own_reader(tmp_path):
    made = make_ytf68(tmp_path / "source")
    stored = {row.name: row.load() for row in convert(SETS["ytf68"], [made.root], tmp_path / "out").rows}
    for row in read_faces(made.root):
        face = row.load()
        assert (stored[row.name].image == face.image).all() and (stored[row.name].points == face.points).all()
        assert stored[row.name].person == face.person


def test_killed_it_goes_on(tmp_path):
    made = make_npz(tmp_path / "source")
    (made.root / "Ann_Lee_4.npz").write_bytes(made.points.read_bytes())
    slow = (
        "import sys, time; from pathlib import Path; from redn_lib.data.layouts import SETS, youtube\n"
        "from redn_lib.data.convert import convert\n"
        "real = youtube.store_frame\n"
        "youtube.store_frame = lambda *a: (time.sleep(0.15), real(*a))[1]\n"
        "convert(SETS['ytf-npz'], [Path(sys.argv[1])], Path(sys.argv[2]))"
    )
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", slow, str(made.root), str(out)], cwd=Path(__file__).parents[2])
    try:
        for _ in range(600):
            if len(list(out.glob("parts/*.npz"))) >= 1 and list(out.glob("parts/.*.bin")):
                break
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    done = {p.name: p.stat().st_mtime_ns for p in out.glob("parts/*.npz")}
    assert 1 <= len(done) < 4 and list(out.glob("parts/.*")), "killed while a part was being written"
    with pytest.raises(FileNotFoundError, match="did not finish"):
        Store(out)
    store = convert(SETS["ytf-npz"], [made.root], out)
    assert len(store) == 16 and list(out.glob("parts/.*")) == []
    assert all((out / "parts" / name).stat().st_mtime_ns == when for name, when in done.items())
    store.check()
