"""Every question by `redn experiment` in its quick form, as small as can be, on a made folder and in one run folder."""

import numpy as np
import pytest
from made_folder import write_pairs
from unit.test_training import TINY

from redn_lib.cli import main
from redn_lib.commands import experiment
from redn_lib.data import dataset
from redn_lib.data.synthetic import factors, render
from redn_lib.evaluation.tables import read_table
from redn_lib.experiments import curriculum, measures, questions
from redn_lib.experiments.questions import QUESTIONS
from redn_lib.training.grow import fresh


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two faces of each of twelve procedural people in the published layout."""
    return write_pairs(tmp_path_factory.mktemp("ytf"), (render(factors(i, 128, person=i // 2)) for i in range(24)))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_writes_its_table_and_the_effects(name, folder, run, monkeypatch):
    small = {"preset": TINY, "hidden": 8, "clips": 1, "frames": 16, "people": 4, "images": 4}
    monkeypatch.setattr(experiment, "QUICK", small)
    monkeypatch.setattr(measures, "DIFFICULTIES", ("clear", "occluded"))
    monkeypatch.setattr(curriculum, "SMALL", TINY)
    monkeypatch.setitem(curriculum.ON_CLIPS, "frames", 4)
    monkeypatch.setattr(questions, "load_pretrained", lambda: fresh(TINY, 0))
    unseen = run / "unseen.txt"
    unseen.write_text("\n".join(dataset.open(folder).people[::4]))
    out = run / f"{name}.csv"
    command = ["experiment", name, "--data", str(folder), "--without", str(unseen), "--run", str(run)]
    assert main([*command, "--out", str(out), "--quick", "--iterations", "1"]) == 0
    rows, effects = read_table(out), read_table(run / f"{name}_effects.csv")
    assert rows["variant"].tolist() == list(QUESTIONS[name].variants)
    assert (run / f"{name}.csv").read_text().splitlines()[1] == (
        f"# command: redn experiment {name} --data FOLDER --without FILE --run FOLDER --out {out} --iterations 1 "
        "--seeds 3 --quick"
    )
    partial = ("variant", "seeds", "minutes", "strength", "step2", "step3")
    measured = [column for column in rows if column not in partial and not column.endswith("_sd")]
    assert np.isfinite(rows[measured].to_numpy(float)).all()
    compared = set(effects["figure"]) - {"step2", "step3"}
    assert compared == {figure for figure in measured if figure != "kparams"}
    if name == "rq5":
        assert effects["effect"].nunique() == 7
    if name == "rq1":
        size = rows.set_index("variant")["kparams"]
        assert size["cascade of 3"] == pytest.approx(3 * size["loop, K = 3"], abs=0.01)
    if name == "joint":
        assert rows["kparams"].nunique() == 1


def test_a_name_that_nobody_has_is_told(folder, run, tmp_path, capsys):
    names = tmp_path / "names.txt"
    names.write_text(f"{dataset.open(folder).people[0]} Nobody_Here")
    command = ["experiment", "rq3", "--data", str(folder), "--without", str(names), "--run", str(run)]
    assert main([*command, "--out", str(run / "no.csv"), "--quick"]) == 2
    assert "Nobody_Here" in capsys.readouterr().err


def test_what_begins_with_the_shipped_weights_asks_whom_they_have_not_seen(folder, run, capsys):
    command = ["experiment", "rq3", "--data", str(folder), "--run", str(run), "--out", str(run / "no.csv"), "--quick"]
    assert main(command) != 0
    assert "--without" in capsys.readouterr().err
    assert not (run / "no.csv").exists()
