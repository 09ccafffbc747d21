"""The reader of .pts: the known offset of 300-W, and a clear error for anything malformed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redn_lib.data.pts import read_pts, write_pts

GOOD = "version: 1\nn_points: 3\n{\n1 1\n10.5 20.25\n-3 7e1\n}\n"


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    path = tmp_path_factory.mktemp("pts") / "a.pts"

    def read(data):
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return read_pts(path)

    return read


def test_the_first_pixel_of_300w_is_1_and_ours_0(read):
    np.testing.assert_allclose(read("n_points:  2\n{\n1.000000 1.000000\n115.167660 220.807529\n}")[1, 0], 114.167660)


def test_what_is_written_is_read_back(tmp_path):
    points = np.random.default_rng(0).uniform(-5, 900, (68, 2))
    write_pts(tmp_path / "a.pts", points)
    np.testing.assert_allclose(read_pts(tmp_path / "a.pts"), points, atol=1e-6)
    assert (tmp_path / "a.pts").read_text().startswith("version: 1\nn_points: 68\n{\n")


@pytest.mark.parametrize("change", [
    lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\n\n"), lambda t: t + "\n \n",
    lambda t: t.replace(" ", "\t"), lambda t: t.removeprefix("version: 1\n"),
])  # fmt: skip
def test_harmless_differences(read, change):
    np.testing.assert_allclose(read(change(GOOD)), [[0, 0], [9.5, 19.25], [-4, 69]])


@pytest.mark.parametrize("text", [
    "", GOOD.encode("utf-16"), "<html>\n<body>", GOOD.replace("10.5", "nan"), GOOD.replace("10.5", "1e9"),
    GOOD.replace("10.5", "10,5"), GOOD.replace("10.5 ", ""), GOOD.replace("{", ""),
    GOOD.replace("n_points: 3", "n_points: 4"), GOOD + "5 5\n",
])  # fmt: skip
def test_an_error_names_file_and_remedy(read, text):
    with pytest.raises(ValueError, match=r"a\.pts: no whole .pts file .*copy it again, mend or delete it"):
        read(text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="b.pts"):
        read_pts(tmp_path / "b.pts")


@given(st.integers(0, len(GOOD) - 3), st.integers(0, 12), st.binary(max_size=6))
def test_any_small_damage_is_read_or_named(read, start, length, instead):
    data = GOOD.encode()
    try:
        points = read(data[:start] + instead + data[start + length :])
    except ValueError as error:
        assert type(error) is ValueError and "a.pts: " in str(error)
    else:
        assert points.shape[1] == 2 and np.isfinite(points).all()


def test_a_file_cut_off_anywhere_is_refused(read):
    for length in range(len(GOOD) - 2):
        with pytest.raises(ValueError, match=r"a\.pts: "):
            read(GOOD[:length])
