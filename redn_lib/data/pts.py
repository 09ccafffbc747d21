"""Points in a `.pts` file, as 300-W, 300-VW and Talking Face have them.

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

from redn_lib.files import whole_file

FARTHEST = 1e6
"""No coordinate of a picture is as far off as this many pixels (our choice)."""

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_COUNT = re.compile(r"n_points\s*:\s*(\d{1,6})", re.ASCII)
_VERSION = re.compile(r"version\s*:\s*[\w.]+", re.ASCII)


def read_pts(path: str | Path, first: float = 1) -> np.ndarray:
    """Points of a file: (N, 2) float64 in 0-based pixels of its picture.

    first: what the file calls the first pixel, 1 in 300-W. Raises FileNotFoundError, or ValueError as `parse_pts`.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of points; copy it there")
    return parse_pts(path.read_bytes(), str(path), first)


def parse_pts(data: bytes, name: str, first: float = 1) -> np.ndarray:
    """Points of the bytes of a `.pts` file: (N, 2) float64 in 0-based pixels.

    Raises ValueError, naming the file by `name`, the line and the remedy, for anything but the layout above.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{name}, line {line}: not plain text; save it as UTF-8 or copy it anew") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ValueError(f"{name}, line {line}: not plain text (UTF-16?); save it as UTF-8 or copy it anew")
    lines = [(i, line.strip()) for i, line in enumerate(re.split(r"\r\n|\r|\n", text), 1) if line.strip()]
    if not lines:
        raise ValueError(f"{name}, line 1: the file is empty; copy it anew")
    if _VERSION.fullmatch(lines[0][1]):
        lines = lines[1:] or lines
    count = _COUNT.fullmatch(lines[0][1])
    if count is None or len(lines) < 2 or lines[1][1] != "{":
        number = lines[0 if count is None else min(len(lines) - 1, 1)][0]
        raise ValueError(f"{name}, line {number}: 'n_points: N' and a line '{{' must come before the points; mend it")
    body = lines[2:]
    ends = [i for i, (_, line) in enumerate(body) if line == "}"]
    if not ends:
        raise ValueError(f"{name}, line {lines[-1][0]}: breaks off before the closing '}}'; copy the file anew")
    if ends[0] != len(body) - 1:
        raise ValueError(f"{name}, line {body[ends[0] + 1][0]}: goes on after the closing '}}'; delete the rest")
    points = np.array([_point(line, f"{name}, line {i}") for i, line in body[:-1]]).reshape(-1, 2)
    if len(points) != int(count[1]):
        raise ValueError(
            f"{name}, line {body[-1][0]}: {len(points)} points, but n_points says {int(count[1])}; copy the file anew"
        )
    return points - first


def write_pts(path: str | Path, points: np.ndarray) -> None:
    """Write points (N, 2) in 0-based pixels as 300-W has them, counted from 1. Raises OSError as `whole_file`."""
    rows = "".join(f"{x:.6f} {y:.6f}\n" for x, y in np.asarray(points, float) + 1)
    with whole_file(path) as temporary:
        temporary.write_text(f"version: 1\nn_points: {len(points)}\n{{\n{rows}}}\n", encoding="ascii")


def _point(line: str, where: str) -> tuple[float, float]:
    cells = line.split()
    if len(cells) != 2 or not all(_NUMBER.fullmatch(cell) for cell in cells):
        raise ValueError(f"{where}: {line[:40]!r} is not two numbers x y; mend it or delete the file")
    x, y = map(float, cells)
    if not (abs(x) < FARTHEST and abs(y) < FARTHEST):
        raise ValueError(f"{where}: {line[:40]!r} is no place in a picture; mend it or delete the file")
    return x, y
