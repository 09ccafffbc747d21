"""Checks of notebook 02: maps to points, the decoder, remembered places, one hill of two."""

import torch
from torch import nn
from torch.nn import functional as F

from checks.exercise import Exercise
from checks.prediction import Prediction as Prediction
from redn_lib.response_maps import gaussian_maps


def centres(h, size):
    return (torch.arange(h) + 0.5) * size / h - 0.5


def my_decode(maps, size, centre=centres, reduce=torch.sum, along=-1):
    c = centre(maps.shape[-1], size)
    return torch.stack([reduce(maps.sum(-2) * c, -1), reduce(maps.sum(-1) * c, -1)], along)


def _argmax(maps, size):
    top, h = maps.flatten(2).argmax(-1), maps.shape[-1]
    return torch.stack([centres(h, size)[top % h], centres(h, size)[top // h]], -1)


def _hills(*points, cells=16, size=64, sigma=4.0):
    maps = gaussian_maps(torch.tensor(points, dtype=torch.float32).view(1, -1, 2), cells, size, sigma)
    return maps / maps.sum((-2, -1), keepdim=True)


decode = Exercise(
    "02 maps to points",
    my_decode,
    {
        "a batch of faces with several points": (
            torch.cat([_hills((15, 33), (40, 9), (50, 51)), _hills((30, 20), (44, 48), (12, 28))]),
            64,
        ),
        "one hill": (_hills((20, 40)), 64),
        "two hills in one map": ((_hills((12, 20)) + 2 * _hills((50, 44))) / 3, 64),
        "a hill at the border, and another size": (_hills((2, 60), size=128, cells=8, sigma=20.0), 128),
    },
    {
        "x and y are exchanged": lambda m, s: my_decode(m, s).flip(-1),
        "these are numbers of cells: multiply by the centres": dict(centre=lambda h, s: torch.arange(h).float()),
        "half a cell is forgotten: the centre of cell 0 is not its left edge": dict(
            centre=lambda h, s: torch.arange(h) * s / h
        ),
        "half a cell is forgotten: cell 0 does not begin at 0 but half a pixel before": dict(
            centre=lambda h, s: (torch.arange(h) + 0.5) * s / h
        ),
        "the centres lack the half: (j + 1/2)": dict(centre=lambda h, s: torch.arange(h) * s / h - 0.5),
        "these are the sums of the centres, without the map": lambda m, s: (
            centres(m.shape[-1], s).sum().expand(*m.shape[:2], 2)
        ),
        "a mean divides by the number of cells, but the probabilities sum to 1 already: take the sum": dict(
            reduce=lambda x, dim: x.mean(dim)
        ),
        "that is the highest cell (argmax): take the mean over all cells": _argmax,
        "that is the number of the highest cell": lambda m, s: torch.stack(
            [m.flatten(2).argmax(-1) % m.shape[-1], m.flatten(2).argmax(-1) // m.shape[-1]], -1
        ).float(),
        "x and y were stacked in front: torch.stack([x, y], -1)": dict(along=0),
        "x and y were stacked along the points: torch.stack([x, y], -1)": dict(along=1),
        "x and y were put in a row, not side by side: torch.stack([x, y], -1)": lambda m, s: torch.cat(
            list(my_decode(m, s).unbind(-1)), -1
        ),
        "both numbers are x": lambda m, s: my_decode(m, s)[..., [0, 0]],
        "both numbers are y": lambda m, s: my_decode(m, s)[..., [1, 1]],
        "that is x alone": lambda m, s: my_decode(m, s)[..., 0],
        "the maps are probabilities already: no softmax": lambda m, s: my_decode(
            m.flatten(2).softmax(-1).view_as(m), s
        ),
        "it is the largest value of each column and row, and should be the sum": lambda m, s: torch.stack(
            [(m.amax(-2) * centres(m.shape[-1], s)).sum(-1), (m.amax(-1) * centres(m.shape[-1], s)).sum(-1)], -1
        ),
        "the first map is right, and all others get its point": lambda m, s: my_decode(m, s)[:1, :1].expand(
            *m.shape[:2], 2
        ),
    },
    tolerance=2e-3,
)


def my_unpool(x, where):
    b, c, h, w = x.shape
    return x.new_zeros(b, c, 4 * h * w).scatter(2, where.flatten(2), x.flatten(2)).view(b, c, 2 * h, 2 * w)


class _Stage(nn.Module):
    """Stands for the convolutions of a stage; every one, and every step, is another."""

    def __init__(self, seed):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 4, 3, 3, generator=torch.Generator().manual_seed(seed)))

    def forward(self, x, step):
        return F.relu(F.conv2d(x, self.weight, padding=1) + 1 + step)


def _small(pools, stages, step, seed):
    """The arguments of a decoder with random codes: itself, code, remembered places, step."""
    decoder, x, remembered = nn.Module(), torch.rand(2, 4, 16, 16, generator=torch.Generator().manual_seed(seed)), []
    decoder.stages = nn.ModuleList(_Stage(seed + s) for s in range(stages))
    for _ in range(pools):
        x, where = F.max_pool2d(x, 2, return_indices=True)
        remembered.append(where)
    return decoder, x, remembered, step


def _up(self, x, remembered, step, order=reversed, undo=my_unpool, is_first=True, at=None):
    for stage, where in zip(self.stages, order(remembered), strict=False):
        x = undo(x, where) if is_first else x
        x = stage(x, step if at is None else at)
        x = x if is_first else undo(x, where)
    return x


def _one(self, x, remembered, step):
    return self.stages[0](my_unpool(x, remembered[-1]), step)


def _without_convolutions(self, x, remembered, step):
    for _, where in zip(self.stages, reversed(remembered), strict=False):
        x = my_unpool(x, where)
    return x


def _all_unpooled_first(self, x, remembered, step):
    x = _without_convolutions(self, x, remembered, step)
    for stage in self.stages:
        x = stage(x, step)
    return x


def _stages_reversed(self, x, remembered, step):
    for stage, where in zip(reversed(self.stages), reversed(remembered), strict=False):
        x = stage(my_unpool(x, where), step)
    return x


def _lost(self, x, remembered, step):
    for stage, where in zip(self.stages, reversed(remembered), strict=False):
        stage(my_unpool(x, where), step)
    return x


def _upper_left(x, where):
    empty = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    empty[..., ::2, ::2] = x
    return empty


decoder = Exercise(
    "02 the decoder",
    _up,
    {
        "one stage": _small(1, 1, 0, 4),
        "as many pools as stages": _small(2, 2, 0, 1),
        "more pools than stages": _small(3, 2, 0, 2),
        "a later step": _small(2, 2, 1, 3),
    },
    {
        "undo the last pool first: the pools are to be reversed": dict(order=list),
        "the stages stand in their order already: reverse the pools alone": _stages_reversed,
        "unpool first, then the convolutions of the stage": dict(is_first=False),
        "all pools are undone before the first convolution: each stage undoes one": _all_unpooled_first,
        "the convolutions of the stages are missing": _without_convolutions,
        "the unpooling is missing": dict(undo=lambda x, where: x),
        "only the last pool was undone: return after the loop, not in it": _one,
        "every stage undoes the same pool": dict(order=lambda r: [r[-1]] * len(r)),
        "x was not changed: give the result of each stage the name x again": _lost,
        "nothing has happened to x": lambda d, x, r, s: x,
        "`step` is not passed on to the stages": dict(at=0),
        "the remembered places are not used": dict(undo=_upper_left),
        "values were repeated, not put where they were": dict(
            undo=lambda x, where: x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        ),
    },
)


def _place(where, width, row=lambda n, w: n // w, column=lambda n, w: n % w, along=-1):
    return torch.stack([row(where, width), column(where, width)], along)


_wheres = torch.randint(0, 32 * 32, (2, 3, 5, 5), generator=torch.Generator().manual_seed(0))

place = Exercise(
    "02 which place?",
    _place,
    {
        "several maps": (_wheres, 32),
        "one small map": (torch.tensor([[[[1, 6], [12, 10]]]]), 4),
        "the first and the last cell": (torch.tensor([0, 7, 56, 63]), 8),
    },
    {
        "row and column are exchanged": lambda n, w: _place(n, w).flip(-1),
        "the row must be whole: // instead of /": dict(row=lambda n, w: n / w),
        "numbers count cells before the pool: do not halve the width": lambda n, w: _place(n, w // 2),
        "numbers count cells before the pool: the width is not to be doubled": lambda n, w: _place(n, 2 * w),
        "row and column were stacked in front: torch.stack(..., -1)": dict(along=0),
        "row and column count from 0: nothing is to be added": lambda n, w: _place(n, w) + 1,
        "row and column count from 0: nothing is to be taken away": lambda n, w: _place(n - 1, w),
        "both numbers are the row": dict(column=lambda n, w: n // w),
        "both numbers are the column": dict(row=lambda n, w: n % w),
        "the column is what is left after the row: %": dict(column=lambda n, w: n - n // w),
        "the column is still the number of the cell": dict(column=lambda n, w: n),
        "the row is still the number of the cell": dict(row=lambda n, w: n),
        "they were put in a row, not side by side: torch.stack": lambda n, w: torch.cat([n // w, n % w], -1),
    },
    tolerance=1e-4,
)


def _peak(maps, size, before=2, after=2, again=True, turned=False, disc=False, decoded=my_decode, top=None):
    h = maps.shape[-1]
    top = maps.flatten(2).argmax(-1) if top is None else top(maps)
    row, column = (top % h, top // h) if turned else (top // h, top % h)
    away = [torch.arange(h) - i[..., None] for i in (row, column)]
    rows, columns = ((a >= -before) & (a <= after) for a in away)
    near = rows[..., :, None] & columns[..., None, :]
    if disc:
        near = away[0][..., :, None] ** 2 + away[1][..., None, :] ** 2 <= 4
    near = maps * near
    return decoded(near / near.sum((-2, -1), keepdim=True).clamp(min=1e-9) if again else near, size)


def _not_clamped(maps, size):
    """A window cut by slices whose lower end may be below 0."""
    out, h = torch.zeros_like(maps), maps.shape[-1]
    for b, one in enumerate(maps):
        for i, m in enumerate(one):
            r, c = divmod(int(m.argmax()), h)
            out[b, i, r - 2 : r + 3, c - 2 : c + 3] = m[r - 2 : r + 3, c - 2 : c + 3]
    return my_decode(out / out.sum((-2, -1), keepdim=True), size)


def _wrapped(maps, size):
    """A window that leaves the map at one border and enters it at the other."""
    h, top = maps.shape[-1], maps.flatten(2).argmax(-1)
    rows, columns = (((torch.arange(h) - i[..., None] + 2) % h) < 5 for i in (top // h, top % h))
    near = maps * rows[..., :, None] * columns[..., None, :]
    return my_decode(near / near.sum((-2, -1), keepdim=True), size)


def _counted_through(maps, size):
    """One window for all maps, by the number of the highest cell among the cells of all of them."""
    at = divmod(int(maps.argmax()), maps.shape[-1])
    rows, columns = ((torch.arange(maps.shape[-1]) - i).abs() <= 2 for i in at)
    near = maps * rows[:, None] * columns
    return my_decode(near / near.sum((-2, -1), keepdim=True), size)


def _spread(*points):
    """Broad hills, so that every cell holds something."""
    return 0.9 * _hills(*points, sigma=6.0) + 0.1 / 256


decode_peak = Exercise(
    "02 one hill of two",
    _peak,
    {
        "several faces": (torch.cat([_spread((15, 33), (40, 9)), _spread((33, 20), (44, 51))]), 64),
        "two hills in one map": ((0.6 * _spread((14, 22)) + 0.4 * _spread((50, 44))), 64),
        "a hill at the border of the map": (_spread((1, 30), (34, 2), (63, 34), (30, 63)), 64),
        "a hill in a corner": (_spread((1, 2), (62, 63)), 64),
    },
    {
        "that is still the mean over the whole map": my_decode,
        "what is kept must sum to 1 again": dict(again=False),
        "that is the highest cell alone, without its neighbours": dict(before=0, after=0),
        "row and column are exchanged": dict(turned=True),
        "that is a square of 3 x 3: it reaches 2 cells to each side": dict(before=1, after=1),
        "that is a square of 7 x 7: it reaches 2 cells to each side": dict(before=3, after=3),
        "a square of 5 x 5 reaches 2 cells to each side, not 5": dict(before=5, after=5),
        "that is a square of 9 x 9: it reaches 2 cells to each side": dict(before=4, after=4),
        "the square reaches 2 cells to one side and 1 to the other: in Python r - 2 : r + 2 ends before r + 2": dict(
            after=1
        ),
        "the square must reach to both sides": dict(before=0),
        "the square must reach to both sides of the cell": dict(after=0),
        "that is a disc around the cell: a square of 5 x 5 cells is due": dict(disc=True),
        "it is wrong at the border of the map, where the square ends: a slice must not begin below 0": _not_clamped,
        "it is wrong at the border of the map: the square goes on at the other side": _wrapped,
        "the highest cell is taken from all maps together: each map has its own": dict(
            top=lambda m: (m.argmax() % m[0, 0].numel()).expand(m.shape[:2])
        ),
        "the highest cell is counted through all maps together: flatten(2) leaves each map its own": _counted_through,
        "the highest cell is taken from the first map alone: each map has its own": dict(
            top=lambda m: m[0, 0].argmax().expand(m.shape[:2])
        ),
        "that is the lowest cell": dict(top=lambda m: m.flatten(2).argmin(-1)),
        "x and y are exchanged at the end": lambda m, s: _peak(m, s).flip(-1),
    },
    tolerance=2e-3,
)
