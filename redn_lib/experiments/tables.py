"""An experiment as a list of runs, each finished run a small file, and one committed table made of them."""

import csv
import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from redn_lib.files import whole_file


@dataclass(frozen=True)
class Run:
    """One cell of an experiment. variant: its row; seed; work: does it and returns figures by name."""

    variant: str
    seed: int
    work: Callable[[], dict[str, float]]


def run_all(runs: Sequence[Run], folder: Path, settings: str) -> list[dict[str, Any]]:
    """Do the runs that are not done yet; results of done ones are read from `folder`. Stopped at any moment, it goes on
    with the same call.

    settings: what all runs share. Raises ValueError where a done run had others: one table must not mix them.
    """
    results = []
    for n, run in enumerate(runs, 1):
        path = folder / f"{run.variant.replace(' ', '_')}-{run.seed}.json"
        if not path.exists():
            start = time.perf_counter()
            figures = run.work()
            record = {
                "variant": run.variant,
                "seed": run.seed,
                **figures,
                "minutes": (time.perf_counter() - start) / 60,
                "settings": settings,
            }
            with whole_file(path) as temporary:
                temporary.write_text(json.dumps(record))
            print(
                f"[{n}/{len(runs)}] {run.variant}, seed {run.seed}: "
                + ", ".join(f"{k} {v:.2f}" for k, v in figures.items()),
                flush=True,
            )
        record = json.loads(path.read_text())
        if record.pop("settings", None) != settings:
            raise ValueError(f"{path} was made with other settings than {settings!r}: name another --run folder")
        results.append(record)
    return results


def write_table(results: list[dict[str, Any]], path: Path, *, command: str, about: str) -> None:
    """One row a variant: mean and standard deviation over seeds of every figure, and the minutes all its seeds took.

    The head of the file, lines beginning with '#', says what was measured, the command that re-makes it, and the
    commit.
    """
    variants = list(dict.fromkeys(r["variant"] for r in results))
    names = list(dict.fromkeys(k for r in results for k in r if k not in ("variant", "seed", "minutes")))
    with whole_file(path) as temporary, open(temporary, "w", newline="") as file:
        file.write(head(command, about))
        table = csv.writer(file)
        table.writerow(["variant", "seeds", *(f"{n}{s}" for n in names for s in ("", "_sd")), "minutes"])
        for variant in variants:
            mine = [r for r in results if r["variant"] == variant]
            cells = [spread([r[n] for r in mine if n in r]) for n in names]
            table.writerow(
                [variant, len(mine), *(c for pair in cells for c in pair), f"{sum(r['minutes'] for r in mine):.1f}"]
            )


def head(command: str, about: str) -> str:
    """The head of a table: what was measured, the command that re-makes it, the commit."""
    return f"# {about}\n# command: {command}\n# commit: {commit()}\n"


def spread(values: list[float]) -> tuple[str, str]:
    """Mean and standard deviation as text; empty where there is none."""
    return (f"{mean(values):.3f}" if values else "", f"{stdev(values):.3f}" if len(values) > 1 else "")


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a table, without its head. Raises FileNotFoundError where it is missing."""
    with open(path, newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def commit() -> str:
    """The commit the code is at, with a plus where it was changed since; 'unknown' outside a checkout."""
    here = Path(__file__).parent
    try:
        name = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--", "."], cwd=here.parent, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name + ("+" if changed.strip() else "")
