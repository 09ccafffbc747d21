"""The parameters of the notebooks over their sensible range: each notebook runs through with others than its own.

Takes long, so it is left out unless asked for: python -m pytest -m sweep tests/notebooks
"""

from pathlib import Path

import nbformat
import pytest
from notebook_runner import FAST, execute

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SWEEP = {
    "00_start_here": [
        {"n_frames": 64, "explored": 2},
        {"explored": 12, "shift": 0.1, "scale": 0.9, "turn": -20},
    ],
    "01_faces_and_metrics": [{"SEED": 2}, {"SEED": 4}, {"SEED": 30, "FACES": 24, "SEEDS": 2, "FRAMES": 20}],
    "02_encoder_decoder": [{"SEED": 1}, {"SEED": 2, "FACES": 64, "UNSEEN": 12}],
    "03_spatial_feedback": [{"first": 951_000_000}, {"sweep": 3, "seeds": 2, "n_faces": 12}],
    "04_identity_decoupling": [{"first": 951_000_000}, {"people": 12, "pictures": 4, "n_frames": 20}],
    "05_temporal_lstm": [{"first": 961_000_000}, {"n_frames": 16}],
    "05b_prior_and_maps": [{"first": 961_000_000}, {"n_frames": 16, "lengths": [2, 6]}],
    "06_end_to_end": [{"first": 971_000_000}, {"people": 16, "strangers": 6, "clips": 1}],
    "07_benchmarks_and_your_data": [{"size": 96}, {"n_faces": 16}, {"first": 971_000_000, "n_few": 8, "n_frames": 6}],
    "08_your_own_face": [{"first": 981_000_000}, {"people": 2, "pictures": 4, "n_others": 6, "longer": [5, 20]}],
}
CASES = [(name, changes) for name, some in SWEEP.items() for changes in some]


def test_every_notebook_is_swept():
    assert set(SWEEP) == {path.stem for path in NOTEBOOKS.glob("*.ipynb")}


@pytest.mark.slow
@pytest.mark.sweep
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("name", "changes"), CASES, ids=[f"{name.split('_')[0]} {changes}" for name, changes in CASES])
def test_other_parameters_run_through(name, changes, tmp_path, monkeypatch):
    monkeypatch.setenv("REDN_CI", "1")
    run = execute(NOTEBOOKS / f"{name}.ipynb", tmp_path / "a.ipynb", FAST.get(name, {}) | changes)
    assert not run.error, run.error


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path):
    notebook = nbformat.read(NOTEBOOKS / "07_benchmarks_and_your_data.ipynb", as_version=4)
    (cell,) = [cell for cell in notebook.cells if cell.id == "write-set"]
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(ValueError, match="is not empty; name a new or an empty folder"):
        exec(cell.source, {"work": str(tmp_path), "results": None})
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
