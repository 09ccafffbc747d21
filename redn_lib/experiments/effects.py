"""What a difference is worth: contrasts between variants, seed by seed, with Student's intervals over the seeds."""

import csv
from collections.abc import Sequence
from itertools import combinations
from math import nan, prod, sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

from scipy.stats import t

from redn_lib.experiments.tables import head
from redn_lib.files import whole_file


class Contrast(NamedTuple):
    """effect: its name; figure: on what; values: one a seed, in the figure's unit; base: what they are compared to."""

    effect: str
    figure: str
    values: list[float]
    base: float


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Student's interval of the mean; NaN for fewer than two values."""
    if len(values) < 2:
        return nan, nan
    reach = t.ppf((1 + level) / 2, len(values) - 1) * stdev(values) / sqrt(len(values))
    return mean(values) - reach, mean(values) + reach


def differences(results: Sequence[dict[str, Any]]) -> list[Contrast]:
    """Each variant of an experiment less the first one, same seed with same seed; base: the first one's mean."""
    first, *others = dict.fromkeys(r["variant"] for r in results)
    found = []
    for variant in others:
        for figure in figures(results):
            base, mine = by_seed(results, first, figure), by_seed(results, variant, figure)
            both = sorted(base.keys() & mine.keys())
            if both:
                values = [mine[seed] - base[seed] for seed in both]
                found.append(Contrast(f"{variant} - {first}", figure, values, mean(base.values())))
    return found


def pairwise(results: Sequence[dict[str, Any]]) -> list[Contrast]:
    """Each variant less each one before it, as `differences`."""
    variants = list(dict.fromkeys(r["variant"] for r in results))
    return [
        c for n in range(len(variants) - 1) for c in differences([r for r in results if r["variant"] in variants[n:]])
    ]


def factorial(results: Sequence[dict[str, Any]], parts: Sequence[str]) -> list[Contrast]:
    """Main effects and interactions of a full grid whose variants are named by their parts, as "a + b" or "none"; base:
    mean of the grid.

    The effect of a part is the mean with it less the mean without; of two, half of what one of them does to the effect
    of the other; and so on. Raises ValueError for a seed with missing cells.
    """
    found = []
    for figure in figures(results):
        cells = [(r["seed"], set(r["variant"].split(" + ")), r[figure]) for r in results]
        seeds = sorted({seed for seed, *_ in cells})
        for seed in seeds:
            if sum(s == seed for s, *_ in cells) != 2 ** len(parts):
                raise ValueError(f"seed {seed} has not all of the {2 ** len(parts)} cells of the grid: run them first")
        for size in range(1, len(parts) + 1):
            for some in combinations(parts, size):
                signed = [(s, prod(1 if p in there else -1 for p in some) * value) for s, there, value in cells]
                values = [2 * mean(v for s, v in signed if s == seed) for seed in seeds]
                found.append(Contrast(" x ".join(some), figure, values, mean(value for *_, value in cells)))
    return found


def figures(results: Sequence[dict[str, Any]]) -> list[str]:
    """Names of what was measured; size and time are not."""
    return [
        n for n in dict.fromkeys(k for r in results for k in r) if n not in ("variant", "seed", "minutes", "kparams")
    ]


def by_seed(results: Sequence[dict[str, Any]], variant: str, figure: str) -> dict[int, float]:
    """A figure of a variant by seed."""
    return {r["seed"]: r[figure] for r in results if r["variant"] == variant and figure in r}


def write_contrasts(contrasts: Sequence[Contrast], path: Path, *, command: str, about: str) -> None:
    """One row a contrast: seeds, mean and 95 % interval in the figure's unit, mean in percent of the base."""
    with whole_file(path) as temporary, open(temporary, "w", newline="") as file:
        file.write(head(command, about))
        table = csv.writer(file)
        table.writerow(["effect", "figure", "seeds", "mean", "low", "high", "percent"])
        for c in contrasts:
            numbers = [mean(c.values), *interval(c.values), 100 * mean(c.values) / c.base if c.base else nan]
            table.writerow([c.effect, c.figure, len(c.values), *("" if x != x else f"{x:.3f}" for x in numbers)])
