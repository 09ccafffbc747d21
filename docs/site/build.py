"""Build the site: the suite as static pages, and the loop microscope alive in one of them.

    python docs/site/build.py [FOLDER]    (by default build/site; needs the extra `site`, and npm once)

Notebooks are shown as they are committed, with their outputs; nothing is run. The site works from a folder on a disk
and asks nothing of any network. The pages are laid out under FOLDER.work as in the repository, so that links hold.
"""

import json
import shutil
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import page_data

from redn_lib.course.build import build as build_course
from redn_lib.pretrained import load_pretrained

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# what pages link to
COPIED = ("README.md", "LICENSE", "results", "redn_lib/weights/README.md", "docs/faults.md", "docs/teaching")
RUN_IT = (
    "*The outputs on this page are those of the last run. To run and change it: {download}`the notebook <{name}>`, or "
    "{download}`without outputs and answers <../students/{name}>`.*"
)


def install_packages(folder: Path) -> Path:
    """The npm packages of package.json, each checked against package-lock.json; returns their folder."""
    modules, lock = folder / "node_modules", (HERE / "package-lock.json").read_text()
    kept = folder / "package-lock.json"
    if not (modules.exists() and kept.exists() and kept.read_text() == lock):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", folder)
        kept.write_text(lock)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return modules


def lay_notebook(path: Path, folder: Path) -> None:
    """A notebook as Sphinx shows it: attached pictures in files of their own, alt texts where it looks for them."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    pictures = folder / f"{path.stem}_files"
    for cell in notebook["cells"]:
        for name, content in cell.pop("attachments", {}).items():
            pictures.mkdir(exist_ok=True)
            (pictures / name).write_bytes(b64decode(next(iter(content.values()))))
            cell["source"] = "".join(cell["source"]).replace(f"attachment:{name}", f"{pictures.name}/{name}")
        for output in cell.get("outputs", []):
            for kind, about in output.get("metadata", {}).items():
                if kind.startswith("image/") and "alt" in about:
                    cell["metadata"]["mystnb"] = {"image": {"alt": about["alt"]}}
    told = RUN_IT.replace("{name}", path.name)
    notebook["cells"].insert(1, {"cell_type": "markdown", "id": "site", "metadata": {}, "source": told})
    (folder / path.name).write_text(json.dumps(notebook), encoding="utf-8")


def lay_out(source: Path, modules: Path) -> None:
    """Everything that Sphinx reads."""
    shutil.rmtree(source, ignore_errors=True)
    page = source / "_static" / "page"
    shutil.copytree(HERE / "page", page)
    for name in COPIED:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, source / name)
    for path in (*HERE.glob("*.md"), HERE / "conf.py"):
        shutil.copy(path, source)
    (source / "notebooks").mkdir()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        lay_notebook(path, source / "notebooks")
    build_course(source / "students")
    shutil.make_archive(str(source / "student_notebooks"), "zip", source / "students")
    shutil.copy(modules / "mathjax" / "es5" / "tex-svg-full.js", source / "_static" / "mathjax.js")
    shown = page_data.write(load_pretrained(device="cpu"), modules, page)
    (source / "_static" / "microscope.jpg").write_bytes(shown.stand_in.data)


def main(out: Path) -> None:
    work = out.with_name(out.name + ".work")
    lay_out(work / "source", install_packages(work / "npm"))
    shutil.rmtree(out, ignore_errors=True)
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-E", "-d", work / "doctrees"]
    subprocess.run([*sphinx, work / "source", out], check=True)
    print(f"open {out / 'index.html'} in a browser")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "site").resolve())
