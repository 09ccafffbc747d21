"""Archives of datasets: downloaded whole, unpacked whole, nothing written outside the target."""

import shutil
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pooch
import requests

TIMEOUT = 30  # seconds without a reply after which a host counts as gone (our choice)


def fetch(url: str, folder: Path, progress: bool = False) -> Path:
    """Download into `folder`, unless the file is there. Raises ConnectionError, with the remedy, where it fails."""
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    downloader = pooch.HTTPDownloader(progressbar=progress, timeout=TIMEOUT)
    try:
        return Path(pooch.retrieve(url, None, fname=name, path=folder, downloader=downloader))
    except requests.RequestException as error:
        raise ConnectionError(f"{url}: {error}; run it again, or get {name} by hand and name the file") from error


def unpack(archive: Path, target: Path) -> None:
    """Unpack a zip or tar into the new folder `target`, which is there only when all of the archive is in it.

    Raises ValueError, with the remedy, where it is damaged or unsafe; OSError where the disk is full.
    """
    part = target.with_name(f"{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        if zipfile.is_zipfile(archive):
            shutil.unpack_archive(archive, part, "zip")  # drops "..", drives and links by itself
        else:
            shutil.unpack_archive(archive, part, "tar", filter="data")  # refuses devices and ways out
        part.rename(target)
    except Exception as error:
        if getattr(error, "errno", None):
            raise
        raise ValueError(
            f"{archive}: no whole and safe zip or tar archive; get it again, or unpack it by hand and name the folder"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
