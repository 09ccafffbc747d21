"""What a measurement gives: a table to print, and files by their ending."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from redn_lib.evaluation.scores import Measured
from redn_lib.evaluation.tables import write_table
from redn_lib.files import whole_file
from redn_lib.metrics import METRICS, NORMALISERS
from redn_lib.widgets.figures import ced_curves


def check_endings(paths: Sequence[Path], endings: Sequence[str]) -> None:
    """Raise ValueError, before anything is measured, for a file whose ending says no format."""
    for path in paths:
        if path.suffix.lower() not in endings:
            raise ValueError(f"--out {path}: name a file that ends in {', '.join(endings)}")


def write_report(
    paths: Sequence[Path],
    record: Mapping[str, Any],
    rows: Sequence[Mapping],
    about: str,
    measured: Measured | None = None,
) -> None:
    """Write the whole record as FILE.json, the rows of its table as FILE.csv, and the cumulative error curve of each
    set of points as FILE.png or FILE.svg. In JSON null stands in place of numbers that are not finite.
    """
    for path in paths:
        if path.suffix.lower() == ".csv":
            write_table(rows, path, command=record["command"], about=about)
            continue
        with whole_file(path) as temporary:
            if path.suffix.lower() == ".json":
                plain = json.loads(json.dumps(record), parse_constant=lambda name: None)
                temporary.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
            else:
                curves = {f"{name} points": measured.frame_errors(name) for name in measured.point_sets}
                ced_curves(curves, of=NORMALISERS[measured.normaliser][1]).savefig(temporary)


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
