"""Answers of the tracker, which is given no box: what a published figure of a video set means."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np
from tqdm import tqdm

from redn_lib.evaluation.errors import labelled
from redn_lib.evaluation.protocols import Rows
from redn_lib.evaluation.scores import still_or_video
from redn_lib.rednet import RedNet
from redn_lib.tracking.tracker import Tracker


def tracked_answers(model: RedNet, rows: Rows, steps: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(points (N, 1, 68, 2) of each frame after the last step, NaN where the face is lost, labels (N, 68, 2)).

    Frames of one video that stand together in `rows` are tracked one after the other, a still by itself; the tracker
    finds the face by itself, of several the largest. Raises ValueError where the pictures of a video differ in size.
    """
    answers, labels = [], []
    with tqdm(total=len(rows), unit="face", leave=False) as bar:

        def pictures(video: Rows) -> Iterator[np.ndarray]:
            for row in video:
                face = labelled(row)
                labels.append(face.points)
                bar.update()
                yield face.image

        for _, video in groupby(rows, still_or_video):
            answers += [frame.points[None] for frame in Tracker(model, steps).track(pictures(list(video)))]
    return np.array(answers), np.array(labels)
