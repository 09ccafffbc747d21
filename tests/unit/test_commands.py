"""`redn train`, `evaluate` and `experiment` on a small made folder in the published layout."""

import json
from types import SimpleNamespace

import made_sets
import numpy as np
import pytest
from made_folder import write_pairs

from redn_lib.cli import main
from redn_lib.data.synthetic import still_image
from redn_lib.evaluation import errors
from redn_lib.evaluation.tables import read_table
from redn_lib.experiments.questions import Question, run_question
from redn_lib.metrics import METRICS, Metric
from redn_lib.pretrained import load_weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve procedural faces of six people as the published layout stores them: JPEG, 1-based points."""
    return write_pairs(tmp_path_factory.mktemp("ytf"), map(still_image, range(12)))


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    options = ["--iterations", "3", "--batch", "2", "--run", str(run), "--out", str(run / "w.safetensors")]
    assert main(["train", "--data", str(folder), *options]) == 0
    return run


def test_train_writes_weights_that_load_and_a_checkpoint(trained):
    assert load_weights(trained / "w.safetensors").preset.name == "compact"
    assert (trained / "checkpoint.pt").exists()


def test_train_again_goes_on_from_the_end_and_changes_nothing(trained, folder, capsys):
    before = (trained / "w.safetensors").read_bytes()
    options = ["--iterations", "3", "--batch", "2", "--run", str(trained), "--out", str(trained / "w.safetensors")]
    assert main(["train", "--data", str(folder), *options]) == 0
    assert "iteration 3 of 3" in capsys.readouterr().out
    assert (trained / "w.safetensors").read_bytes() == before


def test_train_on_procedural_faces_alone_needs_no_data(tmp_path):
    options = ["--iterations", "1", "--batch", "2", "--run", str(tmp_path), "--out", str(tmp_path / "w.safetensors")]
    assert main(["train", "--procedural", "1", *options]) == 0
    assert (tmp_path / "w.safetensors").exists()


def test_evaluate_prints_every_step_and_writes_the_same_figures(trained, folder, tmp_path, capsys):
    out = tmp_path / "figures.json"
    options = ["--weights", str(trained / "w.safetensors"), "--out", str(out)]
    assert main(["evaluate", "--data", str(folder), *options]) == 0
    printed = capsys.readouterr().out
    figures = json.loads(out.read_text())
    assert figures["frames"] == 12 and figures["people"] == 6 and len(figures["steps"]) == 3
    for k, step in enumerate(figures["steps"], 1):
        assert f"step {k}: NME % {step['nme']:.2f}" in printed


def test_people_and_without_choose(trained, folder, tmp_path, capsys):
    names = tmp_path / "names.txt"
    names.write_text("Made_Person0\nMade_Person3\n")
    weights = ["--weights", str(trained / "w.safetensors"), "--steps", "1"]
    assert main(["evaluate", "--data", str(folder), "--people", str(names), *weights]) == 0
    assert "4 frames of 2 people" in capsys.readouterr().out
    assert main(["evaluate", "--data", str(folder), "--without", str(names), *weights]) == 0
    assert "8 frames of 4 people" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv, says",
    [
        (["evaluate", "--data", "nowhere"], "nowhere"),
        (
            ["experiment", "rq1", "--data", "d", "--run", "r", "--out", "o.csv", "--seeds", "0"],
            "--seeds must be at least",
        ),
        (["train", "--run", "r", "--out", "w"], "--procedural 1"),
        (["train", "--procedural", "2", "--run", "r", "--out", "w"], "share from 0 to 1"),
        (["train", "--procedural", "1", "--batch", "0", "--run", "r", "--out", "w"], "at least 1"),
        (["train", "--procedural", "1", "--rate", "inf", "--run", "r", "--out", "w"], "--rate must be more than 0"),
        (["train", "--procedural", "1", "--seed", "9" * 20, "--run", "r", "--out", "w"], "--seed must be from 0 to"),
        (["train", "--procedural", "1", "--workers", "-1", "--run", "r", "--out", "w"], "--workers must be from 0 to"),
        (["train", "--procedural", "1", "--growth", "nan", "--run", "r", "--out", "w"], "--growth must be more than 0"),
        (["train", "--procedural", "1", "--device", "nonsense", "--run", "r", "--out", "w"], "device 'nonsense'"),
        (["train", "--procedural", "1", "--run", "w", "--out", "w"], "would overwrite"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(argv, says, capsys):
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_predictions_that_are_not_finite_are_no_figures(trained, folder, monkeypatch, capsys):
    monkeypatch.setattr(errors, "align", lambda *_, **__: SimpleNamespace(steps=np.full((3, 68, 2), np.nan)))
    assert main(["evaluate", "--data", str(folder), "--weights", str(trained / "w.safetensors")]) == 2
    assert "not finite" in capsys.readouterr().err


def test_weights_that_are_damaged_or_missing_are_named(trained, folder, tmp_path, capsys):
    whole = (trained / "w.safetensors").read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"{}"):
        (tmp_path / "cut.safetensors").write_bytes(content)
        assert main(["evaluate", "--data", str(folder), "--weights", str(tmp_path / "cut.safetensors")]) == 2
        assert "cut.safetensors is damaged or cut off" in capsys.readouterr().err
    assert main(["evaluate", "--data", str(folder), "--weights", str(tmp_path / "none")]) == 2
    assert "no weight file" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "evaluate", "compare", "experiment"])
def test_every_command_declares_the_same_options_of_data(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    told = capsys.readouterr().out
    assert all(f"{option} " in told for option in ("--data", "--split", "--people", "--without"))


def test_a_raw_folder_is_measured_by_split_and_the_whole_command_is_recorded(tmp_path):
    folder = made_sets.make_300w(tmp_path / "300w").root
    names, out = tmp_path / "names.txt", tmp_path / "f.json"
    names.write_text("ibug/image_5_0")
    options = ["--split", "full", "--people", str(names), "--steps", "1", "--out", str(out)]
    assert main(["evaluate", "--data", str(folder), *options]) == 0
    figures = json.loads(out.read_text())
    assert figures["frames"] == 1
    told = "redn evaluate --data FOLDER --split full --people FILE --out {} --steps 1 --normaliser outer-eyes"
    assert figures["command"] == told.format(out)


def test_a_metric_is_one_entry(trained, folder, tmp_path, monkeypatch, capsys):
    worst = Metric(lambda errors: 100 * float(np.nanmax(errors)), "worst %", 1, "largest error")
    monkeypatch.setitem(METRICS, "worst", worst)
    out = tmp_path / "t.csv"
    options = ["--weights", str(trained / "w.safetensors"), "--steps", "1", "--out", str(out)]
    assert main(["evaluate", "--data", str(folder), *options]) == 0
    assert "worst %" in capsys.readouterr().out
    table = read_table(out)
    assert (table["worst"] >= table["nme"]).all()


def test_runs_that_are_done_are_not_done_again(tmp_path):
    done = []

    def run(value, setting, seed):
        done.append((value, seed))
        return {"nme": value + seed}

    question = Question("a test", {"a": 4.0, "b": 5.0}, run)
    run_question(question, None, [0], tmp_path, "short")
    results = run_question(question, None, [0, 1], tmp_path, "short")
    assert done == [(4.0, 0), (5.0, 0), (4.0, 1), (5.0, 1)]
    assert results[["variant", "seed", "nme"]].values.tolist() == [["a", 0, 4], ["b", 0, 5], ["a", 1, 5], ["b", 1, 6]]
    with pytest.raises(ValueError, match="other settings than 'long': name another --run folder"):
        run_question(question, None, [0], tmp_path, "long")
    kept = (tmp_path / "a-0.json").read_text()
    for damaged in (kept[:-9], "[]", "[1]"):
        (tmp_path / "a-0.json").write_text(damaged)
        with pytest.raises(ValueError, match=r"a-0\.json (is damaged|was made with other)"):
            run_question(question, None, [0], tmp_path, "short")
    (tmp_path / "table.csv").write_text('a,b\n1,2\n"3')
    with pytest.raises(ValueError, match=r"table\.csv is damaged"):
        read_table(tmp_path / "table.csv")
