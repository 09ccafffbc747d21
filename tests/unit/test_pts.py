"""The reader of .pts: the known offset of 300-W, and a clear error for anything malformed."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from redn_lib.data.pts import parse_pts, read_pts, write_pts

GOOD = "version: 1\nn_points: 3\n{\n1 1\n10.5 20.25\n-3 7e1\n}\n"


def test_the_first_pixel_of_300w_is_1_and_ours_0():
    points = parse_pts(b"version: 1\nn_points:  2\n{\n1.000000 1.000000\n115.167660 220.807529\n}", "a.pts")
    np.testing.assert_allclose(points, [[0, 0], [114.167660, 219.807529]])
    np.testing.assert_allclose(parse_pts(b"n_points: 1\n{\n1 1\n}", "a.pts", first=0), [[1, 1]])


def test_what_is_written_is_read_back(tmp_path):
    points = np.random.default_rng(0).uniform(-5, 900, (68, 2))
    write_pts(tmp_path / "a.pts", points)
    np.testing.assert_allclose(read_pts(tmp_path / "a.pts"), points, atol=1e-6)
    assert (tmp_path / "a.pts").read_text().startswith("version: 1\nn_points: 68\n{\n")


@pytest.mark.parametrize("change", [
    lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\n\n"), lambda t: t + "\n \n",
    lambda t: t.replace(" ", "\t"), lambda t: t.removeprefix("version: 1\n"),
])  # fmt: skip
def test_harmless_differences(change):
    np.testing.assert_allclose(parse_pts(change(GOOD).encode(), "a.pts"), [[0, 0], [9.5, 19.25], [-4, 69]])


@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        (b"", 1, "copy it anew"),
        (b" \n ", 1, "copy it anew"),
        (GOOD.encode("utf-16"), 1, "save it as UTF-8"),
        (GOOD.encode("utf-16-le"), 1, "save it as UTF-8"),
        (GOOD.encode().replace(b"20.25", b"20.2\xff"), 5, "save it as UTF-8"),
        (b"version: 1\n", 1, "mend it"),
        (b"<html>\n<body>", 1, "mend it"),
        (GOOD.replace("10.5", "nan").encode(), 5, "mend it"),
        (GOOD.replace("10.5", "inf").encode(), 5, "mend it"),
        (GOOD.replace("10.5", "1e9").encode(), 5, "mend it"),
        (GOOD.replace("10.5", "1_0").encode(), 5, "mend it"),
        (GOOD.replace("10.5", "10,5").encode(), 5, "mend it"),
        (GOOD.replace("10.5 ", "").encode(), 5, "mend it"),
        (GOOD.replace("10.5", "1 2").encode(), 5, "mend it"),
        (GOOD.replace("{", "").encode(), 4, "mend it"),
        (GOOD.replace("}", "").encode(), 6, "copy the file anew"),
        (GOOD[:-10].encode(), 5, "copy the file anew"),
        (GOOD.replace("n_points: 3", "n_points: 4").encode(), 7, "copy the file anew"),
        (GOOD.replace("10.5 20.25\n", "").encode(), 6, "copy the file anew"),
        ((GOOD + "5 5\n").encode(), 8, "delete the rest"),
    ],
)
def test_an_error_names_file_line_and_remedy(text, line, remedy):
    with pytest.raises(ValueError, match=rf"a\.pts, line {line}: .*{remedy}"):
        parse_pts(text, "a.pts")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="b.pts: no such file"):
        read_pts(tmp_path / "b.pts")


def only_a_clear_error(data: bytes) -> None:
    try:
        points = parse_pts(data, "a.pts")
    except ValueError as error:
        assert type(error) is ValueError and str(error).startswith("a.pts, line ") and ": " in str(error)
    else:
        assert points.ndim == 2 and points.shape[1] == 2 and np.isfinite(points).all()


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data):
    only_a_clear_error(data)


tokens = st.sampled_from(
    ["version: 1", "n_points:", "n_points: 3", "68", "{", "}", "\n", "\r", " ", "\t", "1", "1.5 2", "nan", "-", "1e400",
     "²", "٣ ٣", "0x1p3", "\x00", "\x1c", "9" * 5000]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(tokens, st.text(max_size=5)), max_size=25))
@example(["n_points: 3", "\n", "{", "\n", "1e400 1", "\n", "}"])
def test_any_text_of_the_words_of_the_format(parts):
    only_a_clear_error("".join(parts).encode("utf-8", "surrogatepass"))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 12), st.binary(max_size=6))
def test_any_small_damage_to_a_good_file(start, length, instead):
    data = GOOD.encode()
    only_a_clear_error(data[:start] + instead + data[start + length :])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(GOOD) - 3))
def test_a_file_cut_off_anywhere_is_refused(length):
    with pytest.raises(ValueError, match=r"a\.pts, line \d+"):
        parse_pts(GOOD.encode()[:length], "a.pts")
