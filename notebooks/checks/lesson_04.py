"""Checks of notebook 04: how constant a code is, the swap, how far a pose moved, controls."""

import torch

from checks.exercise import Exercise, Letters
from checks.prediction import Prediction as Prediction


def my_split(code):
    return code.chunk(2, dim=1)


def _numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _shares(codes, own=1, every=(0, 1), over=(0, 1), within=None):
    def variance(around):
        return (codes - around).square().mean(over)

    mean = codes.mean(own, keepdim=True)
    return (within or variance)(mean) / (variance(codes.mean(every, keepdim=True)) + 1e-5)


def _spread(codes, dim):
    return codes.std(dim, correction=0)


_people = _numbers(5, 3, 4, seed=1) + 2 * _numbers(5, 1, 4, seed=2) + 3
_constant = torch.cat([_people, torch.zeros(5, 3, 1)], -1)

within_share = Exercise(
    "04 within share",
    _shares,
    {
        "two people, two frames, three channels": (torch.tensor([[[1.0, 0, 0], [1, 2, 2]], [[3.0, 0, 2], [3, 2, 4]]]),),
        "five people": (_people,),
        "a channel that is 0 everywhere": (_constant,),
    },
    {
        "the own mean of a person is over the frames, dimension 1, not over the people": dict(own=0),
        "the own mean of a person keeps its channels": dict(own=(1, 2)),
        "each person's own mean is missing: within is total here": dict(own=(0, 1)),
        "the mean of all is over people and frames: this is each person's own": dict(every=1),
        "the mean of all keeps its channels": dict(every=(0, 1, 2)),
        "both are standard deviations: take the squares, without a root": lambda c: (
            (c - c.mean(1, keepdim=True)).square().mean((0, 1)).sqrt()
            / ((c - c.mean((0, 1))).square().mean((0, 1)).sqrt() + 1e-5)
        ),
        "the distances are not squared": lambda c: (
            (c - c.mean(1, keepdim=True)).abs().mean((0, 1)) / ((c - c.mean((0, 1))).abs().mean((0, 1)) + 1e-5)
        ),
        "the fraction stands upside down: within comes above the line": lambda c: (
            (c - c.mean((0, 1))).square().mean((0, 1)) / ((c - c.mean(1, keepdim=True)).square().mean((0, 1)) + 1e-5)
        ),
        "that is the share between the people: 1 minus it is within": lambda c: (
            c.mean(1).var(0, correction=0) / (c.var((0, 1), correction=0) + 1e-5)
        ),
        "within is divided by n - 1: `var` needs correction=0, or take square() and mean()": lambda c: (
            c.var(1).mean(0) / (c.var((0, 1), correction=0) + 1e-5)
        ),
        "total is divided by n - 1: `var` needs correction=0, or take square() and mean()": lambda c: (
            c.var(1, correction=0).mean(0) / (c.var((0, 1)) + 1e-5)
        ),
        "both are divided by n - 1: `var` needs correction=0, or take square() and mean()": lambda c: (
            c.var(1).mean(0) / (c.var((0, 1)) + 1e-5)
        ),
        "that is within alone: divide it by total": lambda c: c.var(1, correction=0).mean(0),
        "that is total alone": lambda c: c.var((0, 1), correction=0),
        "that is one number for all channels: keep each channel": lambda c: _shares(c).mean(),
        "that is a number for each person: take the mean over the people, too": lambda c: (
            c.var(1, correction=0) / (c.var((0, 1), correction=0) + 1e-5)
        ),
        "0 is divided by 0 where a channel is 0 everywhere: add 1e-5 below the line": lambda c: (
            c.var(1, correction=0).mean(0) / c.var((0, 1), correction=0)
        ),
    },
)


def _swap(code, partner, first=True, second=False, order=1, numbers=lambda p: p):
    one, other = my_split(code)
    partner = numbers(partner)
    halves = [one[partner] if first else one, other[partner] if second else other]
    return torch.cat(halves[::order], 1)


