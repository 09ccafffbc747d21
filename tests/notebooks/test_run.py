"""Every notebook runs from top to bottom in fast mode, with each widget swept over its controls."""

import json
from pathlib import Path

import nbformat
import papermill
import pytest
from notebook_runner import FAST, execute, fast_parameters, main, widget_errors

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
GOOD = "x = 2\nprint(x)"
HIDDEN = """import ipywidgets
out = ipywidgets.Output()
with out:
    1 / 0
display(out)"""


def write(folder: Path, name: str, *sources: str) -> Path:
    """A notebook of code cells, the first tagged as parameters."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = ["parameters"]
    path = folder / f"{name}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.mark.timeout(600)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_in_fast_mode(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("REDN_CI", "1")
    run = execute(notebook, tmp_path / notebook.name)
    assert run.error == ""
    assert widget_errors(nbformat.read(tmp_path / notebook.name, as_version=4)) == []


def test_fast_values_are_for_parameters_that_exist():
    assert set(json.loads(FAST.read_text())) <= {path.stem for path in NOTEBOOKS}
    for path in NOTEBOOKS:
        assert set(fast_parameters(path.stem)) <= set(papermill.inspect_notebook(path))


def test_make_notebooks_names_the_one_that_fails_and_runs_the_rest(tmp_path, capsys):
    write(tmp_path, "a_breaks", "1 / 0")
    write(tmp_path, "b_hides", "x = 1", HIDDEN)
    write(tmp_path, "c_good", GOOD)
    assert main(str(tmp_path), str(tmp_path / "build")) == 1
    out = capsys.readouterr().out
    assert "a_breaks FAILED" in out and "ZeroDivisionError" in out and "b_hides FAILED" in out
    assert "c_good FAILED" not in out
    assert {p.name for p in (tmp_path / "build").iterdir()} == {
        f"{name}.{kind}" for name in ("a_breaks", "b_hides", "c_good") for kind in ("ipynb", "html")
    }
