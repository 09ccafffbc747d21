"""Measure the speed of the suite on this machine: a frame tracked and its parts, a face, training, import, memory.

A face is found by ours, dlib and mediapipe in turn in one run, as far as they are installed. Milliseconds are processor
time on one core; training uses all cores. FILE ends in .csv or .json.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import psutil
import torch
from torch import nn

from redn_lib.commands.common import command_line
from redn_lib.data.samples import carphone
from redn_lib.data.synthetic import still_image
from redn_lib.device import has_bfloat16
from redn_lib.evaluation.peers import PEERS, one_core, programs_of
from redn_lib.evaluation.tables import check_endings, commit, table_text, write_report
from redn_lib.folded import folded
from redn_lib.pretrained import load_pretrained
from redn_lib.rednet import RedNet
from redn_lib.tracking.align import align
from redn_lib.tracking.detector import DEFAULT
from redn_lib.tracking.tracker import TrackedFrame, Tracker
from redn_lib.tracking.video import frames
from redn_lib.training.batches import StillBatches, cut_patch
from redn_lib.training.loop import Trainer
from redn_lib.training.stages import Stage

FRAMES, FACES, ITERATIONS = 120, 32, 24
"""Of the clip; of these, faces found by each program; iterations of training."""

SIDE = 480  # longer side to which the clip's frames are enlarged, in pixels
WARM = 4  # first results that are left out: what runs first waits for memory and files
PARTS = {"encoder": "network", "decoder": "network", "detection": "network", "regression": "network"}
PARTS |= {"memory": "memory", "memory.join": "memory"}
IMPORTS = {"import redn_lib": "redn_lib", "import of its Tracker, with torch": "redn_lib.tracking.tracker"}
COLUMNS = {"what": "", "figure": "figure", "least": "best", "unit": "unit"}

Row = dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the option of `redn bench`."""
    parser.add_argument("--out", type=Path, nargs="+", default=[], metavar="FILE", help="also write these files")


def run(args: argparse.Namespace) -> int:
    """Print the table, write the files; 0."""
    check_endings(args.out, (".csv", ".json"))
    table, notes = list(imports()), []
    with one_core():
        model = load_pretrained(device="cpu")
        tracked, rows = tracking(model)
        table += [*rows, row("memory of the process, after tracking", [psutil.Process().memory_info().rss / 1e6], "MB")]
        table += faces(model, tracked, notes)
    table += training()
    about = "Speed of the suite: medians, and the best of what was measured"
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > 1.5:
        notes.append("other programs run on this machine: compare the lines, not the digits")
    print(table_text(table, COLUMNS), *notes, *(f"{name}: {value}" for name, value in machine().items()), sep="\n")
    record = {"about": about, "machine": machine(), "notes": notes, "table": table}
    record |= {"command": command_line(args), "commit": commit()}
    write_report(args.out, record, table, "; ".join([about, *notes, *map(str, machine().values())]))
    return 0


def row(what: str, values: Iterable[float], unit: str, best: Callable = min) -> Row:
    """A row of the table: the median of the values, and the best where there are several."""
    values = list(values)
    return {"what": what, "figure": median(values), "least": best(values) if len(values) > 1 else None, "unit": unit}


def machine() -> dict[str, str]:
    """What the figures depend on."""
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else []
    found = {"processor": (names or [platform.processor()])[0], "cores": str(os.cpu_count())}
    found |= {"instructions": torch.backends.cpu.get_cpu_capability(), "system": platform.system()}
    return found | {"python": platform.python_version(), "torch": torch.__version__}


def imports() -> Iterator[Row]:
    """Seconds that an import takes in a new process."""
    for what, module in IMPORTS.items():
        code = f"import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
        seconds = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
        yield row(what, seconds, "s")


