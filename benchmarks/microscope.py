"""Milliseconds from key press to changed picture in JupyterLab in Chromium, for the loop microscope.

    python benchmarks/microscope.py

The turn of the box is timed, for which all steps are computed again and all panels drawn. The shipped weights on a
procedural face. Prints median, least and most; needs what the browser tests need.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

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
ANSWERED = "count => (document.querySelector('.mic')?.page?.answered ?? 0) > count"


def press(page, key: str) -> float:
    """Milliseconds until the panels of the next answer are drawn."""
    before = page.evaluate("() => document.querySelector('.mic').page.answered")
    start = time.perf_counter()
    page.keyboard.press(key)
    page.wait_for_function(ANSWERED, arg=before, timeout=20_000)
    return 1e3 * (time.perf_counter() - start)


def test_microscope(notebook):
    from tests.browser.pages import write_notebook

    path = ROOT / "build" / "browser" / "benchmark.ipynb"
    write_notebook(path, CELL)
    page = notebook.open(path.relative_to(ROOT).as_posix()).page
    assert notebook.run_all() == []
    page.wait_for_function(ANSWERED, arg=0, timeout=20_000)
    page.locator(".mic-image g[data-part=box]").focus()
    press(page, "]")
    times = [press(page, "]") for _ in range(PRESSES)]
    middle, ends = statistics.median(times), f"least {min(times):.0f}, most {max(times):.0f}"
    print(f"turn of the box: median {middle:.0f} ms, {ends} of {PRESSES} presses")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    sys.path.insert(0, str(ROOT))
    options = ["-q", "-s", "-p", "tests.browser.conftest", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
    sys.exit(pytest.main([*options, __file__]))
