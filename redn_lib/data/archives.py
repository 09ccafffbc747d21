"""Unpacks what the user got: zip and tar, nothing outside the target, as much of a cut-off archive as there is."""

import errno
import lzma
import os
import re
import shutil
import struct
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from tqdm import tqdm

ENDINGS = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz")
BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, RuntimeError, NotImplementedError)
_CUT = "cut off or damaged from here on, what came before was taken; get the archive anew"


class _Member(NamedTuple):
    name: str
    size: int
    changed: float
    data: IO[bytes]


def unpack(archive: Path, target: Path, progress: bool = False) -> list[str]:
    """Unpack into the folder `target`; the list says, with the remedy, what was left out.

    Left out are names that lead out of the target, links and devices, and what is damaged. Raises FileNotFoundError or
    ValueError where there is no archive, OSError where the disk is full.
    """
    if not archive.is_file():
        raise FileNotFoundError(f"{archive}: no such archive or folder; check the path")
    problems: list[str] = []
    if _is_whole_zip(archive):
        members = _of_zip(archive, problems)
    elif archive.suffix.lower() == ".zip":
        members = _of_cut_zip(archive, problems)
    elif archive.suffix.lower() in ENDINGS:
        members = _of_tar(archive, problems)
    else:
        raise ValueError(f"{archive}: not a {', '.join(ENDINGS)}; unpack it by hand and name the folder")
    with tqdm(members, f"unpacking {archive.name}", unit=" files", disable=not progress) as bar:
        for member in bar:
            _write(member, archive, target, problems)
    return problems


def safe_path(name: str) -> PurePosixPath | None:
    """The relative path of a member, None where it would leave the folder it is unpacked in."""
    name = name.replace("\\", "/")
    path = PurePosixPath(name)
    leads_out = path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name) or "\0" in name
    return None if leads_out or not path.parts else path


def _write(member: _Member, archive: Path, target: Path, problems: list[str]) -> None:
    path = safe_path(member.name)
    if path is None:
        problems.append(f"{archive}: {member.name!r} leads out of the archive and was left; get it from the set's page")
        return
    home = target / path
    temporary = home.with_name(f".{home.name[:200]}.part")
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            shutil.copyfileobj(member.data, file)
        if temporary.stat().st_size != member.size >= 0:
            raise EOFError("shorter than it says")
        os.replace(temporary, home)
        os.utime(home, (member.changed, member.changed))
    except BROKEN as error:
        problems.append(f"{archive}: {member.name} is damaged ({error}) and was left; get the archive anew")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise OSError(error.errno, f"could not unpack {member.name} to {home} ({error.strerror})") from error
        problems.append(
            f"{archive}: {member.name} cannot be written ({error.strerror or error}) and was left; rename it"
        )
    finally:
        temporary.unlink(missing_ok=True)


def _is_whole_zip(archive: Path) -> bool:
    """Whether the table of contents at the end is there, and is this zip's and not that of a zip in it."""
    try:
        with zipfile.ZipFile(archive) as file:
            return min((info.header_offset for info in file.infolist()), default=0) == 0
    except BROKEN:
        return False


def _of_zip(archive: Path, problems: list[str]) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            if info.is_dir():
                continue
            if (info.external_attr >> 16) & 0o170000 == 0o120000:
                problems.append(f"{archive}: {info.filename} is a link and was left; put the file itself there")
                continue
            try:
                with file.open(info) as data:
                    yield _Member(info.filename, info.file_size, _seconds(info.date_time), data)
            except BROKEN as error:
                told = f"{info.filename} cannot be read ({error}) and was left"
                problems.append(f"{archive}: {told}; get the archive anew")


def _of_cut_zip(archive: Path, problems: list[str]) -> Iterator[_Member]:
    """Members of a zip whose end, with the table of contents, is missing: from one local header to the next."""
    problems.append(f"{archive}: {_CUT}")
    with archive.open("rb") as file:
        while len(head := file.read(30)) == 30 and head[:4] == b"PK\3\4":
            flags, method = struct.unpack("<HH", head[6:10])
            packed, size, name_length, extra = struct.unpack("<IIHH", head[18:30])
            name = file.read(name_length).decode("utf-8", "replace")
            file.seek(extra, os.SEEK_CUR)
            data = file.read(packed)
            if flags & 8 or 0xFFFFFFFF in (packed, size) or method not in (0, 8) or len(data) < packed:
                return
            if not name.endswith("/"):
                yield _Member(name, size, 0, _Inflated(data, method))


class _Inflated:
    """The data of a member of a cut-off zip, to be read at one go."""

    def __init__(self, data: bytes, method: int):
        self.data, self.method = data, method

    def read(self, _: int = -1) -> bytes:
        data, self.data = self.data, b""
        return zlib.decompress(data, -15) if data and self.method == 8 else data


def _of_tar(archive: Path, problems: list[str]) -> Iterator[_Member]:
    try:
        with tarfile.open(archive, "r|*") as file:
            for info in file:
                if info.isdir():
                    continue
                if not info.isreg():
                    problems.append(
                        f"{archive}: {info.name} is a link or device and was left; put the file itself there"
                    )
                    continue
                yield _Member(info.name, info.size, info.mtime, file.extractfile(info))
    except (*BROKEN, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        problems.append(f"{archive}: {_CUT} ({error})")


def _seconds(date: tuple[int, ...]) -> float:
    """Seconds of a zip's date, which may be none; without a time zone, so the same everywhere is the same."""
    try:
        return time.mktime((*date, 0, 0, -1))
    except (ValueError, OverflowError):
        return 0.0
