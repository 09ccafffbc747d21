"""Unpacks a zip or tar archive: whole or not at all, and nothing outside the target."""

import os
import re
import shutil
import tarfile
import time
import zipfile
import zlib
from lzma import LZMAError
from pathlib import Path, PurePosixPath

_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError, RuntimeError, NotImplementedError)
_LINK = 0o120000
_FILTER = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Python before 3.11.4 has none


def unpack(archive: Path, target: Path) -> None:
    """Unpack into the new folder `target`, which is there only when all of the archive is in it.

    Raises FileNotFoundError or ValueError, with the remedy, where there is no archive, it is damaged, or it holds a
    link, a device or a path out of the target; OSError where the disk is full.
    """
    if not archive.is_file():
        raise FileNotFoundError(f"{archive}: no such archive or folder; check the path")
    part = target.with_name(f"{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, part)
        elif tarfile.is_tarfile(archive):
            _unpack_tar(archive, part)
        else:
            raise ValueError(
                f"{archive}: no whole zip or tar archive; get it again, or unpack it by hand and name the folder"
            )
    except _DAMAGED as error:
        raise ValueError(f"{archive}: damaged ({error}); get the archive again") from error
    except OSError as error:
        if error.errno is None:  # bz2 and gzip say so of damaged data
            raise ValueError(f"{archive}: damaged ({error}); get the archive again") from error
        raise OSError(error.errno, f"could not unpack {archive} into {target} ({error.strerror})") from error
    else:
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _unpack_zip(archive: Path, part: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            is_link = (info.external_attr >> 16) & 0o170000 == _LINK
            _check_member(archive, info.filename, is_link)
            path = file.extract(info, part)
            changed = time.mktime((*info.date_time, 0, 0, -1))
            os.utime(path, (changed, changed))  # so that what is unpacked again counts as unchanged


def _unpack_tar(archive: Path, part: Path) -> None:
    with tarfile.open(archive) as file:
        for info in file:
            _check_member(archive, info.name, not (info.isreg() or info.isdir()))
            file.extract(info, part, **_FILTER)


def _check_member(archive: Path, name: str, is_special: bool) -> None:
    """Raise ValueError for anything but a file or folder inside the archive."""
    path = PurePosixPath(name.replace("\\", "/"))
    leads_out = path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name)
    if leads_out or is_special:
        what = "leads out of the archive" if leads_out else "is a link or a device"
        raise ValueError(f"{archive}: {name!r} {what}, so nothing was unpacked; get the archive from the set's page")
