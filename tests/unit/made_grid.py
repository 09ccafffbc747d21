"""The tables of a made 2x2x2 grid whose effects are known."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from redn_lib.evaluation.tables import write_table
from redn_lib.experiments.questions import PARTS, name_of
from redn_lib.experiments.statistics import by_variant, factorial
from redn_lib.widgets.ablation import MEASURED

GAIN = {"spatial": -3.0, "temporal": -1.0, "identity": 0.02}


def write_tables(folder: Path, seeds: int = 3, kinds: Sequence[str] = tuple(MEASURED)) -> Path:
    """rq5.csv and rq5_effects.csv, whose parts do what GAIN says, a bit differently in each seed; path of the first."""
    rng, results = np.random.default_rng(0), []
    for seed, ticks in product(range(seeds), product((False, True), repeat=3)):
        cell = [part for part, on in zip(PARTS, ticks, strict=True) if on]
        figures = {k: 12 + i + sum(GAIN[p] for p in cell) + rng.normal(0, 0.1) for i, k in enumerate(kinds)}
        results.append({"variant": name_of(cell), "seed": seed, **figures, "kparams": 5.0, "minutes": 1.0})
    head, table = {"command": "redn experiment rq5", "about": "a test"}, pd.DataFrame(results)
    write_table(by_variant(table), folder / "rq5.csv", **head)
    write_table(factorial(table, PARTS), folder / "rq5_effects.csv", **head)
    return folder / "rq5.csv"
