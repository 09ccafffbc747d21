"""Which exercises are right and which predictions were made: kept in a small file in the notebooks' folder.

The environment variable REDN_PROGRESS names another file. Where it cannot be written, nothing is kept.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from pkgutil import iter_modules

from redn_lib.files import whole_file
from redn_lib.teach.lesson import load_lesson
from redn_lib.teach.same import Words


def noted() -> dict[str, dict]:
    """What is kept: "exercises", the verdict by its name; "predictions", choice and result by the question."""
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = {}
    found = found if isinstance(found, dict) else {}
    return {kind: dict(found.get(kind) or {}) for kind in ("exercises", "predictions")}


def note(kind: str, name: str, value: object) -> None:
    """Keep a verdict or a prediction; what was kept under the same name is replaced."""
    kept = noted()
    kept[kind][name] = value
    with suppress(OSError, ValueError), whole_file(_file()) as path:
        path.write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")


def progress() -> Words:
    """A line for each lesson with its exercises, ✓ right, ✗ wrong, ○ not attempted; then the predictions."""
    kept, lines = noted(), []
    modules = (module.name for module in iter_modules([str(Path(__file__).parent)]))  # in a folder or an archive
    for number in sorted(name.removeprefix("lesson_") for name in modules if name.startswith("lesson_")):
        names = [x.name for x in list(vars(load_lesson(number)).values()) if hasattr(x, "name") and hasattr(x, "check")]
        shown = (f"{kept['exercises'].get(name, '○')[0]} {name.removeprefix(number).strip()}" for name in names)
        lines.append(f"{number}  {'   '.join(shown)}")
    lines += ["", "Predictions" if kept["predictions"] else "No predictions yet"]
    for question, made in kept["predictions"].items():
        result = made.get("result")
        mark = "·" if result is None else "✓" if result == made["choice"] else "✗"
        beside = "" if result is None else f"; the result: {result}"
        lines.append(f"{mark} {question} Yours: {made['choice']}{beside}")
    return Words("\n".join(lines))


def _file() -> Path:
    return Path(os.environ.get("REDN_PROGRESS") or "progress.json")
