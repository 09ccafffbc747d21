"""Checks of notebook 00: the warm-up."""

import numpy as np

from checks.exercise import Exercise
from checks.made import made_faces
from checks.prediction import Prediction as Prediction
from checks.progress import progress as progress


def _width(p, corners=(48, 54), ruler=(36, 45), length=np.linalg.norm):
    return length(p[corners[0]] - p[corners[1]]) / length(p[ruler[0]] - p[ruler[1]])


def _eyes(p):
    return np.linalg.norm(p[36] - p[45])


mouth_width = Exercise(
    "00 mouth width",
    _width,
    {"a face that leans to the left": (made_faces(2)[0],), "one that leans to the right": (made_faces(2)[1],)},
    {
        "60 and 64 are the corners of the inner lips: the mouth ends at 48 and 54": dict(corners=(60, 64)),
        "48 and 64 are the corner of the outer and of the inner lips": dict(corners=(48, 64)),
        "60 and 54 are the corner of the inner and of the outer lips": dict(corners=(60, 54)),
        "62 and 66 say how far the mouth is open, not how wide it is": dict(corners=(62, 66)),
        "51 and 57 are the middles of the outer lips: that is the height of the mouth": dict(corners=(51, 57)),
        "31 and 35 are the nostrils, not the mouth": dict(corners=(31, 35)),
        "points are counted from 0 here: the corners are p[48] and p[54], not p[49] and p[55]": dict(corners=(49, 55)),
        "points are counted from 0 already: the corners are p[48] and p[54], not p[47] and p[53]": dict(
            corners=(47, 53)
        ),
        "it is divided by the distance of the inner eye corners, 39 and 42": dict(ruler=(39, 42)),
        "it is divided by p[37] to p[46], which counts from 1: the corners are p[36] and p[45] here": dict(
            ruler=(37, 46)
        ),
        "it is divided by p[35] to p[44]: the corners are p[36] and p[45]": dict(ruler=(35, 44)),
        "it is divided by the width of one eye, 36 to 39": dict(ruler=(36, 39)),
        "it is divided by the width of one eye, 42 to 45": dict(ruler=(42, 45)),
        "it is divided by the width of the jaw, 0 to 16": dict(ruler=(0, 16)),
        "it takes only x: a mouth that leans is longer than that": lambda p: abs(p[48] - p[54])[0] / _eyes(p),
        "it takes only y": lambda p: abs(p[48] - p[54])[1] / _eyes(p),
        "both distances take only x: a face that leans is longer than that": dict(length=lambda d: abs(d[0])),
        "the eye distance takes only x": lambda p: np.linalg.norm(p[48] - p[54]) / abs(p[36] - p[45])[0],
        "x and y are added up, that is no distance: square, add, take the root": dict(length=lambda d: abs(d).sum()),
        "the roots are missing: these are squared distances": dict(length=lambda d: (d**2).sum()),
        "it is in pixels: divide by the eye distance": lambda p: np.linalg.norm(p[48] - p[54]),
        "the eye distance is taken away, and should divide": lambda p: np.linalg.norm(p[48] - p[54]) - _eyes(p),
        "the distances are multiplied, and should be divided": lambda p: np.linalg.norm(p[48] - p[54]) * _eyes(p),
        "the fraction stands upside down": lambda p: _eyes(p) / np.linalg.norm(p[48] - p[54]),
        "x and y are still apart: one length is due": lambda p: (p[48] - p[54]) / _eyes(p),
    },
)
