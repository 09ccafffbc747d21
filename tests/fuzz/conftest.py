"""The fuzzer damages the small sets that the tests of tests/unit make."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
