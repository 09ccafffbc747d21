"""`redn train --stage`: four stages with a command each or all in one, each of which learns what it is to."""

from dataclasses import replace

import pytest
import torch
from unit.test_training import TINY

from redn_lib.cli import main
from redn_lib.pretrained import load_weights
from redn_lib.rednet import PRESETS, RedNet
from redn_lib.training.clips import ClipBatches
from redn_lib.training.grow import fresh, grown
from redn_lib.training.stages import STAGES

SHORT = ["--procedural", "1", "--iterations", "2", "--batch", "4", "--synthetic-people", "3", "--hidden", "8"]


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """`compact` is the tiny preset of the tests here, looking twice as it was trained."""
    monkeypatch.setitem(PRESETS, "compact", replace(TINY, steps=2))


def train(stage, folder, *options):
    """Exit code of a short stage whose run and weights lie in the folder."""
    files = ["--run", str(folder), "--out", str(folder / "w.safetensors")]
    return main(["train", "--stage", stage, *SHORT, *options, *files])


def changed(before: RedNet, after: RedNet) -> set[str]:
    """The parts of a network that differ."""
    old, new = before.state_dict(), after.state_dict()
    return {name.split(".")[0] for name in old.keys() & new.keys() if not torch.equal(old[name], new[name])}


def test_four_commands_give_the_paper_s_network_and_one_command_the_same(tmp_path):
    start, networks = [], {}
    for name in STAGES:
        assert train(name, tmp_path / name, *start) == 0
        start = ["--start", str(tmp_path / name / "w.safetensors")]
        networks[name] = load_weights(start[1], "cpu")
    assert (networks["spatial"].preset.people, networks["spatial"].preset.hidden) == (0, 0)
    assert (networks["identity"].preset.people, networks["identity"].preset.hidden) == (3, 0)
    assert (networks["joint"].preset.people, networks["joint"].preset.hidden) == (3, 8)
    assert {"encoder", "decoder", "regression"} <= changed(networks["spatial"], networks["identity"])
    assert changed(networks["identity"], networks["temporal"]) == set()
    assert {"encoder", "decoder", "regression", "classifier", "memory"} <= changed(
        networks["temporal"], networks["joint"]
    )
    assert train("all", tmp_path / "all") == 0
    whole = load_weights(tmp_path / "all" / "w.safetensors", "cpu")
    assert changed(networks["joint"], whole) == set()
    assert changed(networks["identity"], load_weights(tmp_path / "all" / "identity" / "weights.safetensors")) == set()


def test_only_the_parts_that_are_named_learn(tmp_path):
    assert train("spatial", tmp_path / "a") == 0
    start = tmp_path / "a" / "w.safetensors"
    assert train("spatial", tmp_path / "b", "--start", str(start), "--only", "decoder,regression") == 0
    parts = [load_weights(tmp_path / folder / "w.safetensors", "cpu") for folder in "ab"]
    assert changed(*parts) == {"decoder", "regression"}


def test_all_stages_stopped_in_the_third_go_on_as_if_nothing_had_happened(tmp_path, monkeypatch, capsys):
    assert train("all", tmp_path / "whole") == 0
    with monkeypatch.context() as patch:

        def interrupted(self, i):
            raise KeyboardInterrupt

        patch.setattr(ClipBatches, "__getitem__", interrupted)
        assert train("all", tmp_path / "stopped") == 130
    assert "stopped after 0 iterations; the same command goes on" in capsys.readouterr().err
    assert train("all", tmp_path / "stopped") == 0
    said = capsys.readouterr().out
    assert "stage identity: 0 real images of 0 people, 100% procedural; iteration 2 of 2" in said
    weights = [(tmp_path / name / "w.safetensors").read_bytes() for name in ("whole", "stopped")]
    assert weights[0] == weights[1]


def test_a_grown_network_keeps_what_was_trained_and_begins_other_sizes_afresh():
    start = fresh(replace(TINY, people=3), 0)
    model = grown(start, 1, people=5, hidden=8)
    assert changed(start, model) == {"classifier"} and model.preset.people == 5 and model.memory is not None
    again = grown(model, 2, people=5)
    assert changed(model, again) == set()


@pytest.mark.parametrize(
    "stage, options, says",
    [
        ("identity", [], "goes on from weights of stage spatial: name their file with --start"),
        ("joint", [], "goes on from weights of stage temporal"),
        ("spatial", ["--steps", "1"], "keeps statistics of 2 steps: train with --steps 2 or more"),
        ("spatial", ["--batch", "6", "--accumulate", "4"], "must be a multiple of 4"),
        ("spatial", ["--only", "decodr"], "no part named decodr can learn in this stage; there are encoder, decoder"),
        ("spatial", ["--start", "nowhere.safetensors"], "no weight file at nowhere.safetensors"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(stage, options, says, tmp_path, capsys):
    assert train(stage, tmp_path, *options) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert says in error[-1] and error[-1].startswith("redn train: ")


def test_the_log_holds_the_loss_of_every_iteration(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert train("spatial", tmp_path, "--log") == 0
    log = EventAccumulator(str(tmp_path / "log")).Reload()
    assert {"loss/step 1", "loss/step 2", "rate"} <= set(log.Tags()["scalars"])
    assert [event.step for event in log.Scalars("loss/step 1")] == [1, 2]


def test_without_tensorboard_a_line_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    assert train("spatial", tmp_path, "--log") == 2
    assert "--log needs tensorboard: pip install -c constraints.txt -e '.[log]'" in capsys.readouterr().err
