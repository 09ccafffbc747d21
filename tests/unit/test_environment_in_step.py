"""pyproject.toml, constraints.txt and environment.yml say the same."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

SITE_HEADING = "# For the extra `site` alone"


def read_requirements(root: Path, *extras: str) -> dict[str, Requirement]:
    """{name: requirement} of the package, or of extras of it."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    lines = [line for extra in extras for line in project["optional-dependencies"][extra]]
    return {canonicalize_name(r.name): r for r in map(Requirement, lines or project["dependencies"])}


def read_pins(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.!]+", line)] == []
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def reached_from(requirements: dict[str, Requirement]) -> set[str]:
    """Names of all that gets installed with these, read from what is installed."""
    reached, todo = set(), list(requirements.values())
    while todo:
        requirement = todo.pop()
        name, extras = canonicalize_name(requirement.name), requirement.extras
        if (name, *extras) in reached or name.startswith(("nvidia-", "cuda-", "triton")):
            continue
        reached.add((name, *extras))
        needs = map(Requirement, importlib.metadata.requires(name) or [])
        todo += [r for r in needs if not r.marker or any(r.marker.evaluate({"extra": e}) for e in ["", *extras])]
    return {name for name, *_ in reached}


@pytest.fixture(scope="module")
def wanted(root: Path) -> dict[str, Requirement]:
    return read_requirements(root) | read_requirements(root, "test")


@pytest.fixture(scope="module")
def wanted_by_site(root: Path) -> dict[str, Requirement]:
    return read_requirements(root, "site")


@pytest.fixture(scope="module")
def pins(root: Path) -> dict[str, str]:
    return read_pins((root / "constraints.txt").read_text().split(SITE_HEADING)[0])


@pytest.fixture(scope="module")
def site_pins(root: Path) -> dict[str, str]:
    return read_pins((root / "constraints.txt").read_text().split(SITE_HEADING)[1].partition("\n")[2])


@pytest.fixture(scope="module")
def conda(root: Path) -> dict:
    return yaml.safe_load((root / "environment.yml").read_text())


def test_every_pin_satisfies_pyproject(wanted, wanted_by_site, pins, site_pins):
    all_wanted, all_pins = [*wanted.items(), *wanted_by_site.items()], pins | site_pins
    refused = [f"{r} but pinned {all_pins.get(n)}" for n, r in all_wanted if not pinned_right(r, all_pins.get(n))]
    assert refused == []


def pinned_right(requirement: Requirement, pin: str | None) -> bool:
    return pin is not None and requirement.specifier.contains(pin, prereleases=True)


def test_pins_admit_gpu_builds_and_leave_out_what_breaks(pins):
    assert Version(pins["torch"]).local is None
    assert not {"torchvision", "opencv-python-headless", "opencv-contrib-python"} & set(pins)


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0", "3.14.0"])
def test_every_pin_admits_the_pythons_that_pyproject_admits(pins, python):
    """Read from what is installed; a pin of which another version is installed cannot be judged here."""
    installed = {(canonicalize_name(d.name), d.version.split("+")[0]): d for d in importlib.metadata.distributions()}
    needs = {pin: installed[pin].metadata["Requires-Python"] or "" for pin in pins.items() if pin in installed}
    assert len(needs) > 0.9 * len(pins)
    assert {pin: need for pin, need in needs.items() if not SpecifierSet(need).contains(python)} == {}


@pytest.mark.skipif(not os.environ.get("REDN_ONLINE"), reason="asks the internet: set REDN_ONLINE=1")
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_there_is_a_wheel_of_every_pin_for_every_python(pins, python, tmp_path):
    """Without torch, whose wheels are larger than all others together."""
    wanted = tmp_path / "pins.txt"
    wanted.write_text("".join(f"{name}=={version}\n" for name, version in pins.items() if name != "torch"))
    words = "install --dry-run --quiet --ignore-installed --no-deps --only-binary :all: --python-version"
    command = [sys.executable, "-m", "pip", *words.split(), python, "--target", str(tmp_path / "none")]
    subprocess.run([*command, "-r", str(wanted)], check=True)


def test_conda_installs_the_pinned_direct_requirements(conda, wanted, pins):
    *listed, editable = next(d["pip"] for d in conda["dependencies"] if isinstance(d, dict))
    assert editable == "-e ."
    versions = dict(line.split("==") for line in listed)
    assert {canonicalize_name(name): version for name, version in versions.items()} == {n: pins[n] for n in wanted}


def test_conda_python_is_admitted(conda, root):
    spec = next(d for d in conda["dependencies"] if isinstance(d, str) and d.startswith("python="))
    needed = tomllib.loads((root / "pyproject.toml").read_text())["project"]["requires-python"]
    assert Requirement(f"python{needed}").specifier.contains(spec.removeprefix("python="))
    assert conda["channels"] == ["conda-forge"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems add packages of their own")
def test_everything_that_gets_installed_is_pinned_and_nothing_else(wanted, pins):
    names = reached_from(wanted)
    assert names - set(pins) == set()
    assert set(pins) - names <= {"overrides"}, "overrides is for Python 3.11; what else is not reached is not used"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems add packages of their own")
def test_everything_that_the_site_adds_is_pinned_and_nothing_else(wanted_by_site, pins, site_pins):
    try:
        names = reached_from(wanted_by_site)
    except importlib.metadata.PackageNotFoundError as error:
        pytest.skip(f"the extra `site` is not installed: {error}")
    assert names - set(pins) == set(site_pins)
