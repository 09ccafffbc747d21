"""What a measurement gives: lines to print, and files by their ending."""

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd

from redn_lib.evaluation.protocols import Published
from redn_lib.evaluation.scores import Measured
from redn_lib.evaluation.tables import write_table
from redn_lib.files import whole_file
from redn_lib.metrics import METRICS, NORMALISERS
from redn_lib.widgets.figures import ced_curves

CURVES = (".png", ".svg")


def check_endings(paths: Sequence[Path], endings: Sequence[str]) -> None:
    """Raise ValueError, before anything is measured, for a file whose ending says no format."""
    for path in paths:
        if path.suffix.lower() not in endings:
            raise ValueError(f"--out {path}: name a file that ends in {', '.join(endings)}")


def write_report(paths: Sequence[Path], record: Mapping[str, Any], rows: Sequence[Mapping], about: str) -> None:
    """Write the whole record as FILE.json, the rows of its table as FILE.csv."""
    for path in paths:
        if path.suffix.lower() == ".csv":
            write_table(rows, path, command=record["command"], about=about)
        elif path.suffix.lower() == ".json":
            with whole_file(path) as temporary:
                temporary.write_text(json.dumps(_plain(record), indent=1) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """The value with null in place of numbers that are not finite, which JSON has no words for."""
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def write_curves(paths: Sequence[Path], measured: Measured) -> None:
    """Draw the cumulative error curve of each set of points."""
    curves = {f"{name} points": measured.frame_errors(name) for name in measured.point_sets}
    for path in paths:
        if path.suffix.lower() in CURVES:
            with whole_file(path) as temporary:
                ced_curves(curves, of=NORMALISERS[measured.normaliser][1]).savefig(temporary)


def step_lines(measured: Measured, name: str) -> list[str]:
    """A line for each step, and one for the parts of the face."""
    lines = []
    for k, figures in enumerate(measured.steps, 1):
        told = (f"{METRICS[metric].heading} {value:.{METRICS[metric].digits}f}" for metric, value in figures.items())
        lines.append(f"{name} {k}: " + "  ".join(told))
    if measured.parts:
        lines.append("parts, last step: " + "  ".join(f"{name} {value:.2f}" for name, value in measured.parts.items()))
    return lines


def with_published(rows: Sequence[Mapping], beside: Sequence[Published]) -> list[dict[str, Any]]:
    """Rows as measured, then the published figures, each with its conditions."""
    mine = [{**row, "conditions": ""} for row in rows]
    theirs = [
        {"of": "published", "name": p.who, "points": p.points, "nme": p.nme, "conditions": p.conditions} for p in beside
    ]
    return mine + [dict.fromkeys(mine[0]) | row for row in theirs]


def table_text(rows: Sequence[Mapping], columns: Mapping[str, str]) -> str:
    """The rows to print. columns: what else than metrics is shown, before them or after, by name: its heading."""
    table = pd.DataFrame(rows).dropna(axis=1, how="all")
    shown = [name for name in table if name in columns or name in METRICS]
    digits = {name: metric.digits for name, metric in METRICS.items()}
    formats = {name: f"{{:.{digits.get(name, 2)}f}}".format for name in table.select_dtypes("float")}
    headings = {name: metric.heading for name, metric in METRICS.items()} | dict(columns)
    formats = {headings[name]: form for name, form in formats.items() if name in shown}
    return table[shown].rename(columns=headings).to_string(index=False, formatters=formats, na_rep="")
