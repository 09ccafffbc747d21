"""JupyterLab and Chromium for a test, both on 127.0.0.1: a page may fetch nothing from anywhere else."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route

from redn_lib.commands.doctor import find_chromium

ROOT = Path(__file__).parents[2]
START_SECONDS, STOP_SECONDS = 60, 15
OPEN_MS, RUN_MS = 60_000, 180_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # else cells out of sight are not in the page
    "docmanager-extension/plugin": {"autosave": False},  # the notebooks in the tree stay as they are
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
IDLE = "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
ALL_RAN = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const code = panel.content.widgets.filter(c => c.model.type === 'code' && c.model.sharedModel.getSource().trim());
    return panel.sessionContext.session.kernel.status === 'idle'
        && code.every(c => c.model.executionCount !== null && c.model.executionState !== 'running');
}"""
ERRORS = '[data-mime-type="application/vnd.jupyter.error"]'


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab whose root is the repository."""

    url: str
    token: str


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser. Without one the test fails in CI and is skipped elsewhere."""
    found = find_chromium()
    if found is None:
        message = "no Chromium: apt-get install chromium, or set CHROMIUM=/path/to/it"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return found


@pytest.fixture(scope="session")
def lab(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab with settings and folders of its own, stopped with all its kernels at the end."""
    home = tmp_path_factory.mktemp("lab")
    for name, values in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(8))
    log = home / "lab.log"
    with log.open("w") as lines:
        server = subprocess.Popen(lab_command(port, running.token), env=lab_environment(home), stdout=lines,
                                  stderr=lines, start_new_session=True)  # fmt: skip
    try:
        wait_until_up(running, server, log)
        yield running
    finally:
        stop(server)


def lab_command(port: int, token: str) -> list[str]:
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    options += [
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={ROOT}",
        "--LabApp.expose_app_in_browser=True",
    ]
    return [sys.executable, "-m", "jupyterlab", *options]


def lab_environment(home: Path) -> dict[str, str]:
    """Ours, with the lab's own folders, and cells that import this checkout and the tests' helpers."""
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    own = {name: str(home / folder) for name, folder in folders.items()}
    paths = [str(ROOT), str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **own, "PYTHONPATH": os.pathsep.join(paths)}


def wait_until_up(running: Lab, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{running.url}/api/status?token={running.token}", timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            assert server.poll() is None, log.read_text()[-2000:]
            time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start in {START_SECONDS} s: {log.read_text()[-2000:]}")


def stop(server: subprocess.Popen) -> None:
    """End the server's own process group, kernels too."""
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(STOP_SECONDS)


@pytest.fixture(scope="session")
def browser(chromium: str, playwright: Playwright) -> Iterator[Browser]:
    running = playwright.chromium.launch(executable_path=chromium, args=FLAGS, headless=True)
    yield running
    running.close()


@dataclass
class OpenNotebook:
    """A notebook in a JupyterLab page; `blocked` and `errors` collect what must stay empty."""

    page: Page
    lab: Lab
    blocked: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, path: str) -> "OpenNotebook":
        """Open the notebook at `path` (from the repository's root) and wait for its kernel."""
        space = f"auto-{secrets.token_hex(3)}"
        address = f"{self.lab.url}/lab/workspaces/{space}/tree/{path}?token={self.lab.token}&reset"
        self.page.goto(address, timeout=OPEN_MS)
        self.page.wait_for_selector(".jp-Notebook", timeout=OPEN_MS)
        self.page.wait_for_function(IDLE, timeout=OPEN_MS)
        return self

    def run_all(self, timeout: int = RUN_MS) -> list[str]:
        """Menu Run, Run All Cells; waits for the end and returns the texts of the errors in the page."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.page.wait_for_function(ALL_RAN, timeout=timeout)
        return self.page.locator(ERRORS).all_inner_texts()


@pytest.fixture
def notebook(browser: Browser, lab: Lab) -> Iterator[OpenNotebook]:
    """A page without a notebook yet: call open("notebooks/NAME.ipynb")."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    opened = OpenNotebook(context.new_page(), lab)

    def only_the_lab(route: Route) -> None:
        if route.request.url.startswith((lab.url + "/", "data:", "blob:")):
            route.continue_()
        else:
            opened.blocked.append(route.request.url)
            route.abort()

    context.route("**/*", only_the_lab)
    opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
    yield opened
    opened.page.evaluate("() => window.jupyterapp?.serviceManager.sessions.shutdownAll()")
    context.close()
