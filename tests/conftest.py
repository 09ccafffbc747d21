"""Set-up of every test: one thread (the same sums everywhere), no settings of the user's, no clock.

What is set outside wins: `.ci/run` emulates an old processor by ATEN_CPU_CAPABILITY and ONEDNN_MAX_CPU_ISA.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported, here and in every kernel that a test starts
os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

hypothesis.settings.register_profile("suite", deadline=None, max_examples=50, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("suite")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def playwright() -> "Iterator[Playwright]":
    """One for all browsers: a process cannot have two."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def own_ipython(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Kernels start without the user's IPython profile."""
    os.environ["IPYTHONDIR"] = str(tmp_path_factory.mktemp("ipython"))


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager]:
    """Within `full_disk(n)`, no file can be longer than n bytes."""
    resource = pytest.importorskip("resource")

    @contextmanager
    def limited(length: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (length, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests whose files name torch or the tracker are numeric: their numbers depend on the processor."""
    for item in items:
        names = vars(getattr(item, "module", None) or object)
        packages = {str(getattr(value, "__module__", "")).rpartition(".")[0] for value in names.values()}
        if "torch" in names or packages & {"redn_lib.tracking", "redn_lib.training"}:
            item.add_marker(pytest.mark.numeric)
