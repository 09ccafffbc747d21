"""Files that are whole or not there: written to a temporary name in the same folder, then renamed.

One run at a time writes a file or folder; what a killed run left behind is removed by the next one.
"""

import errno
import io
import os
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

MOST_RATIO = 100  # an archive may hold so many times its own size (our choice)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # only writing raises these


def suite_folder(name: str) -> Path:
    """The folder "notebooks" or "results" of the suite: in an installed package, or in the checkout."""
    package = Path(__file__).parent
    return package / name if (package / name).is_dir() else package.parent / name


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block ends well, remove it if not.

    Raises OSError naming `path` where it cannot be written, ValueError as `reserved`. Other errors are passed on.
    """
    path, is_written = Path(path), False
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    with reserved(path):
        try:
            yield temporary
            is_written = True
            with open(temporary, "r+b") as file:  # Windows writes nothing through a handle that only reads
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            is_ours = error.errno in FULL if error.filename is None else str(error.filename) == str(temporary)
            if not (is_written or is_ours):
                raise
            told = f"could not write {path} ({error.strerror}); what was there is unchanged"
            raise OSError(error.errno, told) from error
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def reserved(path: str | Path, folder: bool = False) -> Iterator[None]:
    """Within it, no other run writes the file, or the folder, of that name.

    Temporary files of killed runs are removed; folders that were made for it and stay empty, too.
    Raises ValueError for a device or a folder in place of a file, BlockingIOError where another run writes it, OSError
    naming `path` where nothing can be written there.
    """
    if Path(path).exists() and not (Path(path).is_dir() if folder else Path(path).is_file()):
        raise ValueError(f"{path} is there and is no {'folder' if folder else 'plain file'}; name another one")
    path = Path(os.path.realpath(path))
    home, lock = (path, path / ".lock") if folder else (path.parent, path.with_name(f".{path.name}.lock"))
    held = FileLock(lock, blocking=False, thread_local=False, is_singleton=True)
    if held.is_locked:  # by this process
        yield
        return
    made = [parent for parent in lock.parents if not parent.exists()]
    try:
        home.mkdir(parents=True, exist_ok=True)
        held.acquire()
    except Timeout as error:
        raise BlockingIOError(f"another run is writing {path}; wait for its end or name another place") from error
    except OSError as error:
        raise OSError(error.errno, f"could not write {path} ({error.strerror})") from error
    try:
        stem, suffix = (".+", r"(\.\w+)?") if folder else (re.escape(path.stem), re.escape(path.suffix))
        for old in home.rglob(".*") if folder else home.glob(".*"):
            if re.fullmatch(rf"\.{stem}\.\d+{suffix}", old.name):
                old.unlink(missing_ok=True)
        yield
    finally:
        with suppress(OSError):
            lock.unlink()
        held.release()
        for parent in made:
            with suppress(OSError):
                parent.rmdir()


def write_sealed(path: str | Path, save: Callable[[BinaryIO], object]) -> None:
    """Write a zip archive, as save(file) makes it, with its checksum as its comment. Raises OSError as `whole_file`."""
    content = io.BytesIO()  # torch.save into a file fails by a RuntimeError where the disk is full
    with whole_file(path) as temporary:
        save(content)
        archive = content.getvalue()[:-2] + (64).to_bytes(2, "little")  # length of the comment, which stands last
        temporary.write_bytes(archive + sha256(archive).hexdigest().encode())


def unsealed(path: str | Path) -> io.BytesIO:
    """What a file holds, to be read as an archive. Raises ValueError where it is not as it was sealed, or would become
    much larger; an archive without a comment is of an older version, and taken.
    """
    content = Path(path).read_bytes()
    if content[-22:-18] != b"PK\5\6" and sha256(content[:-64]).hexdigest().encode() != content[-64:]:
        raise ValueError("its checksum is another")
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        if sum(member.file_size for member in file.infolist()) > MOST_RATIO * len(content):
            raise ValueError(f"what it holds is more than {MOST_RATIO} times as large")
    return io.BytesIO(content)


@contextmanager
def naming(what: object, remedy: str) -> Iterator[None]:
    """Within it, whatever reading a damaged file raises becomes a ValueError with its name and the remedy.

    An OSError that names a file itself is passed on.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise
        told = one_line(error)
        raise ValueError(f"{what} is damaged or cut off, or of another kind ({told:.200}); {remedy}") from error


def plain_name(path: str | Path) -> str:
    """The absolute name by which OpenCV opens a file; in another one a colon means a protocol. Raises ValueError for a
    name that is not UTF-8, by which OpenCV would crash.
    """
    name = os.path.abspath(path)
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{path}: its name is no text in utf-8, which videos need; rename it") from error
    return name


def one_line(error: Exception) -> str:
    """What an error says in one line; of an error of the system its file and its words, without the number."""
    told = getattr(error, "strerror", None) or str(error)
    told = f"{error.filename}: {told}" if getattr(error, "filename", None) else told
    return " ".join(told.split()) or type(error).__name__


def print_all_names() -> None:
    """From here on, letters that standard output or error cannot show are printed by their number; where one of the two
    is closed, what is printed is dropped.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def is_same(one: str | Path, other: str | Path) -> bool:
    """Whether two names, by whatever spelling or link, are of one file; upper and lower case are the same."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.realpath(one).casefold() == os.path.realpath(other).casefold()
