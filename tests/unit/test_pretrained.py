"""Weight files: whole, with their header, finite, and readable with the names of older versions."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from redn_lib import pretrained
from redn_lib.pretrained import RENAMED, about_weights, load_weights, save_weights
from redn_lib.rednet import RedNet


@pytest.fixture(scope="module")
def model() -> RedNet:
    return RedNet.from_preset("compact")


def test_weights_come_back_with_their_header(model, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_weights(model, path, seed=3, names=["Ann", "Bob"])
    assert about_weights(path) == {"preset": "compact", "seed": 3, "names": ["Ann", "Bob"]}
    loaded = load_weights(path, "cpu")
    assert not loaded.training
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_names_of_older_versions_are_read(model, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_weights(model, path)
    with pretrained.safe_open(path, "pt") as file:
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
