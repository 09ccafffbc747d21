"""Programs on the same frames and boxes, on one core: their predictions, and what each costs."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import torch

from redn_lib.data.dataset import Sample
from redn_lib.evaluation.errors import images_of
from redn_lib.evaluation.offset import without_offset
from redn_lib.evaluation.peers import Program
from redn_lib.evaluation.scores import Measured, figures
from redn_lib.landmarks import N_POINTS
from redn_lib.metrics import mean_percent


@contextmanager
def one_core() -> Iterator[None]:
    """One thread for torch and OpenCV, and one core for everything that starts inside, where the system can do that:
    mediapipe cannot be told how many threads to take.
    """
    threads, cv_threads = torch.get_num_threads(), cv2.getNumThreads()
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        if cores:
            os.sched_setaffinity(0, {max(cores)})
        yield
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
        torch.set_num_threads(threads)
        cv2.setNumThreads(cv_threads)


def run_programs(
    programs: Sequence[Program], samples: Sequence[Sample], box_of: Callable[[Sample], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """(predictions (P, N, 68, 2) in pixels, NaN where no face was found; CPU milliseconds (P, N)).

    The time is that of the processor over all threads of a program, so other work on the machine hardly counts; each
    program has seen the first image before the clock starts. Reading the image is left out.
    """
    predictions = np.full((len(programs), len(samples), N_POINTS, 2), np.nan)
    cost = np.empty((len(programs), len(samples)))
    for n, (sample, image) in enumerate(zip(samples, images_of(samples), strict=True)):
        box = box_of(sample)
        for p, program in enumerate(programs):
            if n == 0:
                program.predict(image, box)
            start = time.process_time()
            points = program.predict(image, box)
            cost[p, n] = 1e3 * (time.process_time() - start)
            if points is not None:
                predictions[p, n] = points
    return predictions, cost


def comparison(
    programs: Sequence[Program],
    samples: Sequence[Sample],
    predictions: np.ndarray,
    labels: np.ndarray,
    cost: np.ndarray,
) -> list[dict[str, Any]]:
    """A row for each program as it is, and one with its mark-up's offset taken out.

    nme_shared: NME over the frames in which every program found the face; ms: the median.
    """
    shared = np.isfinite(predictions).all((0, 2, 3))
    people = [sample.person for sample in samples]
    rows = []
    for program, mine, ms in zip(programs, predictions, cost, strict=True):
        for markup, points in (("as it is", mine), ("corrected", without_offset(mine, labels, people))):
            measured = Measured(samples, points[:, None], labels)
            largest, *others = measured.point_sets
            errors = measured.frame_errors(largest)
            row = {"program": program.name, "input": program.input, "markup": markup, "points": largest}
            row |= {"frames": len(samples), "found": int(measured.found.sum()), **figures(errors)}
            row["nme_shared"] = mean_percent(errors[shared])
            row |= {f"nme_{n.replace(' ', '_')}": mean_percent(measured.frame_errors(n)) for n in others}
            row |= {"ms": float(np.median(ms)), "ms_least": float(ms.min())}
            rows.append(row | {"version": program.version, "trained_on": program.trained_on})
    return rows
