"""Results over seeds, a row a run: mean and spread of each variant, contrasts between them with Student's intervals."""

from collections.abc import Sequence
from itertools import chain, combinations, product
from math import nan, prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import sem, t

from redn_lib.evaluation.tables import read_table
from redn_lib.files import naming


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Student's 95 % interval of the mean; NaN for fewer than two values."""
    if len(values) < 2:
        return nan, nan
    half = t.ppf(0.975, len(values) - 1) * sem(values)
    return float(np.mean(values) - half), float(np.mean(values) + half)


def by_variant(results: pd.DataFrame) -> pd.DataFrame:
    """One row a variant: seeds, mean and standard deviation (NAME_sd) of every figure, minutes of all its seeds."""
    groups = results.groupby("variant", sort=False)
    columns = {"seeds": groups.size()}
    for name in figures(results):
        columns |= {name: groups[name].mean(), f"{name}_sd": groups[name].std()}
    columns["minutes"] = groups["minutes"].sum().map("{:.1f}".format)
    return pd.DataFrame(columns).reset_index()


def figures(results: pd.DataFrame) -> list[str]:
    """Names of what was measured."""
    return [name for name in results if name not in ("variant", "seed", "minutes")]


def contrast(effect: str, figure: str, values: Sequence[float], base: float) -> dict[str, Any]:
    """A row of a table of effects: mean and 95 % interval of values, one a seed; the mean in percent of the base."""
    mean, (low, high) = float(np.mean(values)), interval(values)
    row = {"effect": effect, "figure": figure, "seeds": len(values), "mean": mean, "low": low, "high": high}
    return row | {"percent": 100 * mean / base if base else nan}


def by_seed(results: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Each figure but size as a table: a row a seed, a column a variant."""
    names = [name for name in figures(results) if name != "kparams"]
    return {name: results.pivot(index="seed", columns="variant", values=name) for name in names}


def worths(results: pd.DataFrame) -> list[dict[str, Any]]:
    """`differences`, and the worth of z in each variant that has z."""
    found = differences(results)
    for variant, values in by_seed(results)["worth"].items():
        if values.any():
            found.append(contrast(variant, "worth", list(values), nan))
    return found


def differences(results: pd.DataFrame) -> list[dict[str, Any]]:
    """Each variant less the first one, same seed with same seed; base: the first one's mean."""
    first, *others = results["variant"].unique()
    found = []
    for variant, (figure, values) in product(others, by_seed(results).items()):
        apart = (values[variant] - values[first]).dropna()
        if len(apart):
            found.append(contrast(f"{variant} - {first}", figure, list(apart), values[first].mean()))
    return found


def pairwise(results: pd.DataFrame) -> list[dict[str, Any]]:
    """Each variant less each one before it, as `differences`."""
    variants = results["variant"].unique()
    rests = [results[results["variant"].isin(variants[n:])] for n in range(len(variants))]
    return [row for rest in rests for row in differences(rest)]


def factorial(results: pd.DataFrame, parts: Sequence[str]) -> list[dict[str, Any]]:
    """Main effects and interactions (of two: half of what one does to the other's effect) of a full grid, named by its
    parts as "a + b" or "none"; base: its mean. Raises ValueError for missing cells.
    """
    found = []
    for figure, values in by_seed(results).items():
        if values.shape[1] != 2 ** len(parts) or values.isna().any(axis=None):
            raise ValueError("not all cells of the grid are there for every seed: run them first")
        for some in chain(*(combinations(parts, size) for size in range(1, len(parts) + 1))):
            signs = [prod(1 if part in cell.split(" + ") else -1 for part in some) for cell in values]
            effect = 2 * (values * signs).mean(axis=1)
            found.append(contrast(" x ".join(some), figure, list(effect), values.to_numpy().mean()))
    return found


def effects(path: str | Path, figure: str) -> dict[str, tuple[float, float, float]]:
    """Effects on one figure by name, from a table of them: mean, low and high of the 95 % interval; {} if missing."""
    if not Path(path).exists():
        return {}
    with naming(path, "make it again"):
        rows = read_table(path).query("figure == @figure").set_index("effect")
        return {effect: tuple(numbers) for effect, *numbers in rows[["mean", "low", "high"]].itertuples()}


def shown(mean: float, low: float, high: float, unit: str = "") -> str:
    """A difference, its interval, and whether it is significant: whether the interval leaves out 0."""
    verdict = "significant" if low > 0 or high < 0 else "not significant"
    return f"{mean:+6.2f}{unit} ({low:+.2f} to {high:+.2f}): {verdict}"
