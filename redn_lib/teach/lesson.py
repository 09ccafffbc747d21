"""The checks of a lesson, which lie beside its notebook and not in the library."""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from redn_lib.files import suite_folder


def load_lesson(number: str) -> ModuleType:
    """The module checks/lesson_NN.py: of the working directory, in which a notebook runs, else of the suite.

    It lies in the folder `checks` or in the archive `checks.zip`. Raises FileNotFoundError where it is in neither.
    """
    homes = Path.cwd(), Path.cwd() / "checks.zip", suite_folder("notebooks")
    found = (home for home in homes if home.is_file() or (home / "checks" / f"lesson_{number}.py").is_file())
    home = next(map(str, found), None)
    if home is None:
        raise FileNotFoundError(
            f"no checks/lesson_{number}.py in {homes[0]}: put the folder `checks` beside the notebook"
        )
    if home not in sys.path:
        sys.path.insert(0, home)
    return import_module(f"checks.lesson_{number}")
