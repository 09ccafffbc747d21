"""Checks of notebook 06: effects of parts, an interaction, an interval from pairs, what follows."""

from itertools import combinations

import numpy as np

from checks.exercise import Exercise, Letters
from checks.prediction import Prediction as Prediction


def _missing(there, some):
    return -1 if len(set(some) - set(there)) % 2 else 1


def _effect(cells, some, sign=_missing, divided=0.5):
    return sum(sign(there, some) * error for there, error in cells.items()) / (len(cells) * divided)


def _grid(parts, errors):
    sets = [frozenset(s) for n in range(len(parts) + 1) for s in combinations(parts, n)]
    return dict(zip(sets, errors, strict=True))


def _difference(cells, some):
    """Of two networks alone."""
    return cells[frozenset(some)] - cells[frozenset()]


def _full_difference(cells, some):
    everything = frozenset().union(*cells)
    return cells[everything] - cells[everything - set(some)]


def _with_minus_without(cells, some):
    """A main effect: the mean of the cells with all of them, less the mean of the others."""
    there = [set(some) <= cell for cell in cells]
    errors = np.array(list(cells.values()))
    return errors[there].mean() - errors[~np.array(there)].mean()


_four = _grid("AB", [10.0, 8.0, 9.0, 6.5])
_eight = _grid(("spatial", "temporal", "identity"), [25.0, 24.0, 22.5, 27.0, 18.0, 23.5, 21.0, 14.5])

effect = Exercise(
    "06 an effect from all cells",
    _effect,
    {
        "two parts: a main effect": (_four, ("B",)),
        "two parts: their interaction": (_four, ("A", "B")),
        "three parts: a main effect": (_eight, ("temporal",)),
        "three parts: an interaction of two": (_eight, ("spatial", "identity")),
        "three parts: the interaction of all": (_eight, ("spatial", "temporal", "identity")),
    },
    {
        "it is divided by the number of cells: by half of it": dict(divided=1.0),
        "the signed sum is not divided": lambda c, s: _effect(c, s) * len(c) / 2,
        "it is multiplied by half the number of cells, and should be divided": lambda c, s: (
            _effect(c, s) * (len(c) / 2) ** 2
        ),
        "it is always divided by two: by half the number of cells": lambda c, s: _effect(c, s) * len(c) / 4,
        "it is always divided by four: by half the number of cells": lambda c, s: _effect(c, s) * len(c) / 8,
        "the sign is the wrong way round": lambda c, s: -_effect(c, s),
        "the sign counts the parts that are there: it is + where an even number of them is missing": dict(
            sign=lambda there, some: -1 if len(set(some) & set(there)) % 2 else 1
        ),
        "the sign counts all missing parts: only the chosen ones count": dict(
            sign=lambda there, some: -1 if (3 - len(there)) % 2 else 1
        ),
        "the sign counts the parts of the cell: only the chosen ones count": dict(
            sign=lambda there, some: 1 if len(there) % 2 == 0 else -1
        ),
        "the sign is + only where all chosen parts are there: it is + where an even number is missing": dict(
            sign=lambda there, some: 1 if set(some) <= set(there) else -1
        ),
        "the sign is + where any chosen part is there: it is + where an even number is missing": dict(
            sign=lambda there, some: 1 if set(some) & set(there) else -1
        ),
        "all cells got the same sign": dict(sign=lambda there, some: 1),
        "that is a difference of two networks: use all cells": _difference,
        "that is a difference of two networks, with and without: use all cells": _full_difference,
        "that is right for a main effect, and not for an interaction: multiply the signs of the parts": (
            _with_minus_without
        ),
        "that is a mean, not a difference of means": lambda c, s: float(np.mean(list(c.values()))),
    },
    tolerance=1e-4,
)


def _interaction(none, a, b, both):
    return ((both - b) - (a - none)) / 2


interaction = Exercise(
    "06 the interaction",
    _interaction,
    {
        "the four numbers above": (10.0, 8.0, 9.0, 6.0),
        "parts that do the same work": (5.0, 4.0, 3.7, 3.1),
        "parts that harm each other": (4.3, 3.1, 3.6, 4.5),
        "several errors at once": tuple(np.array(x) for x in ([9.0, 7.0], [8.5, 5.0], [7.0, 6.2], [5.0, 4.9])),
    },
    {
        "it is twice as large: half of the difference is wanted": lambda n, a, b, ab: (ab - b) - (a - n),
        "it is half as large: the difference is divided by 2, not by 4": lambda n, a, b, ab: (ab - b - a + n) / 4,
        "the sign is the wrong way round: below 0 must mean that they help each other": lambda n, a, b, ab: (
            (a - n - ab + b) / 2
        ),
        "this is what both do together, not what they do beyond the sum": lambda n, a, b, ab: ab - n,
        "this is half of what both do together": lambda n, a, b, ab: (ab - n) / 2,
        "this is the main effect of A: the two effects of A are to be subtracted, not added": lambda n, a, b, ab: (
            (a + ab - n - b) / 2
        ),
        "this is the main effect of B": lambda n, a, b, ab: (b + ab - n - a) / 2,
        "this is the effect of A without B": lambda n, a, b, ab: a - n,
        "this is the effect of B without A": lambda n, a, b, ab: b - n,
        "this is the effect of A with B": lambda n, a, b, ab: ab - b,
        "this is the effect of B with A": lambda n, a, b, ab: ab - a,
        "b is taken away from both: the effect of A without B begins at `none`": lambda n, a, b, ab: (
            ((ab - b) - (a - b)) / 2
        ),
        "the effect of A without B is `a - none`: `none` is missing": lambda n, a, b, ab: ((ab - b) - a) / 2,
        "this is a ratio: the interaction is a difference": lambda n, a, b, ab: (ab - b) / (a - n),
        "this is half of a ratio: the interaction is a difference": lambda n, a, b, ab: (ab / b - a / n) / 2,
        "this is a ratio of errors: the interaction is a difference": lambda n, a, b, ab: (ab / b) / (a / n),
        "this is a difference of ratios: take the differences": lambda n, a, b, ab: ab / b - a / n,
        "this is the mean of the four": lambda n, a, b, ab: (n + a + b + ab) / 4,
        "only the first difference is divided by 2: parentheses are missing": lambda n, a, b, ab: (
            (ab - b) / 2 - (a - n)
        ),
        "only the last difference is divided by 2: parentheses are missing": lambda n, a, b, ab: (ab - b) - (a - n) / 2,
        "it is in percent of `none`: a difference of errors is due": lambda n, a, b, ab: 100 * (ab - b - a + n) / 2 / n,
    },
    tolerance=1e-4,
)


