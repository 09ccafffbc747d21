"""Unpacking: whole or not at all, and nothing outside the target."""

import errno
import io
import os
import tarfile
import zipfile

import pytest

from redn_lib.data import archives
from redn_lib.data.archives import unpack

GOOD = {"a/one.txt": b"1" * 5000, "a/b/two.bin": os.urandom(5000), "three.txt": b""}


def a_zip(path, members=GOOD, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def a_tar(path, members=GOOD, mode="w:gz"):
    with tarfile.open(path, mode) as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


ARCHIVES = [
    lambda p: a_zip(p / "x.zip"),
    lambda p: a_zip(p / "x.zip", compression=zipfile.ZIP_STORED),
    lambda p: a_tar(p / "x.tar.gz"),
    lambda p: a_tar(p / "x.tar", mode="w"),
    lambda p: a_tar(p / "x.tar.xz", mode="w:xz"),
    lambda p: a_tar(p / "x.tar.bz2", mode="w:bz2"),
]


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(archive, match):
    """Nothing of the archive is left behind."""
    target = archive.parent / "deep/er/out"
    with pytest.raises(ValueError, match=match):
        unpack(archive, target)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("make", ARCHIVES)
def test_good_archives(tmp_path, make):
    unpack(make(tmp_path), tmp_path / "out")
    assert files(tmp_path / "out") == GOOD


@pytest.mark.parametrize("make", ARCHIVES)
def test_a_damaged_archive_is_refused_whole(tmp_path, make):
    archive = make(tmp_path)
    data = archive.read_bytes()
    archive.write_bytes(data[: len(data) // 2])
    refused(archive, f"{archive.name}: .*get .*again")


@pytest.mark.parametrize("make", [lambda p, m: a_zip(p / "x.zip", m), lambda p, m: a_tar(p / "x.tar", m, "w")])
@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "/tmp/out.txt", "C:\\out.txt", "..\\out.txt"])
def test_a_path_out_of_the_target_is_refused(tmp_path, make, name):
    refused(make(tmp_path, {**GOOD, name: b"evil"}), "leads out of the archive.*get the archive from the set's page")
    assert not list(tmp_path.rglob("*out.txt"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "x.tar", "w") as file:
        info = tarfile.TarInfo("s")
        info.type, info.linkname = kind, "three.txt"
        file.addfile(info)
    refused(tmp_path / "x.tar", "x.tar: 's' is a link or a device")


def test_a_link_in_a_zip_is_refused(tmp_path):
    link = zipfile.ZipInfo("s")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    refused(tmp_path / "x.zip", "x.zip: 's' is a link or a device")


def test_what_is_no_archive_is_named(tmp_path):
    (tmp_path / "x.7z").write_bytes(b"7z")
    with pytest.raises(ValueError, match=r"x\.7z.*unpack it by hand"):
        unpack(tmp_path / "x.7z", tmp_path / "out")
    with pytest.raises(FileNotFoundError, match=r"y\.zip"):
        unpack(tmp_path / "y.zip", tmp_path / "out")


def test_a_full_disk_leaves_nothing_half(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archives.zipfile.ZipFile, "extract", full)
    with pytest.raises(OSError, match=r"could not unpack .*x.zip .*No space left"):
        unpack(a_zip(tmp_path / "x.zip"), tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["x.zip"]
