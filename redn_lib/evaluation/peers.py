"""Other programs that find 68 points, each an optional package, on the inputs that suit it best (our choice)."""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
import torch

from redn_lib.crop import cut_around
from redn_lib.data.dataset import Sample
from redn_lib.data.samples import file_of_package
from redn_lib.evaluation.errors import images_of
from redn_lib.evaluation.report import Measured, figures
from redn_lib.landmarks import N_POINTS, OUTER_EYES
from redn_lib.metrics import mean_percent
from redn_lib.tracking.detector import overlap

Predict = Callable[[np.ndarray, np.ndarray], np.ndarray | None]
"""(image (H, W, 3) uint8 RGB, box (4,) around the 68 points) to points (68, 2) in pixels of the image, or None."""


class Peer(NamedTuple):
    """A program to compare with, named as its extra in pyproject.toml; load: gives what predicts by name of input."""

    name: str
    package: str
    trained_on: str
    load: Callable[[], dict[str, Predict]]


class Program(NamedTuple):
    """A program that is compared, with one `input`, such as "box given"."""

    name: str
    input: str
    predict: Predict
    version: str
    trained_on: str


def programs_of(peer: Peer) -> list[Program]:
    """A peer, once for each of its inputs. Raises ValueError with the remedy where something is not installed."""
    try:
        loaded = peer.load()
    except ImportError as error:
        # apart, since mediapipe brings a second OpenCV and an old protobuf; first the suite by its pins
        raise ValueError(
            f"peer {peer.name} is not installed ({error}); install it beside, not in, the suite's own environment: "
            "python3 -m venv peers && peers/bin/pip install -c constraints.txt -e . && "
            f'peers/bin/pip install -e ".[{peer.name}]", then run peers/bin/redn compare'
        ) from error
    except FileNotFoundError as error:
        raise ValueError(f"peer {peer.name} cannot run: {error}") from error
    version = str(import_module(peer.package).__version__)
    return [Program(peer.name, way, predict, version, peer.trained_on) for way, predict in loaded.items()]


SAME_FACE = 0.3  # least overlap of the box of dlib's detector with the given one
DETECTOR_BOX = np.array([0.0, -0.13, 1.0, 0.94])
"""dlib's detector's box in the tight box, in its sides: medians of `benchmarks/dlib_box.py` (our choice)."""


def load_dlib() -> dict[str, Predict]:
    """dlib's regression trees (Kazemi and Sullivan, CVPR 2014), from the given box and from its own detector's."""
    import dlib

    package = "face_recognition_models"
    weights = file_of_package(package, "models/shape_predictor_68_face_landmarks.dat", package)
    trees, detector = dlib.shape_predictor(str(weights)), dlib.get_frontal_face_detector()

    def points(image: np.ndarray, rectangle: "dlib.rectangle") -> np.ndarray:
        return np.array([(p.x, p.y) for p in trees(image, rectangle).parts()], float)

    def given(image: np.ndarray, box: np.ndarray) -> np.ndarray:
        box = np.tile(box[:2], 2) + DETECTOR_BOX * np.tile(box[2:] - box[:2], 2)
        return points(image, dlib.rectangle(*(round(float(v)) for v in box)))

    def own(image: np.ndarray, box: np.ndarray) -> np.ndarray | None:
        cut, corner = cut_around(image, box)
        found = detector(cut, 1)  # 1: enlarged once, since it sees no face below 80 pixels
        boxes = np.array([(r.left(), r.top(), r.right(), r.bottom()) for r in found]).reshape(-1, 4)
        near = overlap(boxes, box - np.tile(corner, 2))
        return points(cut, found[int(near.argmax())]) + corner if near.max(initial=0) >= SAME_FACE else None

    return {"box given": given, "own detector": own}


MESH_PLACES: list[list[int]] = json.loads(Path(__file__).with_name("mediapipe_68.json").read_text(encoding="utf-8"))
"""Points of mediapipe's mesh whose mean is each of the 68, from P. Yan's Mediapipe_2_Dlib_Landmarks (our choice)."""


