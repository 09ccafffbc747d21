"""Predictions and labels of a test set to figures: by set of points, overall, by split and by video."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from redn_lib.data.dataset import Sample
from redn_lib.landmarks import INNER, N_POINTS, PARTS, SEVEN
from redn_lib.metrics import METRICS, NORMALISERS, frame_errors, jitter

POINT_SETS: dict[str, Sequence[int]] = {"68": range(N_POINTS), "inner 51": INNER, "7": SEVEN}


@dataclass(frozen=True)
class Measured:
    """Predictions beside the labels. Raises ValueError where these do not allow the normaliser, or lack the 7 points.

    samples: the N annotated frames.
    predictions: (N, K, 68, 2) points after each step in pixels of the images, NaN in frames without a prediction.
    labels: (N, 68, 2) in the same pixels, NaN where the set marks no point.
    normaliser: one of `metrics.NORMALISERS`.
    """

    samples: Sequence[Sample]
    predictions: np.ndarray
    labels: np.ndarray
    normaliser: str = "outer-eyes"

    def __post_init__(self) -> None:
        self._need(SEVEN, "that every figure is made of; no other mark-up can be measured")
        if self.normaliser != "outer-eyes":
            self._need(range(N_POINTS), f"that the normaliser {self.normaliser} is made of; take outer-eyes")

    def _need(self, points: Sequence[int], why: str) -> None:
        lacking = ~np.isfinite(self.labels[:, list(points)]).all((1, 2))
        if lacking.any():
            first = self.samples[lacking.argmax()].name
            raise ValueError(
                f"{lacking.sum()} of the {len(lacking)} frames, {first} the first, lack some of the {len(points)} "
                f"points {why}"
            )

    @property
    def point_sets(self) -> list[str]:
        """Names of those of POINT_SETS that are marked in every frame, the largest first."""
        marked = np.isfinite(self.labels).all((0, 2))
        return [name for name, at in POINT_SETS.items() if marked[list(at)].all()]

    @property
    def found(self) -> np.ndarray:
        """(N,) bool: the frames with a prediction after the last step."""
        return np.isfinite(self.predictions[:, -1]).all((1, 2))

    def figures(self, points: Sequence[int], step: int = -1, frames: Any = slice(None)) -> dict[str, float]:
        """Every metric over some of the points, after a step, of some of the frames."""
        given = self._compared(points, step, frames)
        return {name: metric.of(*given) for name, metric in METRICS.items()}

    def frame_errors(self, points: str, step: int = -1) -> np.ndarray:
        """NME of each frame (N,) over one of POINT_SETS, after a step."""
        return frame_errors(*self._compared(POINT_SETS[points], step, slice(None)))

    def _compared(self, points: Sequence[int], step: int, frames: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        size = NORMALISERS[self.normaliser][0](self.labels)
        at = list(points)
        return self.predictions[frames][:, step, at], self.labels[frames][:, at], size[frames]

    @property
    def steps(self) -> list[dict[str, float]]:
        """Every metric after each step, over the largest set of points that is marked."""
        points = POINT_SETS[self.point_sets[0]]
        return [self.figures(points, step) for step in range(self.predictions.shape[1])]

    @property
    def parts(self) -> dict[str, float]:
        """NME of each part of the face after the last step in percent; empty where not all 68 points are marked, or no
        face was found.
        """
        if "68" not in self.point_sets or not self.found.any():
            return {}
        return {name: self.figures(at)["nme"] for name, at in {**PARTS, "inner 51": INNER}.items()}

    def table(self) -> list[dict[str, Any]]:
        """A row for everything and each split and video (where there are several), and each set of points: every metric
        after the last step, and jitter in percent of the eye distance where frames follow on one another.
        """
        videos = np.array([sample.video for sample in self.samples])
        splits = np.array([sample.split for sample in self.samples])
        people = np.array([sample.person for sample in self.samples])
        groups = {("overall", ""): np.ones(len(videos), bool)}
        if len(set(splits)) > 1:
            groups |= {("split", name): splits == name for name in dict.fromkeys(splits.tolist())}
        of_video = {}
        if len(set(videos)) < len(videos):
            of_video = {name: videos == name for name in dict.fromkeys(videos.tolist())}
            groups |= {("video", name): frames for name, frames in of_video.items()}
        shake = {name: 100 * self._jitter(frames) for name, frames in of_video.items()}
        rows = []
        for (kind, name), frames in groups.items():
            mine = [shake[video] for video in shake if frames[of_video[video]].any() and np.isfinite(shake[video])]
            counts = {"frames": int(frames.sum()), "people": len(set(people[frames]))}
            counts["found"] = int(self.found[frames].sum())
            for points in self.point_sets:
                figures = self.figures(POINT_SETS[points], frames=frames)
                row = {"of": kind, "name": name, "points": points, **counts, **figures}
                rows.append(row | {"jitter": float(np.mean(mine)) if mine else float("nan")})
        return rows

    def _jitter(self, frames: np.ndarray) -> float:
        """Of the frames of one video, as a fraction; NaN where too few follow on one another."""
        at = np.flatnonzero(frames)
        numbers = np.array([self.samples[i].number for i in at])
        order = np.argsort(numbers, kind="stable")
        breaks = np.flatnonzero(np.diff(numbers[order]) != 1) + 1
        track = np.insert(self.predictions[at[order], -1].astype(float), breaks, np.nan, axis=0)
        return jitter(track)
