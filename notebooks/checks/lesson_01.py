"""Checks of notebook 01: errors of points, the inner points, a mirrored face."""

import numpy as np

from checks.exercise import Exercise
from checks.made import made_faces
from checks.prediction import Prediction as Prediction
from redn_lib import metrics as metrics
from redn_lib.landmarks import MIRROR

my_mirror = MIRROR  # as it is called in the notebook
norm = np.linalg.norm


def _errors(points, truth, eyes=(36, 45), length=lambda d: norm(d, axis=-1), ruled="labels", corners=None):
    of = truth if ruled == "labels" else points
    first, second = corners or eyes
    ruler = length(of[..., first, :] - of[..., second, :])
    return length(points - truth) / ruler[..., None]


def _of_labels(p, t, eyes=(36, 45)):
    return norm(t[..., eyes[0], :] - t[..., eyes[1], :], axis=-1)[..., None]


_labels = np.array([[0, 0], [10, 2], [5, 8]], float)
_found = np.array([[3, 4], [10, 3], [5.5, 9]], float)
_faces = made_faces(4, 1)
_tracked = _faces + np.random.default_rng(2).normal(0, 2, _faces.shape) * np.array([1, 2, 3, 4])[:, None, None]
_batch = np.stack([_found, _labels + 2]), np.stack([_labels, 3 * _labels]), (0, 1)

point_errors = Exercise(
    "01 errors of points",
    _errors,
    {
        "several faces at once": _batch,
        "one face": (_found, _labels, (0, 1)),
        "68 points, and eyes as they are": (_tracked, _faces),
    },
    {
        "these are pixels: divide by the ruler": lambda p, t, eyes=(36, 45): norm(p - t, axis=-1),
        "the ruler must be measured on the labels": dict(ruled="prediction"),
        "that is the mean already: keep each point": lambda p, t, e=(36, 45): _errors(p, t, e).mean(-1),
        "that is one mean for everything: keep each point": lambda p, t, e=(36, 45): _errors(p, t, e).mean(),
        "that is a sum: keep each point": lambda p, t, e=(36, 45): _errors(p, t, e).sum(-1),
        "points 36 and 45 are typed in: use `eyes`": dict(corners=(36, 45)),
        "points 0 and 1 are typed in: use `eyes`": dict(corners=(0, 1)),
        "it is in percent: 1 eye distance is 1, not 100": lambda p, t, e=(36, 45): 100 * _errors(p, t, e),
        "the root is missing: these are squared distances": lambda p, t, e=(36, 45): (
            ((p - t) ** 2).sum(-1) / _of_labels(p, t, e)
        ),
        "all roots are missing: these are squared distances": dict(length=lambda d: (d**2).sum(-1)),
        "x and y are added up: a distance is the root of the sum of squares": lambda p, t, e=(36, 45): (
            abs(p - t).sum(-1) / _of_labels(p, t, e)
        ),
        "x and y are added up, in the ruler, too: take the root of the sum of squares": dict(
            length=lambda d: abs(d).sum(-1)
        ),
        "the ruler takes only x: eyes may lie on a slope": lambda p, t, e=(36, 45): (
            norm(p - t, axis=-1) / abs(t[..., e[0], 0] - t[..., e[1], 0])[..., None]
        ),
        "x and y are still apart: the length is missing": lambda p, t, e=(36, 45): (
            abs(p - t) / _of_labels(p, t, e)[..., None]
        ),
        "one face is right, several at once are not: each face needs its own ruler, by `axis=-1`": (
            lambda p, t, e=(36, 45): norm(p - t, axis=-1) / norm(t[..., e[0], :] - t[..., e[1], :])
        ),
        "one face is right, several at once are not: the ruler (N,) divides errors (N, L) as `ruler[..., None]`": (
            lambda p, t, e=(36, 45): norm(p - t, axis=-1) / norm(t[..., e[0], :] - t[..., e[1], :], axis=-1)
        ),
        "one face is right, several at once are not: take the points by `truth[..., eyes[0], :]`": (
            lambda p, t, e=(36, 45): norm(p - t, axis=-1) / norm(t[e[0]] - t[e[1]])
        ),
        "several faces are right, one is not: take the points by `truth[..., eyes[0], :]`": (
            lambda p, t, e=(36, 45): norm(p - t, axis=-1) / norm(t[:, e[0]] - t[:, e[1]], axis=-1)[..., None]
        ),
        "several faces are right, one is not: truth[..., eyes[0], :] works for both": (
            lambda p, t, e=(36, 45): norm(p - t, axis=-1) / norm(t[:, e[0]] - t[:, e[1]], axis=-1)[:, None]
        ),
        "one face is right, several at once are not: the mean of all rulers was taken, and each face has its own": (
            lambda p, t, e=(36, 45): norm(p - t, axis=-1) / _of_labels(p, t, e).mean()
        ),
        "the ruler is still x and y apart: its length is missing": lambda p, t, e=(36, 45): (
            norm(p - t, axis=-1) / (t[..., e[0], :] - t[..., e[1], :])
        ),
        "`norm` without `axis=-1` gives one number for all points": lambda p, t, e=(36, 45): (
            norm(p - t) / _of_labels(p, t, e)
        ),
        "one number for all: `norm` needs `axis=-1`": lambda p, t, e=(36, 45): (
            norm(p - t) / norm(t[..., e[0], :] - t[..., e[1], :])
        ),
        "the distance from the labels is missing: these are lengths of the predictions": lambda p, t, e=(36, 45): (
            norm(p, axis=-1) / _of_labels(p, t, e)
        ),
        "the fraction stands upside down": lambda p, t, e=(36, 45): 1 / _errors(p, t, e),
    },
)


