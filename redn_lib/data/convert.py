"""From what the user got to a folder that `dataset.open` reads: unpack, plan, write part by part, report."""

import json
import shutil
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from redn_lib.data import dataset as datasets
from redn_lib.data.archives import unpack
from redn_lib.data.contact_sheet import contact_sheet
from redn_lib.data.dataset import Dataset
from redn_lib.data.images import encode_image, is_upright
from redn_lib.data.records import AnnotatedImage, Layout, Plan, Unit
from redn_lib.files import whole_file
from redn_lib.landmarks import OUTER_EYES

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
    _check_place(layout, out)
    states = [_state(path) for path in sources]
    old = _finished(out)
    if old.get("sources") == states and all(path.is_file() for path in sources):
        return datasets.open(out)
    unpacked = out / "unpacked"
    folders = [path if path.is_dir() else _unpacked(path, unpacked) for path in sources]
    plan = layout.plan(folders)
    (out / "store.json").unlink(missing_ok=True)
    (out / "parts").mkdir(exist_ok=True)
    parts, problems = _write_parts(plan, out / "parts", progress)
    for folder in folders:
        if unpacked in folder.parents:
            problems = [told.replace(f"{folder.parent}/", "") for told in problems]
    if not parts:
        raise ValueError(_nothing(layout, problems))
    about = {"set": layout.name, "sources": states, "parts": parts, "problems": problems}
    with whole_file(out / "store.json") as temporary:
        temporary.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(unpacked, ignore_errors=True)
    made = datasets.open(out)
    _describe(made, out)
    return made


def report(dataset: Dataset, most: int | None = 20) -> str:
    """The report to print: counts, sizes, what is odd, what was left out (the first `most` of each)."""
    people = "people" if dataset.identities else "people (each image or video its own)"
    lines = [
        f"{dataset.name}: {len(dataset)} frames, {len(dataset.videos)} videos or still images, "
        f"{len(dataset.people)} {people}"
    ]
    for split in dataset.splits:
        mine = dataset.choose(split)
        lines.append(f"  {split:14s}{len(mine)} frames, {len(mine.videos)} videos or still images")
    points = np.stack([sample.points for sample in dataset])
    sides = np.stack([sample.box[2:] - sample.box[:2] for sample in dataset]).max(1)
    eyes = np.linalg.norm(points[:, OUTER_EYES[0]] - points[:, OUTER_EYES[1]], axis=1)
    lines += [
        f"points     {_spread(np.isfinite(points).all(-1).sum(1))} of 68",
        f"box        {_spread(sides)} px, the larger side",
        f"eyes       {_spread(eyes)} px between the outer corners",
        *_listed("wrong counts", dataset.wrong_counts(), most),
        *_listed("left out or odd", dataset.problems, most),
    ]
    return "\n".join(lines)


def _spread(values: np.ndarray) -> str:
    low, middle, high = np.nanpercentile(values, [5, 50, 95])
    return f"{middle:.0f} ({low:.0f} to {high:.0f} for 9 of 10)"


def _listed(title: str, entries: list[str], most: int | None) -> list[str]:
    rest = len(entries) - len(entries[:most])
    more = [f"  ... and {rest} more, see report.txt"] if rest else []
    return [f"{title}: {len(entries)}", *(f"  {entry}" for entry in entries[:most]), *more]


def _describe(dataset: Dataset, out: Path) -> None:
    """Write the report and the contact sheet."""
    with whole_file(out / "report.txt") as temporary:
        temporary.write_text(report(dataset, most=None) + "\n", encoding="utf-8", errors="backslashreplace")
    chosen = np.unique(np.linspace(0, len(dataset) - 1, SHEET_FACES).round().astype(int))
    samples = [dataset[i] for i in chosen]
    sheet = contact_sheet((sample.load().frames[0], sample.points, sample.box) for sample in samples)
    with whole_file(out / "contact_sheet.jpg") as temporary:
        temporary.write_bytes(encode_image(sheet))


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
        for image in unit.read(problems):
            try:
                jpeg, points, box = _stored(image)
            except (ValueError, FileNotFoundError) as error:
                problems.append(str(error))
                continue
            file.write(jpeg)
            row = {"points": points, "box": box, "offset": offset, "bytes": len(jpeg)}
            row |= {key: getattr(image, key) for key in ("name", "person", "video", "split", "number", "fps")}
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


def _stored(image: AnnotatedImage) -> tuple[bytes, np.ndarray, np.ndarray]:
    """(JPEG, points, box) as they are stored: a large still image cut around the face, a small JPEG as it is.

    A frame of a video stays whole, whatever its size: a tracker needs all of it.
    """
    pixels = image.face().image
    is_still = image.video == image.name
    if is_still and max(pixels.shape[:2]) > LARGEST:
        return _cut(pixels, image.points, image.box)
    is_jpeg = isinstance(image.source, Path) and image.source.suffix.lower() in (".jpg", ".jpeg")
    jpeg = image.source.read_bytes() if is_jpeg and is_upright(image.source) else encode_image(pixels)
    return jpeg, image.points, image.box


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


def _check_place(layout: Layout, out: Path) -> None:
    """Claim the folder for the dataset. Raises ValueError where it holds anything else."""
    claim = out / "set.txt"
    held = claim.read_text(encoding="utf-8").strip() if claim.is_file() else None
    if held not in (None, layout.name):
        raise ValueError(f"{out}: holds the set {held}; give --out another folder, or delete this one")
    if held is None and out.is_dir() and any(out.iterdir()):
        raise ValueError(f"{out}: is not empty; give --out a folder of its own")
    with whole_file(claim) as temporary:
        temporary.write_text(layout.name + "\n", encoding="utf-8")


def _finished(out: Path) -> dict[str, Any]:
    """What store.json says; nothing where the folder is not finished, or damaged."""
    try:
        datasets.open(out)
        return json.loads((out / "store.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def _state(path: Path) -> list:
    """What tells whether an archive has changed; of a folder the units do."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such folder or archive; check the path")
    state = path.stat()
    return [path.name] if path.is_dir() else [path.name, state.st_size, state.st_mtime_ns]


def _unpacked(archive: Path, home: Path) -> Path:
    """The folder of an archive's files, unpacked unless that was done before."""
    folder = home / sha256(repr(_state(archive)).encode()).hexdigest()[:12] / archive.name
    if not folder.is_dir():
        unpack(archive, folder)
    return folder


def _nothing(layout: Layout, problems: list[str]) -> str:
    how = f"`python data_scripts/get.py {layout.name}` says what its layout is"
    return f"nothing usable of {layout.name} was found; {how}" + "".join(f"\n  {told}" for told in problems[:20])
