"""Answers and labels of a test set to figures: by set of points, overall, by split and by video."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from redn_lib.data.store import StoredRow
from redn_lib.data.ytf import YtfRow
from redn_lib.evaluation.errors import summary
from redn_lib.evaluation.protocols import Rows
from redn_lib.landmarks import INNER, N_POINTS, SEVEN
from redn_lib.metrics import NORMALISERS, jitter, point_errors

POINT_SETS: dict[str, Sequence[int]] = {"68": range(N_POINTS), "inner 51": INNER, "7": SEVEN}


def still_or_video(row: YtfRow | StoredRow) -> str:
    """Name of the video whose frames follow on one another; of the still where they do not."""
    return row.video if isinstance(row, StoredRow) else row.name


@dataclass(frozen=True)
class Measured:
    """rows: what was looked at (N); answers: (N, K, 68, 2) points after each step, NaN without an answer; labels:
    (N, 68, 2), NaN where unmarked, both in pixels of the pictures; normaliser: one of `metrics.NORMALISERS`.

    Raises ValueError where the labels do not allow the normaliser, or mark none of `POINT_SETS` in every frame.
    """

    rows: Rows
    answers: np.ndarray
    labels: np.ndarray
    normaliser: str = "outer-eyes"

    def __post_init__(self) -> None:
        self._need(SEVEN, "that every figure is made of; no other mark-up can be measured")
        whole = SEVEN if self.normaliser == "outer-eyes" else range(N_POINTS)
        self._need(whole, f"that the normaliser {self.normaliser} is made of; take outer-eyes")

    def _need(self, points: Sequence[int], why: str) -> None:
        lacking = ~np.isfinite(self.labels[:, list(points)]).all((1, 2))
        if lacking.any():
            first = self.rows[lacking.argmax()].name
            raise ValueError(
                f"{lacking.sum()} of the {len(lacking)} frames, {first} the first, lack some of the {len(points)} "
                f"points {why}"
            )

    @property
    def point_sets(self) -> dict[str, Sequence[int]]:
        """Those of `POINT_SETS` that are marked in every frame, the largest first."""
        marked = np.isfinite(self.labels).all((0, 2))
        return {name: at for name, at in POINT_SETS.items() if marked[list(at)].all()}

    @property
    def answered(self) -> np.ndarray:
        """(N,) bool: the frames with an answer after the last step."""
        return np.isfinite(self.answers[:, -1]).all((1, 2))

    @cached_property
    def errors(self) -> np.ndarray:
        """(N, K, 68) as fractions of what the normaliser measures."""
        return point_errors(self.answers, self.labels[:, None], NORMALISERS[self.normaliser][0])

    def frame_errors(self, points: str, step: int = -1) -> np.ndarray:
        """NME of each frame (N,) over one of `POINT_SETS`, after a step."""
        return self.errors[:, step, list(POINT_SETS[points])].mean(-1)

    def table(self) -> Iterator[dict[str, Any]]:
        """A record for everything and each split and video (where there are several), and each set of points: figures
        of the last step, jitter in percent where frames follow on one another.
        """
        videos = np.array([still_or_video(row) for row in self.rows])
        splits = np.array([row.split if isinstance(row, StoredRow) else "" for row in self.rows])
        groups = {("overall", ""): np.ones(len(videos), bool)}
        if len(set(splits)) > 1:
            groups |= {("split", name): splits == name for name in dict.fromkeys(splits.tolist())}
        shake = {}
        if len(set(videos)) < len(videos):
            of_video = {("video", name): videos == name for name in dict.fromkeys(videos.tolist())}
            shake = {key: 100 * self._jitter(mask) for key, mask in of_video.items()}
            groups |= of_video
        for (kind, name), mask in groups.items():
            those = [shake[key] for key in shake if mask[videos == key[1]].any() and np.isfinite(shake[key])]
            for points in self.point_sets:
                errors = self.frame_errors(points)[mask]
                yield {
                    "of": kind, "name": name, "points": points, "frames": len(errors),
                    "people": len({row.person for row, mine in zip(self.rows, mask, strict=True) if mine}),
                    "answered": int(np.isfinite(errors).sum()), **summary(errors),
                    "jitter": float(np.mean(those)) if those else None,
                }  # fmt: skip

    def _jitter(self, mask: np.ndarray) -> float:
        """Of the frames of one video, as a fraction; NaN where too few follow on one another."""
        at = np.flatnonzero(mask)
        numbers = np.array([self.rows[i].frame for i in at])
        order = np.argsort(numbers, kind="stable")
        breaks = np.flatnonzero(np.diff(numbers[order]) != 1) + 1
        track = np.insert(self.answers[at[order], -1].astype(float), breaks, np.nan, axis=0)
        return jitter(track)
