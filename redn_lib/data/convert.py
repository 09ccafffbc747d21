"""From an archive to a folder that `dataset.open` reads: unpack, write part by part, report."""

import json
import os
import shutil
import tarfile
import time
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from redn_lib.crop import cut_around
from redn_lib.data import dataset as datasets
from redn_lib.data.clip import Layout, Sample, Unit
from redn_lib.data.dataset import Dataset, listed
from redn_lib.data.images import encode_image
from redn_lib.files import FULL, MOST_RATIO, naming, unsealed, whole_file, write_sealed

MOST_SMALL = 2**26  # bytes that the files of any archive may take (our choice)
LARGEST = 640
"""A larger still image is cut to three times the face's box and shrunk to this many pixels a side (our choice): room
for every disturbed box and crop of the training, and decoded in a millisecond."""


class DamagedArchive(ValueError):
    """An archive that cannot be unpacked; path: its file."""

    def __init__(self, path: Path, why: str) -> None:
        remedy = "get it again, or unpack it by hand and name the folder"
        super().__init__(f"{path}: no whole and safe zip or tar archive; {remedy} ({why:.200})")
        self.path = path


def unpack(archive: Path, target: Path) -> list[str]:
    """Unpack a zip or tar into the new folder `target`, which is there only when all of the archive is in it. Returns a
    sentence on each member that is left out: links, devices, names that lead out of the folder.

    The files keep their times of change, so that unpacked again they count as unchanged.
    Raises DamagedArchive, with the remedy, where it is damaged, or would become too large; OSError where the disk is
    full.
    """
    part, problems = target.with_name(f"{target.name}.part"), []
    shutil.rmtree(part, ignore_errors=True)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                check_sizes((member.file_size for member in file.infolist()), archive.stat().st_size, part)
                for member in file.infolist():
                    file.open(member).close()  # compares both places of its name; a file must not pass for a folder
                    path = file.extract(member, part)  # drops "..", drives and links by itself
                    changed = time.mktime((*member.date_time, 0, 0, -1))
                    os.utime(path, (changed, changed))
        else:
            with tarfile.open(archive) as file:
                sizes = (member.size for member in file)
                check_sizes(sizes, archive.stat().st_size, part)
                while file.fileobj.read(1 << 20):  # to its end, where its checksum stands
                    pass
                safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Python 3.11.4 and newer
                file.extractall(part, members=_inside(file, part, problems), **safe)
        part.rename(target)
    except Exception as error:
        if isinstance(error, OSError) and (error.errno in FULL or error.filename is not None):
            raise
        told = "; ".join(filter(None, [" ".join(str(error).split()), *problems])) or type(error).__name__
        raise DamagedArchive(archive, told) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return problems


def check_sizes(sizes: Iterable[int], packed: int, target: Path) -> None:
    """Raise ValueError where members of so many bytes are too many for an archive of `packed` bytes or the disk."""
    home = next(folder for folder in target.parents if folder.exists())
    most = min(MOST_RATIO * packed + MOST_SMALL, shutil.disk_usage(home).free)
    for total in accumulate(sizes):
        if total > most:
            told = f"{MOST_RATIO} times its own size, or all free space"
            raise ValueError(f"its files would take more than {most / 2**20:.0f} MB: {told}")


def _inside(file: tarfile.TarFile, folder: Path, problems: list[str]) -> list[tarfile.TarInfo]:
    """Members that are files or folders within `folder`."""
    kept = []
    for member in file.getmembers():
        within = (folder / member.name).resolve().is_relative_to(folder.resolve())
        if within and (member.isfile() or member.isdir()) and not member.issparse():
            kept.append(member)
        else:
            problems.append(f"{member.name}: a link, a device or outside of its folder, left out; copy the file itself")
    if problems and not any(member.isfile() for member in kept):
        raise ValueError("nothing is left")
    return kept


def convert(layout: Layout, sources: Sequence[Path], out: Path, progress: bool = False) -> Dataset:
    """Convert folders and archives of a published dataset into `out`, with report.txt beside it.

    Run again after an interruption, or after mending some files, it does only what is missing: parts whose files are
    unchanged stay.
    Raises FileNotFoundError or ValueError where nothing usable is there, OSError where the disk is full.
    """
    sources = list({path.resolve(): path for path in sources}.values())  # each once
    named = Counter(path.name for path in sources if path.is_file())
    for path in sources:
        if not (path.is_dir() or path.is_file()):
            raise FileNotFoundError(f"{path}: no folder and no archive is there; check the path")
        if named[path.name] > 1:
            raise ValueError(f"{path}: another of the archives has its name, too; rename one")
    told, parts, unpacked = out / "store.json", out / "parts", out / "unpacked"
    is_new = not out.is_dir() or all(path.name == ".lock" for path in out.iterdir())
    is_other = told.is_file() and f'"set": "{layout.name}"' not in told.read_text(encoding="utf-8", errors="replace")
    if is_other or not (is_new or parts.is_dir()):
        raise ValueError(f"{out}: holds another set or other files; give --out a folder of its own")
    parts.mkdir(parents=True, exist_ok=True)
    folders = [path if path.is_dir() else unpacked / path.name for path in sources]
    odd = [
        f"{folder}/{sentence}"
        for source, folder in zip(sources, folders, strict=True)
        if not folder.is_dir()
        for sentence in unpack(source, folder)
    ]
    told.unlink(missing_ok=True)
    written, problems = _write_parts(layout, folders, parts, progress)
    problems = [*odd, *problems]
    problems = [problem.replace(f"{unpacked}/", "") for problem in problems]
    if not written:
        how = f"`python data_scripts/get.py {layout.name}` says what its layout is"
        raise ValueError(f"nothing usable of {layout.name} was found; {how}{listed(problems, 20)}")
    about = {"set": layout.name, "parts": written, "problems": problems}
    with whole_file(told) as temporary:
        temporary.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    made = datasets.open(out)
    with whole_file(out / "report.txt") as temporary:
        temporary.write_text(report(made, most=10**9) + "\n", encoding="utf-8", errors="backslashreplace")
    shutil.rmtree(unpacked, ignore_errors=True)
    return made


