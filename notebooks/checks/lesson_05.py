"""Checks of notebook 05: hold, a step of the LSTM, maps joined with the prior, a cut, moving on."""

import torch

from checks.exercise import Exercise
from checks.made import made_faces
from checks.prediction import Prediction as Prediction
from redn_lib.presets import PRESETS
from redn_lib.response_maps import log_gaussian_rows

preset = PRESETS["compact"]


def _numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _is_sure(sure, least):
    return sure >= least


def _hold(points, sure, kept, least, is_sure=_is_sure, of=-1, else_=None):
    sure = is_sure(sure, least)[:, None, None]
    return torch.where(sure, points, kept[of] if else_ is None else else_(points, kept))


_track = [torch.from_numpy(made_faces(3, 10 + t)).float() for t in range(4)]  # four frames of three clips
_one = [points[:1] for points in _track]
_levels = torch.tensor([0.9, 0.2, 0.5])
_tracks = {
    "one is sure, one is not, one is at `least` itself": (_track[3], _levels, _track[:3], 0.5),
    "one of three is sure": (_track[3], torch.tensor([0.2, 0.6, 0.1]), _track[:3], 0.5),
    "the first of three is not sure": (_track[3], torch.tensor([0.3, 0.9, 0.8]), _track[:3], 0.5),
    "none is sure": (_track[3], _levels / 10, _track[:3], 0.5),
    "all are sure": (_track[3], 0.5 + _levels / 2, _track[:3], 0.5),
    "one clip alone, which is not sure": (_one[3], _levels[1:2], _one[:3], 0.5),
    "only one frame before": (_track[1], _levels, _track[:1], 0.5),
    "another `least`": (_track[3], _levels, _track[:3], 0.1),
}
_sureness = {
    "it is the wrong way round: sure frames are to be taken": lambda s, least: s < least,
    "`at least`: a frame that is at `least` itself is sure, too (>=)": lambda s, least: s > least,
    "each clip decides for itself, not all by the mean": lambda s, least: (s.mean() >= least) & (s == s),
    "each clip decides for itself, not all where any is sure": lambda s, least: (s >= least).any() & (s == s),
    "each clip decides for itself, not all where all are sure": lambda s, least: (s >= least).all() & (s == s),
    "each clip decides for itself, not all by the first": lambda s, least: ((s >= least)[0]) & (s == s),
    "`least` is given: it is not always 0.5": lambda s, least: s >= 0.5,
    "points are held in every frame: take those of a sure one": lambda s, least: s != s,
    "every frame is taken, sure or not": lambda s, least: s == s,
}

_wrong_frames = {reason: dict(is_sure=rule) for reason, rule in _sureness.items()}  # of hold, and of move on

hold = Exercise(
    "05 hold",
    _hold,
    _tracks,
    _wrong_frames
    | {
        "the first frame is kept for ever: the last one is kept[-1]": dict(of=0),
        "that is the one before the last: kept[-1] is the last": dict(of=-2),
        "the mean of all frames is held: the last one is kept[-1]": dict(else_=lambda p, k: torch.stack(k).mean(0)),
        "it goes half the way: where a frame is not sure, nothing of it is taken": dict(
            else_=lambda p, k: (p + k[-1]) / 2
        ),
        "it mixes by the confidence: a frame is taken as a whole, or not at all": lambda p, s, k, least: (
            s[:, None, None] * p + (1 - s[:, None, None]) * k[-1]
        ),
        "unsure frames are 0: keep the points of the frame before": dict(else_=lambda p, k: torch.zeros_like(p)),
        "the points go on moving: they are to stay where they were": dict(
            else_=lambda p, k: 2 * k[-1] - k[-2] if len(k) > 1 else k[-1]
        ),
        "the condition (B,) does not fit the points (B, 68, 2): sure[:, None, None]": lambda p, s, k, least: (
            torch.where(s >= least, p, k[-1])
        ),
        "several clips pass at once: `if` can ask one only; use torch.where": lambda p, s, k, least: (
            p if s >= least else k[-1]
        ),
    },
    tolerance=1e-4,
)


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
        "three clips, five units": (_numbers(3, 20, seed=1), _numbers(3, 5, seed=2)),
        "one unit": (2 * _numbers(1, 4, seed=3), _numbers(1, 1, seed=4)),
        "large sums, which open or close the gates": (9 * _numbers(4, 8, seed=5), 2 * _numbers(4, 2, seed=6)),
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


def my_bells(points):
    across, down = log_gaussian_rows(points, preset.maps, preset.size, preset.sigma)
    return down[..., :, None] + across[..., None, :]


def _joined(logits, own_spread, expected, spread, factor=2.0, sign=1, bells=my_bells, map_part=None, prior_part=None):
    share = torch.sigmoid(sign * factor * (own_spread - spread))
    weight = share[..., None, None]
    one, other = (map_part or (lambda w: 1 - w))(weight), (prior_part or (lambda w: w))(weight)
    return one * logits + other * bells(expected), share


def _inputs(faces, seed):
    logits = _numbers(faces, 68, preset.maps, preset.maps, seed=seed)
    own, spread = 0.7 * _numbers(faces, 68, seed=seed + 1), 0.7 * _numbers(faces, 68, seed=seed + 2)
    return logits, own, 20 * _numbers(faces, 68, 2, seed=seed + 3) + preset.size / 2, spread


