"""Points in a `.pts` file, as 300-W and 300-VW have them.

    version: 1
    n_points: 68
    {
    x y
    ...
    }

300-W and 300-VW count pixels from 1 (Matlab's convention, stated by the set), the library from 0 (`landmarks`).
"""

import re
from pathlib import Path

import numpy as np

from redn_lib.data.markups import BY_COUNT
from redn_lib.files import whole_file
from redn_lib.landmarks import N_POINTS

FARTHEST = 1e6  # no coordinate of an image is as many pixels off (our choice)

_LAYOUT = re.compile(r"\s*(?:version\s*:[^\n{]*\n)?\s*n_points\s*:\s*([0-9]{1,6})\s*\{([^{}]*)\}\s*")


def read_pts(path: str | Path) -> np.ndarray:
    """Points of a file: (N, 2) float64 in 0-based pixels of its image. Raises FileNotFoundError or ValueError, naming
    the file, for anything but the layout above.
    """
    try:
        match = _LAYOUT.fullmatch(Path(path).read_text(encoding="utf-8-sig"))
        if match is None:
            raise ValueError("not 'n_points: N', '{', N lines 'x y', '}'")
        points = np.array(match[2].split(), float).reshape(int(match[1]), 2)
        if not (abs(points) < FARTHEST).all():
            raise ValueError("a point is no place in an image")
    except ValueError as error:
        raise ValueError(f"{path}: no whole .pts file ({error}); copy it again, mend or delete it") from error
    return points - 1


def write_pts(path: str | Path, points: np.ndarray) -> None:
    """Write points (N, 2) in 0-based pixels as 300-W has them, counted from 1. Raises OSError as `whole_file`."""
    rows = "".join(f"{x:.6f} {y:.6f}\n" for x, y in np.asarray(points, float) + 1)
    with whole_file(path) as temporary:
        temporary.write_text(f"version: 1\nn_points: {len(points)}\n{{\n{rows}}}\n", encoding="ascii")


def read_68(path: Path) -> np.ndarray:
    """The points of a `.pts` file as (68, 2) float32 in 0-based pixels, NaN where its mark-up has no such point. Raises
    FileNotFoundError or ValueError, naming the file, where it is damaged or of another number of points.
    """
    points = read_pts(path)
    markup = BY_COUNT.get(len(points))
    if markup is None:
        raise ValueError(f"{path}: {len(points)} points are of no mark-up that is known here; mend or leave it out")
    out = np.full((N_POINTS, 2), np.nan, np.float32)
    out[list(markup.values())] = points[list(markup)]
    return out
