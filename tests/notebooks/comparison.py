"""Stored and new outputs of a notebook compared by meaning: words exactly, numbers nearly, pictures by size and kind.

For authors of notebooks. Without any mark, words have to be the same and each number within 2 % of the stored one, or
within one unit of the last decimal printed. A code cell says otherwise in its metadata, under the key "redn":

    "redn": {"tolerance": 0.15}                    numbers within 15 % (what is trained in the notebook)
    "redn": {"tolerance": 0}                       numbers exactly as stored
    "redn": {"tolerance": 0.15, "absolute": 0.5}   within 15 % or within 0.5, whichever is more (differences near zero)
    "redn": {"tolerance": "words"}                 words alone; numbers may be any (chaotic computations)
    "redn": {"ignore": "why"}                      nothing is compared (machine, seconds); the reason is needed

Spaces and rows of dashes are not compared, since they move with the numbers. Lists of numbers keep their length, in
"words" too. Pictures: their kind, and each side within the tolerance of the cell, at least 2 %. Widgets: their kind.
What is the same for every notebook (versions, hex addresses, progress bars) stands in nbval_sanitize.cfg.
"""

import base64
import json
import re
from collections import defaultdict
from copy import deepcopy
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import nbformat
from nbval.plugin import coalesce_streams, get_sanitize_patterns, transform_streams_for_comparison
from PIL import Image

DEFAULT = 0.02
WORDS = "words"
REPORTED = "rules of comparison"
"""Name of the property by which a test hands its rules to the report."""
KEYS = {"tolerance", "absolute", "ignore"}
NUMBER = re.compile(r"[-+\u2212]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:e[-+]?\d+)?")
PADDING = re.compile(r"\s+|[-=\u2500]{3,}")
SANITIZE = get_sanitize_patterns(Path(__file__).with_name("nbval_sanitize.cfg").read_text(encoding="utf-8"))
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
NOT_COMPARED = {"output_type", "metadata", "execution_count", "transient"}


@dataclass(frozen=True)
class Rule:
    """How the outputs of one cell are compared.

    tolerance: share of the stored number; None where only words are compared.
    absolute: difference that is always allowed.
    ignore: reason why nothing is compared, empty where it is.
    """

    tolerance: float | None = DEFAULT
    absolute: float = 0.0
    ignore: str = ""

    def __str__(self) -> str:
        if self.ignore:
            return f"ignored: {self.ignore}"
        if self.tolerance is None:
            return "words only"
        return f"{self.tolerance:.0%}" + (f" or {self.absolute:g}" if self.absolute else "")


def rule_of(cell: nbformat.NotebookNode) -> Rule:
    """The rule in a cell's metadata. Raises ValueError for one that cannot be understood."""
    marks = cell.metadata.get("redn", {})
    tolerance, absolute, ignore = marks.get("tolerance", DEFAULT), marks.get("absolute", 0.0), marks.get("ignore", "")
    right = (
        set(marks) <= KEYS
        and (tolerance == WORDS or is_share(tolerance))
        and is_share(absolute)
        and isinstance(ignore, str)
        and ("ignore" not in marks or len(ignore.split()) >= 2)
    )
    if not right:
        raise ValueError(f"cell {cell.get('id')}: metadata redn {dict(marks)} is no rule; rules: {Path(__file__).name}")
    return Rule(None if tolerance == WORDS else tolerance, absolute, ignore)


def is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def compare_notebooks(stored: nbformat.NotebookNode, new: nbformat.NotebookNode) -> str:
    """What differs, cell by cell with stored and new text; empty where nothing does."""
    before, after = ({c.id: c for c in nb.cells if c.cell_type == "code"} for nb in (stored, new))
    if list(before) != list(after):
        return f"other cells: stored {list(before)}, new {list(after)}"
    reports = []
    for name in before:
        rule = rule_of(before[name])
        if not rule.ignore:
            faults = compare_cells(flatten(before[name], stored), flatten(after[name], new), rule)
            reports += [f"cell {name} ({rule})\n{fault}" for fault in faults]
    return "\n\n".join(reports)


def flatten(cell: nbformat.NotebookNode, notebook: nbformat.NotebookNode) -> dict[str, list]:
    """Outputs of a cell by kind ("stdout", "text/plain", "image/png", ...); the order within a kind stays."""
    found = defaultdict(list)
    for output in transform_streams_for_comparison(coalesce_streams(deepcopy(cell.outputs))):
        for kind, value in {**output.get("data", {}), **output}.items():
            if kind not in NOT_COMPARED | {"data"}:
                found[kind].append(described(kind, value, notebook))
    return dict(found)


def described(kind: str, value: object, notebook: nbformat.NotebookNode) -> object:
    """What is compared of an output: text without what never repeats, the size of a picture, the kind of a widget."""
    if kind.startswith("image/") and kind != "image/svg+xml":
        return Image.open(BytesIO(base64.b64decode(value))).size
    if kind == "image/svg+xml":
        return "a drawing"
    if kind == WIDGET_VIEW:
        state = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
        return state.get(value["model_id"], {}).get("model_name", "unknown widget")
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    for pattern, replacement in SANITIZE:
        text = re.sub(pattern, replacement, text)
    return text


def compare_cells(stored: dict[str, list], new: dict[str, list], rule: Rule) -> list[str]:
    """A line or more for each difference."""
    counts = [{kind: len(values) for kind, values in outputs.items()} for outputs in (stored, new)]
    if counts[0] != counts[1]:
        return [f"other outputs: stored {counts[0]}, new {counts[1]}"]
    pairs = ((kind, a, b) for kind in stored for a, b in zip(stored[kind], new[kind], strict=True))
    return [fault for kind, a, b in pairs if (fault := difference(kind, a, b, rule))]


def difference(kind: str, stored: object, new: object, rule: Rule) -> str:
    """What differs between two outputs of one kind; empty where nothing does."""
    if isinstance(stored, tuple):
        slack = max(DEFAULT, rule.tolerance or 0)
        near = all(abs(a - b) <= slack * a for a, b in zip(stored, new, strict=True))
        return "" if near else f"{kind}: stored {stored} pixels, new {new}"
    if words(stored) != words(new):
        reason = "words differ"
    elif rule.tolerance is not None and (far := far_numbers(stored, new, rule)):
        reason = "numbers differ: " + ", ".join(far)
    else:
        return ""
    return f"{kind}: {reason}\n--- stored\n{stored.rstrip()}\n--- new\n{new.rstrip()}"


def words(text: str) -> str:
    """The text with `#` for each number and one space for each gap."""
    return PADDING.sub(" ", NUMBER.sub(" # ", text)).strip()


def far_numbers(stored: str, new: str, rule: Rule) -> list[str]:
    """Pairs of numbers that lie further apart than the rule allows."""
    pairs = zip(NUMBER.findall(stored), NUMBER.findall(new), strict=True)
    return [f"{a} -> {b}" for a, b in pairs if not near(a, b, rule)]


def near(stored: str, new: str, rule: Rule) -> bool:
    a, b = value_of(stored), value_of(new)
    last_digit = 10.0 ** -len(stored.partition(".")[2].partition("e")[0]) if "." in stored and rule.tolerance else 0.0
    if "e" in stored:
        last_digit *= 10.0 ** int(stored.partition("e")[2])
    return abs(a - b) <= max(rule.tolerance * abs(a), rule.absolute, last_digit) * (1 + 1e-9)


def value_of(number: str) -> float:
    return float(number.replace(",", "").replace("\u2212", "-"))
