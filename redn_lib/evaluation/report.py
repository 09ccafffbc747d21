"""What a measurement says: lines to print, and files by their ending."""

import csv
import json
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from redn_lib.evaluation.errors import summary
from redn_lib.evaluation.published import Published
from redn_lib.evaluation.scores import Measured
from redn_lib.experiments.tables import head
from redn_lib.files import whole_file
from redn_lib.landmarks import INNER, PARTS
from redn_lib.metrics import NORMALISERS
from redn_lib.widgets.figures import ced_curves

Writer = Callable[[Path], object]


def check_endings(paths: Sequence[Path], endings: Sequence[str]) -> None:
    """Raise ValueError, before anything is measured, for a file whose ending says no format."""
    for path in paths:
        if path.suffix.lower() not in endings:
            raise ValueError(f"--out {path}: name a file that ends in {', '.join(endings)}")


def write_all(paths: Sequence[Path], writers: Mapping[str, Writer]) -> None:
    """Write each file whole or not at all. writers: what writes a path, by its ending."""
    for path in paths:
        with whole_file(path) as temporary:
            writers[path.suffix.lower()](temporary)


def command_line(command: str, args: Namespace) -> str:
    """The command that re-makes a table: the options that were set, folders and lists of people as FOLDER and FILE."""
    words = [f"redn {command}"]
    for name, value in vars(args).items():
        if name in ("command", "device") or value in (None, False, []):
            continue
        told = {"data": "FOLDER", "people": "FILE", "without": "FILE", "weights": getattr(value, "name", "")}.get(name)
        paths = isinstance(value, list) and all(isinstance(v, Path) for v in value)
        shown = told or (" " if paths else ",").join(map(str, value if isinstance(value, list) else [value]))
        words.append(f"--{name}" if value is True else f"--{name} {shown}")
    return " ".join(words)


def steps_of(measured: Measured) -> list[dict[str, float]]:
    """Figures after each step, over the largest set of points that is marked."""
    points = next(iter(measured.point_sets))
    return [summary(measured.frame_errors(points, k)) for k in range(measured.answers.shape[1])]


def step_lines(measured: Measured, name: str) -> list[str]:
    """A line for each step, and one for the parts of the face."""
    lines = [
        f"{name} {k}: NME {s['nme']:.2f} %  median {s['median']:.2f} %  over 8 %: {s['fr8']:.1f} % of frames  AUC08 "
        f"{s['auc8']:.3f}"
        for k, s in enumerate(steps_of(measured), 1)
    ]
    if parts := parts_of(measured):
        lines.append("parts, last step: " + "  ".join(f"{name} {value:.2f}" for name, value in parts.items()))
    return lines


def parts_of(measured: Measured) -> dict[str, float]:
    """NME of each part after the last step, in percent, of answered frames; empty where not all 68 are marked, or
    nothing was answered.
    """
    if "68" not in measured.point_sets or not measured.answered.any():
        return {}
    errors = measured.errors[measured.answered, -1]
    return {name: 100 * float(errors[:, list(at)].mean()) for name, at in {**PARTS, "inner 51": INNER}.items()}


def table_lines(table: Sequence[Mapping[str, Any]], beside: Sequence[Published]) -> list[str]:
    """The table without its videos, and the published figures beneath."""
    lines = [f"{'':22}{'points':>9}{'frames':>8}{'NME %':>8}{'median':>8}{'over 8 %':>10}{'AUC08':>8}{'jitter':>8}"]
    for r in table:
        if r["of"] != "video":
            shake = "" if r["jitter"] is None else f"{r['jitter']:.2f}"
            lines.append(
                f"{r['name'] or r['of']:22}{r['points']:>9}{r['frames']:>8}{r['nme']:>8.2f}{r['median']:>8.2f}"
                f"{r['fr8']:>10.1f}{r['auc8']:>8.3f}{shake:>8}"
            )
    for p in beside:
        nme = "-" if p.nme is None else f"{p.nme:.2f}"
        lines.append(f"{p.who:22}{p.points:>9}{'':>8}{nme:>8}   {p.conditions}")
    return lines


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """A record as JSON; what is no finite number becomes null."""
    path.write_text(json.dumps(_plain(record), indent=1) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], *, command: str, about: str) -> None:
    """Rows of one shape under a head that says what was measured, by which command, at which commit; numbers are
    rounded to three decimals.
    """
    with open(path, "w", newline="", encoding="utf-8") as file:
        file.write(head(command, about))
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows({k: f"{v:.3f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)


def with_published(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the table as measured, then the published figures, each with its conditions."""
    mine = [{**row, "conditions": ""} for row in record["table"]]
    theirs = [
        dict.fromkeys(mine[0], "")
        | {"of": "published", "name": p["who"], "points": p["points"], "conditions": p["conditions"]}
        | ({} if p["nme"] is None else {"nme": p["nme"]})
        for p in record["published"]
    ]
    return mine + theirs


def ced_writer(curves: Mapping[str, np.ndarray], normaliser: str) -> Writer:
    """Draws cumulative error curves of frames' NME (N,), by name."""
    return lambda path: ced_curves(curves, of=NORMALISERS[normaliser][1]).savefig(path)
