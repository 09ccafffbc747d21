"""From what the user got to a folder that `dataset.open` reads: unpack, plan, write part by part, report."""

import json
import shutil
import zipfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from redn_lib.data import dataset as datasets
from redn_lib.data.archives import unpack
from redn_lib.data.contact_sheet import contact_sheet
from redn_lib.data.dataset import Dataset, listed
from redn_lib.data.images import encode_image, is_upright
from redn_lib.data.records import Layout, Plan, Sample, Unit
from redn_lib.files import whole_file

LARGEST = 640
"""A larger still image is cut to three times the face's box and shrunk to this many pixels a side (our choice): room
for every disturbed box and crop of the training, and decoded in a millisecond."""

MARGIN = 3.0
SHEET_FACES = 64


def convert(layout: Layout, sources: Sequence[Path], out: Path, progress: bool = False) -> Dataset:
    """Convert folders and archives of a published dataset into `out`, with report.txt and contact_sheet.jpg beside it.

    What is finished and unchanged is not done again: run again after an interruption, or after mending some files.
    Raises FileNotFoundError or ValueError where nothing usable is there, OSError where the disk is full.
    """
    for path in sources:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such folder or archive; check the path")
    told, parts, unpacked = out / "store.json", out / "parts", out / "unpacked"
    held = _held(out)
    if held not in (None, layout.name):
        raise ValueError(f"{out}: holds the set {held}; give --out another folder, or delete this one")
    parts.mkdir(parents=True, exist_ok=True)
    folders = [path if path.is_dir() else _unpacked(path, unpacked) for path in sources]
    plan = layout.plan(folders)
    told.unlink(missing_ok=True)
    written, problems = _write_parts(plan, parts, progress)
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
    with whole_file(out / "contact_sheet.jpg") as temporary:
        temporary.write_bytes(encode_image(_sheet(made)))
    shutil.rmtree(unpacked, ignore_errors=True)
    return made


def report(dataset: Dataset, most: int = 20) -> str:
    """The report to print: counts, sizes, what is odd, what was left out (the first `most` of each)."""
    people = "people" if dataset.identities else "people (each image or video its own)"
    videos = f"{len(dataset.videos)} videos or images"
    lines = [f"{dataset.name}: {len(dataset)} frames, {videos}, {len(dataset.people)} {people}"]
    for split, count in sorted(Counter(sample.split for sample in dataset).items()):
        lines.append(f"  {split:14s}{count} frames")
    sides = [max(sample.box[2:] - sample.box[:2]) for sample in dataset]
    low, middle, high = np.percentile(sides, [5, 50, 95])
    lines.append(f"box: larger side {middle:.0f} px ({low:.0f} to {high:.0f} for 9 of 10)")
    for title, entries in (("wrong counts", dataset.wrong_counts()), ("left out or odd", dataset.problems)):
        lines.append(f"{title}: {len(entries)}{listed(entries, most)}")
    return "\n".join(lines)


def _held(out: Path) -> str | None:
    """Name of the dataset in a folder, None where it is new, damaged or not finished. Raises ValueError for any other
    folder.
    """
    if out.is_dir() and any(out.iterdir()) and not (out / "parts").is_dir():
        raise ValueError(f"{out}: is not empty; give --out a folder of its own")
    try:
        return json.loads((out / "store.json").read_text(encoding="utf-8"))["set"]
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _unpacked(archive: Path, home: Path) -> Path:
    """The folder of an archive's files, unpacked unless that was done before."""
    folder = home / archive.name
    if not folder.is_dir():
        unpack(archive, folder)
    return folder


def _sheet(dataset: Dataset) -> np.ndarray:
    """A contact sheet of faces from all over the dataset."""
    chosen = np.unique(np.linspace(0, len(dataset) - 1, SHEET_FACES).round().astype(int))
    return contact_sheet((dataset[i].face().image, dataset[i].points, dataset[i].box) for i in chosen)


