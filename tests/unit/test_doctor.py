"""Each check tells what it found, and the remedy where the state is not OK."""

import sys
from hashlib import sha256

import pytest

from redn_lib import cli
from redn_lib.commands import doctor
from redn_lib.pretrained import save_weights
from redn_lib.rednet import RedNet


def checks():
    """The results of all checks by name."""
    return {check.name: check for check in doctor.all_checks()}


@pytest.fixture
def installed(monkeypatch):
    """Puts other packages, by their versions, in place of those that are installed."""

    def install(**versions):
        there = {name.replace("_", "-"): version for name, version in versions.items()}
        monkeypatch.setattr(doctor, "installed", lambda name: there.get(name, ""))

    return install


def test_another_version_than_the_pinned_one_is_noted_but_breaks_nothing(tmp_path, monkeypatch, installed):
    monkeypatch.setattr(doctor, "PINS", tmp_path / "constraints.txt")
    assert checks()["pins"].state == doctor.OK
    doctor.PINS.write_text("# comment\nnumpy==1.0\ntorch==2.13.0\nnot-installed-anywhere==3.0\n")
    installed(numpy="2.0", torch="2.13.0")
    check = checks()["pins"]
    assert check.state == doctor.NOTE and check.found == "numpy 2.0 (pinned 1.0)"


def test_a_local_build_of_the_pinned_version_is_that_version(monkeypatch):
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda name: "2.13.0+cu130")
    assert doctor.installed("torch") == "2.13.0"


def test_a_missing_package_and_two_builds_of_opencv_are_broken_with_a_remedy(installed):
    installed(opencv_python="5", opencv_python_headless="5")
    found = checks()
    assert found["torch"].state == doctor.BROKEN and "make setup" in found["torch"].remedy
    assert found["opencv"].state == doctor.BROKEN and "opencv-python-headless" in found["opencv"].found


def test_opencv_that_does_not_load_names_libgl_and_the_others_go_on(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    check = checks()["opencv loads"]
    assert check.state == doctor.BROKEN and "libgl1" in check.remedy and "chromium" in checks()


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A package with one good weight file and its card."""
    monkeypatch.setattr(doctor, "PACKAGE", tmp_path)
    path = tmp_path / "weights" / "mine.safetensors"
    save_weights(RedNet.from_preset("compact"), path)
    digits = sha256(path.read_bytes()).hexdigest()
    path.with_name("README.md").write_text(f"# Card\n\nsha256 of `{path.name}`: `{digits}`\n")
    return path


def weights_are_broken(says):
    check = checks()["weights"]
    return check.state == doctor.BROKEN and says in check.found and "git checkout" in check.remedy


def test_missing_and_damaged_weights_are_broken(weights):
    assert checks()["weights"].state == doctor.OK
    weights.with_name("torn.safetensors").write_bytes(b"half a fi")
    assert weights_are_broken("torn.safetensors is damaged or cut off")
    for path in weights.parent.glob("*.safetensors"):
        path.unlink()
    assert weights_are_broken("not found")


def test_weights_that_are_not_those_of_their_card_are_broken(weights):
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert weights_are_broken("mine.safetensors is damaged: its checksum is another")
    save_weights(RedNet.from_preset("compact"), weights, seed=1)
    assert weights_are_broken("mine.safetensors was changed or replaced")
    weights.write_bytes(content)
    weights.with_name("README.md").write_text("# Card without a checksum\n")
    assert weights_are_broken("is no line of README.md")
    weights.with_name("README.md").unlink()
    assert weights_are_broken("README.md")


def test_weights_with_nan_are_broken(weights):
    weights.write_bytes(weights.read_bytes()[:-4] + b"\x00\x00\xc0\x7f")
    assert weights_are_broken("is not finite (NaN or infinity)")


def test_files_inside_packages_are_found_and_missed(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name in ("face detector", "carphone clip"):
        assert checks()[name].state == doctor.BROKEN and "pip install" in checks()[name].remedy


def test_little_memory_and_disk_are_noted(monkeypatch):
    monkeypatch.setattr(doctor, "FREE_MEMORY_GB", float("inf"))
    monkeypatch.setattr(doctor, "FREE_DISK_GB", float("inf"))
    assert checks()["free memory"].state == checks()["free disk"].state == doctor.NOTE


def test_the_command_shows_every_remedy_and_counts_what_is_broken(monkeypatch, capsys):
    found = [doctor.Check("one", doctor.OK, "fine"), doctor.Check("two", doctor.NOTE, "odd", "do this")]
    monkeypatch.setattr("redn_lib.commands.doctor.all_checks", lambda: iter(found))
    assert cli.main(["doctor"]) == 0
    found.append(doctor.Check("three", doctor.BROKEN, "gone", "do that"))
    assert cli.main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "do this" in out and "do that" in out and "1 broken" in out


@pytest.mark.skipif(not list((doctor.PACKAGE / "weights").glob("*.safetensors")), reason="no weights yet")
def test_this_machine_is_in_order(capsys):
    assert cli.main(["doctor"]) == 0, capsys.readouterr().out
