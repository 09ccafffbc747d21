"""Programs on the same frames and boxes, on one core: their answers, and what each costs."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from tqdm import tqdm

from redn_lib.evaluation.errors import Labelled, labelled, summary
from redn_lib.evaluation.offset import without_offset
from redn_lib.evaluation.peers import Look
from redn_lib.evaluation.protocols import Rows
from redn_lib.evaluation.scores import Measured
from redn_lib.landmarks import N_POINTS


@dataclass(frozen=True)
class Program:
    """What is compared. name and way: how it is called and asked; look: does it; version; trained_on: what is known."""

    name: str
    way: str
    look: Look
    version: str
    trained_on: str


@contextmanager
def one_core() -> Iterator[None]:
    """One thread for torch and OpenCV, and one core for everything that starts inside, where the system can do that.

    mediapipe cannot be told how many threads to take; on one core they take turns.
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


def look_at_all(
    programs: Sequence[Program], rows: Rows, box_of: Callable[[Labelled], np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(answers (P, N, 68, 2), NaN without one, labels (N, 68, 2), both in pixels; CPU milliseconds (P, N)).

    The time is that of the processor over all threads of a program, so other work on the machine hardly counts; each
    program has looked at the first picture before the clock starts. Reading the picture is left out.
    """
    answers = np.full((len(programs), len(rows), N_POINTS, 2), np.nan)
    labels, cost = np.empty((len(rows), N_POINTS, 2)), np.empty((len(programs), len(rows)))
    for n, row in enumerate(tqdm(rows, unit="face", leave=False)):
        face = labelled(row)
        labels[n], box = face.points, box_of(face)
        for p, program in enumerate(programs):
            if n == 0:
                program.look(face.image, box)
            start = time.process_time()
            points = program.look(face.image, box)
            cost[p, n] = 1e3 * (time.process_time() - start)
            if points is not None:
                answers[p, n] = points
    return answers, labels, cost


def comparison(
    programs: Sequence[Program], rows: Rows, answers: np.ndarray, labels: np.ndarray, cost: np.ndarray
) -> Iterator[dict[str, Any]]:
    """A record for each program as it is, and one with its mark-up's offset taken out.

    nme_shared: NME over the frames that every program answered; ms: the median.
    """
    shared = np.isfinite(answers).all((0, 2, 3))
    people = [row.person for row in rows]
    for program, said, ms in zip(programs, answers, cost, strict=True):
        for markup, points in (("as it is", said), ("corrected", without_offset(said, labels, people))):
            measured = Measured(rows, points[:, None], labels)
            largest, *others = measured.point_sets
            errors = measured.frame_errors(largest)
            yield {
                "program": program.name, "asked": program.way, "markup": markup, "points": largest,
                "frames": len(rows), "answered": int(measured.answered.sum()), **summary(errors),
                "nme_shared": summary(errors[shared])["nme"] if shared.any() else float("nan"),
                **{f"nme_{name.replace(' ', '_')}": summary(measured.frame_errors(name))["nme"] for name in others},
                "ms": float(np.median(ms)), "ms_least": float(ms.min()),
                "version": program.version, "trained_on": program.trained_on,
            }  # fmt: skip