swap = Exercise(
    "04 the swap",
    _swap,
    {
        "three frames in a ring": (_numbers(3, 6, 2, 2, seed=3), torch.tensor([1, 2, 0])),
        "two pairs": (_numbers(4, 4, 2, 3, seed=4), torch.tensor([1, 0, 3, 2])),
        "a frame that is its own partner, one that serves twice": (
            _numbers(3, 4, 1, 1, seed=5),
            torch.tensor([0, 2, 0]),
        ),
    },
    {
        "C_pe came from the partner, and C_id should": dict(first=False, second=True),
        "all of the code came from the partner: C_pe stays": dict(second=True),
        "nothing was exchanged": dict(first=False),
        "the halves stand the wrong way round: C_id comes first": dict(order=-1),
        "the frames went the other way: frame i gets the C_id of frame partner[i]": dict(numbers=torch.argsort),
        "the frames were reversed: `partner` says which C_id each of them gets": dict(
            numbers=lambda p: torch.arange(len(p)).flip(0)
        ),
        "every frame got the C_id of the next one: `partner` says which": dict(
            numbers=lambda p: torch.arange(len(p)).roll(-1)
        ),
        "every frame got the C_id of the one before: `partner` says which": dict(
            numbers=lambda p: torch.arange(len(p)).roll(1)
        ),
        "the halves were joined along the frames (dimension 0): channels are dimension 1": lambda c, p: torch.cat(
            [my_split(c)[0][p], my_split(c)[1]]
        ),
        "these are the two halves: join them by torch.cat(..., 1)": lambda c, p: (my_split(c)[0][p], my_split(c)[1]),
        "the halves were stacked on a new axis: torch.cat joins them along the channels": lambda c, p: torch.stack(
            [my_split(c)[0][p], my_split(c)[1]], 1
        ),
        "the frames were split, and the channels should be": lambda c, p: torch.cat(
            [c[: len(c) // 2][p.clamp(max=len(c) // 2 - 1)], c[len(c) // 2 :]]
        ),
        "that is C_id of the partners alone: C_pe is missing": lambda c, p: my_split(c)[0][p],
        "the halves were added: join them by torch.cat(..., 1)": lambda c, p: my_split(c)[0][p] + my_split(c)[1],
        "the channels were taken in turn: the first half of them is C_id": lambda c, p: torch.where(
            (torch.arange(c.shape[1]) % 2 == 0)[:, None, None], c[p], c
        ),
        "`partner` counts frames from 0": dict(numbers=lambda p: (p - 1) % len(p)),
    },
    tolerance=1e-4,
)


def _way(mix, a, b):
    return ((mix - a) * (b - a)).sum() / (b - a).square().sum()


_a, _b, _aside = (_numbers(6, 3, seed=s) for s in (6, 7, 8))

way = Exercise(
    "04 how far the pose moved",
    _way,
    {
        "mixes that move to the side, too": (_a + 0.3 * (_b - _a) + _aside, _a, _b),
        "mixes that go away from B": (_a - 0.4 * (_b - _a) + 0.5 * _aside, _a, _b),
        "mixes that are B": (_b, _a, _b),
        "one pair": (_a[:1] + 0.6 * (_b - _a)[:1] + _aside[:1], _a[:1], _b[:1]),
    },
    {
        "it measures from B to A, what is left of the way: 0 is A's, 1 is B's": lambda m, a, b: _way(m, b, a),
        "the sign is the wrong way round: from A to the mix, and from A to B": lambda m, a, b: -_way(m, a, b),
        "a distance counts the movement to the side, too: take the product with B - A": lambda m, a, b: (
            (m - a).norm() / (b - a).norm()
        ),
        "that is a mean of ratios of distances: the movement to the side counts, too": lambda m, a, b: (
            (m - a).norm(dim=1) / (b - a).norm(dim=1)
        ).mean(),
        "that is a ratio of sums of distances: the movement to the side counts, too": lambda m, a, b: (
            (m - a).norm(dim=1).sum() / (b - a).norm(dim=1).sum()
        ),
        "each pair was divided by its own length: the sums come before the division": lambda m, a, b: (
            ((m - a) * (b - a)).sum(1) / (b - a).square().sum(1)
        ).mean(),
        "that is one number for each pair: sum over all pairs, too, before the division": lambda m, a, b: (
            ((m - a) * (b - a)).sum(1) / (b - a).square().sum(1)
        ),
        "that is one number for each of the three: sum over them, too": lambda m, a, b: (
            ((m - a) * (b - a)).sum(0) / (b - a).square().sum(0)
        ),
        "number was divided by number, and then the mean taken: the sums come before the division": lambda m, a, b: (
            (m - a) / (b - a)
        ).mean(),
        "number was divided by number: multiply by B - A, sum, then divide": lambda m, a, b: (m - a) / (b - a),
        "below the line stands the squared length of B - A, and this is the length": lambda m, a, b: (
            ((m - a) * (b - a)).sum() / (b - a).norm()
        ),
        "that is the cosine: below the line stands the squared length of B - A": lambda m, a, b: (
            ((m - a) * (b - a)).sum() / ((m - a).norm() * (b - a).norm())
        ),
        "that is the mean cosine of the pairs: divide by the squared length of B - A": lambda m, a, b: (
            torch.cosine_similarity(m - a, b - a).mean()
        ),
        "A is not taken away from the mix": lambda m, a, b: (m * (b - a)).sum() / (b - a).square().sum(),
        "A is not taken away from B": lambda m, a, b: ((m - a) * b).sum() / b.square().sum(),
        "A is taken away nowhere: the way begins at A": lambda m, a, b: (m * b).sum() / b.square().sum(),
        "sums were divided by sums: multiply by B - A before you sum": lambda m, a, b: (m - a).sum() / (b - a).sum(),
        "a ratio of squared lengths counts the movement to the side, too": lambda m, a, b: (
            (m - a).square().sum() / (b - a).square().sum()
        ),
        "it is in percent: a share is due": lambda m, a, b: 100 * _way(m, a, b),
        "the fraction stands upside down": lambda m, a, b: 1 / _way(m, a, b),
        "the division is missing": lambda m, a, b: ((m - a) * (b - a)).sum(),
        "above the line stands a mean and below a sum": lambda m, a, b: (
            ((m - a) * (b - a)).mean() / (b - a).square().sum()
        ),
    },
)

controls = Letters(
    "04 a control of your own",
    "ac",
    {
        "a": "a is missing: in other rooms the wallpaper differs, and a probe that read it would fail",
        "b": "b only gives it more of the same wallpaper",
        "c": "c is missing: with one colour behind every face there is no wallpaper to read",
        "d": "a larger probe (d) reads the wallpaper even better",
        "e": "e keeps one name for each clip, so its wallpaper still tells the name",
    },
)
