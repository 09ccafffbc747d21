"""Downloads that are checked, and say what to do by hand when the host is gone."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pooch
import requests

from redn_lib.data.records import Link

TIMEOUT = 30
"""Seconds without a reply after which a host counts as gone (our choice)."""


def fetch(link: Link, folder: Path, progress: bool = False) -> Path:
    """Download into `folder`, unless the file is there and has the link's hash.

    Raises ConnectionError where the host does not reply or breaks off, ValueError where the file that came has another
    hash, OSError where the disk is full; each names the file and the remedy.
    """
    name = unquote(urlsplit(link.url).path).rpartition("/")[2]
    downloader = pooch.HTTPDownloader(progressbar=progress, timeout=TIMEOUT)
    try:
        return Path(pooch.retrieve(link.url, link.hash, fname=name, path=folder, downloader=downloader))
    except ValueError as error:
        raise ValueError(f"{link.url}: {error}; run the same command again, or get {name} by hand") from error
    except requests.RequestException as error:
        raise ConnectionError(
            f"{link.url}: {error}; run the same command again, or get {name} by hand and name the file"
        ) from error
