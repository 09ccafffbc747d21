"""Checks of notebook 07: rulers, more than its share, a .pts file, fair pairs."""

import re

import numpy as np

from checks.exercise import Exercise, Letters
from checks.made import made_faces
from checks.prediction import Prediction as Prediction
from checks.usual import form_of
from redn_lib.teach.same import difference


def _length(d):
    return np.linalg.norm(d, axis=-1)


def _rulers(
    points,
    corners=(36, 45),
    eyes=(slice(36, 42), slice(42, 48)),
    box=lambda sides: np.sqrt(sides.prod(-1)),
    outer=_length,
    between=_length,
    middle=lambda p: p.mean(1),
    around=lambda p: p,
):
    right, left = (middle(points[:, eye]) for eye in eyes)
    inside = around(points)
    return {
        "outer-eyes": outer(points[:, corners[0]] - points[:, corners[1]]),
        "pupils": between(right - left),
        "box-size": box(inside.max(1) - inside.min(1)),
    }


def _across(d):
    return abs(d[..., 0])


rulers = Exercise(
    "07 three rulers",
    _rulers,
    {
        "two faces, which lean": (made_faces(2, 1),),
        "five faces": (made_faces(5, 2) * [1, 0.6],),
        "one face": (made_faces(1, 3) * [0.5, 1],),
    },
    {
        "eye distances take only x: a face may lean": dict(outer=_across, between=_across),
        "the distance of the eye corners takes only x: a face may lean": dict(outer=_across),
        "the distance of the middles takes only x: a face may lean": dict(between=_across),
        "'outer-eyes': the inner corners were taken; the outer ones are 36 and 45": dict(corners=(39, 42)),
        "'outer-eyes': the numbers 37 and 46 count from 1, here it is 36 and 45": dict(corners=(37, 46)),
        "'outer-eyes': 36 and 41 belong to one eye; the outer corners are 36 and 45": dict(corners=(36, 41)),
        "'outer-eyes': 36 and 39 are the corners of one eye; the outer ones are 36 and 45": dict(corners=(36, 39)),
        "'outer-eyes': 42 and 45 are the corners of one eye; the outer ones are 36 and 45": dict(corners=(42, 45)),
        "'pupils': a point of each eye is missing, in Python 36:41 ends before 41": dict(
            eyes=(slice(36, 41), slice(42, 47))
        ),
        "'pupils': the points count from 0: 36 to 41 and 42 to 47": dict(eyes=(slice(37, 43), slice(43, 49))),
        "'pupils': the middle of an eye is the mean of six points, not of its corners": dict(
            middle=lambda p: (p[:, 0] + p[:, 3]) / 2
        ),
        "'pupils': the middle of an eye is the mean of six points, not their sum": dict(middle=lambda p: p.sum(1)),
        "'pupils': the middle of an eye is the mean of six points, not their median": dict(
            middle=lambda p: np.median(p, 1)
        ),
        "'box-size': that is the area of the box, the root is missing": dict(box=lambda s: s.prod(-1)),
        "'box-size': that is the diagonal of the box": dict(box=_length),
        "'box-size': that is the larger side; the root of width times height is due": dict(box=lambda s: s.max(-1)),
        "'box-size': that is the smaller side; the root of width times height is due": dict(box=lambda s: s.min(-1)),
        "'box-size': that is the mean of width and height; the root of their product is due": dict(
            box=lambda s: s.mean(-1)
        ),
        "'box-size': that is the sum of width and height; the root of their product is due": dict(
            box=lambda s: s.sum(-1)
        ),
        "'box-size': that is the width alone": dict(box=lambda s: s[..., 0]),
        "'box-size': that is the height alone": dict(box=lambda s: s[..., 1]),
        "'box-size': the box is around all 68 points, not without the jaw": dict(around=lambda p: p[:, 17:]),
        "'box-size': one box was taken for all faces: .max(1) is over the points": dict(
            box=lambda s: np.sqrt(s.prod(-1)),
            around=lambda p: np.broadcast_to(p.reshape(1, -1, 2), (len(p), p.size // 2, 2)),
        ),
        "the roots are missing: these are squared distances": dict(
            outer=lambda d: (d**2).sum(-1), between=lambda d: (d**2).sum(-1)
        ),
        "x and y are added up, that is no distance": dict(
            outer=lambda d: abs(d).sum(-1), between=lambda d: abs(d).sum(-1)
        ),
        "the mean over the faces was taken: each face has its own rulers": lambda p: {
            name: value.mean() for name, value in _rulers(p).items()
        },
    },
)


def _lift(errors, mark, worst, order=lambda e: np.argsort(-e), divided=True):
    among = mark[order(errors)[:worst]].mean()
    return among / mark.mean() if divided else among


_draw = np.random.default_rng(3)
_bad, _other = _draw.gamma(2, 3, (2, 60))

lift = Exercise(
    "07 more than its share",
    _lift,
    {
        "sixty frames, the worst ten": (_bad, _bad + _other > 12, 10),
        "a factor that is rare": (_bad, (_bad > 8) & (_other > 8), 7),
        "a factor that helps": (_bad, _bad - _other < 1, 20),
        "all frames": (_bad, _other > 5, 60),
    },
    {
        "that is the share among the worst alone: divide by the share among all": dict(divided=False),
        "these are the best frames, not the worst": dict(order=np.argsort),
        "these are the first frames: sort by error": dict(order=lambda e: np.arange(len(e))),
        "these are the last frames: sort by error": dict(order=lambda e: np.arange(len(e))[::-1]),
        "numerator and denominator are exchanged": lambda e, m, w: 1 / _lift(e, m, w),
        "one of the worst is missing": lambda e, m, w: _lift(e, m, w - 1),
        "one frame too many": lambda e, m, w: _lift(e, m, w + 1),
        "these are numbers of frames, not shares: divide each by how many there are": lambda e, m, w: (
            m[np.argsort(-e)[:w]].sum() / m.sum()
        ),
        "that is the number among the worst": lambda e, m, w: m[np.argsort(-e)[:w]].sum(),
        "the shares were subtracted, and should be divided": lambda e, m, w: m[np.argsort(-e)[:w]].mean() - m.mean(),
        "it is compared with the frames that are not the worst: compare with all": lambda e, m, w: (
            m[np.argsort(-e)[:w]].mean() / m[np.argsort(-e)[w:]].mean()
        ),
        "the errors were used, and not where the factor is there": lambda e, m, w: (
            e[np.argsort(-e)[:w]].mean() / e.mean()
        ),
        "that is the mean error with the factor over that of all": lambda e, m, w: e[m].mean() / e.mean(),
        "it is in percent: 1 means no more often than everywhere": lambda e, m, w: 100 * _lift(e, m, w),
        "the worst ten are always taken: `worst` says how many": lambda e, m, w: _lift(e, m, 10),
        "the mark is the wrong way round: that is where the factor is not there": lambda e, m, w: _lift(e, ~m, w),
    },
    tolerance=2e-3,
)


def _pts(points, first=1, turned=1, form=".1f", between=" ", version="version: 1\n", count=None, brace="}", end="\n"):
    lines = [between.join(format(number, form) for number in point[::turned]) for point in points + first]
    count = f"n_points: {len(points)}\n" if count is None else count
    return f"{version}{count}{{\n" + "\n".join(lines) + f"\n{brace}{end}"


def _lines(text, points):
    """The lines of a file, numbers as numbers: how many decimals and spaces they have does not matter."""
    return [_line(line) for line in text.split("\n")] if isinstance(text, str) else text


def _line(line):
    try:
        return [float(word) for word in line.split()]
    except ValueError:
        line = re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):g}", line.strip())
        return re.sub(r"\s*:\s*", ": ", line)