def _inner(points, truth, kept=slice(17, None), ruled="labels", divided=None):
    errors = _errors(points, truth, ruled=ruled)[..., kept]
    return errors.mean(-1) if divided is None else errors.sum(-1) / divided


inner_nme = Exercise(
    "01 the inner 51",
    _inner,
    {"some faces": (_tracked, _faces), "one face": (_tracked[3:], _faces[3:])},
    {
        "that is the mean over all 68": dict(kept=slice(None)),
        "one point too many: 16 is the last one of the jaw": dict(kept=slice(16, None)),
        "one point too few: the inner points begin at 17": dict(kept=slice(18, None)),
        "one point too few: in Python 17:67 ends before 67": dict(kept=slice(17, 67)),
        "that is the jaw: the inner points come after it": dict(kept=slice(0, 17)),
        "the last points are cut off, and the jaw, the first 17, should be": dict(kept=slice(0, 51)),
        "the sum over 51 points is divided by 68": dict(divided=68),
        "the sum over the points is not divided": dict(divided=1),
        "these are the errors of each point: the mean is missing": lambda p, t: _errors(p, t)[:, 17:],
        "that is one mean of all faces: keep one number for each": lambda p, t: _inner(p, t).mean(),
        "that is the mean over the faces, and it should be over the points": lambda p, t: _errors(p, t)[:, 17:].mean(0),
        "that is the median": lambda p, t: np.median(_errors(p, t)[:, 17:], -1),
        "the jaw went before the ruler: 36 and 45 became other points": lambda p, t: _errors(p[:, 17:], t[:, 17:]).mean(
            -1
        ),
        "the faces are cut, and the points should be: [:, 17:]": lambda p, t: _errors(p[17:], t[17:]).mean(-1),
        "these are pixels, not eye distances": lambda p, t: norm(p - t, axis=-1)[:, 17:].mean(-1),
        "the ruler must be measured on the labels": dict(ruled="prediction"),
        "it is in percent": lambda p, t: 100 * _inner(p, t),
    },
)


def _flip(points, width, order=MIRROR, last=-1, axis=0):
    out = np.array(points[..., order, :])
    out[..., axis] = width + last - out[..., axis]
    return out


_edge = made_faces(1, 3)[0]
_edge[0], _edge[16] = (0, 50), (159, 60)  # in the first and in the last column

flip = Exercise(
    "01 flip a face",
    _flip,
    {
        "one face": (made_faces(1, 4)[0], 192),
        "points in the first and the last column": (_edge, 160),
        "several faces": (made_faces(3, 5), 200),
    },
    {
        "the points kept their old names: put them in mirror order": dict(order=slice(None)),
        "the names of left and right do not swap by reversing the list: use the mirror order": dict(
            order=slice(None, None, -1)
        ),
        "x is one off: the last column is width - 1": dict(last=0),
        "x is one off: the last column is width - 1, not width + 1": dict(last=1),
        "x is one off: the last column is width - 1, not width - 2": dict(last=-2),
        "the image was turned upside down: flip x, not y": dict(axis=1),
        "both x and y are flipped: that is a turn by half a circle": dict(axis=slice(None)),
        "only the names changed, x did not": lambda p, w: p[..., MIRROR, :],
        "only the names changed, by reversing the list": lambda p, w: p[..., ::-1, :],
        "nothing has changed": lambda p, w: p,
        "x changed its sign: it is counted from the other side of the image": lambda p, w: (
            p[..., MIRROR, :] * np.array([-1, 1])
        ),
        "x changed its sign, and the names stayed: both are to change in another way": lambda p, w: (
            p * np.array([-1, 1])
        ),
        "the face was flipped about its own middle, not about that of the image": lambda p, w: np.stack(
            [2 * p[..., 0].mean(-1, keepdims=True) - p[..., MIRROR, 0], p[..., MIRROR, 1]], -1
        ),
        "x and y are exchanged": lambda p, w: _flip(p, w)[..., ::-1],
        "the mirror order is for the points, the axis before the last: points[..., my_mirror, :]": lambda p, w: _flip(
            p[MIRROR], w, slice(None)
        ),
    },
)
