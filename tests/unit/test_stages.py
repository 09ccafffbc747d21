"""`redn train`: stages with a command each, or a recipe in one, each of which learns what it is to."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_sets import make_300w, make_ytf68, save_video, shape
from unit.test_training import FACES, TINY

from redn_lib.cli import main
from redn_lib.data import dataset
from redn_lib.data.convert import convert
from redn_lib.data.layouts import SETS
from redn_lib.data.pts import write_pts
from redn_lib.presets import PRESETS
from redn_lib.pretrained import about_weights, load_weights, save_weights
from redn_lib.rednet import RedNet
from redn_lib.training import relabel
from redn_lib.training.batches import ClipBatches
from redn_lib.training.grow import begun, digests, fresh, grown
from redn_lib.training.stages import RECIPES, STAGES, Stage
from redn_lib.training.trained_on import digest

SHORT = ["--procedural", "1", "--iterations", "2", "--batch", "4", "--synthetic-people", "3", "--hidden", "8"]


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """`compact` is the tiny preset of the tests here, looking twice as it was trained."""
    monkeypatch.setitem(PRESETS, "compact", replace(TINY, steps=2))


def train(stage, folder, *options):
    """Exit code of a short stage, or of the recipe "compact", whose run and weights lie in the folder."""
    files = ["--run", str(folder), "--out", str(folder / "w.safetensors")]
    return main(["train", "--recipe" if stage in RECIPES else "--stage", stage, *SHORT, *options, *files])


def changed(before: RedNet, after: RedNet) -> set[str]:
    """The parts of a network that differ."""
    old, new = before.state_dict(), after.state_dict()
    return {name.split(".")[0] for name in old.keys() & new.keys() if not torch.equal(old[name], new[name])}


def test_a_command_each_gives_the_paper_s_network_and_one_recipe_the_same(tmp_path):
    start, networks = [], {}
    for name in STAGES:
        assert train(name, tmp_path / name, *start) == 0
        start = ["--start", str(tmp_path / name / "w.safetensors")]
        networks[name] = load_weights(start[1], "cpu")
    assert (networks["spatial"].preset.people, networks["spatial"].preset.hidden) == (0, 0)
    assert (networks["identity"].preset.people, networks["identity"].preset.hidden) == (3, 0)
    assert (networks["joint"].preset.people, networks["joint"].preset.hidden) == (3, 8)
    points, codes = {"encoder", "decoder", "detection", "regression"}, {"classifier", "reader", "spread"}
    assert changed(networks["spatial"], networks["identity"]) == points
    assert changed(networks["identity"], networks["mild"]) == points
    assert changed(networks["mild"], networks["temporal"]) == points
    assert changed(networks["temporal"], networks["joint"]) == points | codes | {"memory"}
    assert changed(networks["joint"], networks["polish"]) == points - {"encoder"} | {"memory"}
    assert train("compact", tmp_path / "all") == 0
    whole = load_weights(tmp_path / "all" / "w.safetensors", "cpu")
    assert changed(networks["polish"], whole) == set()
    assert changed(networks["identity"], load_weights(tmp_path / "all" / "identity" / "weights.safetensors")) == set()


def test_only_the_parts_that_are_named_learn(tmp_path):
    assert train("spatial", tmp_path / "a") == 0
    start = tmp_path / "a" / "w.safetensors"
    assert train("spatial", tmp_path / "b", "--start", str(start), "--only", "decoder,regression") == 0
    parts = [load_weights(tmp_path / folder / "w.safetensors", "cpu") for folder in "ab"]
    assert changed(*parts) == {"decoder", "regression"}


def test_a_recipe_stopped_at_its_clips_goes_on_as_if_nothing_had_happened(tmp_path, monkeypatch, capsys):
    assert train("compact", tmp_path / "whole") == 0
    with monkeypatch.context() as patch:

        def interrupted(self, i):
            raise KeyboardInterrupt

        patch.setattr(ClipBatches, "__getitem__", interrupted)
        assert train("compact", tmp_path / "stopped") == 130
    assert "stopped after 0 iterations; the same command goes on" in capsys.readouterr().err
    assert train("compact", tmp_path / "stopped") == 0
    assert "stage mild: done, " in capsys.readouterr().out
    assert train("compact", tmp_path / "stopped", "--seed", "1") == 2
    assert "weights.safetensors was made with other options" in capsys.readouterr().err
    weights = [(tmp_path / name / "w.safetensors").read_bytes() for name in ("whole", "stopped")]
    assert weights[0] == weights[1]


def test_a_grown_network_keeps_what_was_trained_and_begins_other_sizes_afresh():
    start = fresh(replace(TINY, people=3), 0)
    model = grown(start, 1, people=5, hidden=8)
    assert changed(start, model) == {"classifier"} and model.preset.people == 5 and model.memory is not None
    assert changed(model, grown(model, 2, people=5)) == set()


def test_rows_of_f_cls_go_with_the_names_of_people():
    stage = Stage(iterations=1, batch=2, identity_weight=1.0)
    named = {name: replace(face, person=name) for name, face in zip("abcd", FACES, strict=False)}
    first, batches = begun(fresh(TINY, 0), stage, [[named["a"], named["b"], named["c"]] * 2], seed=0)
    assert digests(batches) == [digest(name) for name in "abc"]
    others = [[named["b"], named["d"], named["c"]] * 2]
    model, _ = begun(first, stage, others, seed=1, known=digests(batches))
    old, new = first.classifier.people, model.classifier.people
    assert torch.equal(new[0], old[1]) and torch.equal(new[1], old[2])
    assert not any(torch.equal(new[2], row) for row in old)
    strangers, _ = begun(first, stage, others, seed=1)
    assert not any(torch.equal(row, other) for row in strangers.classifier.people for other in old)


def test_the_header_says_whom_f_cls_knows_in_the_order_of_its_rows(tmp_path):
    start = tmp_path / "start.safetensors"
    save_weights(fresh(PRESETS["compact"], 0), start)
    assert train("identity", tmp_path / "identity", "--start", str(start)) == 0
    known = about_weights(tmp_path / "identity" / "w.safetensors")["f_cls"]
    assert known == [digest(f"procedural-{n:06d}") for n in range(3)]
    assert train("temporal", tmp_path / "t", "--start", str(tmp_path / "identity" / "w.safetensors")) == 0
    assert about_weights(tmp_path / "t" / "w.safetensors")["f_cls"] == known


@pytest.fixture
def w300(tmp_path):
    return make_300w(tmp_path / "300w").root


def train_real(data, folder, *options, stage="spatial"):
    """Exit code of two iterations on a dataset, whose run and weights lie in the folder."""
    command = ["train", "--stage", stage, "--data", str(data), "--iterations", "2", "--batch", "2", "--hidden", "8"]
    return main([*command, *options, "--run", str(folder), "--out", str(folder / "w.safetensors")])


def test_a_split_is_trained_on_and_nothing_else(w300, tmp_path, capsys):
    assert train_real(w300, tmp_path / "run", "--split", "train") == 0
    output = capsys.readouterr().out
    assert "6 real images of 6 people" in output
    people = about_weights(tmp_path / "run" / "w.safetensors")["seen"]["people"]
    assert len(people) == 6 and digest("300w/helen-test/image_2_0") not in people


def test_points_of_another_network_are_set_again_once_people_s_are_learnt(w300, tmp_path, capsys, monkeypatch):
    real = relabel.mean_prediction

    def inside(model, sample, lean):  # a network of two iterations may put points anywhere
        assert real(model, sample, lean).shape == (68, 2)
        return sample.points

    monkeypatch.setattr(relabel, "mean_prediction", inside)
    network_s = make_ytf68(tmp_path / "ytf68").root
    data = ["--data", str(w300), str(network_s), "--split", "train", "--procedural", "0"]
    assert train("compact", tmp_path / "run", *data) == 0
    assert "stage faces: 11 real images" in (output := capsys.readouterr().out)
    assert "stage spatial: 6 real images" in output
    assert "stage identity: 11 real images" in output
    with np.load(tmp_path / "run" / "labels.npz") as file:
        assert file["points"].shape == (5, 68, 2) and np.isfinite(file["points"]).all()
    seen = [
        about_weights(tmp_path / "run" / stage / "weights.safetensors")["seen"] for stage in ("spatial", "identity")
    ]
    assert set(seen[0]["people"]) <= set(seen[1]["people"])


def test_points_that_the_network_is_not_sure_of_are_left_out(w300, tmp_path):
    samples = list(dataset.open(w300, split="train"))
    path = tmp_path / "labels.npz"
    points = np.stack([sample.points + 1 for sample in samples])
    points[2] = np.nan
    np.savez(path, points=points)
    kept = relabel.renewed(None, samples, 0.25, path)
    assert [sample.name for sample in kept] == [s.name for s in samples[:2] + samples[3:]]
    np.testing.assert_array_equal(kept[0].load()[0].points, samples[0].points + 1)
    assert kept[0].load()[0].lean == 0.25


def test_f_cls_without_people_to_tell_apart_says_so(w300, tmp_path, capsys):
    save_weights(fresh(PRESETS["compact"], 5), tmp_path / "start.safetensors")
    start = ["--start", str(tmp_path / "start.safetensors"), "--procedural", "0"]
    assert train_real(w300, tmp_path / "run", *start, stage="identity") == 2
    assert "f_CLS needs people with several images" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--data", "--split", "--people", "--without", "--start"])
def test_a_run_does_not_go_on_with_other_faces_or_weights(option, w300, tmp_path, capsys):
    names = tmp_path / "names.txt"
    names.write_text("helen-train/image_1_0, afw/image_0_0")
    start = tmp_path / "start.safetensors"
    save_weights(fresh(PRESETS["compact"], 5), start)
    values = {"--split": "train", "--people": names, "--without": names, "--start": start}
    folder = tmp_path / "run"
    assert train_real(w300, folder) == 0
    assert train_real(w300, folder) == 0
    capsys.readouterr()
    if option == "--data":
        assert train_real(make_300w(tmp_path / "other").root, folder) == 2
    else:
        assert train_real(w300, folder, option, str(values[option])) == 2
    assert f"was begun with {option} " in capsys.readouterr().err


def test_f_trnn_is_trained_on_real_videos(tmp_path, capsys):
    for video in ("001", "002"):
        home = tmp_path / "300vw" / video
        save_video(home / "vid.avi", range(10))
        (home / "annot").mkdir()
        for t in range(10):
            write_pts(home / "annot" / f"{t + 1:06d}.pts", shape(t))
    convert(SETS["300vw"], [tmp_path / "300vw"], tmp_path / "set")
    start = tmp_path / "start.safetensors"
    save_weights(fresh(PRESETS["compact"], 0), start, seen={"people": [], "videos": []})
    folder = tmp_path / "run"
    assert train_real(tmp_path / "set", folder, "--split", "train", "--start", str(start), stage="temporal") == 0
    assert "2 real clips of 10 frames of 2 people" in capsys.readouterr().out
    memory = load_weights(folder / "w.safetensors", "cpu").memory
    assert memory.motion.weight.abs().sum() > 0, "a fresh one is zero"
    assert len(about_weights(folder / "w.safetensors")["seen"]["videos"]) == 2


@pytest.mark.parametrize(
    "stage, options, says",
    [
        ("identity", [], "goes on from weights of stage spatial: name their file with --start"),
        ("compact", ["--start", "any.safetensors"], "a recipe begins from nothing"),
        ("polish", [], "goes on from weights of stage joint"),
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
