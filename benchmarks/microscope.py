"""The loop microscope in JupyterLab in Chromium: milliseconds from key press to changed picture, and for each picture
of the movement.

    python benchmarks/microscope.py

The turn of the box is timed, for which all steps are computed again and all panels drawn; then the steps are played.
The shipped weights on a procedural face. Prints medians, and the processor time that kernel, JupyterLab and Chromium
take together, which says more on a loaded machine. Needs what the browser tests need.
"""

import argparse
import statistics
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest

ROOT = Path(__file__).resolve().parents[1]
CELL = """\
import redn_lib as redn
from redn_lib.data.synthetic import still_image
from redn_lib.widgets.microscope import microscope

import torch
torch.set_num_threads(1)
microscope(redn.load_pretrained(), still_image(0), turn=-60)
"""
PRESSES = 20
KINDS = ("ipykernel", "jupyterlab", "type=renderer", "type=gpu-process", "playwright")
PLAY = """() => new Promise((done) => {
    const { page } = document.querySelector('.mic'), { tick } = page, times = [];
    page.tick = (...given) => {
        const goes = tick.apply(page, given);
        times.push(performance.now());
        if (goes === false) { delete page.tick; done(times); }
        return goes;
    };
    page.play();
})"""
ANSWERED = "count => (document.querySelector('.mic')?.page?.answered ?? 0) > count"


def press(page, key: str) -> float:
    """Milliseconds until the panels of the next answer are drawn."""
    before = page.evaluate("() => document.querySelector('.mic').page.answered")
    start = time.perf_counter()
    page.keyboard.press(key)
    page.wait_for_function(ANSWERED, arg=before, timeout=20_000)
    return 1e3 * (time.perf_counter() - start)


def spent() -> np.ndarray:
    """Milliseconds of processor time that KINDS of our children and theirs have taken so far."""
    sums = dict.fromkeys(KINDS, 0.0)
    for child in psutil.Process().children(recursive=True):
        kind = next((kind for kind in KINDS if kind in " ".join(child.cmdline())), None)
        if kind:
            sums[kind] += 1e3 * sum(child.cpu_times()[:2])
    return np.array([*sums.values()])


def shares(before: np.ndarray, times: int) -> str:
    """What each kind of process has taken since, for each of so many times."""
    each = (spent() - before) / times
    return ", ".join(f"{kind} {ms:.1f}" for kind, ms in zip(KINDS, each, strict=True)) + " ms of processor time"


def test_microscope(notebook):
    from tests.browser.pages import write_notebook

    path = ROOT / "build" / "browser" / "benchmark.ipynb"
    write_notebook(path, CELL)
    page = notebook.open(path.relative_to(ROOT).as_posix()).page
    assert notebook.run_all() == []
    page.wait_for_function(ANSWERED, arg=0, timeout=20_000)
    page.locator(".mic-image g[data-part=box]").focus()
    press(page, "]")
    before = spent()
    times = [press(page, "]") for _ in range(PRESSES)]
    processor = shares(before, PRESSES)
    middle, ends = statistics.median(times), f"least {min(times):.0f}, most {max(times):.0f}"
    print(f"turn of the box: median {middle:.0f} ms, {ends} of {PRESSES} presses; {processor}")

    before = spent()
    played = page.evaluate(PLAY)
    processor = shares(before, len(played))
    middle = statistics.median(late - early for early, late in pairwise(played))
    print(f"steps played: a picture every {middle:.1f} ms (median); {processor}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    sys.path.insert(0, str(ROOT))
    plugins = ["-p", "tests.conftest", "-p", "tests.browser.conftest", "-p", "no:cacheprovider"]
    options = ["-q", "-s", *plugins, "--rootdir", str(ROOT)]
    sys.exit(pytest.main([*options, __file__]))
