"""`redn bench` prints and writes what it measured; with few frames and tiny batches here."""

import json

import pandas as pd
import pytest

from redn_lib.cli import main
from redn_lib.commands import bench
from redn_lib.evaluation.peers import Peer
from redn_lib.training.stages import Stage


def missing() -> dict:
    raise ImportError("no module named other")


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> tuple[dict, str, pd.DataFrame]:
    """The record, what was printed, and the table as it was written."""
    folder = tmp_path_factory.mktemp("bench")
    peers = {
        "numpy": Peer("numpy", "numpy", "nothing", lambda: {"box given": lambda image, box: None}),
        "other": Peer("other", "other", "nothing", missing),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "FRAMES", 8)
        patch.setattr(bench, "FACES", 2)
        patch.setattr(bench, "PEERS", peers)
        patch.setattr(bench, "Stage", lambda iterations: Stage(iterations=6, batch=2, group=2))
        printed: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: printed.extend(map(str, words)))
        assert main(["bench", "--out", str(folder / "b.json"), str(folder / "b.csv")]) == 0
    return json.loads((folder / "b.json").read_text()), "\n".join(printed), pd.read_csv(folder / "b.csv", comment="#")


def test_every_figure_is_a_number_above_zero(measured):
    record, _, table = measured
    assert len(record["table"]) == len(table) and (table["figure"] > 0).all()
    assert {"processor", "cores", "torch", "python"} <= record["machine"].keys()


def test_the_parts_of_a_frame_make_up_the_frame(measured):
    _, _, table = measured
    figures = table.set_index("what")["figure"]
    parts = figures[figures.index.str.strip().str.startswith("of it")]
    assert parts.index.str.split(": ").str[1].tolist() == ["detector", "network", "memory", "crops, maps and points"]
    assert parts.sum() == pytest.approx(figures["a frame, mean"], rel=0.01)


def test_other_programs_are_measured_where_they_are_installed(measured):
    record, printed, table = measured
    assert "a face: numpy, box given" in table["what"].tolist() and "a face: ours" in table["what"].tolist()
    assert any(note.startswith("other is not installed") for note in record["notes"])
    assert "a face: numpy, box given" in printed and record["machine"]["torch"] in printed


def test_a_file_of_no_known_ending_is_refused_at_once(tmp_path, capsys):
    assert main(["bench", "--out", str(tmp_path / "b.txt")]) == 2
    assert "b.txt" in capsys.readouterr().err
