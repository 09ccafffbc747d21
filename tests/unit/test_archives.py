"""Unpacking: whole or not at all, and nothing outside the target."""

import errno
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from redn_lib.data.convert import unpack

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
    assert not target.exists() and not target.with_name("out.part").exists()


@pytest.mark.parametrize("make", ARCHIVES)
def test_good_archives(tmp_path, make):
    unpack(make(tmp_path), tmp_path / "out")
    assert files(tmp_path / "out") == GOOD


@pytest.mark.parametrize("make", ARCHIVES)
def test_a_damaged_archive_is_refused_whole(tmp_path, make):
    archive = make(tmp_path)
    data = archive.read_bytes()
    archive.write_bytes(data[: len(data) // 2])
    refused(archive, f"{archive.name}: no whole and safe zip or tar archive; get it again, or unpack it by hand")


@pytest.mark.parametrize("make", [lambda p, m: a_zip(p / "x.zip", m), lambda p, m: a_tar(p / "x.tar", m, "w")])
@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "/tmp/out.txt", "..\\out.txt"])
def test_nothing_is_written_outside_the_target(tmp_path, make, name):
    archive = make(tmp_path, {**GOOD, name: b"evil"})
    try:
        unpack(archive, tmp_path / "deep/out")
    except ValueError as error:
        assert archive.suffix == ".tar" and "no whole and safe" in str(error)
    outside = [path for path in tmp_path.rglob("*out.txt") if tmp_path / "deep/out" not in path.parents]
    assert outside == [] and not Path("/tmp/out.txt").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_out_of_the_target_and_devices_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "x.tar", "w") as file:
        info = tarfile.TarInfo("s")
        info.type, info.linkname = kind, "../../three.txt"
        file.addfile(info)
    refused(tmp_path / "x.tar", "x.tar: no whole and safe")


def test_a_link_in_a_zip_becomes_a_plain_file(tmp_path):
    link = zipfile.ZipInfo("s")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    unpack(tmp_path / "x.zip", tmp_path / "out")
    assert not (tmp_path / "out/s").is_symlink() and (tmp_path / "out/s").read_text() == "/etc/passwd"


def test_a_full_disk_leaves_nothing_half(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("zipfile.ZipFile.extract", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(a_zip(tmp_path / "x.zip"), tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["x.zip"]


def test_a_link_among_others_is_left_out_and_told(tmp_path):
    with tarfile.open(a_tar(tmp_path / "x.tar", mode="w"), "a") as file:
        info = tarfile.TarInfo("a/link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(info)
    assert [told.partition(":")[0] for told in unpack(tmp_path / "x.tar", tmp_path / "out")] == ["a/link"]
    assert files(tmp_path / "out") == GOOD


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_every_flipped_bit_of_a_compressed_tar_is_noticed_or_harmless(tmp_path, mode):
    archive = a_tar(tmp_path / "x.tar", mode=mode)
    data = archive.read_bytes()
    for at in [*range(12, len(data), 301), *range(len(data) - 8, len(data))]:
        archive.write_bytes(data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :])
        target = tmp_path / f"out{at}"
        try:
            unpack(archive, target)
        except ValueError as error:
            assert "no whole and safe" in str(error) and not target.exists()
        else:
            assert files(target) == GOOD


def claims(path, size, sparse=False):
    """A tar of 3 kB whose member claims to be larger."""
    info = tarfile.TarInfo("a")
    info.size = size
    header = info.tobuf(tarfile.GNU_FORMAT)
    path.write_bytes(header + bytes(2048))
    return path


def bomb(path, mode):
    """100 MB of zeros."""
    zeros = bytes(100_000_000)
    return a_zip(path, {"a": zeros}) if mode == "zip" else a_tar(path, {"a": zeros}, mode)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: claims(p / "x.tar", 2**62),
        lambda p: claims(p / "x.tar", 10_000),
        lambda p: bomb(p / "x.zip", "zip"),
        lambda p: bomb(p / "x.tar.xz", "w:xz"),
    ],
)
def test_what_would_become_too_large_is_refused_before_it_is_written(tmp_path, make, monkeypatch):
    monkeypatch.setattr(tarfile.TarFile, "extractall", None)
    monkeypatch.setattr(zipfile.ZipFile, "extract", None)
    refused(make(tmp_path), "(would take more than|unexpected end)")
