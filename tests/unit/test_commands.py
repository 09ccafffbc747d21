"""`redn train`, `evaluate` and `experiment` on a small made folder in the published layout."""

import json

import pytest
from made_folder import write_pairs

from redn_lib.cli import main
from redn_lib.data.synthetic import still_image
from redn_lib.experiments.tables import Run, read_table, run_all, write_table
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
        assert f"step {k}: NME {step['nme']:.2f} %" in printed


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
        (["train", "--run", "r", "--out", "w"], "--procedural 1"),
        (["train", "--procedural", "2", "--run", "r", "--out", "w"], "share from 0 to 1"),
        (["train", "--procedural", "1", "--batch", "0", "--run", "r", "--out", "w"], "at least 1"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(argv, says, capsys):
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_weights_that_are_damaged_or_missing_are_named(trained, folder, tmp_path, capsys):
    whole = (trained / "w.safetensors").read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"{}"):
        (tmp_path / "cut.safetensors").write_bytes(content)
        assert main(["evaluate", "--data", str(folder), "--weights", str(tmp_path / "cut.safetensors")]) == 2
        assert "cut.safetensors is damaged or cut off" in capsys.readouterr().err
    assert main(["evaluate", "--data", str(folder), "--weights", str(tmp_path / "none")]) == 2
    assert "no weight file" in capsys.readouterr().err


def test_an_experiment_writes_one_row_a_variant(folder, tmp_path):
    out = tmp_path / "rq1.csv"
    assert main(["experiment", "rq1", "--data", str(folder), "--run", str(tmp_path), "--out", str(out), "--quick"]) == 0
    rows = {row["variant"]: row for row in read_table(out)}
    assert set(rows) == {"one look", "loop, K = 2", "loop, K = 3", "cascade of 3", "loop, K = 3, z blank"}
    assert float(rows["cascade of 3"]["kparams"]) == pytest.approx(3 * float(rows["loop, K = 3"]["kparams"]), abs=0.01)
    assert rows["one look"]["step2"] == "" and float(rows["loop, K = 3"]["step3"]) > 0


def test_runs_that_are_done_are_not_done_again_and_the_table_has_mean_and_spread(tmp_path):
    done = []

    def work(value):
        return lambda: done.append(value) or {"nme": value}

    runs = [Run("a", 0, work(4.0)), Run("a", 1, work(6.0)), Run("b", 0, work(5.0))]
    run_all(runs[:2], tmp_path, "short")
    results = run_all(runs, tmp_path, "short")
    assert done == [4.0, 6.0, 5.0]
    write_table(results, tmp_path / "t.csv", command="redn experiment x", about="a test")
    text = (tmp_path / "t.csv").read_text()
    assert "# command: redn experiment x" in text
    a, b = read_table(tmp_path / "t.csv")
    assert (a["seeds"], a["nme"], a["nme_sd"]) == ("2", "5.000", "1.414") and b["nme_sd"] == ""


def test_runs_of_other_settings_do_not_enter_a_table(tmp_path):
    runs = [Run("one", 0, lambda: {"last": 1.0})]
    run_all(runs, tmp_path, "short")
    with pytest.raises(ValueError, match="other settings than 'long': name another --run folder"):
        run_all(runs, tmp_path, "long")
