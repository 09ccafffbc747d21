"""`redn lab`: notebooks copied to a folder of one's own, nothing of one's own lost; what travels in the wheel."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

from redn_lib.cli import main
from redn_lib.commands import lab
from redn_lib.commands.lab import FIRST, copy_notebooks
from redn_lib.evaluation.tables import RESULTS
from redn_lib.files import suite_folder
from redn_lib.teach.translation import digest, read_translation, translate


def test_all_notebooks_are_copied_once(tmp_path):
    names = {path.name for path in suite_folder("notebooks").glob("*.ipynb")}
    copied, kept = copy_notebooks(tmp_path / "mine", lambda path: True)
    assert kept == 0 and copied >= len(names) >= 8
    assert {path.name for path in (tmp_path / "mine").glob("*.ipynb")} == names
    assert not any(part.startswith(".") for path in (tmp_path / "mine").rglob("*") for part in path.name.split("/"))
    assert copy_notebooks(tmp_path / "mine", lambda path: True) == (0, 0)


def test_nobody_gets_the_results_of_whoever_worked_beside_the_notebooks(tmp_path, monkeypatch):
    source = tmp_path / "source"
    shutil.copytree(suite_folder("notebooks"), source)
    for name in ("progress.json", ".ipynb_checkpoints/a.ipynb", "checks/__pycache__/a.pyc"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text("mine")
    monkeypatch.setattr(lab, "suite_folder", lambda name: source)
    copy_notebooks(tmp_path / "copy", lambda path: True)
    assert (tmp_path / "copy" / "checks" / "exercise.py").exists()
    assert "mine" not in {
        path.read_text(encoding="utf-8") for path in (tmp_path / "copy").rglob("*.*") if path.is_file()
    }


def test_a_changed_notebook_stays_or_is_kept_beside_the_new_one(tmp_path):
    copy_notebooks(tmp_path, lambda path: True)
    (tmp_path / FIRST).write_text("mine")
    asked = []
    assert copy_notebooks(tmp_path, lambda path: asked.append(path)) == (0, 1)
    assert asked == [tmp_path / FIRST] and (tmp_path / FIRST).read_text() == "mine"
    assert copy_notebooks(tmp_path, lambda path: True) == (1, 0)
    assert (tmp_path / FIRST).read_bytes() == (suite_folder("notebooks") / FIRST).read_bytes()
    assert (tmp_path / "00_start_here.yours.ipynb").read_text() == "mine"


def test_a_second_copy_that_was_changed_is_kept_too(tmp_path):
    copy_notebooks(tmp_path, lambda path: True)
    for words in ("first", "second"):
        (tmp_path / FIRST).write_text(words)
        copy_notebooks(tmp_path, lambda path: True)
    assert {path.read_text() for path in tmp_path.glob("00_start_here.yours*")} == {"first", "second"}


def test_where_nobody_can_be_asked_a_changed_notebook_stays(tmp_path, monkeypatch):
    served = []
    monkeypatch.setattr(
        lab.subprocess, "run", lambda words, **_: served.append(words) or subprocess.CompletedProcess(words, 0)
    )
    parser = lab.argparse.ArgumentParser()
    lab.add_options(parser)
    args = parser.parse_args([str(tmp_path), "--no-browser", "--port", "8999"])
    assert lab.run(args) == 0
    (tmp_path / FIRST).write_text("mine")
    assert lab.run(args) == 0 and (tmp_path / FIRST).read_text() == "mine"
    assert lab.run(parser.parse_args([str(tmp_path), "--copy-only"])) == 0 and len(served) == 2
    assert served[0][:3] == [sys.executable, "-m", "jupyterlab"] and "--no-browser" in served[0]
    assert f"--ServerApp.root_dir={tmp_path.resolve()}" in served[0] and "--port=8999" in served[0]


def test_jupyterlab_starts_where_the_home_folder_cannot_be_written(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("JUPYTER", "XDG", "APPDATA"))]:
        monkeypatch.delenv(name)
    served, run = [], subprocess.run

    def serve(words, env, check):
        server = "from jupyter_server.serverapp import ServerApp; print(ServerApp().runtime_dir)"
        served.append(run([sys.executable, "-c", server], env=env, capture_output=True, text=True, check=check))
        return served[-1]

    monkeypatch.setattr(lab.subprocess, "run", serve)
    (tmp_path / "file").touch()
    for home in (tmp_path, tmp_path / "file"):
        for name in ("HOME", "USERPROFILE"):
            monkeypatch.setenv(name, str(home / "home"))
        assert main(["lab", str(tmp_path / "mine"), "--no-browser"]) == 0
    usual, elsewhere = (server.stdout.strip() for server in served)
    assert usual.startswith(str(tmp_path)) and elsewhere.startswith(lab.tempfile.gettempdir())


def test_a_translated_notebook_has_its_cells_in_the_other_language(tmp_path):
    copy_notebooks(tmp_path, lambda path: True, "zh")
    mine, ours = (json.loads((folder / FIRST).read_text()) for folder in (tmp_path, suite_folder("notebooks")))
    other = suite_folder("notebooks") / "zh" / "00_start_here.md"
    assert "".join(mine["cells"][0]["source"]) == read_translation(other)["title"].text
    assert [c["source"] for c in mine["cells"] if c["cell_type"] == "code"] == [
        c["source"] for c in ours["cells"] if c["cell_type"] == "code"
    ]
    with pytest.raises(ValueError, match="there is no translation 'xx'; there are zh"):
        copy_notebooks(tmp_path, lambda path: True, "xx")


@pytest.mark.parametrize(
    "path", sorted(suite_folder("notebooks").glob("*/*.md")), ids=lambda p: f"{p.parent.name}-{p.stem}"
)
def test_a_translation_is_whole_and_of_the_present_english_text(path):
    cells = json.loads((path.parents[1] / f"{path.stem}.ipynb").read_text(encoding="utf-8"))["cells"]
    english = {cell["id"]: "".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"}
    found = read_translation(path)
    assert list(found) == list(english), "each text cell once, in their order"
    for cell, (of, text) in found.items():
        assert of == digest(english[cell]), f"{cell}: translate it again, then write {digest(english[cell])}"
        for form in (r"\(attachment:[^)]*\)", r"\]\([^)]*\.(?:ipynb|md)\)", r"<details>", r"^\|", r"^#+ "):
            assert len(re.findall(form, text, re.M)) == len(re.findall(form, english[cell], re.M)), (cell, form)


def test_a_cell_whose_english_text_changed_stays_english(tmp_path):
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "n.md").write_text(f"<!-- a {digest('new')} -->\nneu\n<!-- b {digest('old')} -->\nalt\n")
    cells = [{"id": name, "cell_type": "markdown", "source": [text]} for name, text in (("a", "new"), ("b", "newer"))]
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells}))
    assert [c["source"] for c in json.loads(translate(tmp_path / "n.ipynb", "zh"))["cells"]] == [["neu"], ["newer"]]


def test_weights_tables_and_notebooks_travel_in_the_wheel(root, tmp_path):
    command = [
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        str(tmp_path),
        str(root),
    ]
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert f"redn_lib/notebooks/{FIRST}" in names and "redn_lib/weights/compact.safetensors" in names
    assert {f"redn_lib/results/{path.name}" for path in RESULTS.iterdir()} <= names
    assert not [name for name in names if name.startswith("tests/") or "/shared/" in name]
