"""Checks of notebook 08: one step on one face, what it costs elsewhere, weights blended."""

import numpy as np
import torch

from checks.exercise import Exercise
from checks.prediction import Prediction as Prediction


def _stepped(weights, x, wanted, rate, factor=2, error=lambda output, wanted: output - wanted, times=lambda x: x):
    return weights - rate * factor * error(weights @ x, wanted) * times(x)


one_step = Exercise(
    "08 one step",
    _stepped,
    {
        "two weights": (np.array([1.0, 1]), np.array([2.0, 1]), 5.0, 0.1),
        "three weights, the output is too large": (np.array([0.5, -1, 2]), np.array([1.0, 0.5, 3]), 2.0, 0.02),
        "an input of 0 changes nothing": (np.array([1.0, 3]), np.array([0.0, 2]), 1.0, 0.05),
    },
    {
        "the step goes the wrong way: the error grows": dict(factor=-2),
        "the 2 is missing: the derivative of a square is 2 times what is squared": dict(factor=1),
        "the output was used where the error is due": dict(error=lambda output, wanted: output),
        "the wanted number was used where the error is due": dict(error=lambda output, wanted: -wanted),
        "the error was squared: the gradient has it once": dict(
            error=lambda output, wanted: (output - wanted) ** 2 * np.sign(output - wanted)
        ),
        "x is missing: each weight changes by the error times its own input": dict(times=np.ones_like),
        "only the sign of x was used": dict(times=np.sign),
        "x was divided by, and should be multiplied with": dict(times=lambda x: 1 / np.where(x == 0, 1, x)),
        "the rate is missing": lambda w, x, wanted, rate: _stepped(w, x, wanted, 1.0),
        "that is the change of the weights: the weights themselves are due": lambda w, x, wanted, rate: (
            _stepped(w, x, wanted, rate) - w
        ),
        "that is the gradient: the weights after the step are due": lambda w, x, wanted, rate: 2 * (w @ x - wanted) * x,
        "that is the output after the step: the weights are due": lambda w, x, wanted, rate: (
            _stepped(w, x, wanted, rate) @ x
        ),
    },
)


def _cost(before, after, worse=lambda b, a: a > b):
    return {"change": (after - before).mean(), "worse": worse(before, after).mean()}


_draw = np.random.default_rng(8)
_before = _draw.gamma(4, 1.5, 24)

cost = Exercise(
    "08 what it costs",
    _cost,
    {
        "most are worse": (_before, _before + _draw.normal(0.8, 1, 24)),
        "most are better": (_before[:9], _before[:9] + _draw.normal(-1, 1, 9)),
        "some have not changed": (_before[:6], _before[:6] + np.array([0, 0, 1.5, -0.5, 0, 2])),
        "one face": (_before[:1], _before[:1] + 0.4),
    },
    {
        "'change' has the wrong sign: after minus before": lambda b, a: _cost(b, a) | {"change": (b - a).mean()},
        "'change' is a ratio: the difference is due": lambda b, a: _cost(b, a) | {"change": a.mean() / b.mean()},
        "'change' is in percent of the error before: the difference itself is due": lambda b, a: (
            _cost(b, a) | {"change": 100 * ((a - b) / b).mean()}
        ),
        "'change' is a sum: the mean is due": lambda b, a: _cost(b, a) | {"change": (a - b).sum()},
        "'change' is the median: the mean is due": lambda b, a: _cost(b, a) | {"change": np.median(a - b)},
        "'change' counts gains as losses: leave the sign": lambda b, a: _cost(b, a) | {"change": abs(a - b).mean()},
        "'change' is the mean error after, not the difference": lambda b, a: _cost(b, a) | {"change": a.mean()},
        "'worse' counts faces that have not changed: `>`, not `>=`": dict(worse=lambda b, a: a >= b),
        "'worse' counts the faces that are better": dict(worse=lambda b, a: a < b),
        "'worse' is the number of faces: the share is due": lambda b, a: _cost(b, a) | {"worse": (a > b).sum()},
        "'worse' is in percent: a share is due, 0 to 1": lambda b, a: _cost(b, a) | {"worse": 100 * (a > b).mean()},
        "'worse' compares each face with the mean error before: compare it with itself": dict(
            worse=lambda b, a: a > b.mean()
        ),
        "'worse' counts the faces whose error is above 8 %": dict(worse=lambda b, a: a > 8),
    },
)


def _blended(shipped, tuned, share):
    return {name: shipped[name] + share * (tuned[name] - shipped[name]) for name in shipped}


def _weights(seed):
    numbers = torch.Generator().manual_seed(seed)
    return {"conv": torch.rand(2, 3, generator=numbers) - 0.5, "bias": torch.rand(3, generator=numbers) - 0.5}


def _in_place(shipped, tuned, share):
    for name, value in shipped.items():
        value.mul_(1 - share).add_(share * tuned[name])
    return shipped


def _shipped_changed(mine, ours):
    kept = mine[1] if isinstance(mine, tuple) else ours[1]
    is_other = kept.keys() != ours[1].keys() or any(not torch.equal(kept[name], ours[1][name]) for name in ours[1])
    return "you changed the shipped weights themselves: make new ones" if is_other else ""


blend = Exercise(
    "08 weights blended",
    _blended,
    {
        "a quarter of the way": (_weights(1), _weights(2), 0.25),
        "nearly all the way": (_weights(3), _weights(4), 0.9),
        "none of the way": (_weights(5), _weights(6), 0.0),
        "all the way": (_weights(5), _weights(6), 1.0),
    },
    {
        "you changed the shipped weights themselves: make new ones": _in_place,
        "share and 1 - share are exchanged": lambda s, t, share: _blended(s, t, 1 - share),
        "that is the mean of the two: `share` says how far": lambda s, t, share: _blended(s, t, 0.5),
        "that is the way from one to the other: where it begins is missing": lambda s, t, share: {
            name: share * (t[name] - s[name]) for name in s
        },
        "the shipped weights count fully: their share is 1 - share": lambda s, t, share: {
            name: s[name] + share * t[name] for name in s
        },
        "the shipped weights are missing": lambda s, t, share: {name: share * t[name] for name in s},
        "only the last of the weights is there: collect all names": lambda s, t, share: dict(
            [list(_blended(s, t, share).items())[-1]]
        ),
        "these are the tuned weights": lambda s, t, share: dict(t),
        "these are the shipped weights": lambda s, t, share: dict(s),
        "only names with more than one dimension were blended: the biases, too": lambda s, t, share: (
            _blended(s, t, share) | {"bias": s["bias"]}
        ),
    },
    tolerance=1e-5,
    read=lambda out, shipped, tuned, share: (out, shipped),
    explain=_shipped_changed,
)
