"""How fast the site's page tracks a camera: frames a second, and what a frame costs all processes of Chromium.

    make site
    python benchmarks/live_page.py

The camera is Chromium's own, which shows the clip of notebook 00 in twice its size. On a loaded machine only the
processor time says something: 200 ms a frame are five frames a second on one core. Needs what the site's tests need.
"""

import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
FRAMES = 40
COUNT = "() => document.querySelector('#touch').camera?.frames ?? 0"
TRACKED = f"count => ({COUNT})() >= count"


def seconds() -> float:
    """Processor time that Chromium has taken so far."""
    ours = [child for child in psutil.Process().children(recursive=True) if "chrom" in child.name()]
    return sum(child.cpu_times().user + child.cpu_times().system for child in ours)


def measure(page: Page) -> str:
    page.goto((ROOT / "build" / "site" / "microscope.html").as_uri())
    page.locator("#camera:enabled").click(timeout=300_000)
    page.wait_for_function(TRACKED, arg=10, timeout=300_000)  # until then code is compiled
    first, began, spent = page.evaluate(COUNT), time.perf_counter(), seconds()
    page.wait_for_function(TRACKED, arg=first + FRAMES, timeout=300_000, polling=500)
    n, spent, took = page.evaluate(COUNT) - first, seconds() - spent, time.perf_counter() - began
    found = page.locator("#live-status").inner_text()
    return f"{n / took:.1f} frames a second, {1e3 * spent / n:.0f} ms of processor time a frame; {found}"


def main() -> None:
    from redn_lib.commands.doctor import find_chromium
    from redn_lib.data.samples import carphone
    from tests.site.test_page import CAMERA, record

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        flags = [*CAMERA, f"--use-file-for-fake-video-capture={record(carphone(), Path(folder))}"]
        flags += ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=flags)
        print(measure(browser.new_page(viewport={"width": 1366, "height": 768})))
        browser.close()


if __name__ == "__main__":
    main()