def report(dataset: Dataset, most: int = 20) -> str:
    """The report to print: counts, sizes, what is odd, what was left out (the first `most` of each)."""
    people = "people" if dataset.identities else "people (each image or video its own)"
    videos = f"{len({sample.video for sample in dataset})} videos or images"
    lines = [f"{dataset.name}: {len(dataset)} frames, {videos}, {len(dataset.people)} {people}"]
    for split, count in sorted(Counter(sample.split for sample in dataset).items()):
        lines.append(f"  {split:14s}{count} frames")
    sides = [max(sample.box[2:] - sample.box[:2]) for sample in dataset]
    low, middle, high = np.percentile(sides, [5, 50, 95])
    lines.append(f"box: larger side {middle:.0f} px ({low:.0f} to {high:.0f} for 9 of 10)")
    for title, entries in (("wrong counts", dataset.wrong_counts()), ("left out or odd", dataset.problems)):
        lines.append(f"{title}: {len(entries)}{listed(entries, most)}")
    return "\n".join(lines)


def _write_parts(layout: Layout, folders: list[Path], parts: Path, progress: bool) -> tuple[list[dict], list[str]]:
    """Write what is not written yet: (name and bytes of each part with an image in it, all problems)."""
    problems: list[str] = []
    written: dict[str, int] = {}
    for unit in tqdm(list(layout.units(folders, problems)), unit=" parts", disable=not progress):
        if unit.key in written:
            problems.append(f"{unit.files[0]}: {unit.key} is there twice; delete one")
            continue
        labels = _labels(unit, parts) or _write_part(unit, parts)
        problems += labels["problems"].tolist()
        written[unit.key] = int(labels["total"])
    return [{"name": key, "bytes": count} for key, count in written.items() if count], problems


def _labels(unit: Unit, parts: Path) -> dict[str, np.ndarray] | None:
    """The labels of a part; None where it is not whole, or the files of the unit have changed since."""
    try:
        with naming(unit.key, "write it again"), np.load(unsealed(parts / f"{unit.key}.npz")) as file:
            labels = dict(file)
            is_whole = (parts / f"{unit.key}.bin").stat().st_size == int(labels["total"])
            return labels if is_whole and str(labels["fingerprint"]) == _fingerprint(unit) else None
    except (ValueError, OSError):
        return None


def _fingerprint(unit: Unit) -> str:
    """Changes when a file of the unit (its name, size or time of change) or the labels change."""
    states = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in unit.files]
    return sha256(unit.labels + repr(states).encode()).hexdigest()[:24]


def _write_part(unit: Unit, parts: Path) -> dict[str, Any]:
    """Write the images of a unit, then its labels, which make it count. Raises OSError where the disk is full."""
    (parts / f"{unit.key}.npz").unlink(missing_ok=True)
    fingerprint, problems, total = _fingerprint(unit), [], 0
    columns: dict[str, list] = defaultdict(list)
    with whole_file(parts / f"{unit.key}.bin") as temporary, temporary.open("wb") as file:
        for sample in unit.read(problems):
            try:
                jpeg, points = _stored(sample)
            except (ValueError, FileNotFoundError) as error:
                problems.append(str(error))
                continue
            row = {key: getattr(sample, key) for key in ("name", "person", "video", "split", "number", "fps")}
            row |= {"points": points, "offset": total, "bytes": len(jpeg), "crc": zlib.crc32(jpeg)}
            for key, value in row.items():
                columns[key].append(value)
            total += file.write(jpeg)
    labels = {"fingerprint": fingerprint, "total": total, "problems": np.array(problems, str), **columns}
    write_sealed(parts / f"{unit.key}.npz", partial(np.savez, **labels))
    return labels


def _stored(sample: Sample) -> tuple[bytes, np.ndarray]:
    """(JPEG, points) as they are stored: a large still image cut around the face, a small JPEG as it is."""
    image, points, source = sample.face().image, sample.points, sample.source
    is_video = sample.video != sample.name  # its frames stay whole: a tracker needs all of them
    if is_video or max(image.shape[:2]) <= LARGEST:
        is_jpeg = isinstance(source, Path) and source.suffix.lower() in (".jpg", ".jpeg")
        return source.read_bytes() if is_jpeg else encode_image(image), points
    image, low = cut_around(image, sample.box, 1.5)
    before = np.array(image.shape[1::-1])
    shrink = max(before.max() / LARGEST, 1.0)
    if shrink > 1:
        size = tuple(max(round(n / shrink), 8) for n in before)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    scale = before / image.shape[1::-1]
    return encode_image(image), ((points - low + 0.5) / scale - 0.5).astype(np.float32)