def tracking(model: RedNet) -> tuple[list[TrackedFrame], list[Row]]:
    """The clip tracked, and milliseconds of a frame and of its parts, which are means."""
    spent: Counter[str] = Counter()
    for name, part in PARTS.items():
        watch(model.get_submodule(name), part, spent)
    images = [enlarged(image) for *_, image in frames(carphone())][:FRAMES]
    detect = partial(timed, DEFAULT().detect, spent)
    tracker = Tracker(model, detector=SimpleNamespace(detect=detect))
    next(tracker.track(images))
    spent.clear()
    tracked, ms = timed_frames(tracker, images)
    height, width = images[0].shape[:2]
    spent["crops, maps and points"] = sum(ms) / 1e3 - spent.total()
    mean = {part: 1e3 * seconds / len(ms) for part, seconds in spent.items()}
    rows = [row(f"a frame of {width}x{height} pixels tracked", ms, "ms"), row("a frame, mean", [np.mean(ms)], "ms")]
    rows += [row(f"  of it: {part}", [value], "ms") for part, value in mean.items()]
    if has_bfloat16(torch.device("cpu")):
        tracker.model = folded(model)
        rows.append(row("a frame, all in float32", timed_frames(tracker, images)[1], "ms"))
    return tracked, rows


def timed_frames(tracker: Tracker, images: list[np.ndarray]) -> tuple[list[TrackedFrame], list[float]]:
    """The frames tracked, and milliseconds of each."""
    tracked, ms, start = [], [], time.process_time()
    for frame in tracker.track(images):
        now = time.process_time()
        tracked.append(frame)
        ms.append(1e3 * (now - start))
        start = time.process_time()
    return tracked, ms


def watch(module: nn.Module, name: str, spent: Counter) -> None:
    """Add the seconds of each call of a module to spent[name]."""
    module.register_forward_pre_hook(lambda *_: spent.update({name: -time.process_time()}))
    module.register_forward_hook(lambda *_: spent.update({name: time.process_time()}))


def timed(detect: Callable, spent: Counter, *given: object) -> object:
    """What a detector finds; adds its seconds to spent["detector"]."""
    start = time.process_time()
    found = detect(*given)
    spent["detector"] += time.process_time() - start
    return found


def enlarged(image: np.ndarray) -> np.ndarray:
    """The image (H, W, 3), its longer side SIDE pixels."""
    scale = SIDE / max(image.shape[:2])
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


def faces(model: RedNet, tracked: list[TrackedFrame], notes: list[str]) -> list[Row]:
    """Milliseconds of a face in one image, by each program that is installed, in turn; others are noted."""
    programs = {"ours": lambda image, box: align(model, image, box)}
    for name, peer in PEERS.items():
        try:
            programs |= {f"{name}, {program.input}": program.predict for program in programs_of(peer)}
        except ValueError:
            notes.append(f"{name} is not installed; README says how it is, beside ours")
    ms: dict[str, list[float]] = {name: [] for name in programs}
    for frame in [frame for frame in tracked if not frame.lost][: FACES + WARM]:
        for name, predict in programs.items():
            start = time.process_time()
            predict(frame.image, frame.box)
            ms[name].append(1e3 * (time.process_time() - start))
    return [row(f"a face: {name}", some[WARM:], "ms") for name, some in ms.items()]


def training() -> list[Row]:
    """Still images a second: training of `compact`, whose images a process beside it prepares; and that alone."""
    stage, network = Stage(iterations=ITERATIONS), RedNet.from_preset("compact")
    batches = StillBatches([cut_patch(still_image(i)) for i in range(64)], stage, network.preset)
    prepared, done = [time.perf_counter()], []
    for i in range(WARM):
        batches[i]
        prepared.append(time.perf_counter())

    def noted(loader: Iterable) -> Iterator:
        for batch in loader:
            yield batch
            done.append(time.perf_counter())

    Trainer(network, stage, batches, workers=1).run(noted)
    rates = {"training compact": done[WARM - 1 :], "preparing images for it": prepared}
    return [row(what, stage.batch / np.diff(times), "images/s", max) for what, times in rates.items()]
