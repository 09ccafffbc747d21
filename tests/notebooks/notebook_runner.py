"""Runs notebooks with papermill in fast mode and measures them: shared by `make notebooks` and the tests.

Fast mode: the parameters that fast.json names for a notebook take its small values; the others stay as written.
"""

import html
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import papermill
import psutil
from nbconvert import HTMLExporter

FAST = Path(__file__).with_name("fast.json")
CELL_TIMEOUT, START_TIMEOUT = 300, 90
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"


@dataclass(frozen=True)
class Run:
    """What one execution cost: wall seconds, peak memory of the kernel in MB, and the error that ended it."""

    name: str
    seconds: float
    peak_mb: float
    error: str = ""


def fast_parameters(name: str) -> dict:
    """The small values for the notebook `name` (without .ipynb)."""
    return json.loads(FAST.read_text(encoding="utf-8")).get(name, {})


def execute(notebook: Path, executed: Path, progress: bool = False) -> Run:
    """Run `notebook` from its own folder in fast mode; the copy with outputs goes to `executed`, errors included."""
    start, error = time.perf_counter(), ""
    with peak_memory() as peak:
        try:
            papermill.execute_notebook(
                notebook,
                executed,
                fast_parameters(notebook.stem),
                cwd=notebook.parent,
                kernel_name="python3",
                progress_bar={"desc": notebook.stem} if progress else False,
                execution_timeout=CELL_TIMEOUT,
                start_timeout=START_TIMEOUT,
            )
        except Exception as failure:  # whatever ended it belongs into the table, and the other notebooks still run
            error = str(failure).strip()
    return Run(notebook.stem, time.perf_counter() - start, peak[0] / 1e6, error)


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """The largest memory, in bytes, of all processes that the block starts together: sampled ten times a second."""
    me, peak, done = psutil.Process(), [0.0], threading.Event()
    others = set(me.children(recursive=True))

    def sample() -> None:
        while not done.wait(0.1):
            peak[0] = max(peak[0], sum(map(resident, set(me.children(recursive=True)) - others)))

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield peak
    finally:
        done.set()
        sampler.join()


def resident(process: psutil.Process) -> int:
    """Resident bytes of a process; 0 when it has just ended."""
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def widget_errors(notebook: nbformat.NotebookNode) -> list[str]:
    """Errors that went into an Output widget, where papermill does not see them."""
    state = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    outputs = [out for model in state.values() for out in model["state"].get("outputs", [])]
    return [f"{out['ename']}: {out['evalue']}" for out in outputs if out["output_type"] == "error"]


def write_html(executed: Path) -> None:
    """The page of an executed notebook, beside it: widgets as their stand-in picture, pictures with their alt text."""
    notebook = nbformat.read(executed, as_version=4)
    for out in (o for cell in notebook.cells for o in cell.get("outputs", []) if "data" in o):
        for kind in {"image/jpeg", "image/png"} & set(out.data):
            out.data.pop("application/vnd.jupyter.widget-view+json", None)
            alt = html.escape(out.metadata.get(kind, {}).get("alt", ""), quote=True)
            picture = f"data:{kind};base64,{out.data[kind]}"
            out.data["text/html"] = f'<img alt="{alt}" style="max-width:100%" src="{picture}">'
    page, _ = HTMLExporter().from_notebook_node(notebook)
    executed.with_suffix(".html").write_text(page, encoding="utf-8")


def main(source: str, target: str) -> int:
    """Run every notebook of the folder `source`; copies and HTML to `target`; 1 when one of them failed."""
    folder = Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    runs = []
    for notebook in sorted(Path(source).resolve().glob("*.ipynb")):
        executed = folder / notebook.name
        run = execute(notebook, executed, progress=True)
        if executed.exists():
            write_html(executed)
            hidden = widget_errors(nbformat.read(executed, as_version=4))
            run = run if run.error or not hidden else Run(run.name, run.seconds, run.peak_mb, "; ".join(hidden))
        runs.append(run)
    print(table(runs))
    return int(any(run.error for run in runs))


def table(runs: list[Run]) -> str:
    """Name, seconds, peak memory and outcome of each run, a line each; what went wrong stands below it."""
    lines = [f"{'notebook':<28}{'seconds':>8}{'peak MB':>9}  outcome"]
    lines += [f"{r.name:<28}{r.seconds:>8.1f}{r.peak_mb:>9.0f}  {'FAILED' if r.error else 'ok'}" for r in runs]
    lines += [f"\n{r.name} FAILED\n{r.error}" for r in runs if r.error]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