def _mixed(logits, expected, share):
    weight = share[..., None, None]
    return (1 - weight) * logits + weight * my_bells(expected), share


def _turned_share(a, s, e, p):
    share = (2 * s).exp() / ((2 * s).exp() + (2 * p).exp())
    return share[..., None, None] * a + (1 - share[..., None, None]) * my_bells(e), share


def _by_probability(a, s, e, p):
    w = torch.sigmoid(2 * (s - p))[..., None, None]

    def map_of(logits):
        return logits.flatten(2).softmax(-1).view_as(logits)

    return (1 - w) * map_of(a) + w * map_of(my_bells(e)), w[..., 0, 0]


joined = Exercise(
    "05 maps joined with the prior",
    _joined,
    {"two faces": _inputs(2, 20), "one face": _inputs(1, 30)},
    {
        "the spreads are exchanged: an unsure map gives the prior a large share": dict(sign=-1),
        "variances are squared spreads: the 2 is missing": dict(factor=1.0),
        "the 2 stands there twice": dict(factor=4.0),
        "the 2 is to multiply, not to divide": dict(factor=0.5),
        "the map keeps its full weight: it should have 1 - share": dict(map_part=torch.ones_like),
        "the prior has its full weight: it should have share": dict(prior_part=torch.ones_like),
        "both parts have full weight": dict(map_part=torch.ones_like, prior_part=torch.ones_like),
        "the shares stand at the wrong parts: the prior has share, the map 1 - share": _turned_share,
        "both parts have the share of the prior: the map has 1 - share": dict(map_part=lambda w: w),
        "both parts have the share of the map: the prior has share": dict(prior_part=lambda w: 1 - w),
        "the prior is missing": dict(bells=lambda e: 0 * my_bells(e)),
        "the logits are averaged, not the probabilities": _by_probability,
        "a Gaussian's logits are due, and this is the Gaussian itself": dict(bells=lambda e: my_bells(e).exp()),
        "the spreads are logarithms: the share is a sigmoid of their difference": lambda a, s, e, p: _mixed(
            a, e, s**2 / (s**2 + p**2)
        ),
        "that is the share of the map: 1 minus it is due": lambda a, s, e, p: (
            _joined(a, s, e, p)[0],
            1 - _joined(a, s, e, p)[1],
        ),
        "the right parts in the wrong order: first the joined logits, then the share": lambda a, s, e, p: _joined(
            a, s, e, p
        )[::-1],
        "the share is missing: return both": lambda a, s, e, p: _joined(a, s, e, p)[0],
        "the share (B, 68) needs two more axes to multiply the maps: share[..., None, None]": lambda a, s, e, p: (
            (1 - torch.sigmoid(2 * (s - p))) * a,
            s,
        ),
        "the share is to be returned as (B, 68)": lambda a, s, e, p: (
            _joined(a, s, e, p)[0],
            _joined(a, s, e, p)[1][..., None, None],
        ),
    },
    tolerance=1e-3,
)


def _forget(h, c, cut, keep=torch.logical_not, of_h=None, of_c=None):
    kept = keep(cut)[:, None]
    return (of_h or (lambda x, k: x * k))(h, kept), (of_c or (lambda x, k: x * k))(c, kept)


_h, _c = _numbers(4, 3, seed=7) + 0.1, _numbers(4, 3, seed=8) + 0.1
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


def _going(kept, speed=lambda k: k[-1] - k[-2]):
    return kept[-1] + speed(kept) if len(kept) > 1 else kept[-1]


def _move(points, sure, kept, least, is_sure=_is_sure, going=_going):
    return torch.where(is_sure(sure, least)[:, None, None], points, going(kept))


def _always(points, sure, kept, least):
    return torch.where((sure >= least)[:, None, None], points, kept[-1] + (kept[-1] - kept[-2]))


move_on = Exercise(
    "05 hold, and move on",
    _move,
    _tracks,
    _wrong_frames
    | {
        "the points stay: this is hold": dict(going=lambda k: k[-1]),
        "where there is only one frame before, kept[-2] is not there: hold": _always,
        "the speed is the wrong way round: from the one before the last to the last": dict(
            going=lambda k: _going(k, lambda k: k[-2] - k[-1])
        ),
        "that is the speed alone: it is added to the last points": dict(
            going=lambda k: k[-1] - k[-2] if len(k) > 1 else k[-1]
        ),
        "the speed counts twice": dict(going=lambda k: _going(k, lambda k: 2 * (k[-1] - k[-2]))),
        "the speed counts half": dict(going=lambda k: _going(k, lambda k: (k[-1] - k[-2]) / 2)),
        "that is the way since the first frame: the speed is that of the last two": dict(
            going=lambda k: _going(k, lambda k: k[-1] - k[0])
        ),
        "that is the mean speed since the first frame: take that of the last two": dict(
            going=lambda k: _going(k, lambda k: (k[-1] - k[0]) / (len(k) - 1))
        ),
        "it is the speed that is added to this frame's points: add it to the last kept": lambda p, s, k, least: (
            torch.where((s >= least)[:, None, None], p, p + k[-1] - k[-2] if len(k) > 1 else k[-1])
        ),
        "where there is only one frame before, hold: the points of this frame are not sure": dict(
            going=lambda k: _going(k) if len(k) > 1 else 0 * k[-1]
        ),
    },
    tolerance=1e-4,
)