def _write_parts(plan: Plan, folder: Path, progress: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """Write what is not written yet: (name and bytes of each part with an image in it, all problems)."""
    parts, problems = [], list(plan.problems)
    for unit in tqdm(plan.units, unit=" parts", disable=not progress):
        labels = _labels(unit, folder)
        if labels is None:
            _write_part(unit, folder)
            labels = _labels(unit, folder)
        problems += labels["problems"].tolist()
        if "name" in labels:
            parts.append({"name": unit.key, "bytes": int(labels["total"])})
    return parts, problems


def _labels(unit: Unit, folder: Path) -> dict[str, np.ndarray] | None:
    """The labels of a part; None where it is not whole, or the files of the unit have changed since."""
    try:
        with np.load(folder / f"{unit.key}.npz") as file:
            labels = {name: file[name] for name in file.files}
        is_whole = (folder / f"{unit.key}.bin").stat().st_size == int(labels["total"])
        return labels if is_whole and str(labels["fingerprint"]) == unit.fingerprint() else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write_part(unit: Unit, folder: Path) -> None:
    """Write the images of a unit, then its labels, which make it count. Raises OSError where the disk is full."""
    (folder / f"{unit.key}.npz").unlink(missing_ok=True)
    fingerprint, problems, offset = unit.fingerprint(), [], 0
    columns: dict[str, list] = defaultdict(list)
    with whole_file(folder / f"{unit.key}.bin") as temporary, temporary.open("wb") as file:
        for sample in unit.read(problems):
            try:
                jpeg, points, box = _stored(sample)
            except (ValueError, FileNotFoundError) as error:
                problems.append(str(error))
                continue
            file.write(jpeg)
            row = {"points": points, "box": box, "offset": offset, "bytes": len(jpeg)}
            row |= {key: getattr(sample, key) for key in ("name", "person", "video", "split", "number", "fps")}
            for key, value in row.items():
                columns[key].append(value)
            offset += len(jpeg)
    with whole_file(folder / f"{unit.key}.npz") as temporary:
        np.savez(
            temporary,
            fingerprint=np.array(fingerprint),
            total=np.array(offset),
            problems=np.array(problems, str),
            **{key: np.array(values) for key, values in columns.items()},
        )


def _stored(sample: Sample) -> tuple[bytes, np.ndarray, np.ndarray]:
    """(JPEG, points, box) as they are stored: a large still image cut around the face, a small JPEG as it is.

    A frame of a video stays whole, whatever its size: a tracker needs all of it.
    """
    pixels, source = sample.face().image, sample.source
    is_still = sample.video == sample.name
    if is_still and max(pixels.shape[:2]) > LARGEST:
        return _cut(pixels, sample.points, sample.box)
    is_jpeg = isinstance(source, Path) and source.suffix.lower() in (".jpg", ".jpeg")
    jpeg = source.read_bytes() if is_jpeg and is_upright(source) else encode_image(pixels)
    return jpeg, sample.points, sample.box


def _cut(pixels: np.ndarray, points: np.ndarray, box: np.ndarray) -> tuple[bytes, np.ndarray, np.ndarray]:
    """The image around the face, at most LARGEST pixels a side, as JPEG; its points; its box."""
    half = MARGIN / 2 * (box[2:] - box[:2]).max()
    middle = (box[:2] + box[2:]) / 2
    low = np.maximum(np.floor(middle - half), 0).astype(int)
    high = np.minimum(np.ceil(middle + half) + 1, pixels.shape[1::-1]).astype(int)
    pixels = pixels[low[1] : high[1], low[0] : high[0]]
    before = np.array(pixels.shape[1::-1])
    shrink = max(before.max() / LARGEST, 1.0)
    if shrink > 1:
        size = tuple(max(round(n / shrink), 8) for n in before)
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    scale = before / pixels.shape[1::-1]
    points = ((points - low + 0.5) / scale - 0.5).astype(np.float32)
    box = (box - np.r_[low, low] + 0.5) / np.r_[scale, scale] - 0.5
    return encode_image(pixels), points, box
