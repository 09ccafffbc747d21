"""Checks and describes a folder in the published YouTube-Faces keypoint layout: what is there and what is wrong."""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from tqdm import tqdm

from redn_lib.data.ytf import BROKEN, YtfRow, scan
from redn_lib.landmarks import OUTER_EYES


@dataclass(frozen=True)
class YtfReport:
    """What `inspect_folder` found.

    rows: readable ones; problems: a sentence for each other row; sides (N, 2): width and height; eyes (N,): distance
    of the outer eye corners; outside: pictures with points off the picture, and how many; duplicates: groups of names
    of equal pictures. All in pixels.
    """

    rows: list[YtfRow]
    problems: list[str]
    sides: np.ndarray
    eyes: np.ndarray
    outside: dict[str, int]
    duplicates: list[list[str]]

    def text(self, most: int = 20) -> str:
        """The report to print; lists are cut after `most` entries."""
        people = {r.person for r in self.rows}
        clips = {(r.name.split("/")[0], r.person, r.video) for r in self.rows}
        lines = [f"people     {len(people)}", f"clips      {len(clips)}", f"pictures   {len(self.rows)}"]
        for split in sorted({r.name.split("/")[0] for r in self.rows}):
            there = [r for r in self.rows if r.name.startswith(split + "/")]
            lines.append(f"  {split:9s}{len(there)} of {len({r.person for r in there})} people")
        if self.rows:
            lines += [
                f"width      {_spread(self.sides[:, 0])} px",
                f"height     {_spread(self.sides[:, 1])} px",
                f"eyes       {_spread(self.eyes)} px between the outer corners",
            ]
        known = sorted(r.name for r in self.rows if r.name in BROKEN)
        lines += _listed("known broken labels, skipped by the reader", known, most)
        lines += _listed("pictures with points outside", [f"{k} ({v} points)" for k, v in self.outside.items()], most)
        lines += _listed("groups of equal pictures", [" = ".join(g) for g in self.duplicates], most)
        lines += _listed("broken rows", self.problems, most)
        return "\n".join(lines)


def inspect_folder(root: str | Path, progress: bool = False) -> YtfReport:
    """Read every row and every picture of a folder. Raises FileNotFoundError or ValueError as `ytf.scan`."""
    rows, errors = scan(root)
    problems = [str(e) for e in errors]
    good: list[YtfRow] = []
    sides, outside, digests = [], {}, []
    for row in tqdm(rows, "pictures", disable=not progress):
        try:
            image = row.load().image
        except (ValueError, FileNotFoundError) as error:
            problems.append(str(error))
            continue
        size = image.shape[1::-1]
        good.append(row)
        sides.append(size)
        digests.append(sha256(image.tobytes()).digest())
        off = int(((row.points < -0.5) | (row.points > np.array(size) - 0.5)).any(1).sum())
        if off:
            outside[row.name] = off
    right, left = OUTER_EYES
    eyes = [np.linalg.norm(r.points[right] - r.points[left]) for r in good]
    groups = _equal([r.name for r in good], digests)
    return YtfReport(good, problems, np.array(sides).reshape(-1, 2), np.array(eyes), outside, groups)


def _equal(names: Iterable[str], keys: Iterable[Hashable]) -> list[list[str]]:
    groups: dict[Hashable, list[str]] = defaultdict(list)
    for name, key in zip(names, keys, strict=True):
        groups[key].append(name)
    return [g for g in groups.values() if len(g) > 1]


def _spread(values: np.ndarray) -> str:
    low, middle, high = np.percentile(values, [5, 50, 95])
    return f"{middle:.0f} ({low:.0f} to {high:.0f} for 9 of 10)"


def _listed(title: str, entries: list[str], most: int) -> list[str]:
    more = [f"  ... and {len(entries) - most} more"] if len(entries) > most else []
    return [f"{title}: {len(entries)}", *(f"  {e}" for e in entries[:most]), *more]
