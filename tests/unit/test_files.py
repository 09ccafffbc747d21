"""Whole files: there or not, and errors that name the file that they are about."""

import errno

import pytest

from redn_lib.files import whole_file


def test_a_file_appears_whole_when_the_block_ends(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with whole_file(path) as temporary:
        temporary.write_text("all of it")
        assert not path.exists()
    assert path.read_text() == "all of it" and [p.name for p in path.parent.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError("no"), FileNotFoundError(2, "no such file", "input.mp4"), OSError("odd")])
def test_an_error_of_the_block_is_passed_on_and_the_old_file_stays(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(type(error)) as caught, whole_file(path) as temporary:
        temporary.write_text("half")
        raise error
    assert caught.value is error and path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_and_a_folder_that_is_a_file_name_the_output(tmp_path):
    path = tmp_path / "a.txt"
    with pytest.raises(OSError, match=r"could not write .*a\.txt.*No space left"), whole_file(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    path.write_text("old")
    with pytest.raises(OSError, match=r"could not write .*b\.txt"), whole_file(path / "b.txt"):
        pass
