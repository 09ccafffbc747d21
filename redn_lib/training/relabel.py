"""Points that another network set, set again by one that learnt from people: one mark-up for all (our choice)."""

from collections.abc import Iterable, Sequence
from copy import copy
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from redn_lib.data.augment import mirror
from redn_lib.data.clip import Sample
from redn_lib.files import naming, unsealed, write_sealed
from redn_lib.landmarks import OUTER_EYES, tight_box
from redn_lib.rednet import RedNet
from redn_lib.tracking.align import align

TURNS = (-12.0, 0.0, 12.0)  # degrees of the first crop; from each, an image is aligned as it is and in the mirror
AGREE = 0.025  # images whose predictions stray farther from their mean are left out: over the eye distance
FAR = 0.12  # so are those whose mean is farther from the points that were there, which hold the face at least


LABELS = "labels.npz"  # where a run keeps them


def labelled_by_people(samples: Iterable[Sample]) -> list[Sample]:
    """Those of them whose points people set."""
    return [sample for sample in samples if sample.dataset.layout.labels == "people"]


def of_one_markup(samples: Sequence[Sample], model: RedNet, path: Path) -> list[Sample]:
    """The samples with points as people set them: where people labelled some of them and another network the rest, the
    rest as `renewed`, after those. model: one that learnt from people's labels; path: as of `renewed`.
    """
    by_people = labelled_by_people(samples)
    others = [sample for sample in samples if sample.dataset.layout.labels != "people"]
    if not by_people or not others:
        return [*samples]
    return by_people + renewed(model.eval(), others, by_people[0].lean, path)


def renewed(model: RedNet, samples: Sequence[Sample], lean: float, path: Path) -> list[Sample]:
    """The samples with the mean of the model's predictions as points, less those that it is not sure of.

    lean: of the labels that the model learnt from; the samples have it now.
    path: an .npz file in which the points are kept, so that a run that is stopped does not set them again.
    """
    if not path.exists():
        found = np.stack([mean_prediction(model, sample, lean) for sample in tqdm(samples, "labels")])
        write_sealed(path, partial(np.savez, points=found))
    kept = []
    with naming(path, "delete it: it is made again"), np.load(unsealed(path)) as file:
        for sample, points in zip(samples, file["points"], strict=True):
            if np.isfinite(points).all():
                again = copy(sample)
                again.points, again.lean = points, lean
                kept.append(again)
    return kept


def mean_prediction(model: RedNet, sample: Sample, lean: float) -> np.ndarray:
    """(68, 2) float32 in pixels of the image; NaN where the predictions, or these and the points, do not agree."""
    face, found = sample.face(), []
    reflected, points = mirror(face.image, face.points)
    for turn in TURNS:
        found.append(align(model, face.image, face.box, turn=turn).points)
        there = align(model, reflected, tight_box(points), turn=turn).points
        found.append(mirror(reflected, there, lean)[1])
    points = np.mean(found, 0)
    eyes = np.linalg.norm(np.subtract(*points[list(OUTER_EYES)]))
    strays, off = (np.linalg.norm(np.array(them) - points, axis=-1).mean() / eyes for them in (found, [face.points]))
    return points if strays < AGREE and off < FAR else np.full_like(points, np.nan)
