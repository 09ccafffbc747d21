"""Slides of the notebooks, with their pictures and alt texts; they ask nothing of any network.

    python docs/teaching/slides/build.py [FOLDER]    (by default build/slides; npm is needed once)

A heading begins a column of slides, each cell below it is one more slide of it (down arrow). Answers, parameters and
the set-up are left out, and code that makes a picture is hidden. A cell's own slide tag, set in JupyterLab, wins.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from traitlets.config import Config

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
SHOWN = [*PICTURES, "text/html", "text/markdown", "text/latex", "text/plain"]  # of an output the first; no widgets
TEMPLATE = """{%- extends 'reveal/index.html.j2' -%}
{% from 'mathjax.html.j2' import mathjax %}
{%- block html_head_js -%}{%- endblock -%}
{%- block footer_js -%}
<style>
.reveal .slides section {height: 95vh; overflow-y: auto; text-align: left}
.reveal img {max-height: 75vh}
.reveal h1, .reveal h2, .reveal h3 {text-transform: none}
.reveal pre, .reveal .jp-OutputArea-output pre {font-size: 16px; white-space: pre-wrap; width: 100%; box-shadow: none}
</style>
<script src="reveal.js/dist/reveal.js"></script>
<script>
Reveal.initialize({hash: true, slideNumber: "c/t", width: 1100, height: 800, center: false, margin: 0.02});
</script>
{%- endblock -%}
"""


def as_slides(notebook: NotebookNode) -> NotebookNode:
    """A notebook whose cells say what they are on slides."""
    notebook.metadata.pop("widgets", None)
    has_set_up = False
    for cell in notebook.cells:
        tags, kind = cell.metadata.get("tags", []), "subslide"
        if cell.cell_type == "markdown" and cell.source.startswith(("# ", "## ")):
            kind = "slide"
        if {"exercise-answer", "parameters"} & set(tags) or not has_set_up and "import redn_lib" in cell.source:
            kind = "skip"
        has_set_up |= cell.cell_type == "code" and "import redn_lib" in cell.source
        cell.metadata.setdefault("slideshow", {}).setdefault("slide_type", kind)
        outputs = cell.get("outputs", [])
        if any(set(PICTURES) & set(output.get("data", ())) for output in outputs):
            cell.metadata["tags"] = [*tags, "hide-code"]
    return notebook


def copy_packages(out: Path) -> None:
    """What the slides need of npm's packages, each checked against package-lock.json."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        npm = [shutil.which("npm") or "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(npm, cwd=folder, check=True)
        packages = Path(folder) / "node_modules"
        shutil.copytree(packages / "reveal.js" / "dist", out / "reveal.js" / "dist", dirs_exist_ok=True)
        shutil.copy(packages / "mathjax" / "es5" / "tex-svg-full.js", out / "mathjax.js")


def slides_exporter() -> SlidesExporter:
    """Makes pages that take all they need from their own folder."""
    config = Config()
    config.NbConvertBase.display_data_priority = SHOWN
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_input_tags = {"hide-code"}
    config.SlidesExporter.reveal_url_prefix = "reveal.js"
    config.SlidesExporter.reveal_theme = "white"  # others ask for fonts
    config.SlidesExporter.mathjax_url = "mathjax.js"
    config.SlidesExporter.exclude_input_prompt = config.SlidesExporter.exclude_output_prompt = True
    return SlidesExporter(config=config, raw_template=TEMPLATE)


def main(out: Path) -> None:
    copy_packages(out)
    exporter = slides_exporter()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        text, _ = exporter.from_notebook_node(as_slides(nbformat.read(path, as_version=4)))
        (out / f"{path.stem}.html").write_text(text, encoding="utf-8")
        print(out / f"{path.stem}.html")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "slides").resolve())
