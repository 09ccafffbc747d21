"""Milliseconds from key press to changed picture in JupyterLab in Chromium, for the response-map explorer.

    python benchmarks/explorer.py

Two controls are timed: the turn of the box, for which all steps are computed again, and the step, which is only drawn
again. The shipped weights on a procedural face. Prints median, least and most; needs what the browser tests need.
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
from redn_lib.widgets.explorer import explorer

import torch
torch.set_num_threads(1)
explorer(redn.load_pretrained(), still_image(0), step=1, turn=-60)
"""
PRESSES = 20
LOADED = """before => {
    const image = document.querySelector('img.widget-image');
    return image && image.src !== before && image.complete && image.naturalWidth > 0;
}"""


def press(page, key: str) -> float:
    """Milliseconds until the next picture has been loaded."""
    before = page.locator("img.widget-image").get_attribute("src")
    start = time.perf_counter()
    page.keyboard.press(key)
    page.wait_for_function(LOADED, arg=before, timeout=20_000)
    return 1e3 * (time.perf_counter() - start)


def focus(page, label: str) -> None:
    page.locator(".widget-hslider", has=page.get_by_text(label, exact=True)).locator(".noUi-handle").focus()


def test_explorer(notebook):
    from tests.browser.driven import write_notebook

    path = ROOT / "build" / "browser" / "benchmark.ipynb"
    write_notebook(path, CELL)
    page = notebook.open(path.relative_to(ROOT).as_posix()).page
    assert notebook.run_all() == []
    page.wait_for_function(LOADED, arg="", timeout=20_000)
    for label, keys in (("turn (°)", ["ArrowRight"]), ("step", ["ArrowRight", "ArrowLeft"])):
        focus(page, label)
        press(page, keys[0])
        times = [press(page, keys[(i + 1) % len(keys)]) for i in range(PRESSES)]
        middle = statistics.median(times)
        print(f"{label:9s} median {middle:.0f} ms, least {min(times):.0f}, most {max(times):.0f} of {PRESSES} presses")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    sys.path.insert(0, str(ROOT))
    options = ["-q", "-s", "-p", "tests.browser.conftest", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
    sys.exit(pytest.main([*options, __file__]))
