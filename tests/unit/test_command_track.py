"""`redn track`: the table and the overlay that it writes, what it keeps when stopped, errors of wrong use."""

import csv
import os
import signal

import cv2
import numpy as np
import pytest

from redn_lib import cli
from redn_lib.commands import track as module
from redn_lib.landmarks import MEAN_SHAPE, tight_box
from redn_lib.tracking.tracker import State, TrackedFrame
from redn_lib.tracking.video import VideoWriter, frames

LOST = 2
"""The frame in which the tracker of these tests loses the face."""


def points_of(index):
    return (np.float32([40, 30]) + 20 * MEAN_SHAPE + index).astype(np.float32)


class FakeTracker:
    """Finds a known face in every frame but one; `stop_at`: Ctrl-C comes before this frame."""

    stop_at = None
    made_with = None

    def __init__(self, model, steps=None, temporal=True):
        FakeTracker.made_with = model, steps, temporal

    def track(self, source, after=None):
        for index, seconds, image in frames(source):
            if after and index <= after.index:
                continue
            if index == self.stop_at:
                raise KeyboardInterrupt
            lost = index == LOST
            points = np.full((68, 2), np.nan, np.float32) if lost else points_of(index)
            confidence = np.full(68, 0.0 if lost else 0.75, np.float32)
            state = State(None, 1 + (index > LOST), tight_box(points), index)
            yield TrackedFrame(index, seconds, image, points, confidence, tight_box(points), lost, state.number, state)


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    monkeypatch.setattr(module, "Tracker", FakeTracker)
    monkeypatch.setattr(FakeTracker, "stop_at", None)
    monkeypatch.setattr(module, "load_weights", lambda path, device: f"{path.stem} on {device}")


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.avi"
    with VideoWriter(path, 10) as writer:
        for _ in range(5):
            writer.write(np.full((64, 96, 3), 60, np.uint8))
    return path


def read_table(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_the_table_has_a_line_a_frame_and_empty_cells_where_lost(clip, tmp_path, capsys):
    out = tmp_path / "new folder" / "points.csv"
    assert cli.main(["track", str(clip), "--out", str(out)]) == 0
    header, *rows = read_table(out)
    assert header[:6] == ["frame", "time", "lost", "confidence", "x0", "y0"]
    assert header[-3:] == ["x67", "y67", "face"] and len(header) == 4 + 136 + 1
    assert [r[0] for r in rows] == list("01234")
    assert [float(r[1]) for r in rows] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=1e-3)
    assert [r[2] for r in rows] == ["0", "0", "1", "0", "0"]
    assert [float(r[3]) for r in rows] == [0.75, 0.75, 0, 0.75, 0.75]
    assert set(rows[LOST][4:]) == {""} and [r[-1] for r in rows] == ["1", "1", "", "2", "2"]
    for t in (0, 1, 3, 4):
        assert np.allclose(np.array(rows[t][4:140], float).reshape(68, 2), points_of(t), atol=5e-4)
    assert "5 frames, face lost in 1" in capsys.readouterr().out
    assert [p.name for p in out.parent.iterdir()] == ["points.csv"]


def test_the_overlay_shows_the_points_except_where_lost(clip, tmp_path):
    overlay = tmp_path / "overlay.mp4"
    arguments = ["track", str(clip), "--out", str(tmp_path / "p.csv"), "--video", str(overlay)]
    assert cli.main(arguments) == 0
    source = frames(overlay)
    assert source.fps == pytest.approx(10)
    images = [image for _, _, image in source]
    changed = [int((np.abs(image.astype(int) - 60).max(-1) > 40).sum()) for image in images]
    assert len(images) == 5 and images[0].shape == (64, 96, 3)
    assert changed[LOST] < 5 and min(c for t, c in enumerate(changed) if t != LOST) > 50


def test_a_folder_of_one_number_is_a_folder_and_a_number_is_a_camera(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["track", "97", "--out", "p.csv"]) == 2
    assert "camera 97" in capsys.readouterr().err
    (tmp_path / "97").mkdir()
    assert cli.main(["track", "97", "--out", "p.csv"]) == 2
    assert "holds no image" in capsys.readouterr().err


@pytest.mark.parametrize("video", [True, False])
def test_ctrl_c_keeps_what_is_done_and_says_so(clip, tmp_path, monkeypatch, capsys, video):
    monkeypatch.setattr(FakeTracker, "stop_at", 3)
    out, overlay = tmp_path / "points.csv", tmp_path / "overlay.avi"
    arguments = ["track", str(clip), "--out", str(out)] + (["--video", str(overlay)] if video else [])
    assert cli.main(arguments) == 130
    assert [r[0] for r in read_table(out)[1:]] == ["0", "1", "2"]
    assert overlay.exists() == video
    if video:
        assert len(list(frames(overlay))) == 3
    printed = capsys.readouterr()
    assert "3 frames" in printed.out and "Ctrl-C" in printed.err


