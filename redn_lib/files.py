"""Files that are whole or not there: written to a temporary name in the same folder, then renamed."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # only writing raises these


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block ends well, remove it if not.

    Raises OSError naming `path` where it cannot be written. Other errors are passed on.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        named = Path(error.filename) if isinstance(error.filename, str | Path) else None
        if error.errno not in FULL and named not in (temporary, *temporary.parents):
            raise
        raise OSError(error.errno, f"could not write {path} ({error.strerror}); what was there is unchanged") from error
    finally:
        if temporary.exists():
            temporary.unlink()
