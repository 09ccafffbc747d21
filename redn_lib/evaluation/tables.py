"""Tables of results as CSV files: each says at its head what was measured, by which command, at which commit."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from redn_lib.files import whole_file


def write_table(rows: pd.DataFrame | Sequence[Mapping[str, Any]], path: Path, *, command: str, about: str) -> None:
    """Write rows of one shape under the head, in lines that begin with '#'; numbers are rounded to three decimals."""
    head = f"# {about}\n# command: {command}\n# commit: {commit()}\n"
    table = pd.DataFrame(rows).to_csv(index=False, float_format="%.3f", lineterminator="\n")
    with whole_file(path) as temporary:
        temporary.write_text(head + table, encoding="utf-8")


def read_table(path: str | Path) -> pd.DataFrame:
    """Rows of a table without its head; NaN where a cell is empty. Raises FileNotFoundError where it is missing."""
    return pd.read_csv(path, comment="#")


def load(path: str | Path) -> dict[str, dict[str, float]]:
    """A table's figures by variant, for a notebook: prints what the table is about. Where it is missing, prints how it
    is made and returns nothing.
    """
    path = Path(path)
    if not path.exists():
        print(f"{path.name} is not here: redn experiment {path.stem} makes it")
        return {}
    head = [line[2:] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    print("\n".join(head).replace("; ", ";\n    "), end="\n\n")
    return read_table(path).set_index("variant").to_dict("index")


def commit() -> str:
    """The commit the code is at, with a plus where it was changed since; 'unknown' outside a checkout."""

    def git(*words: str) -> str:
        library = Path(__file__).parents[1]
        return subprocess.run(["git", *words], cwd=library, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
