"""Linear probes: what one linear map reads from a code, of synthetic people whom no network was trained on."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import torch

from redn_lib.data.clip import Face
from redn_lib.data.synthetic import factors, render
from redn_lib.experiments.measures import exact_input
from redn_lib.identity import pooled, split
from redn_lib.rednet import RedNet
from redn_lib.training.batches import cut_patch

FIRST_PERSON = 999_000_000  # beyond the people of every `ProceduralFaces` that trains
READ = {"yaw": "yaw", "pitch": "pitch", "mouth": "mouth_open"}
STRENGTHS = np.logspace(0, 5, 11)
RARE = 0.03  # a channel that varies by less than this share of the mean variance counts little


@lru_cache(maxsize=1)
def probe_faces(people: int, images: int) -> tuple[Face, ...]:
    """Patches of synthetic people, `images` of each in a row, nothing before their faces; with their factors."""
    faces = []
    for person in range(FIRST_PERSON, FIRST_PERSON + people):
        for i in range(images):
            face = render(replace(factors(person * 100 + i, person=person), occluder=None))
            faces.append(replace(cut_patch(face), factors=face.factors))
    return tuple(faces)


@torch.inference_mode()
def codes_of(model: RedNet, patches: Sequence[Face]) -> torch.Tensor:
    """Code of the first step of each patch, which is the one that f_tRNN gets: (N, C, h, w), from exact boxes."""
    batches = (exact_input(patches[at : at + 32], model) for at in range(0, len(patches), 32))
    return torch.cat([model.frame(*batch, steps=1, temporal=False).codes[0] for batch in batches]).cpu()


def ridge(x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Ridge regression from x (N, D) to y (N, M) as a function of new x (n, D); cross-validated (our choice)."""
    middle, spread = x.mean(0), np.sqrt(x.var(0) + RARE * x.var(0).mean() + 1e-12)
    u, size, v = np.linalg.svd((x - middle) / spread, full_matrices=False)
    wanted = y - y.mean(0)
    projected = u.T @ wanted
    scores = []
    for strength in STRENGTHS:
        kept = size**2 / (size**2 + strength)
        left = ((wanted - u @ (kept[:, None] * projected)) ** 2).sum()
        scores.append(left / (len(x) - 1 - kept.sum()).clip(1e-3) ** 2)
    strength = STRENGTHS[int(np.argmin(scores))]
    weights = v.T @ ((size / (size**2 + strength))[:, None] * projected)
    return lambda new: (new - middle) / spread @ weights + y.mean(0)


def who_is_it(code: np.ndarray, person: np.ndarray) -> float:
    """Share of images, the last quarter of each person's, whose person is named rightly: code (N, D), person (N,)."""
    names, at = np.unique(person, return_inverse=True)
    images = pd.Series(person).groupby(person)
    test = np.array(images.cumcount() >= np.ceil(0.75 * images.transform("size")))
    scores = ridge(code[~test], np.eye(len(names))[at[~test]])(code[test])
    return float((scores.argmax(1) == at[test]).mean())


def r2(code: np.ndarray, factor: np.ndarray, person: np.ndarray) -> float:
    """R2 of a factor (N,) read from code (N, D) on the last third of the people: 1 perfect, 0 as good as the mean."""
    names = np.unique(person)
    test = person >= names[-max(len(names) // 3, 1)]
    predicted = ridge(code[~test], factor[~test, None])(code[test])[:, 0]
    return float(1 - ((predicted - factor[test]) ** 2).mean() / factor[test].var())


def probe_figures(model: RedNet, people: int, images: int) -> dict[str, float]:
    """who (percent right), yaw, pitch and mouth (R2), each from C_id, C_pe and every other channel of either ("half"),
    pooled as f_CLS gets them, or with all their places in a row (`_whole`).
    """
    faces = probe_faces(people, images)
    code = codes_of(model, faces)
    person = np.array([face.factors["person_seed"] for face in faces])
    identity, changing = split(code, model.preset.identity_channels)
    figures = {}
    for name, part in {"id": identity, "pe": changing, "half": code[:, ::2]}.items():
        for form, x in {"": pooled(part), "_whole": part.flatten(1)}.items():
            x = x.double().numpy()
            figures[f"who_{name}{form}"] = 100 * who_is_it(x, person)
            for figure, factor in READ.items():
                known = np.array([face.factors[factor] for face in faces], float)
                figures[f"{figure}_{name}{form}"] = r2(x, known, person)
    return figures
