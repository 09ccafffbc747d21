"""Tables of results, printed and as files: each says at its head what was measured, by which command and commit."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from redn_lib.files import naming, suite_folder, whole_file
from redn_lib.metrics import METRICS

RESULTS = suite_folder("results")
"""Where the tables are that come with the suite."""


def write_table(rows: pd.DataFrame | Sequence[Mapping[str, Any]], path: Path, *, command: str, about: str) -> None:
    """Write rows of one shape under the head, in lines that begin with '#'; numbers are rounded to three decimals."""
    head = f"# {about}\n# command: {command}\n# commit: {commit()}\n"
    table = pd.DataFrame(rows).to_csv(index=False, float_format="%.3f", lineterminator="\n")
    with whole_file(path) as temporary:
        temporary.write_text(head + table, encoding="utf-8", errors="backslashreplace")


def read_table(path: str | Path) -> pd.DataFrame:
    """Rows of a table without its head; NaN where a cell is empty. Raises FileNotFoundError or ValueError naming it."""
    with naming(path, "make it again"):
        return pd.read_csv(path, comment="#")


def load(path: str | Path) -> dict[str, dict[str, float]]:
    """A table's figures by variant; prints what the table is about, or, where it is missing, how it is made."""
    path = Path(path)
    if not path.exists():
        print(f"{path.name} is not here: redn experiment {path.stem} makes it")
        return {}
    with naming(path, f"redn experiment {path.stem} makes it again"):
        head = [line[2:] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
        rows = read_table(path).set_index("variant").to_dict("index")
    print("\n".join(head).replace("; ", ";\n    "), end="\n\n")
    return rows


def commit() -> str:
    """The commit the code is at, with a plus where it was changed since; 'unknown' outside a checkout."""

    def git(*words: str) -> str:
        library = Path(__file__).parents[1]
        return subprocess.run(["git", *words], cwd=library, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def check_endings(paths: Sequence[Path], endings: Sequence[str]) -> None:
    """Raise ValueError, before anything is measured, for a file whose ending says no format."""
    for path in paths:
        if path.suffix.lower() not in endings:
            raise ValueError(f"--out {path}: name a file that ends in {', '.join(endings)}")


def write_report(paths: Sequence[Path], record: Mapping, rows: Sequence[Mapping], about: str) -> None:
    """Write the rows into each .csv of the paths, the record (null for numbers not finite) into each .json."""
    plain = json.loads(json.dumps(record), parse_constant=lambda name: None)
    for path in paths:
        if path.suffix.lower() == ".csv":
            write_table(rows, path, command=record["command"], about=about)
        elif path.suffix.lower() == ".json":
            with whole_file(path) as temporary:
                temporary.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")


def table_text(rows: Sequence[Mapping], columns: Mapping[str, str]) -> str:
    """The rows to print. columns: what else than metrics is shown, before them or after, by name: its heading."""
    table = pd.DataFrame(rows).dropna(axis=1, how="all")
    headings = {name: metric.heading for name, metric in METRICS.items()} | dict(columns)
    shown = [name for name in table if name in headings]
    formats = {}
    for name in table[shown].select_dtypes("float"):
        digits = METRICS[name].digits if name in METRICS else 2
        formats[headings[name]] = f"{{:.{digits}f}}".format
    return table[shown].rename(columns=headings).to_string(index=False, formatters=formats, na_rep="")