def _wrong_line(mine, ours):
    """The first line that is wrong, in words."""
    if not isinstance(mine, list):
        return f"a text is due, and it returns {form_of(mine)}"
    for number, (got, due) in enumerate(zip(mine, ours, strict=False), 1):
        if difference(got, due)[0] > 1e-3:
            what = {1: "the version", 2: "the number of points", 3: "a { alone"}.get(number, "x y, or a } alone")
            return f"line {number} is wrong: {what} is due there"
    return f"it has {len(mine)} lines, and {len(ours)} are due" if len(mine) != len(ours) else ""


pts_text = Exercise(
    "07 a .pts file",
    _pts,
    {
        "three points": (np.array([[0.0, 0.0], [12.5, 7.0], [3.0, 99.5]]),),
        "two points": (np.array([[41.5, 3.0], [8.0, 25.5]]),),
    },
    {
        "the file counts from 1: add it": dict(first=0),
        "1 is added, not subtracted, on the way into the file": dict(first=-1),
        "1 is added once, to x and y": dict(first=2),
        "1 is added to x alone, and y needs it, too": dict(first=np.array([1, 0])),
        "1 is added to y alone, and x needs it, too": dict(first=np.array([0, 1])),
        "each line is x, then y": dict(turned=-1),
        "a space stands between x and y, no comma": dict(between=", "),
        "a space stands between x and y, and no comma": dict(between=","),
        "the numbers are whole: one decimal is due": dict(form=".0f"),
        "the line `version: 1` is missing": dict(version=""),
        "the line with the number of points is missing": dict(count=""),
        "the number of points is always 68 here: it is that of the points given": dict(count="n_points: 68\n"),
        "the number of numbers stands there, not that of points": lambda p: _pts(p).replace(
            f"n_points: {len(p)}", f"n_points: {p.size}"
        ),
        "the last line needs its line break": dict(end=""),
        "one line break too many stands at the end": dict(end="\n\n"),
        "the closing brace is missing": dict(brace="", end=""),
        "the closing brace and its line break are missing": lambda p: _pts(p)[:-3],
        "the opening brace is missing": lambda p: _pts(p).replace("{\n", ""),
        "the opening brace has a line of its own": lambda p: _pts(p).replace("\n{", " {"),
        "the line breaks are missing: join the lines by '\\n'": lambda p: _pts(p).replace("\n", " ").strip(),
        "the lines are a list: join them by '\\n'": lambda p: _pts(p).splitlines(),
        "all numbers stand in one line: each point has its own": lambda p: _pts(p, between=" ").replace(
            "{\n" + "\n".join(f"{x:.1f} {y:.1f}" for x, y in p + 1),
            "{\n" + " ".join(f"{x:.1f} {y:.1f}" for x, y in p + 1),
        ),
        "the points stand there as Python shows arrays: write each number": lambda p: (
            f"version: 1\nn_points: {len(p)}\n{{\n" + "\n".join(str(q) for q in p + 1) + "\n}\n"
        ),
    },
    read=_lines,
    explain=_wrong_line,
)

fair = Letters(
    "07 one table?",
    "ae",
    {
        "a": "a is missing: the size of a network is no condition of measuring",
        "b": "in b the rulers differ: the middles of the eyes stand closer, so its numbers are larger",
        "c": "in c 30 frames are missing on one side, perhaps the hardest",
        "d": "in d one of them is helped by a true box in every frame",
        "e": "e is missing: the machine is no condition of measuring",
    },
)
