"""The reader of the published YouTube-Faces layout, on folders made here."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redn_lib.data.ytf import read_faces, read_people, scan, split_by_person

POINTS = np.random.default_rng(0).uniform(5, 90, (68, 2)).round(2)
HEADER = "," + ",".join(map(str, range(136)))


def line(name, points=POINTS):
    return f"{name}," + ",".join(f"{v:.2f}" for v in np.ravel(points))


def make(root, **splits):
    """A folder in the layout: `training=["Ann_00.jpg", ...]`; each picture has its own grey."""
    for split, names in splits.items():
        (root / split).mkdir(parents=True, exist_ok=True)
        (root / f"{split}_frames_keypoints.csv").write_text("\n".join([HEADER, *map(line, names)]) + "\n")
        for i, name in enumerate(names):
            cv2.imwrite(str(root / split / name), np.full((80, 100, 3), (10 * i, 0, 200), np.uint8))
    return root


@pytest.fixture
def root(tmp_path):
    return make(
        tmp_path, training=["Ann_Lee_00.jpg", "Bo_12.jpg", "Ann_Lee_21.jpg"], test=["Ann_Lee_00.jpg", "Cy_50.jpg"]
    )


def test_rows_of_both_halves_with_zero_based_points(root):
    rows = read_faces(root)
    assert [r.name for r in rows] == [
        *("training/Ann_Lee_00.jpg", "training/Bo_12.jpg", "training/Ann_Lee_21.jpg"),
        *("test/Ann_Lee_00.jpg", "test/Cy_50.jpg"),
    ]
    assert (rows[2].person, rows[2].video, rows[2].frame) == ("Ann_Lee", 2, 1)
    assert rows[0].points.dtype == np.float32
    np.testing.assert_allclose(rows[0].points, POINTS - 1, atol=1e-5)
    assert read_people(root) == ["Ann_Lee", "Bo", "Cy"]


def test_load_gives_the_face_in_rgb(root):
    face = read_faces(root)[1].load()
    assert (face.name, face.person, face.image.shape) == ("training/Bo_12.jpg", "Bo", (80, 100, 3))
    assert abs(face.image[40, 50].astype(int) - (200, 0, 10)).max() < 6
    np.testing.assert_allclose(face.points, POINTS - 1, atol=1e-5)


def test_people_without_and_skip(root):
    assert {r.person for r in read_faces(root, people=["Ann_Lee", "Cy"])} == {"Ann_Lee", "Cy"}
    assert {r.person for r in read_faces(root, without=["Ann_Lee"])} == {"Bo", "Cy"}
    assert {r.person for r in read_faces(root, people=["Ann_Lee", "Cy"], without=["Cy"])} == {"Ann_Lee"}
    assert "test/Cy_50.jpg" not in {r.name for r in read_faces(root, skip={"test/Cy_50.jpg"})}
    with pytest.raises(ValueError, match="none of the 1 people"):
        read_faces(root, people=["Nobody"])


def test_known_broken_labels_are_skipped_unless_asked_for(tmp_path):
    make(tmp_path, training=["Elton_John_10.jpg", "Elton_John_11.jpg"], test=["Elton_John_10.jpg"])
    assert [r.name for r in read_faces(tmp_path)] == ["training/Elton_John_11.jpg", "test/Elton_John_10.jpg"]
    assert len(read_faces(tmp_path, skip=())) == 3


@pytest.mark.parametrize("gone", ["training_frames_keypoints.csv", "training"])
def test_half_a_split_is_an_error_that_names_what_is_missing(root, gone):
    (root / gone).rename(root / "elsewhere")
    with pytest.raises(FileNotFoundError, match=f"{gone}: missing"):
        read_faces(root)


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        read_faces(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="get.py ytf68"):
        read_faces(tmp_path)
    with pytest.raises(FileNotFoundError, match="holds no rows"):
        read_faces(make(tmp_path, training=[]))
    (tmp_path / "training_frames_keypoints.csv").write_text("")
    with pytest.raises(ValueError, match="row 1: the header"):
        read_faces(tmp_path)


def test_missing_picture_names_file_and_row(root):
    (root / "training/Bo_12.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"Bo_12.jpg \(training_frames_keypoints.csv, row 3\)"):
        read_faces(root)


@pytest.mark.parametrize(
    "spoil", [lambda b: b"", lambda b: b"no picture", lambda b: b[: len(b) // 2], lambda b: b[300:]]
)
def test_broken_picture_names_file_and_row(root, spoil):
    picture = root / "training/Bo_12.jpg"
    picture.write_bytes(spoil(picture.read_bytes()))
    row = read_faces(root)[1]
    with pytest.raises(ValueError, match=r"Bo_12.jpg \(training_frames_keypoints.csv, row 3\): no whole JPEG"):
        row.load()


@pytest.mark.parametrize("name", ["Bo.jpg", "Bo_1.jpg", "Bo_xy.jpg", "_00.jpg", "../test/Bo_11.jpg", "Bo_11.png", ""])
def test_names_that_are_not_person_video_frame(root, name):
    table = root / "training_frames_keypoints.csv"
    table.write_text(f"{HEADER}\n{line(name)}\n")
    with pytest.raises(ValueError, match="row 2: .*Person_Name_VI.jpg"):
        read_faces(root)


def test_scan_goes_on_after_a_bad_row(root):
    table = root / "training_frames_keypoints.csv"
    table.write_text(
        "\n".join([HEADER, line("Bo_12.jpg"), "Bo_12.jpg,1,2", line("Gone_00.jpg"), line("Ann_Lee_00.jpg")])
    )
    rows, problems = scan(root)
    assert [r.name for r in rows[:2]] == ["training/Bo_12.jpg", "training/Ann_Lee_00.jpg"]
    assert ["row 3" in str(problems[0]), "row 4" in str(problems[1]), len(problems)] == [True, True, 2]


def test_header_and_double_rows(root):
    table = root / "training_frames_keypoints.csv"
    table.write_text(line("Bo_12.jpg") + "\n")
    with pytest.raises(ValueError, match="row 1: the header"):
        read_faces(root)
    table.write_text("\n".join([HEADER, line("Bo_12.jpg"), "", line("Bo_12.jpg")]))
    with pytest.raises(ValueError, match="row 4: .*listed twice"):
        read_faces(root)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("ytf"), training=["Bo_12.jpg"])


not_a_number = st.one_of(
    st.sampled_from(["", " ", "nan", "inf", "-inf", "1e9", "1,5x", "None"]),
    st.text(st.characters(codec="ascii", categories=("L",)), min_size=1).filter(lambda t: "e" not in t),
)


@settings(max_examples=40, deadline=None)
@given(column=st.integers(0, 135), text=not_a_number)
def test_any_cell_that_is_no_coordinate(folder, column, text):
    cells = line("Bo_12.jpg").split(",")
    cells[1 + column] = f'"{text}"'
    (folder / "training_frames_keypoints.csv").write_text(f"{HEADER}\n{','.join(cells)}\n")
    with pytest.raises(ValueError, match=rf"training_frames_keypoints.csv, row 2 \(Bo_12.jpg\): column {column} holds"):
        read_faces(folder)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(0, 300).filter(lambda n: n != 136))
def test_any_other_number_of_columns(folder, n):
    (folder / "training_frames_keypoints.csv").write_text(f"{HEADER}\nBo_12.jpg{',7' * n}\n")
    with pytest.raises(ValueError, match=rf"row 2 \(Bo_12.jpg\): {n} numbers, not 136"):
        read_faces(folder)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes_end_in_a_clear_error(folder, data):
    (folder / "training_frames_keypoints.csv").write_bytes(HEADER.encode() + b"\n" + data)
    try:
        read_faces(folder)
    except (ValueError, FileNotFoundError) as error:
        assert "training_" in str(error) and "frames_keypoints.csv" in str(error)


@settings(max_examples=30, deadline=None)
@given(share=st.floats(0.01, 0.99), seed=st.integers(0, 99), reverse=st.booleans())
def test_split_by_person_puts_nobody_on_both_sides(tmp_path_factory, share, seed, reverse):
    rows = [Row(p) for p in "ABCDEFG" for _ in range(3)]
    rest, held = split_by_person(rows, share, seed)
    assert {r.person for r in rest} | {r.person for r in held} == set("ABCDEFG")
    assert rest and held and not {r.person for r in rest} & {r.person for r in held}
    again = split_by_person(rows[::-1] if reverse else rows[::3], share, seed)
    assert {r.person for r in again[1]} == {r.person for r in held}


@pytest.mark.parametrize("share", [0, 1, -1, 2])
def test_split_needs_two_sides(share):
    with pytest.raises(ValueError, match="cannot hold out"):
        split_by_person([Row("A"), Row("B")], share, 0)
    with pytest.raises(ValueError, match="1 people"):
        split_by_person([Row("A")], 0.5, 0)


class Row:
    """All that a split looks at."""

    def __init__(self, person):
        self.person = person