def load_mediapipe() -> dict[str, Predict]:
    """mediapipe's mesh with attention (Grishchenko et al. 2020): as of unrelated images, or in two passes as video."""
    import mediapipe

    if not hasattr(mediapipe, "solutions"):
        raise ImportError(f"mediapipe {mediapipe.__version__} comes without weights")  # from 0.10.30 on
    still, video = (
        mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=still, max_num_faces=1, refine_landmarks=True)
        for still in (True, False)
    )

    def points(image: np.ndarray, box: np.ndarray, process: Callable) -> np.ndarray | None:
        cut, corner = cut_around(image, box)
        found = process(cut).multi_face_landmarks
        if not found:
            return None
        mesh = np.array([(p.x, p.y) for p in found[0].landmark])  # from edge to edge of the image
        return np.array([mesh[place].mean(0) for place in MESH_PLACES]) * cut.shape[1::-1] - 0.5 + corner

    def two_passes(cut: np.ndarray) -> object:
        with no_messages():
            video.reset()
            video.process(cut)
            return video.process(cut)

    return {"one pass": partial(points, process=still.process), "two passes": partial(points, process=two_passes)}


@contextmanager
def no_messages() -> Iterator[None]:
    """Nothing on stderr: mediapipe warns at every new start, from threads that Python's own redirection misses."""
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


PEERS = {
    "dlib": Peer("dlib", "dlib", "300-W", load_dlib),
    "mediapipe": Peer("mediapipe", "mediapipe", "a set of its own", load_mediapipe),
}


@contextmanager
def one_core() -> Iterator[None]:
    """One thread for torch and OpenCV, and one core for all that starts inside, where the system can do that."""
    with ExitStack() as back:
        back.callback(torch.set_num_threads, torch.get_num_threads())
        back.callback(cv2.setNumThreads, cv2.getNumThreads())
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        if hasattr(os, "sched_setaffinity"):
            cores = os.sched_getaffinity(0)
            back.callback(os.sched_setaffinity, 0, cores)
            os.sched_setaffinity(0, {max(cores)})
        yield


def run_programs(
    programs: Sequence[Program], samples: Sequence[Sample], box_of: Callable[[Sample], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Predictions (P, N, 68, 2) in pixels, NaN where no face was found; processor time (P, N) in milliseconds."""
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


def without_offset(predictions: np.ndarray, labels: np.ndarray, people: Sequence[str], folds: int = 10) -> np.ndarray:
    """Predictions (N, 68, 2) less their constant offset from the labels (N, 68, 2), both in pixels; NaN stays NaN.

    Programs trained on other labels put, say, the chin a little lower, always. The offset of each point is the median
    over the frames of the people in other folds (our choice), in units of the vector between the prediction's outer eye
    corners, so that it turns and grows with the face. people: who is shown in each frame, two or more, else ValueError.
    """
    names = sorted(set(people))
    if len(names) < 2:
        raise ValueError(f"the offset of {names[0]} must be fitted on other people, and there are none; take more data")
    fold_of = {name: i % min(folds, len(names)) for i, name in enumerate(names)}
    fold = np.array([fold_of[name] for name in people])
    predicted, true = (points.astype(float) @ [1, 1j] for points in (predictions, labels))
    eyes = (predicted[:, OUTER_EYES[1]] - predicted[:, OUTER_EYES[0]])[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        habit = (true - predicted) / eyes
    habit[~np.isfinite(habit)] = complex(np.nan, np.nan)
    corrected = predicted.copy()
    for k in np.unique(fold):
        fit = habit[fold != k]
        x, y = (pd.DataFrame(part).median().fillna(0).to_numpy() for part in (fit.real, fit.imag))
        corrected[fold == k] += eyes[fold == k] * (x + 1j * y)
    return np.stack([corrected.real, corrected.imag], -1)


def comparison(
    programs: list[Program], samples: Sequence[Sample], predictions: np.ndarray, labels: np.ndarray, cost: np.ndarray
) -> list[dict[str, Any]]:
    """A row for each program as it is, and one without its offset; nme_shared: of frames where all found the face."""
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
