"""Checks of notebook 05: a step of the LSTM, a cut in some of the clips, how many weights."""

import torch

from checks.exercise import Exercise
from checks.made import made_numbers
from checks.prediction import Prediction as Prediction


def _lstm(sums, c, order=(0, 1, 2, 3), new=torch.tanh, out=torch.tanh, keep=lambda f: f, give=lambda o: o, gates=None):
    parts = sums.chunk(4, dim=1)
    i, f, g, o = (parts[k] for k in order)
    i, f, o = map(gates or torch.sigmoid, (i, f, o))
    c = keep(f) * c + i * new(g)
    return give(o) * out(c), c


def _old_cell(sums, c):
    return _lstm(sums, c)[1] * 0 + torch.sigmoid(sums.chunk(4, 1)[3]) * torch.tanh(c), _lstm(sums, c)[1]


lstm = Exercise(
    "05 a step of the LSTM",
    _lstm,
    {
        "three clips, five units": (made_numbers(3, 20, seed=1), made_numbers(3, 5, seed=2)),
        "one unit": (2 * made_numbers(1, 4, seed=3), made_numbers(1, 1, seed=4)),
        "large sums, which open or close the gates": (9 * made_numbers(4, 8, seed=5), 2 * made_numbers(4, 2, seed=6)),
    },
    {
        "input and forget gate are exchanged: the order is i, f, g, o": dict(order=(1, 0, 2, 3)),
        "new value and output gate are exchanged: the order is i, f, g, o": dict(order=(0, 1, 3, 2)),
        "forget gate and new value are exchanged: the order is i, f, g, o": dict(order=(0, 2, 1, 3)),
        "input and output gate are exchanged: the order is i, f, g, o": dict(order=(3, 1, 2, 0)),
        "the order is i, f, g, o, and not f, i, o, g": dict(order=(1, 0, 3, 2)),
        "the new value g is a tanh, not a sigmoid": dict(new=torch.sigmoid),
        "the new value g needs its tanh": dict(new=lambda g: g),
        "the output is the gate times tanh of the cell: the tanh is missing": dict(out=lambda c: c),
        "the output is the gate times tanh of the cell, not its sigmoid": dict(out=torch.sigmoid),
        "the forget gate is how much is kept: f, not 1 - f": dict(keep=lambda f: 1 - f),
        "the old cell is added whole: multiply it by the forget gate": dict(keep=torch.ones_like),
        "the old cell is missing": dict(keep=torch.zeros_like),
        "the output gate is missing": dict(give=torch.ones_like),
        "the gates need their sigmoid": dict(gates=lambda x: x),
        "the gates are sigmoids, not tanh": dict(gates=torch.tanh),
        "the output is taken from the old cell: compute the new one first": _old_cell,
        "h comes first, then c": lambda s, c: _lstm(s, c)[::-1],
        "the new cell is missing: return h and c": lambda s, c: _lstm(s, c)[0],
        "the output h is missing: return h and c": lambda s, c: _lstm(s, c)[1],
        "the old cell was returned: c changes, too": lambda s, c: (_lstm(s, c)[0], c),
        "the input gate is missing: only its part of g is added": lambda s, c: (
            torch.sigmoid(s.chunk(4, 1)[3]) * torch.tanh(torch.sigmoid(s.chunk(4, 1)[1]) * c + s.chunk(4, 1)[2].tanh()),
            torch.sigmoid(s.chunk(4, 1)[1]) * c + s.chunk(4, 1)[2].tanh(),
        ),
        "the clips were divided into four, and the sums should be: chunk(4, dim=1)": lambda s, c: (
            torch.sigmoid(s.chunk(4, 0)[3]) * c,
            c,
        ),
    },
)


def _forget(h, c, cut, keep=torch.logical_not, of_h=None, of_c=None):
    kept = keep(cut)[:, None]
    return (of_h or (lambda x, k: x * k))(h, kept), (of_c or (lambda x, k: x * k))(c, kept)


_h, _c = made_numbers(4, 3, seed=7) + 0.1, made_numbers(4, 3, seed=8) + 0.1
_stays = dict(of_h=lambda x, k: x), dict(of_c=lambda x, k: x)

forget = Exercise(
    "05 a cut in some of the clips",
    _forget,
    {
        "two of four clips have a cut": (_h, _c, torch.tensor([False, True, False, True])),
        "no clip has one": (_h, _c, torch.zeros(4) > 0),
        "all have one": (_h, _c, torch.ones(4) > 0),
        "as many clips as units": (_h[:3], _c[:3], torch.tensor([True, False, False])),
    },
    {
        "all clips forget, also those without a cut": dict(keep=torch.zeros_like),
        "if any clip has a cut, all forget: each decides for itself": dict(keep=lambda cut: ~cut.any() & (cut == cut)),
        "only the first clip is asked: each decides for itself": dict(keep=lambda cut: ~cut[0] & (cut == cut)),
        "the cell c still holds the old face": _stays[1],
        "h still holds the old face": _stays[0],
        "those with a cut must forget, not the others": dict(keep=lambda cut: cut),
        "nothing was forgotten": lambda h, c, cut: (h, c),
        "the right parts in the wrong order: first h, then c": lambda h, c, cut: _forget(h, c, cut)[::-1],
        "h was returned twice: c is its own": lambda h, c, cut: (_forget(h, c, cut)[0],) * 2,
        "c was returned twice: h is its own": lambda h, c, cut: (_forget(h, c, cut)[1],) * 2,
        "`cut` (B,) must become a column to empty rows: cut[:, None]": lambda h, c, cut: (h * ~cut, c * ~cut),
        "1 - cut does not work for True and False: ~cut is the other way round": lambda h, c, cut: (
            h * (1 - cut[:, None]),
            c * (1 - cut[:, None]),
        ),
        "`not` and `if` ask one value, and cut has one for each clip: ~cut": lambda h, c, cut: (
            h * (not cut),
            c * (not cut),
        ),
        "the clips with a cut are gone: their rows must be 0": lambda h, c, cut: (h[~cut], c[~cut]),
        "the rows became 1, and should be 0": dict(
            of_h=lambda x, k: torch.where(k, x, 1.0), of_c=lambda x, k: torch.where(k, x, 1.0)
        ),
    },
    tolerance=1e-5,
)


def _weights(inputs, units, sums=4, into=1, back=1, bias=1, square=True):
    return sums * units * (into * inputs + back * (units if square else 1) + bias)


weights = Exercise(
    "05 how many weights",
    _weights,
    {
        "one unit, two inputs, as by hand": (2, 1),
        "three inputs, five units": (3, 5),
        "as in f_tRNN": (132, 128),
    },
    {
        "there are four sums, for i, f, g and o: three were counted": dict(sums=3),
        "there are four sums, for i, f, g and o: one was counted": dict(sums=1),
        "there are four sums, and not two": dict(sums=2),
        "what comes back is missing: U has units x units numbers": dict(back=0),
        "what comes in is missing: W has units x inputs numbers": dict(into=0),
        "the bias is missing: each of the sums has one": dict(bias=0),
        "there are two biases: the formula above has one": dict(bias=2),
        "every unit gets h of all units back, not its own alone": dict(square=False),
        "W and U are for each unit: multiply by the units": lambda inputs, units: 4 * (inputs + units + 1),
        "W was counted, and the rest is one number for each sum": lambda inputs, units: 4 * (inputs * units + 1),
        "each of the units has a bias: b counts units times, not once": lambda inputs, units: (
            4 * (units * (inputs + units) + 1)
        ),
        "inputs and units are exchanged": lambda inputs, units: _weights(units, inputs),
    },
)
