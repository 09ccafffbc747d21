"""Weight files: whole, with their header, finite, and readable with the names of older versions.

Damaged, foreign and changed files are refused in plain words.
"""

from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from redn_lib import pretrained
from redn_lib.device import best_device
from redn_lib.pretrained import RENAMED, WEIGHTS, about_weights, load_weights, save_weights
from redn_lib.rednet import RedNet


@pytest.fixture(scope="module")
def model() -> RedNet:
    return RedNet.from_preset("compact")


@pytest.fixture
def saved(model, tmp_path) -> Path:
    """A good weight file, to be damaged."""
    save_weights(model, tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


def test_weights_come_back_with_their_header(model, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_weights(model, path, seed=3, names=["Ann", "Bob"])
    assert about_weights(path) == {"preset": "compact", "seed": 3, "names": ["Ann", "Bob"]}
    loaded = load_weights(path, "cpu")
    assert not loaded.training
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_a_file_of_a_name_that_is_not_utf_8_is_written_and_read(model, tmp_path):
    save_weights(model, tmp_path / "\udcff.safetensors")
    assert load_weights(tmp_path / "\udcff.safetensors", "cpu").preset.name == "compact"


def test_names_of_older_versions_are_read(model, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_weights(model, path)
    with safe_open(path, "pt") as file:
        header = file.metadata()
    old, new = next(iter(RENAMED.items()))
    state = {key.replace(new, old): value for key, value in load_file(path).items()}
    assert any(old in key for key in state)
    save_file(state, path, header)
    assert torch.equal(load_weights(path, "cpu").regression.refine.conv.weight, model.regression.refine.conv.weight)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_numbers_that_are_not_finite_are_refused_and_the_parameter_is_named(tmp_path, value, monkeypatch):
    model, path = RedNet.from_preset("compact"), tmp_path / "mine.safetensors"
    with torch.no_grad():
        model.detection.bias[2] = value
    with pytest.raises(ValueError, match=r"mine\.safetensors.*detection\.bias.*not finite"):
        save_weights(model, path)
    assert list(tmp_path.iterdir()) == []
    with monkeypatch.context() as change:
        change.setattr(pretrained, "check_finite", lambda *_: None)
        save_weights(model, path)
    with pytest.raises(ValueError, match=r"mine\.safetensors.*detection\.bias.*not finite"):
        load_weights(path)


def test_a_file_of_another_preset_or_none_is_named(model, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_file({"a": torch.zeros(1)}, path, {"redn": '{"preset": "huge"}'})
    with pytest.raises(ValueError, match=r"'huge'.*compact"):
        load_weights(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_weights(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("keep", [0, 5, 8, 300, -4_000_000, -1])
def test_a_file_that_was_cut_off_is_refused(saved, keep):
    saved.write_bytes(saved.read_bytes()[:keep])
    for read in (load_weights, about_weights):
        with pytest.raises(ValueError, match=r"mine\.safetensors is damaged or cut off.*git checkout"):
            read(saved)


def test_flipped_bytes_of_the_header_are_refused_or_harmless(saved):
    whole = saved.read_bytes()
    length = 8 + int.from_bytes(whole[:8], "little")
    refused = 0
    for at in range(0, length, length // 50):
        for flip in (0x01, 0x0F, 0x80):
            saved.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
            try:
                load_weights(saved, "cpu")
            except ValueError as error:
                assert "mine.safetensors" in str(error)
                refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda state: state.pop("detection.bias"), 'Missing.*"detection.bias"'),
        (lambda state: state.update(extra=torch.zeros(1)), 'Unexpected.*"extra"'),
        (lambda state: state.update({"detection.bias": torch.zeros(2, 3)}), r"mismatch for detection.bias.*\[2, 3\]"),
        (lambda state: state.update({"detection.bias": state["detection.bias"].int()}), 'named "detection.bias"'),
    ],
)
def test_parameters_that_do_not_fit_are_named(saved, change, says):
    state = load_file(saved)
    change(state)
    save_file(state, saved, {"redn": '{"preset": "compact"}'})
    with pytest.raises(ValueError, match=rf"mine\.safetensors is damaged .*of another kind.*{says}"):
        load_weights(saved)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "no JSON",
        "[]",
        '{"preset": ["compact"]}',
        '{"preset": "compact", "people": "many"}',
        '{"preset": "compact", "hidden": -3}',
    ],
)
def test_foreign_headers_are_refused(saved, header):
    save_file(load_file(saved), saved, header and {"redn": header})
    with pytest.raises(ValueError, match=r"mine\.safetensors is damaged"):
        load_weights(saved)


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    with pytest.raises(OSError, match=str(tmp_path)):
        load_weights(tmp_path)


def test_the_card_states_the_sha256_of_the_shipped_weights():
    card = (WEIGHTS / "README.md").read_text(encoding="utf-8").splitlines()
    for path in WEIGHTS.glob("*.safetensors"):
        line = f"sha256 of `{path.name}`: `{sha256(path.read_bytes()).hexdigest()}`"
        assert line in card, (
            "The weights are not those of their card. Changed by mistake: git checkout -- redn_lib/weights. New "
            f"weights: renew results/, the golden outputs, and this line of redn_lib/weights/README.md\n{line}"
        )


@pytest.mark.parametrize(
    "entry",
    [
        '"f_cls": 3',
        '"f_cls": ["a"]',
        '"seen": []',
        '"seen": {"people": [1], "videos": []}',
    ],
)
def test_an_entry_of_the_header_that_cannot_be_computed_with_is_named(saved, entry):
    save_file(load_file(saved), saved, {"redn": f'{{"preset": "compact", {entry}}}'})
    for read in (load_weights, about_weights):
        with pytest.raises(ValueError, match=r"mine\.safetensors is damaged"):
            read(saved)


@pytest.mark.parametrize("size", ['"hidden": 999999', '"hidden": 1e99', '"hidden": 99999999999', '"people": true'])
def test_sizes_that_fill_no_memory_are_compared_first(saved, size):
    save_file(load_file(saved), saved, {"redn": f'{{"preset": "compact", {size}}}'})
    with pytest.raises(ValueError, match=r"mine\.safetensors is damaged"):
        load_weights(saved)


def test_a_full_disk_names_the_weights(model, tmp_path, full_disk):
    with full_disk(100_000), pytest.raises(OSError, match=r"could not write .*a\.safetensors"):
        save_weights(model, tmp_path / "a.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("device", ["cuda:99", "mps:7", "nonsense", "meta"])
def test_a_device_that_is_not_here_is_named(device):
    with pytest.raises(ValueError, match=f"device '{device}' does not compute here"):
        best_device(device)


def test_one_changed_byte_of_weights_or_header_is_noticed(saved):
    whole = saved.read_bytes()
    for at in (len(whole) - 100_000, len(whole) // 2, whole.index(b"checksum") + 20):
        saved.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ValueError, match=r"mine\.safetensors is damaged"):
            load_weights(saved, "cpu")
