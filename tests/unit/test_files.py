"""Whole files: there or not, and errors that name the file that they are about."""

import errno
import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from redn_lib.files import is_same, naming, reserved, unsealed, whole_file, write_sealed


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


def test_the_disk_is_asked_through_a_handle_that_writes(tmp_path, monkeypatch):
    """Windows refuses to flush a handle that only reads."""
    fcntl = pytest.importorskip("fcntl")

    def flush(number):
        if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(os, "fsync", flush)
    with whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "a.txt").read_text() == "whole"


def test_a_full_disk_elsewhere_and_an_error_of_a_folder_above_are_not_blamed_on_the_output(tmp_path):
    for error in (OSError(errno.ENOSPC, "full", "/elsewhere/b"), PermissionError(13, "no", str(tmp_path))):
        with pytest.raises(OSError) as caught, whole_file(tmp_path / "a.txt"):
            raise error
        assert caught.value is error


def hold(path, folder=False):
    """Another process that has reserved a path, until its input ends."""
    code = "import sys\nfrom redn_lib.files import reserved\nwith reserved(sys.argv[1], sys.argv[2] == 'True'):\n"
    code += " print('held', flush=True)\n input()"
    process = subprocess.Popen([sys.executable, "-c", code, path, str(folder)], stdin=-1, stdout=-1, text=True)
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("folder", [False, True])
def test_a_second_run_on_one_output_is_told_and_a_killed_one_is_in_nobodys_way(tmp_path, folder):
    path = tmp_path / "new" / "a.txt"
    other = hold(path, folder)
    with pytest.raises(OSError, match=r"another run is writing .*a\.txt"), reserved(path, folder):
        pass
    if not folder:
        (tmp_path / "link.txt").symlink_to(path)
        with pytest.raises(OSError, match="another run"), reserved(tmp_path / "link.txt"):
            pass
    other.kill()
    other.communicate()
    home = path if folder else path.parent
    (home / ".a.4711.txt").write_text("half")
    (home / ".b.txt").write_text("of the user")
    with reserved(path, folder), reserved(path, folder):
        assert {p.name for p in home.iterdir()} - {".lock", ".a.txt.lock"} == {".b.txt"}
    assert [p.name for p in home.iterdir()] == [".b.txt"]


def test_what_is_no_file_is_refused_and_folders_made_in_vain_are_removed(tmp_path):
    with pytest.raises(ValueError, match="no plain file"), whole_file(tmp_path):
        pass
    with pytest.raises(ValueError, match=r"/dev/null .*no plain file"), whole_file("/dev/null"):
        pass
    with pytest.raises(KeyError), whole_file(tmp_path / "a" / "b" / "c.txt"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_one_file_by_two_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").touch()
    os.link("a.txt", "hard.txt")
    os.symlink("a.txt", "soft.txt")
    os.symlink("later.txt", "dead.txt")
    for one, other in (("a.txt", "hard.txt"), ("soft.txt", "./a.txt"), ("dead.txt", "LATER.txt")):
        assert is_same(one, other)
    assert not is_same("a.txt", "later.txt")


def test_a_damaged_file_is_named_and_an_error_that_names_its_file_passed_on():
    for error in (KeyError("points"), EOFError(), OSError("no npz")):
        with (
            pytest.raises(ValueError, match=r"^a\.npz is damaged or cut off.*; delete it$"),
            naming("a.npz", "delete it"),
        ):
            raise error
    with pytest.raises(FileNotFoundError), naming("a.npz", "delete it"):
        open("nowhere.npz")


def test_every_changed_byte_of_a_sealed_archive_is_noticed_and_a_plain_one_is_taken(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, points=np.arange(3))
    assert np.load(unsealed(path))["points"].tolist() == [0, 1, 2]
    write_sealed(path, partial(np.savez, points=np.arange(3)))
    whole = path.read_bytes()
    assert np.load(unsealed(path))["points"].tolist() == np.load(path)["points"].tolist() == [0, 1, 2]
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(ValueError, match="checksum"):
            unsealed(path)


def test_an_archive_that_would_grow_a_thousandfold_is_refused_unread(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", zeros=np.zeros(50_000_000, np.uint8))
    with pytest.raises(ValueError, match="100 times as large"):
        unsealed(tmp_path / "a.npz")
