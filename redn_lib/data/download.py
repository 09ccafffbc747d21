"""Downloads that go on where they stopped, are checked, and say what to do by hand when the host is gone."""

import http.client
import urllib.error
import urllib.request
from hashlib import md5
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tqdm import tqdm

from redn_lib.data.records import Link

TIMEOUT = 30
"""Seconds without an answer after which a host counts as gone (our choice)."""


def fetch(link: Link, folder: Path, progress: bool = False) -> Path:
    """Download into `folder` unless it is there; what came so far is kept as NAME.part and continued.

    Raises ConnectionError where the host does not answer or breaks off, ValueError where what came is not what the
    link's md5 or the host's length say, OSError where the disk is full; each names the file and the remedy.
    """
    name = unquote(urlsplit(link.url).path).rpartition("/")[2]
    path, part = folder / name, folder / f"{name}.part"
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    try:
        total = _continue(link.url, part, progress)
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        raise ConnectionError(
            f"{link.url}: {reason}; run the same command again to go on, or get {name} by hand and name the file"
        ) from error
    if total is not None and part.stat().st_size != total:
        raise ConnectionError(
            f"{link.url}: broke off at {part.stat().st_size:,} of {total:,} bytes; run the same command again to go on"
        )
    if link.md5 and (found := _md5(part)) != link.md5:
        part.unlink()
        raise ValueError(
            f"{link.url}: what came has the md5 {found}, not {link.md5}, and was deleted; get {name} by hand"
        )
    part.rename(path)
    return path


def _continue(url: str, part: Path, progress: bool) -> int | None:
    """Append to `part` what is missing; the whole length, None where the host does not say."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not have:
            raise
        part.unlink()  # nothing is left to ask for, or the file has changed: from the beginning
        return _continue(url, part, progress)
    with answer:
        goes_on = answer.status == 206
        length = answer.headers.get("Content-Length")
        total = int(length) + have * goes_on if length and length.isdecimal() else None
        bar = tqdm(total=total, initial=have * goes_on, desc=part.stem, unit="B", unit_scale=True, disable=not progress)
        with part.open("ab" if goes_on else "wb") as file, bar:
            while block := answer.read(1 << 18):
                file.write(block)
                bar.update(len(block))
    return total


def _md5(path: Path) -> str:
    told = md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            told.update(block)
    return told.hexdigest()
