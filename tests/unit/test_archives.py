"""Unpacking: nothing leaves the target, and as much of a damaged archive as there is."""

import errno
import io
import os
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redn_lib.data import archives
from redn_lib.data.archives import safe_path, unpack

OUTSIDE = ["../out.txt", "a/../../out.txt", "/tmp/out.txt", "C:\\out.txt", "..\\out.txt", "c:out.txt"]


def a_zip(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def a_tar(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


GOOD = {"a/one.txt": b"1" * 5000, "a/b/two.bin": os.urandom(5000), "three.txt": b""}


@pytest.mark.parametrize("make", [
    lambda p: a_zip(p / "x.zip", GOOD), lambda p: a_zip(p / "x.zip", GOOD, zipfile.ZIP_STORED),
    lambda p: a_tar(p / "x.tar.gz", GOOD), lambda p: a_tar(p / "x.tgz", GOOD), lambda p: a_tar(p / "x.tar", GOOD, "w"),
    lambda p: a_tar(p / "x.tar.xz", GOOD, "w:xz"), lambda p: a_tar(p / "x.tar.bz2", GOOD, "w:bz2"),
])  # fmt: skip
def test_good_archives(tmp_path, make):
    assert unpack(make(tmp_path), tmp_path / "out") == []
    assert files(tmp_path / "out") == GOOD


@pytest.mark.parametrize("make", [lambda p, m: a_zip(p / "x.zip", m), lambda p, m: a_tar(p / "x.tar", m, "w")])
@pytest.mark.parametrize("name", OUTSIDE)
def test_names_that_lead_out_are_left_and_told(tmp_path, make, name):
    archive = make(tmp_path, {name: b"evil", **GOOD})
    problems = unpack(archive, tmp_path / "deep/er/out")
    assert len(problems) == 1 and "leads out" in problems[0] and archive.name in problems[0]
    assert files(tmp_path / "deep/er/out") == GOOD and not list(tmp_path.rglob("*out.txt"))


@given(st.text(st.sampled_from("./\\:aC\0"), max_size=12))
def test_no_name_leads_out(tmp_path_factory, name):
    path = safe_path(name)
    if path is not None:
        target = "/x/y"
        assert os.path.normpath(os.path.join(target, *path.parts)).startswith(target + "/")


def test_links_and_devices_are_left_and_told(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as file:
        for name, kind in (("s", tarfile.SYMTYPE), ("h", tarfile.LNKTYPE), ("d", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
        info = tarfile.TarInfo("s/under.txt")
        info.size = 2
        file.addfile(info, io.BytesIO(b"ok"))
    assert [p.count("is a link or device") for p in unpack(tmp_path / "x.tar", tmp_path / "out")] == [1, 1, 1]
    assert files(tmp_path / "out") == {"s/under.txt": b"ok"}
    link = zipfile.ZipInfo("s")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    assert "is a link" in unpack(tmp_path / "x.zip", tmp_path / "zip")[0] and not (tmp_path / "zip").exists()


@pytest.mark.parametrize("make", [
    lambda p: a_zip(p / "x.zip", GOOD), lambda p: a_zip(p / "x.zip", GOOD, zipfile.ZIP_STORED),
    lambda p: a_tar(p / "x.tar", GOOD, "w"), lambda p: a_tar(p / "x.tgz", GOOD),
])  # fmt: skip
def test_of_a_cut_off_archive_what_came_before_is_taken(tmp_path, make):
    archive = make(tmp_path)
    archive.write_bytes(archive.read_bytes()[:-1200] if archive.suffix != ".tar" else archive.read_bytes()[:8000])
    problems = unpack(archive, tmp_path / "out")
    assert any("cut off" in p and archive.name in p and "get the archive anew" in p for p in problems)
    found = files(tmp_path / "out")
    assert found.items() <= GOOD.items() and "a/one.txt" in found and len(found) < 3


def test_a_damaged_member_is_left_and_told(tmp_path):
    archive = a_zip(tmp_path / "x.zip", GOOD, zipfile.ZIP_STORED)
    data = archive.read_bytes()
    archive.write_bytes(data.replace(b"1" * 5000, b"1" * 4999 + b"2"))
    problems = unpack(archive, tmp_path / "out")
    assert len(problems) == 1 and "a/one.txt is damaged" in problems[0]
    assert set(files(tmp_path / "out")) == {"a/b/two.bin", "three.txt"}


@pytest.mark.parametrize(("name", "data"), [("x.zip", b"no zip at all"), ("x.tar.gz", b"<html>"), ("x.tgz", b"")])
def test_what_is_no_archive_gives_nothing_and_is_told(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    problems = unpack(tmp_path / name, tmp_path / "out")
    assert len(problems) == 1 and name in problems[0] and "anew" in problems[0]


def test_other_archives_are_to_be_unpacked_by_hand(tmp_path):
    (tmp_path / "x.7z").write_bytes(b"7z")
    with pytest.raises(ValueError, match=r"x\.7z.*unpack it by hand"):
        unpack(tmp_path / "x.7z", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"y\.zip"):
        unpack(tmp_path / "y.zip", tmp_path)


def test_a_full_disk_stops_it_and_leaves_no_half_file(tmp_path, monkeypatch):
    archive = a_zip(tmp_path / "x.zip", GOOD)

    def full(source, target):
        target.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archives.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="could not unpack a/one.txt .*No space left"):
        unpack(archive, tmp_path / "out")
    assert files(tmp_path / "out") == {}
