"""Every notebook runs once, as stored, with each widget swept over its controls, and gives its stored outputs again."""

from pathlib import Path

import nbformat
import papermill
import pytest
from comparison import compare_notebooks
from notebook_runner import FAST, execute, main

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


@pytest.mark.numeric
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_and_gives_its_stored_outputs_again(path, tmp_path, monkeypatch):
    monkeypatch.setenv("REDN_CI", "1")
    executed = tmp_path / path.name
    run = execute(path, executed)
    assert not run.error, run.error
    differences = compare_notebooks(nbformat.read(path, as_version=4), nbformat.read(executed, as_version=4))
    assert not differences, f"{path.name}\n{differences}"


def test_a_run_again_is_compared_with_its_stored_outputs(tmp_path):
    path = write(tmp_path, "made", GOOD)
    execute(path, path)
    stored = nbformat.read(path, as_version=4)
    assert execute(path, tmp_path / "again.ipynb").error == ""
    again = nbformat.read(tmp_path / "again.ipynb", as_version=4)
    assert compare_notebooks(stored, again) == ""
    again.cells[0].outputs[0].text = "3\n"
    assert "2 -> 3" in compare_notebooks(stored, again)


def test_fast_values_are_for_parameters_that_exist():
    assert set(FAST) <= {path.stem for path in NOTEBOOKS}
    for path in NOTEBOOKS:
        assert set(FAST.get(path.stem, {})) <= set(papermill.inspect_notebook(path))


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