def test_an_image_that_cannot_be_read_is_lost_and_the_table_names_it(tmp_path, recwarn):
    folder, out, overlay = tmp_path / "images", tmp_path / "p.csv", tmp_path / "o.avi"
    folder.mkdir()
    for name in ("1.png", "3.png"):
        cv2.imwrite(str(folder / name), np.full((64, 96, 3), 60, np.uint8))
    (folder / "2.png").write_bytes(b"broken")
    assert cli.main(["track", str(folder), "--out", str(out), "--video", str(overlay)]) == 0
    rows = [dict(zip(read_table(out)[0], row, strict=True)) for row in read_table(out)[1:]]
    assert [(row["file"], row["lost"]) for row in rows] == [("1.png", "0"), ("2.png", "1"), ("3.png", "1")]
    assert rows[1]["x0"] == "" and len(list(frames(overlay))) == 3
    assert any("2.png" in str(told.message) for told in recwarn)


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_keeps_what_is_done(clip, tmp_path, monkeypatch, which):
    def track(self, source, plain=FakeTracker.track):
        for frame in plain(self, source):
            if frame.index == 3:
                os.kill(os.getpid(), which)
            yield frame

    monkeypatch.setattr(FakeTracker, "track", track)
    out, overlay = tmp_path / "points.csv", tmp_path / "overlay.mp4"
    assert cli.main(["track", str(clip), "--out", str(out), "--video", str(overlay)]) == 130
    assert [r[0] for r in read_table(out)[1:]] == ["0", "1", "2", "3"] and len(list(frames(overlay))) == 4


@pytest.mark.parametrize(
    "options",
    [
        ["--out", "./clip.avi"],
        ["--out", "link.csv"],
        ["--out", "CLIP.AVI"],
        ["--out", "p.csv", "--video", "hard.avi"],
        ["--out", "o.mp4", "--video", "sub/../o.mp4"],
        ["--out", "/dev/null"],
        ["--out", "p.csv", "--video", "sub"],
    ],
)
def test_outputs_that_would_destroy_are_refused_before_anything_is_opened(clip, tmp_path, monkeypatch, options, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "frames", None)
    os.symlink(clip, "link.csv")
    os.link(clip, "hard.avi")
    os.mkdir("sub")
    before, names = clip.read_bytes(), sorted(os.listdir())
    assert cli.main(["track", "clip.avi", *options]) == 2
    assert "name another" in capsys.readouterr().err
    assert clip.read_bytes() == before and sorted(os.listdir()) == names and os.path.exists("/dev/null")


def test_an_image_of_the_folder_is_no_output(tmp_path, monkeypatch, capsys):
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((64, 64, 3), np.uint8))
    assert cli.main(["track", str(tmp_path), "--out", str(tmp_path / "1.png")]) == 2
    assert "would overwrite" in capsys.readouterr().err
    for _ in range(2):  # written again
        assert cli.main(["track", str(tmp_path), "--out", str(tmp_path / "p.csv")]) == 0


def test_weights_steps_memory_and_device_are_handed_on(clip, tmp_path):
    plain = ["track", str(clip), "--out", str(tmp_path / "p.csv")]
    cli.main([*plain, "--steps", "2", "--no-temporal", "--device", "meta"])
    assert FakeTracker.made_with == ("compact on meta", 2, False)
    cli.main(plain)
    assert FakeTracker.made_with == ("compact on None", None, True)
    cli.main([*plain, "--weights", str(tmp_path / "own.safetensors")])
    assert FakeTracker.made_with == ("own on None", None, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.mp4", "--out", "p.csv"], "nowhere.mp4"),
        (["-1", "--out", "p.csv"], "camera -1"),
        (["99999999999", "--out", "p.csv"], "camera 99999999999"),
        (["clip.avi", "--out", "p.csv", "--steps", "0"], "--steps"),
        (["clip.avi", "--out", "p.csv", "--video", "o.gif"], "o.gif"),
    ],
)
def test_wrong_use_is_one_line_and_leaves_no_file(clip, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["track", *arguments]) == 2
    printed = capsys.readouterr().err
    assert message in printed and len(printed.splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["clip.avi"]


def test_an_error_half_way_leaves_the_old_table_whole(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "1.png").write_bytes(b"broken")
    out = tmp_path / "points.csv"
    out.write_text("the old table")
    assert cli.main(["track", str(folder), "--out", str(out)]) == 2
    assert out.read_text() == "the old table"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images", "points.csv"]


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["track", "--help"])
    printed = capsys.readouterr().out
    for option in "CLIP --out --video --weights --steps --no-temporal --device camera largest".split():
        assert option in printed
