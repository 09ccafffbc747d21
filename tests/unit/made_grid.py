"""The tables of a made 2x2x2 grid whose effects are known."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np

from redn_lib.experiments.effects import factorial, write_contrasts
from redn_lib.experiments.rq5 import PARTS, name_of
from redn_lib.experiments.tables import write_table
from redn_lib.widgets.ablation import MEASURED

GAIN = {"spatial": -3.0, "temporal": -1.0, "identity": 0.02}


def write_tables(folder: Path, seeds: int = 3, kinds: Sequence[str] = tuple(MEASURED)) -> Path:
    """rq5.csv and rq5_effects.csv, whose parts do what GAIN says, a bit differently in each seed; path of the first."""
    rng, results = np.random.default_rng(0), []
    for seed, ticks in product(range(seeds), product((False, True), repeat=3)):
        cell = [part for part, on in zip(PARTS, ticks, strict=True) if on]
        figures = {k: 12 + i + sum(GAIN[p] for p in cell) + rng.normal(0, 0.1) for i, k in enumerate(kinds)}
        results.append({"variant": name_of(cell), "seed": seed, **figures, "kparams": 5.0, "minutes": 1.0})
    said = {"command": "redn experiment rq5", "about": "a test"}
    write_table(results, folder / "rq5.csv", **said)
    write_contrasts(factorial(results, PARTS), folder / "rq5_effects.csv", **said)
    return folder / "rq5.csv"
