"""The site, built once and opened from disk in Chromium, without any request to a network."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright

from redn_lib.commands.doctor import find_chromium

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "site"))
EXTRA = "the site's packages are not installed: make site, or pip install -c constraints.txt -e '.[site]'"
READY = "() => document.querySelector('.mic-verdict') && document.querySelector('#touch').stage"


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built site. Skipped where the extra, npm or the registry is missing."""
    for package in ("sphinx", "myst_nb", "furo", "onnx", "onnxscript"):
        pytest.importorskip(package, reason=EXTRA)
    if shutil.which("npm") is None:
        pytest.skip("the site needs npm: apt-get install npm")
    import build

    out = ROOT / "build" / "site-test"
    try:
        build.install_packages(out.with_name("site-test.work") / "npm")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the npm packages of the site cannot be had: {error}")
    build.main(out)
    return out


@pytest.fixture(scope="session")
def opened(site: Path, playwright: Playwright) -> Callable[..., AbstractContextManager[Page]]:
    """`with opened("microscope.html", *flags) as page`: a page from disk; any request or error in it fails the test."""
    chromium = find_chromium()
    if chromium is None:
        message = "no Chromium: apt-get install chromium, or set CHROMIUM=/path/to/it"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)

    @contextmanager
    def at(name: str, *flags: str, scheme: str = "light") -> Iterator[Page]:
        wrong: list[str] = []
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu", *flags])
        page = browser.new_page(viewport={"width": 1366, "height": 768}, color_scheme=scheme)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
        page.on("request", lambda r: None if r.url.startswith(("file:", "blob:", "data:")) else wrong.append(r.url))
        page.goto((site / name).as_uri())
        if name == "microscope.html":
            page.wait_for_function(READY, timeout=120_000)
        yield page
        browser.close()
        assert wrong == []

    return at
