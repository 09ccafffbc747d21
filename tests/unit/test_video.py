"""Frames from every kind of source, errors of broken ones, and videos written whole or not at all."""

import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_video import convert_video

from redn_lib.data.clip import check_image
from redn_lib.data.videos import DEFAULT_FPS, packet_times
from redn_lib.tracking import video as module
from redn_lib.tracking.video import VideoWriter, frames


def image_of(level: int, h: int = 48, w: int = 64) -> np.ndarray:
    """Left half red, right half blue, and a grey floor of `level`."""
    image = np.zeros((h, w, 3), np.uint8)
    image[:, : w // 2, 0] = image[:, w // 2 :, 2] = 200
    image[h // 2 :] = level
    return image


def write_video(path, n=12, fps=10.0):
    with VideoWriter(path, fps) as writer:
        for t in range(n):
            writer.write(image_of(20 * (t % 12)))
    return path


def level(image: np.ndarray) -> float:
    return image[len(image) // 2 + 4 :].mean()


@pytest.mark.parametrize("ending", [".mp4", ".avi", ".webm", ".MP4"])
def test_what_is_written_is_read_back(tmp_path, ending):
    source = frames(write_video(tmp_path / f"a{ending}"))
    assert source.fps == pytest.approx(10) and source.count == 12
    index, seconds, images = zip(*source, strict=True)
    assert index == tuple(range(12))
    assert np.allclose(seconds, np.arange(12) / 10, atol=1e-3)
    assert [level(i) for i in images] == pytest.approx([20 * t for t in range(12)], abs=8)
    assert images[0].shape == (48, 64, 3) and images[0].dtype == np.uint8


def test_colours_are_red_green_blue(tmp_path):
    _, _, image = next(iter(frames(write_video(tmp_path / "a.avi"))))
    assert image[5, 10].tolist() == pytest.approx([200, 0, 0], abs=25)
    assert image[5, 50].tolist() == pytest.approx([0, 0, 200], abs=25)


def test_a_video_recorded_sideways_is_turned_upright(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 44
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    _, _, image = next(iter(frames(path)))
    assert image.shape == (64, 48, 3)
    assert image[10, 40].tolist() == pytest.approx([200, 0, 0], abs=25)


def test_a_video_that_breaks_off_gives_what_is_readable(tmp_path):
    path = write_video(tmp_path / "a.avi", 40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.warns(UserWarning, match=r"a\.avi breaks off: only its first \d+ frames"):
        read = list(frames(path))
    assert 5 < len(read) < 35
    assert [level(i) for _, _, i in read][:5] == pytest.approx([0, 20, 40, 60, 80], abs=8)


MIRRORED = {"upright": (1, 0, 0, 1), "across": (-1, 0, 0, 1), "down": (1, 0, 0, -1), "quarter": (0, 1, 1, 0)}


@pytest.mark.parametrize("way", MIRRORED)
def test_a_video_with_a_mirroring_display_matrix_is_shown_as_it_says(tmp_path, way):
    path, (a, b, c, d) = write_video(tmp_path / "a.mp4", 2), MIRRORED[way]
    plain = next(iter(frames(path)))[2]
    data = bytearray(path.read_bytes())
    place, one = data.index(b"tkhd") + 44, 1 << 16
    data[place : place + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    image = next(iter(frames(path)))[2]
    x, y = np.meshgrid(*(np.linspace(-1, 1, n) for n in ((48, 64) if a == 0 else (64, 48))))
    from_x, from_y = a * x + b * y, c * x + d * y  # these matrices are their own inverses
    column, row = np.round((from_x + 1) * 31.5).astype(int), np.round((from_y + 1) * 23.5).astype(int)
    assert image.shape == (*x.shape, 3) and np.array_equal(image, plain[row, column])


def jitter(tmp_path, out, *options):
    """A video of 30 frames a second whose clock is that of a browser: whole milliseconds, some late."""
    write_video(tmp_path / "plain.mp4", 30, 30)
    late = "settb=1/1000,setpts='PTS+8*mod(N,2)'"
    words = ("-vf", late, "-fps_mode", "passthrough", "-enc_time_base", "1/1000", *options)
    return convert_video(tmp_path / "plain.mp4", tmp_path / out, *words)


@pytest.mark.parametrize("live", ["0", "1"])
def test_the_rate_of_a_browser_video_is_that_of_its_time_stamps(tmp_path, monkeypatch, live, recwarn):
    path = jitter(tmp_path, "a.webm", "-c:v", "libvpx", "-live", live)
    real = cv2.VideoCapture

    class Claims:
        """Gives the 1000 frames a second that some browsers write."""

        def __init__(self, *words):
            self.inner = real(*words)

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def get(self, which):
            told = self.inner.get(which)
            if which == cv2.CAP_PROP_FPS:
                return 1000.0
            return told * 1000 / 30 if which == cv2.CAP_PROP_FRAME_COUNT else told

    monkeypatch.setattr(cv2, "VideoCapture", Claims)
    source = frames(path)
    assert source.fps == pytest.approx(30, rel=0.02) and source.count == 30
    assert len(list(source)) == 30 and not recwarn.list


def test_an_overlay_of_a_variable_frame_rate_lasts_as_long_as_the_video(tmp_path):
    write_video(tmp_path / "plain.mp4", 60, 30)
    some = ("-vf", "select='lt(t,1)+not(mod(n,5))'", "-fps_mode", "vfr")
    path = convert_video(tmp_path / "plain.mp4", tmp_path / "a.mp4", *some)
    source = frames(path)
    index, seconds, images = zip(*source, strict=True)
    assert len(index) == 36 and np.diff(seconds).max() == pytest.approx(5 / 30, abs=2e-3)
    with VideoWriter(tmp_path / "o.mp4", source.fps) as writer:
        for image in images:
            writer.write(image)
    overlay = [t for _, t, _ in frames(tmp_path / "o.mp4")]
    assert len(overlay) == 36 and overlay[-1] == pytest.approx(seconds[-1], rel=0.02)


def test_a_trimmed_video_gives_what_is_left_without_a_warning(tmp_path, recwarn):
    write_video(tmp_path / "plain.avi", 60, 30)
    coded = convert_video(tmp_path / "plain.avi", tmp_path / "plain.mp4", "-c:v", "libx264")
    path = convert_video(coded, tmp_path / "a.mp4", "-c", "copy", before=("-ss", "1"))
    source = frames(path)
    assert len(list(source)) == 30 and source.fps == pytest.approx(30, rel=0.01) and not recwarn.list
    assert len(packet_times(path, 0.1)) > 30  # the cut-off frames are still in the file


def test_frames_of_another_size_in_mid_stream_are_given_at_the_first_size(tmp_path):
    write_video(tmp_path / "plain.mp4", 20, 25)
    large = convert_video(tmp_path / "plain.mp4", tmp_path / "a.ts", "-c:v", "mpeg2video")
    small = convert_video(tmp_path / "plain.mp4", tmp_path / "b.ts", "-c:v", "mpeg2video", "-vf", "scale=80:80")
    (tmp_path / "both.ts").write_bytes(large.read_bytes() + small.read_bytes())
    source = frames(tmp_path / "both.ts")
    index, seconds, images = zip(*source, strict=True)
    assert len(index) >= 38 and {image.shape for image in images} == {(48, 64, 3)}
    assert (np.diff(seconds) > 0).all() and source.fps == pytest.approx(25, rel=0.02)


def test_frames_behind_damage_are_read_and_the_loss_is_told(tmp_path):
    path = write_video(tmp_path / "a.avi", 40)
    data = bytearray(path.read_bytes())
    for at in (4, 3, 2):  # short stretches
        data[len(data) // at : len(data) // at + 400] = bytes(400)
    path.write_bytes(data)
    with pytest.warns(UserWarning, match=r"a\.avi is damaged: \d+ of \d+ frames"):
        read = list(frames(path))
    assert 34 <= len(read) < 39 and read[-1][1] == pytest.approx(3.9, abs=0.25)


class Capture:
    """A video whose file tells neither frames a second nor times."""

    def __init__(self, *_):
        self.left = 3

    def isOpened(self):
        return True

    def get(self, _):
        return 0.0

    def grab(self):
        return False

    def read(self):
        self.left -= 1
        return self.left >= 0, image_of(0)

    def release(self):
        pass


def test_a_video_without_frames_a_second_gets_the_default(tmp_path, monkeypatch):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x")
    monkeypatch.setattr(module.cv2, "VideoCapture", Capture)
    source = frames(path)
    assert source.fps == DEFAULT_FPS and source.count is None
    assert [seconds for _, seconds, _ in source] == pytest.approx([0, 1 / DEFAULT_FPS, 2 / DEFAULT_FPS])


def test_a_missing_video_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.mp4"):
        frames(tmp_path / "nowhere.mp4")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.mp4", b"", "is empty"),
        ("a.mp4", b"no video at all\n" * 99, "not a video"),
        ("a.png", b"x", "is an image.*folder"),
    ],
)
def test_what_is_no_video_is_named(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=f"{name}.*{message}"):
        frames(tmp_path / name)


def test_a_video_without_a_readable_frame_is_named(tmp_path):
    path = write_video(tmp_path / "a.avi")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"movi") + 4])
    with pytest.raises(ValueError, match=r"a\.avi"):
        list(frames(path))


def test_a_cut_off_mp4_is_named(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"a\.mp4.*cut off"):
        frames(path)


def save(folder, name, image):
    assert cv2.imwrite(str(folder / name), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def test_a_folder_of_images_comes_in_natural_order(tmp_path):
    for name, value in (("f10.png", 100), ("f2.png", 20), ("F1.png", 10), ("f02b.png", 30)):
        save(tmp_path, name, image_of(value))
    (tmp_path / "notes.txt").write_text("not an image")
    source = frames(str(tmp_path))
    assert source.count == 4 and source.fps == DEFAULT_FPS
    read = list(source)
    assert [level(i) for _, _, i in read] == [10, 20, 30, 100]
    assert read[0][2][5, 10].tolist() == [200, 0, 0]
    assert [t for _, t, _ in read] == pytest.approx([0, 0.04, 0.08, 0.12])


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="holds no image"):
        frames(tmp_path)


def test_what_is_no_image_of_a_folder_is_skipped_with_a_word(tmp_path):
    (tmp_path / "0.png").write_bytes(b"broken")
    for name, image in (("1.png", image_of(10)), ("3.png", image_of(0, 50, 70)), ("5.png", image_of(50))):
        save(tmp_path, name, image)
    (tmp_path / "._1.png").write_bytes(b"of another system")
    (tmp_path / "2b.png").mkdir()
    (tmp_path / "2.png").write_bytes(b"")
    (tmp_path / "4.png").symlink_to("nowhere")
    source = frames(tmp_path)
    with pytest.warns(UserWarning, match="is skipped: ") as told:
        read = [(index, image) for index, _, image in source]
    assert source.skipped == {0, 2, 3, 4} and source.count == 6 and len(told) == 4
    assert [path.name for path in source.files] == [f"{n}.png" for n in range(6)]
    assert [level(image) for _, image in read] == [0, 10, 0, 0, 0, 50]
    assert {image.shape for _, image in read} == {(48, 64, 3)}


def test_a_folder_without_a_readable_image_is_named(tmp_path):
    (tmp_path / "1.png").write_bytes(b"broken")
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="no image of the folder"):
        list(frames(tmp_path))


def test_images_of_two_sizes_in_memory_are_named_with_both():
    with pytest.raises(ValueError, match="frame 1 of .* 70x50 .* 64x48"):
        list(frames([image_of(0), image_of(0, 50, 70)]))


@pytest.mark.parametrize("number", [97, -1, 99999999999])
def test_a_camera_that_is_not_there_is_named(number):
    with pytest.raises(FileNotFoundError, match=f"camera {number}"):
        frames(number)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes with a name")
def test_what_is_no_file_of_a_video_is_named(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    for name in (tmp_path / "a.mp4", "/dev/null", "http://host/a.mp4"):
        with pytest.raises(FileNotFoundError, match=r"(a\.mp4|null): no video file and no folder is there"):
            frames(name)


def test_a_video_of_one_pixel_is_named(tmp_path, monkeypatch):
    path = write_video(tmp_path / "a.avi")
    monkeypatch.setattr(module, "check_image", lambda image: check_image(image[:1, :1]))
    with pytest.raises(ValueError, match=r"frame 0 of .*a\.avi: .* got 1x1"):
        list(frames(path))


def test_arrays_are_read_only_when_asked_for():
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield image_of(0)

    source = iter(frames(endless()))
    assert taken == []
    assert [next(source)[0] for _ in range(3)] == [0, 1, 2]
    assert len(taken) == 3


def test_an_array_that_is_no_image_is_refused():
    with pytest.raises(ValueError, match="uint8"):
        list(frames([image_of(0).astype(float)]))


def test_an_open_source_is_returned_as_it_is():
    source = frames([image_of(0)])
    assert frames(source) is source and source.count == 1


@given(st.lists(st.integers(0, 9999), min_size=1, max_size=12, unique=True), st.booleans())
def test_numbered_names_sort_by_number(tmp_path_factory, numbers, padded):
    folder = tmp_path_factory.mktemp("numbered")
    for n in numbers:
        (folder / (f"frame_{n:04d}.jpg" if padded else f"frame_{n}.jpg")).touch()
    names = [int(p.stem.split("_")[1]) for p in module.image_files(folder)]
    assert names == sorted(numbers)


def test_an_error_while_writing_leaves_the_old_video_whole(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="one size"), VideoWriter(path, 10) as writer:
        writer.write(image_of(0))
        writer.write(image_of(0, 50, 70))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_nothing_written_makes_no_file(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 10):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a\.gif.*\.mp4, \.avi, \.webm"):
        VideoWriter(tmp_path / "a.gif", 10)


def test_a_missing_encoder_is_named_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(module.cv2.VideoWriter, "isOpened", lambda self: False, raising=False)
    with pytest.raises(ValueError, match=r"no mp4v encoder.*a\.mp4"), VideoWriter(tmp_path / "a.mp4", 10) as writer:
        writer.write(image_of(0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".mp4", ".avi", ".webm"])
def test_a_disk_that_fills_up_leaves_the_old_video(tmp_path, ending, full_disk):
    """OpenCV says nothing of it: the frames that were written are counted."""
    path, rng = tmp_path / f"a{ending}", np.random.default_rng(0)
    path.write_bytes(b"old")
    with full_disk(60_000), pytest.raises(OSError, match="30 frames were written but"):
        with VideoWriter(path, 10) as writer:
            for _ in range(30):
                writer.write(rng.integers(0, 255, (96, 128, 3), np.uint8))
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["2024-05-01T10:11:12.mp4", "日本.webm", "a%d.mp4", "-1.mp4"])
def test_videos_of_every_name_are_written_and_read(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert len(list(frames(write_video(Path(name), 3)))) == 3
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with pytest.raises(ValueError, match="utf-8"):
        write_video(Path("\udcff.avi"), 1)


def test_a_video_whose_name_is_not_utf_8_is_named(tmp_path):
    path = tmp_path / "\udcff.avi"
    path.write_bytes(write_video(tmp_path / "a.avi", 2).read_bytes())
    with pytest.raises(ValueError, match="\udcff.avi: its name is no text in utf-8.*rename it"):
        frames(path)