def _paired(with_it, without, t, turned=1, ddof=1, factor=None, root=np.sqrt, spread=None):
    d = np.asarray(with_it) - np.asarray(without)
    s = d.std(ddof=ddof) if spread is None else spread(np.asarray(with_it), np.asarray(without))
    return turned * d.mean(), (t if factor is None else factor) * s / root(len(d))


def _both(spread):
    return dict(spread=lambda w, o: spread(w.std(ddof=1), o.std(ddof=1)))


def _ends(w, o, t):
    mean, half = _paired(w, o, t)
    return mean - half, mean + half


paired = Exercise(
    "06 an interval from pairs",
    _paired,
    {
        "three seeds": (np.array([7.0, 8.5, 9.6]), np.array([7.6, 9.0, 10.0]), 4.30),
        "five seeds": (np.array([5.1, 4.2, 6.0, 5.5, 4.9]), np.array([4.0, 4.4, 5.1, 5.2, 3.9]), 2.78),
        "seeds that differ by little": (np.array([3.0, 5.0, 4.1, 2.0]), np.array([3.3, 5.1, 4.6, 2.2]), 3.18),
    },
    {
        "it is without minus with: the sign is wrong": dict(turned=-1),
        "below the line stands n - 1 (ddof=1)": dict(ddof=0),
        "the spread of single differences is not that of their mean: divide by the root of n": dict(root=lambda n: 1),
        "it is divided by n: divide by the root of n": dict(root=lambda n: n),
        "it is divided by the root of n - 1: by that of n": dict(root=lambda n: np.sqrt(n - 1)),
        "t is given: 1.96 is for many seeds": dict(factor=1.96),
        "t is given: it is not always 4.30": dict(factor=4.30),
        "t is missing": dict(factor=1.0),
        "the seeds were not paired: the variances of both were added up": _both(np.hypot),
        "the seeds were not paired: the spreads of both were added up": _both(lambda a, b: a + b),
        "the seeds were not paired: the spreads were subtracted": _both(lambda a, b: abs(a - b)),
        "that is the spread of the first errors alone: take that of the differences": _both(lambda a, b: a),
        "that is the spread of the second errors alone: take that of the differences": _both(lambda a, b: b),
        "that is the spread of all errors together: take that of the differences": dict(
            spread=lambda w, o: np.r_[w, o].std(ddof=1)
        ),
        "the root is missing: that is the variance of the differences": dict(spread=lambda w, o: (w - o).var(ddof=1)),
        "these are the ends of the interval: return the mean and half the width": _ends,
        "these are the ends, the upper one first: return the mean and half the width": lambda w, o, t: _ends(w, o, t)[
            ::-1
        ],
        "that is the whole width: half of it is wanted": lambda w, o, t: (
            _paired(w, o, t)[0],
            2 * _paired(w, o, t)[1],
        ),
        "half the width comes second, the mean first": lambda w, o, t: _paired(w, o, t)[::-1],
        "half the width is missing: return two numbers": lambda w, o, t: _paired(w, o, t)[0],
        "the mean is missing: return two numbers": lambda w, o, t: _paired(w, o, t)[1],
        "that is the median of the differences: take the mean": lambda w, o, t: (
            np.median(w - o),
            _paired(w, o, t)[1],
        ),
        "the differences are still single: take their mean": lambda w, o, t: (w - o, _paired(w, o, t)[1]),
        "the signs are lost: differences may be below 0": lambda w, o, t: (abs(w - o).mean(), _paired(w, o, t)[1]),
    },
)

follows = Letters(
    "06 what follows?",
    "ace",
    {
        "a": "a is missing: what does the error say, once P is switched off?",
        "b": "b takes reliance for worth: trained without P, the network is not at 7.5",
        "c": "c is missing: is 0.2 more than a seed makes?",
        "d": "nothing here says that P does harm (d)",
        "e": "e is missing: one network without P was trained, and measured",
    },
)
