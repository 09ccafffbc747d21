"""Checks of notebook 05b: hold, maps joined with the prior, moving on."""

import torch

from checks.exercise import Exercise
from checks.made import made_faces, made_numbers
from checks.prediction import Prediction as Prediction
from redn_lib.presets import PRESETS
from redn_lib.response_maps import log_gaussian_rows

preset = PRESETS["compact"]


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
    "05b hold",
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


def my_bells(points):
    across, down = log_gaussian_rows(points, preset.maps, preset.size, preset.sigma)
    return down[..., :, None] + across[..., None, :]


def _joined(logits, own_spread, expected, spread, factor=2.0, sign=1, bells=my_bells, map_part=None, prior_part=None):
    share = torch.sigmoid(sign * factor * (own_spread - spread))
    weight = share[..., None, None]
    one, other = (map_part or (lambda w: 1 - w))(weight), (prior_part or (lambda w: w))(weight)
    return one * logits + other * bells(expected), share


def _inputs(faces, seed):
    logits = made_numbers(faces, 68, preset.maps, preset.maps, seed=seed)
    own, spread = 0.7 * made_numbers(faces, 68, seed=seed + 1), 0.7 * made_numbers(faces, 68, seed=seed + 2)
    return logits, own, 20 * made_numbers(faces, 68, 2, seed=seed + 3) + preset.size / 2, spread


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
    "05b maps joined with the prior",
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


def _going(kept, speed=lambda k: k[-1] - k[-2]):
    return kept[-1] + speed(kept) if len(kept) > 1 else kept[-1]


def _move(points, sure, kept, least, is_sure=_is_sure, going=_going):
    return torch.where(is_sure(sure, least)[:, None, None], points, going(kept))


def _always(points, sure, kept, least):
    return torch.where((sure >= least)[:, None, None], points, kept[-1] + (kept[-1] - kept[-2]))


move_on = Exercise(
    "05b hold, and move on",
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
