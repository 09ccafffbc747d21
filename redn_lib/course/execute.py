"""A process of its own, in which one student's notebook runs: `python -m redn_lib.course.execute JOB HOME`.

JOB holds what `mark` prepared; HOME is an empty folder. Each finding is a line of JSON on standard output, written at
once, so that what was judged stays when the process is killed.
"""

import json
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook

MOST_OUTPUT = 20_000_000  # characters of all outputs
MOST_IN_A_FILE = 200 * 2**20  # bytes


class Client(NotebookClient):
    """Ends this process where a notebook prints too much."""

    size = 0

    def process_message(self, message, cell, cell_index):
        self.size += 0 if message["msg_type"].startswith("comm_") else len(str(message["content"]))
        if self.size > MOST_OUTPUT:
            report(ended=f"more than {MOST_OUTPUT // 10**6} MB of output")
            os._exit(0)
        return super().process_message(message, cell, cell_index)


def report(**finding: object) -> None:
    """Write a line to the process that marks."""
    os.write(RESULTS, (json.dumps(finding) + "\n").encode())


def run(cells: list[dict], folder: Path, seconds: int) -> None:
    """Run cells in a kernel, and report verdicts, errors, and changed checks.

    cells: source, id, and role: "cell"; of an exercise "head", "judge" (the teacher's check) or "tail", with its check.
    seconds: for one check of a student's function.
    """
    token = token_hex(8)
    sources = [cell["source"].replace("TOKEN", token) if cell["role"] == "judge" else cell["source"] for cell in cells]
    made = [new_code_cell(source) for source in sources]
    client = Client(
        new_notebook(cells=made),
        allow_errors=True,
        kernel_name="python3",
        timeout_func=lambda cell: seconds if cells[made.index(cell)]["role"] in ("judge", "tail") else None,
        interrupt_on_timeout=True,
        startup_timeout=180,
        iopub_timeout=60,
        resources={"metadata": {"path": str(folder)}},
    )
    failed = words = ""
    try:
        with client.setup_kernel():
            for i, (cell, task) in enumerate(zip(made, cells, strict=True)):
                role = task["role"]
                if not (failed and role in ("judge", "tail")):
                    client.execute_cell(cell, i)
                    errors = [output for output in cell.outputs if output.output_type == "error"]
                    failed = f"{errors[0].ename}: {errors[0].evalue}" if errors else ""
                text = "".join(o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in cell.outputs)
                if role == "judge":
                    found = [line.removeprefix(token) for line in text.splitlines() if line.startswith(token)]
                    reason = f"endless: more than {seconds} seconds" if "KeyboardInterrupt" in failed else failed
                    words = json.loads(found[-1]) if found else f"did not run: {reason or 'its check was stopped'}"
                    report(check=task["check"], words=" ".join(words.split()))
                elif role == "tail" and text.strip("'\" \n").startswith("✓") and not words.startswith("✓"):
                    report(note=f"{task['id']}: its own check was changed, it says right")
                elif failed and role == "cell":
                    report(error=f"{task['id']}: {failed.split(':')[0]}")
    except DeadKernelError:
        report(ended=f"the kernel died in cell {task['id']}")
    for state in client.widget_state.values():
        for output in state.get("outputs", ()):
            if output["output_type"] == "error":
                report(error=f"in a widget: {output['ename']}")


def main(job: Path, home: Path) -> None:
    """Run a job in a copy of its folder, within limits where the system has them."""
    folder = home / "course"
    shutil.copytree(job, folder, symlinks=True)
    task = json.loads((folder / "job.json").read_text())
    os.chdir(folder)
    with suppress(ImportError, ValueError, OSError):
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_IN_A_FILE,) * 2)
        resource.setrlimit(resource.RLIMIT_DATA, (task["memory"] * 2**20,) * 2)
    run(task["cells"], folder, task["seconds"])
    with suppress(OSError, ValueError, KeyError):
        report(predictions=json.loads(Path("progress.json").read_text(encoding="utf-8"))["predictions"])
    report(done=True)


if __name__ == "__main__":
    RESULTS = os.dup(1)  # not inherited: the notebook cannot write there
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
