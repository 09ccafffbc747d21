"""The one door: converted, raw and synthetic datasets as samples and clips, chosen by split and person."""

import json
import pickle
import shutil

import numpy as np
import pytest
from made_sets import MAKERS, make_300vw, make_300w, make_ytf68, picture, save, save_pair, shape, stored
from PIL import Image

from redn_lib.data.clip import Clip
from redn_lib.data.convert import LARGEST, convert
from redn_lib.data.dataset import open as open_dataset
from redn_lib.data.dataset import read_names, split_by_person
from redn_lib.data.layouts import SETS
from redn_lib.data.pts import write_pts
from redn_lib.landmarks import SEVEN, tight_box


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A converted 300-VW of four videos of four frames; frame 2 of video 114 lacks its points."""
    root = tmp_path_factory.mktemp("videos")
    made = make_300vw(root / "source")
    made.points.unlink()
    return convert(SETS["300vw"], [made.root], root / "out")


@pytest.fixture(scope="module")
def ytf(tmp_path_factory):
    return make_ytf68(tmp_path_factory.mktemp("ytf")).root


@pytest.fixture(scope="module")
def w300(tmp_path_factory):
    return make_300w(tmp_path_factory.mktemp("300w")).root


def test_a_still_image_is_a_clip_of_one_frame(videos):
    sample = next(sample for sample in videos if sample.name == "114/000003")
    assert (sample.person, sample.video, sample.number, sample.split) == ("114", "114", 3, "cat1")
    clip = sample.load()
    assert isinstance(clip, Clip) and clip.frames.shape == (1, 100, 120, 3) and clip.points.shape == (1, 68, 2)
    assert (clip.person, clip.video, clip.split, clip.fps) == ("114", "114", "cat1", 30)
    assert clip.visible.all() and clip[0].name == "114/000003"
    np.testing.assert_allclose(clip.points[0], shape(12), atol=1e-4)
    assert np.abs(clip.frames[0].astype(int) - picture(12, shape(12))).mean() < 6


def test_windows_are_consecutive_frames_of_one_video(videos):
    windows = videos.windows(2)
    assert [(window.video, window.number) for window in windows] == [
        *(("114", 3), ("203", 1), ("203", 3), ("410", 1), ("410", 3), ("001", 1), ("001", 3))
    ]
    assert len(videos.windows(4)) == 3 and videos.windows(5) == []
    assert len(videos.of_split("test").windows(4)) == 2
    window = next(window for window in windows if window.name == "203[3:5]")
    clip = window.load()
    assert clip.frames.shape == (2, 100, 120, 3) and (clip.video, clip.split, clip.fps) == ("203", "cat2", 30)
    for t in range(2):
        np.testing.assert_allclose(clip.points[t], shape(22 + t), atol=1e-4)
        assert np.abs(clip.frames[t].astype(int) - picture(22 + t, shape(22 + t))).mean() < 6


def test_still_images_have_no_windows(w300, ytf):
    assert open_dataset(w300).windows(2) == [] and open_dataset(ytf).windows(2) == []


@pytest.mark.parametrize("name", ["300w", "ytf68", "folder"])
def test_a_folder_of_still_images_is_read_as_it_is_and_as_converted(tmp_path, name):
    made = MAKERS[name](tmp_path / "source")
    raw = open_dataset(made.root)
    converted = convert(SETS[name], [made.root], tmp_path / "out")
    assert raw.name == converted.name == name and raw.problems == []
    assert (raw.people, raw.splits) == (converted.people, converted.splits)
    by_name = {sample.name: sample for sample in converted}
    assert len(by_name) == len(raw) == made.frames
    for sample in raw:
        other = by_name[sample.name]
        assert (sample.person, sample.split, sample.number) == (other.person, other.split, other.number)
        np.testing.assert_array_equal(sample.points, other.points)
        np.testing.assert_allclose(sample.box, other.box, atol=1e-3)
        ours, theirs = sample.load().frames[0].astype(int), other.load().frames[0]
        assert np.abs(ours - theirs).max() == 0 or np.abs(ours - theirs).mean() < 6


def test_rows_of_ytf68_are_zero_based_and_known_broken_labels_left_out(ytf, tmp_path):
    dataset = open_dataset(ytf)
    assert [sample.name for sample in dataset] == [
        *("training/Ann_Lee_00.jpg", "training/Bo_Ek_12.jpg", "training/Ann_Lee_21.jpg"),
        *("test/Cy_Oh_00.jpg", "test/Ann_Lee_00.jpg"),
    ]
    np.testing.assert_allclose(dataset[1].points, shape(1), atol=1e-4)
    shutil.copytree(ytf, tmp_path / "ytf")
    table = tmp_path / "ytf/training_frames_keypoints.csv"
    table.write_text(table.read_text().replace("Bo_Ek_12", "Elton_John_10"))
    (tmp_path / "ytf/training/Bo_Ek_12.jpg").rename(tmp_path / "ytf/training/Elton_John_10.jpg")
    assert "Elton_John" not in open_dataset(tmp_path / "ytf").people


@pytest.mark.parametrize(("split", "splits"), [
    ("train", {"afw", "helen-train", "lfpw-train"}), ("test", {"helen-test", "lfpw-test"}),
    ("common", {"helen-test", "lfpw-test"}), ("challenging", {"ibug"}), ("helen-test", {"helen-test"}),
])  # fmt: skip
def test_a_split_or_a_group_of_splits(w300, split, splits):
    assert set(open_dataset(w300, split=split).splits) == splits


def test_groups_of_other_sets(videos, ytf):
    assert videos.of_split("train").people == ["001"] and videos.of_split("test").splits == ["cat1", "cat2", "cat3"]
    assert open_dataset(ytf, split="train").splits == ["test", "training"]
    with pytest.raises(ValueError, match="ytf68 has no split 'cat9' here; it has test, training, train .a group."):
        open_dataset(ytf, split="cat9")


def test_people_are_chosen_by_name_whatever_the_case(ytf):
    assert open_dataset(ytf, people=["ann_lee", "Cy_Oh"]).people == ["Ann_Lee", "Cy_Oh"]
    assert open_dataset(ytf, without=["ANN_LEE"]).people == ["Bo_Ek", "Cy_Oh"]
    assert open_dataset(ytf, people=["Ann_Lee", "Cy_Oh"], without=["Cy_Oh"]).people == ["Ann_Lee"]
    for choice in ({"people": ["Ann_Lee", "Dan", "Bo"]}, {"without": ["Bo", "Ann_Lee", "Dan"]}):
        with pytest.raises(ValueError, match="nobody in ytf68 is named Bo, Dan; mend or delete these names"):
            open_dataset(ytf, **choice)
    with pytest.raises(ValueError, match="nobody is left"):
        open_dataset(ytf, people=["Bo_Ek"], without=["Bo_Ek"])


@pytest.mark.parametrize("text", ["Ann\nBo\nCy", "Ann Bo Cy", "Ann, Bo,Cy\n", "\ufeffAnn\r\nBo\r\n\r\nCy\r\n"])
def test_a_file_of_names(tmp_path, text):
    (tmp_path / "names.txt").write_bytes(text.encode())
    assert read_names(tmp_path / "names.txt") == {"Ann", "Bo", "Cy"}


def test_an_empty_file_of_names_is_refused(tmp_path):
    (tmp_path / "names.txt").write_text("\n ,\n")
    with pytest.raises(ValueError, match="names.txt names nobody; write one name a line"):
        read_names(tmp_path / "names.txt")


def test_synthetic_faces():
    train, test = open_dataset("synthetic", split="train"), open_dataset("synthetic", split="test")
    assert len(train) == len(test) == 1000 and not set(train.people) & set(test.people)
    clip = test[3].load()
    assert clip.frames.shape == (1, 192, 192, 3) and clip.split == "test" and clip.person == test[3].person
    np.testing.assert_allclose(clip.points[0], test[3].points, atol=1e-4)
    assert clip.factors["yaw"].shape == (1,) and clip.visible.shape == (1, 68)


def test_videos_must_be_converted_first(tmp_path):
    make_300vw(tmp_path / "videos")
    with pytest.raises(ValueError, match="(?s)get.py 300vw .*videos --out DIR.*must be converted first"):
        open_dataset(tmp_path / "videos")


def test_what_is_no_dataset_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        open_dataset(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=f"{tmp_path.name}: no dataset of a known layout; .*get.py"):
        open_dataset(tmp_path)


def test_a_damaged_folder_is_refused_naming_all_files(tmp_path):
    made = make_300w(tmp_path / "source")
    made.points.unlink()
    write_pts(tmp_path / "source/ibug/image_5_0.pts", shape(0)[:60])
    with pytest.raises(ValueError, match=r"(?s)get.py 300w .*image_1_0.jpg: no points.*image_5_0.pts: 60 points"):
        open_dataset(made.root)


def test_a_damaged_image_is_named_when_it_is_loaded(tmp_path):
    made = make_ytf68(tmp_path / "source")
    dataset = open_dataset(made.root)
    made.image.write_bytes(made.image.read_bytes()[:500])
    with pytest.raises(ValueError, match="Bo_Ek_12.jpg: no whole image .*copy it again"):
        dataset[1].load()
    made.image.unlink()
    with pytest.raises(FileNotFoundError, match="Bo_Ek_12.jpg"):
        dataset[1].load()


@pytest.mark.parametrize("damage", ["unfinished", "gone", "short", "labels", "json", "other set"])
def test_a_damaged_converted_folder_is_refused_with_the_remedy(ytf, tmp_path, damage):
    out = tmp_path / "out"
    convert(SETS["ytf68"], [ytf], out)
    part, told = out / "parts/training-0000.bin", out / "store.json"
    if damage == "unfinished":
        told.unlink()
    elif damage == "gone":
        part.unlink()
    elif damage == "short":
        part.write_bytes(part.read_bytes()[:-1])
    elif damage == "labels":
        part.with_suffix(".npz").write_bytes(b"PK")
    elif damage == "json":
        told.write_text(told.read_text()[:-50])
    else:
        told.write_text(told.read_text().replace("ytf68", "aflw"))
    with pytest.raises((ValueError, FileNotFoundError), match=r"out(:| is) .*run the same data_scripts/get.py comm"):
        open_dataset(out)
    if damage != "other set":
        assert len(convert(SETS["ytf68"], [ytf], out)) == 5, "the remedy helps"


@pytest.mark.parametrize("ending", [".npz", ".bin"])
def test_one_changed_byte_of_points_or_images_is_noticed(ytf, tmp_path, ending):
    out = tmp_path / "out"
    convert(SETS["ytf68"], [ytf], out)
    part = (out / "parts/training-0000").with_suffix(ending)
    whole = part.read_bytes()
    for at in range(0, len(whole), len(whole) // 7):
        part.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ValueError, match=r"training-0000\.bin.*checksum|out is .*checksum"):
            for sample in open_dataset(out):
                sample.load()


def test_a_folder_converted_by_an_older_version_is_read(ytf, tmp_path):
    convert(SETS["ytf68"], [ytf], tmp_path / "out")
    told = tmp_path / "out/store.json"
    about = json.loads(told.read_text()) | {"format": 1, "identities": True, "people": [], "made_of": {}}
    told.write_text(json.dumps(about))
    for path in (tmp_path / "out/parts").glob("*.npz"):
        with np.load(path) as file:
            columns = {key: value for key, value in file.items() if key != "crc"}
        np.savez(path, **columns, origin=np.zeros((len(columns["name"]), 4)), sha256=np.array("0"))
    np.save(tmp_path / "out/points.npy", np.zeros((5, 68, 2)))
    older = open_dataset(tmp_path / "out")
    assert older.people == ["Ann_Lee", "Bo_Ek", "Cy_Oh"] and older[0].load().frames.shape[0] == 1


def test_a_list_of_names_that_is_no_text_is_named(tmp_path):
    (tmp_path / "names.txt").write_bytes(b"J\xfcrgen")
    with pytest.raises(ValueError, match=r"names\.txt is damaged"):
        read_names(tmp_path / "names.txt")


def test_samples_travel_to_workers(videos):
    again = pickle.loads(pickle.dumps(videos))
    assert (again[3].load().frames == videos[3].load().frames).all()


def test_a_large_still_image_is_cut_around_the_face_and_points_with_it(tmp_path):
    points = (shape(0) - 50) * 6 + [900, 700]
    save(tmp_path / "source/a.png", 0, points, (1600, 1300))
    write_pts(tmp_path / "source/a.pts", points)
    sample = convert(SETS["folder"], [tmp_path / "source"], tmp_path / "out")[0]
    image = sample.load().frames[0]
    assert max(image.shape) <= LARGEST
    assert image[tuple(np.rint(sample.points[30, ::-1]).astype(int))].min() > 200


@pytest.mark.parametrize("is_shown", [True, False])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_an_exif_turn_is_applied_to_image_and_points(tmp_path, orientation, is_shown):
    """Whether the points were set on the image as it is stored, or as it is shown."""
    points = shape(0)
    image, there = stored(picture(0, points), points, orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "source").mkdir()
    Image.fromarray(image).save(tmp_path / "source/a.jpg", exif=exif, quality=95)
    write_pts(tmp_path / "source/a.pts", points if is_shown else there)
    for dataset in (
        open_dataset(tmp_path / "source"),
        convert(SETS["folder"], [tmp_path / "source"], tmp_path / "out"),
    ):
        clip = dataset[0].load()
        assert clip.frames.shape[1:3] == (100, 120)
        x, y = np.rint(clip.points[0, 30]).astype(int)
        assert clip.frames[0, y, x].min() > 215
        np.testing.assert_allclose(clip.points[0], points, atol=1e-3)


def test_a_mark_up_of_seven_points_is_read_with_a_box_of_the_face(tmp_path):
    save(tmp_path / "Ann/1.jpg", 0)
    write_pts(tmp_path / "Ann/1.pts", shape(0)[list(SEVEN)])
    sample = open_dataset(tmp_path)[0]
    face = sample.load()[0]
    assert face.visible.sum() == 7 and np.abs(sample.box - tight_box(shape(0))).max() < 8
    with pytest.raises(ValueError, match="not all of the 68 points are marked"):
        _ = face.box


@pytest.mark.parametrize("share", [0.01, 0.3, 0.99])
def test_split_by_person_puts_nobody_on_both_sides(ytf, share):
    samples = list(open_dataset(ytf))
    rest, held = split_by_person(samples, share, 1)
    assert len(rest) + len(held) == len(samples) and rest and held
    assert not {s.person for s in rest} & {s.person for s in held}
    again = split_by_person(samples[::-1], share, 1)[1]
    assert {s.person for s in again} == {s.person for s in held}


def test_a_split_by_person_needs_two_sides(ytf):
    samples = list(open_dataset(ytf))
    for share in (0, 1, -1, 2):
        with pytest.raises(ValueError, match="cannot hold out"):
            split_by_person(samples, share)
    with pytest.raises(ValueError, match="1 people"):
        split_by_person(samples[:1], 0.5)


def test_faces_of_one_photo_of_afw_stay_together(tmp_path):
    for number in ("1_1", "1_2", "2_1", "2_2", "3_1"):
        save_pair(tmp_path / "afw" / number, int(number[0]))
    rest, held = split_by_person(open_dataset(tmp_path), 1 / 3)
    assert {s.video for s in rest}.isdisjoint({s.video for s in held})
    assert len(rest) + len(held) == 5 and len({s.video for s in held}) == 1


def test_nothing_is_read_from_outside_of_a_data_folder(ytf, tmp_path):
    save_pair(tmp_path / "source/a", 0)
    save_pair(tmp_path / "secret", 1)
    for ending in (".jpg", ".pts"):
        (tmp_path / f"source/b{ending}").symlink_to(tmp_path / f"secret{ending}")
    assert [sample.name for sample in open_dataset(tmp_path / "source")] == ["a"]
    convert(SETS["ytf68"], [ytf], tmp_path / "out")
    told = json.loads((tmp_path / "out/store.json").read_text())
    name = told["parts"][0]["name"]
    for ending in ("npz", "bin"):
        shutil.copy(tmp_path / f"out/parts/{name}.{ending}", tmp_path / f"out/{name}.{ending}")
    told["parts"][0]["name"] = f"../{name}"
    (tmp_path / "out/store.json").write_text(json.dumps(told))
    with pytest.raises(ValueError, match="no part of this folder"):
        open_dataset(tmp_path / "out")


def test_of_two_that_collide_none_is_lost_in_silence(tmp_path):
    save_pair(tmp_path / "one/afw/a", 0)
    save_pair(tmp_path / "two/afw/a", 1)
    save_pair(tmp_path / "two/afw/b", 2)
    shutil.copy(tmp_path / "two/afw/b.jpg", tmp_path / "two/afw/b.png")
    dataset = convert(SETS["300w"], [tmp_path / "one", tmp_path / "two"], tmp_path / "out")
    assert sorted(sample.name for sample in dataset) == ["afw/a", "afw/b"]
    assert any("afw/a is there twice" in told for told in dataset.problems)
    assert any("b.jpg is there, too" in told for told in dataset.problems)
