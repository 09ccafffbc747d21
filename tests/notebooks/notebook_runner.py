"""Runs notebooks with papermill and measures them: shared by `make notebooks` and the tests.

`make notebooks` takes the small values that notebooks/fast.json names for parameters; the tests run a notebook as
stored.
"""

import html
import os
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
from comparison import WIDGET_STATE, WIDGET_VIEW
from nbconvert import HTMLExporter

from redn_lib.course.source import small_parameters

FAST = small_parameters()
CELL_TIMEOUT, START_TIMEOUT = 600, 90


@dataclass(frozen=True)
class Run:
    """What one execution cost: wall seconds, peak memory of the kernel in MB, and the error that ended it."""

    name: str
    seconds: float
    peak_mb: float
    error: str = ""


def execute(notebook: Path, executed: Path, parameters: dict | None = None) -> Run:
    """Run `notebook` in its own folder; the copy with outputs goes to `executed`. Errors inside widgets count, too."""
    os.environ.setdefault("REDN_PROGRESS", os.devnull)  # no reader's predictions
    start, error = time.perf_counter(), ""
    with peak_memory() as peak:
        try:
            done = papermill.execute_notebook(
                notebook,
                executed,
                parameters or {},
                cwd=notebook.parent,
                kernel_name="python3",
                progress_bar=False,
                execution_timeout=CELL_TIMEOUT,
                start_timeout=START_TIMEOUT,
            )
            error = "; ".join(widget_errors(done))
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
            out.data.pop(WIDGET_VIEW, None)
            alt = html.escape(out.metadata.get(kind, {}).get("alt", ""), quote=True)
            picture = f"data:{kind};base64,{out.data[kind]}"
            out.data["text/html"] = f'<img alt="{alt}" style="max-width:100%" src="{picture}">'
    page, _ = HTMLExporter().from_notebook_node(notebook)
    executed.with_suffix(".html").write_text(page, encoding="utf-8")


def main(source: str, target: str) -> int:
    """Run every notebook of the folder `source`; copies and HTML to `target`; 1 when one of them failed."""
    folder = Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{'notebook':<28}{'seconds':>8}{'peak MB':>9}  outcome")
    errors = []
    for notebook in sorted(Path(source).resolve().glob("*.ipynb")):
        executed = folder / notebook.name
        run = execute(notebook, executed, FAST.get(notebook.stem))
        print(f"{run.name:<28}{run.seconds:>8.1f}{run.peak_mb:>9.0f}  {'FAILED' if run.error else 'ok'}", flush=True)
        errors += [f"\n{run.name} FAILED\n{run.error}"] if run.error else []
        if executed.exists():
            write_html(executed)
    print("\n".join(errors))
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
