"""Predictions and labels of a test set to figures: by set of points, overall, by turn of the head, split and video."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from redn_lib.data.dataset import Sample
from redn_lib.identity import pose_of
from redn_lib.landmarks import INNER, N_POINTS, PARTS, SEVEN
from redn_lib.metrics import METRICS, NORMALISERS, jitter, mean_percent, point_errors

POINT_SETS: dict[str, Sequence[int]] = {"68": range(N_POINTS), "inner 51": INNER, "7": SEVEN}

TURNS = ("least turned", "more turned", "most turned")
FEW = 30  # frames; fewer are not divided by turn


def figures(errors: np.ndarray) -> dict[str, float]:
    """Every metric of the errors of frames (N,)."""
    return {name: metric.of(errors) for name, metric in METRICS.items()}


@dataclass(frozen=True)
class Measured:
    """Predictions beside the labels. Raises ValueError where these lack points that the normaliser needs."""

    samples: Sequence[Sample]  # the N annotated frames
    predictions: np.ndarray  # (N, K, 68, 2) points after each step in pixels of the images, NaN where there are none
    labels: np.ndarray  # (N, 68, 2) in the same pixels, NaN where the set marks no point
    normaliser: str = "outer-eyes"  # one of `metrics.NORMALISERS`

    def __post_init__(self) -> None:
        points = SEVEN if self.normaliser == "outer-eyes" else range(N_POINTS)
        lacking = ~np.isfinite(self.labels[:, list(points)]).all((1, 2))
        if lacking.any():
            first = self.samples[lacking.argmax()].name
            raise ValueError(
                f"{lacking.sum()} of the {len(lacking)} frames, {first} the first, lack some of the {len(points)} "
                f"points that the normaliser {self.normaliser} needs; outer-eyes needs {len(SEVEN)}"
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

    def frame_errors(self, points: str, step: int = -1) -> np.ndarray:
        """NME of each frame (N,) after a step, over one of POINT_SETS or of the parts of the face."""
        at = list((POINT_SETS | PARTS)[points])
        by, _ = NORMALISERS[self.normaliser]
        return point_errors(self.predictions[:, step], self.labels, by)[:, at].mean(-1)

    @property
    def steps(self) -> list[dict[str, float]]:
        """Every metric after each step, over the largest set of points that is marked."""
        return [figures(self.frame_errors(self.point_sets[0], step)) for step in range(self.predictions.shape[1])]

    @property
    def parts(self) -> dict[str, float]:
        """NME of each part of the face after the last step in percent; empty where not all 68 points are marked."""
        names = (*PARTS, "inner 51") if "68" in self.point_sets else ()
        return {name: mean_percent(self.frame_errors(name)) for name in names}

    def table(self) -> list[dict[str, Any]]:
        """A row for all, each third by turn, split, video and set of points: the last step's metrics, jitter in %."""
        columns = ("split", "video", "person", "number")
        frames = pd.DataFrame([[getattr(sample, name) for name in columns] for sample in self.samples], columns=columns)
        shakes = {}
        for video, numbers in frames.groupby("video")["number"]:
            track = np.full((np.ptp(numbers) + 1, N_POINTS, 2), np.nan)
            track[numbers - numbers.min()] = self.predictions[numbers.index, -1]
            shakes[video] = 100 * jitter(track)
        frames["jitter"] = frames["video"].map(shakes)
        groups = [("overall", "", frames)]
        if "68" in self.point_sets and len(frames) >= FEW:
            turn = pose_of(torch.from_numpy(self.labels))[:, 0].abs().numpy()
            thirds = pd.Series(turn).rank(method="first") * 3 // (len(turn) + 1)
            groups += [("turn", TURNS[int(third)], some) for third, some in frames.groupby(thirds)]
        if frames["split"].nunique() > 1:
            groups += [("split", name, some) for name, some in frames.groupby("split", sort=False)]
        if frames["video"].nunique() < len(frames):
            groups += [("video", name, some) for name, some in frames.groupby("video", sort=False)]
        errors = {points: self.frame_errors(points) for points in self.point_sets}
        rows = []
        for kind, name, some in groups:
            at, found = some.index, int(self.found[some.index].sum())
            counts = {"frames": len(some), "people": some["person"].nunique(), "found": found}
            shake = {"jitter": float(some.drop_duplicates("video")["jitter"].mean())}
            for points, mine in errors.items():
                rows.append({"of": kind, "name": name, "points": points} | counts | figures(mine[at]) | shake)
        return rows
