"""`redn experiment rq2` to `rq5` in their quick form, as small as can be, on a made folder and in one run folder."""

import numpy as np
import pytest
from made_folder import write_pairs
from unit.test_training import TINY

from redn_lib.cli import main
from redn_lib.commands import experiment
from redn_lib.data.synthetic import factors, render
from redn_lib.data.ytf import read_faces
from redn_lib.experiments import curriculum as course
from redn_lib.experiments import following, rq3
from redn_lib.experiments.tables import read_table
from redn_lib.training.grow import fresh

ROWS = {"rq2": 4, "rq3": 10, "rq4": 7, "mixes": 7, "rq5": 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two faces of each of twelve procedural people in the published layout."""
    return write_pairs(tmp_path_factory.mktemp("ytf"), (render(factors(i, 128, person=i // 2)) for i in range(24)))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.mark.parametrize("name", ROWS)
def test_a_question_writes_its_table_and_the_effects(name, folder, run, monkeypatch):
    small = {"preset": TINY, "hidden": 8, "clips": 1, "frames": 16, "people": 4, "pictures": 4}
    monkeypatch.setattr(experiment, "QUICK", small)
    monkeypatch.setattr(following, "KINDS", ("clear", "occluded"))
    monkeypatch.setitem(course.ON_CLIPS, "frames", 4)
    monkeypatch.setattr(rq3, "load_pretrained", lambda: fresh(TINY, 0))
    unseen = run / "unseen.txt"
    unseen.write_text("\n".join(sorted({row.person for row in read_faces(folder)})[::4]))
    out = run / f"{name}.csv"
    command = ["experiment", name, "--data", str(folder), "--without", str(unseen), "--run", str(run)]
    assert main([*command, "--out", str(out), "--quick", "--iterations", "1"]) == 0
    rows, effects = read_table(out), read_table(run / f"{name}_effects.csv")
    assert len(rows) == ROWS[name]
    measured = [k for k in rows[0] if k not in ("variant", "seeds", "minutes", "strength") and not k.endswith("_sd")]
    assert all(np.isfinite(float(row[figure])) for row in rows for figure in measured)
    figures = {row["figure"] for row in effects}
    assert figures == {figure for figure in measured if figure != "kparams"}
    if name == "rq5":
        assert len({row["effect"] for row in effects}) == 7
        assert {row["variant"] for row in rows} >= {"none", "spatial + temporal + identity"}


def test_what_begins_with_the_shipped_weights_asks_whom_they_have_not_seen(folder, run, capsys):
    command = ["experiment", "rq3", "--data", str(folder), "--run", str(run), "--out", str(run / "no.csv"), "--quick"]
    assert main(command) != 0
    assert "--without" in capsys.readouterr().err
    assert not (run / "no.csv").exists()
