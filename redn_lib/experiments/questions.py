"""The paper's questions as experiments: each an entry of QUESTIONS, all of one shape, run by one runner."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from redn_lib.experiments import curriculum
from redn_lib.experiments.curriculum import FULL, LSTM, NO_LSTM, STEPS, SUPERVISIONS, Curriculum, Setting, Supervision
from redn_lib.experiments.filters import FILTERS, best_strength
from redn_lib.experiments.measures import Trial, clip_figures, still_figures, swap_figures, tracks_of, trials, z_figures
from redn_lib.experiments.mixes import mix_figures
from redn_lib.experiments.probes import probe_figures
from redn_lib.experiments.statistics import differences, factorial, pairwise, worths
from redn_lib.feedback import FeedbackForm
from redn_lib.files import naming, whole_file
from redn_lib.pretrained import load_pretrained
from redn_lib.rednet import RedNet
from redn_lib.temporal import HIDDEN
from redn_lib.training.batches import ClipBatches
from redn_lib.training.grow import grown
from redn_lib.training.stages import STAGES

Figures = dict[str, float]


class Question(NamedTuple):
    """A question; about: head of its table; run: trains a variant and measures it; contrasts: rows of the table of
    effects; from_shipped: whether the shipped weights begin it, so that whom these have seen is left out.
    """

    about: str
    variants: Mapping[str, Any]
    run: Callable[[Any, Setting, int], Figures]
    contrasts: Callable[[pd.DataFrame], list[dict[str, Any]]] = differences
    from_shipped: bool = False


def run_question(
    question: Question, setting: Setting, seeds: Sequence[int], folder: Path, conditions: str
) -> pd.DataFrame:
    """A row for every variant and seed, run or read from `folder`; ValueError where one was run in other conditions."""
    rows = []
    for seed, (name, variant) in product(seeds, question.variants.items()):
        path = folder / f"{name.replace(' ', '_')}-{seed}.json"
        if not path.exists():
            start = time.perf_counter()
            figures = question.run(variant, setting, seed)
            minutes = (time.perf_counter() - start) / 60
            row = {"variant": name, "seed": seed, **figures, "minutes": minutes, "settings": conditions}
            with whole_file(path) as temporary:
                temporary.write_text(json.dumps(row), encoding="utf-8")
            print(f"{name}, seed {seed}: " + ", ".join(f"{k} {v:.2f}" for k, v in figures.items()), flush=True)
        with naming(path, "delete it: the same command makes it again"):
            row = dict(json.loads(path.read_text(encoding="utf-8")))
            row.pop("checksum", None)  # of older files
        if row.pop("settings", None) != conditions:
            raise ValueError(f"{path} was made with other settings than {conditions!r}: name another --run folder")
        rows.append(row)
    return pd.DataFrame(rows)


FORMS: dict[str, FeedbackForm] = {
    "blank z, same crop": FeedbackForm("nothing", recrop=False, average=False),
    "squares 7-5-3, same crop (paper)": FeedbackForm("squares", recrop=False, average=False),
    "softmax maps, same crop (authors' code)": FeedbackForm("softmax", recrop=False, average=False),
    "Gaussians, same crop": FeedbackForm("gaussians", recrop=False, average=False),
    "blank z, recrop": FeedbackForm("nothing", average=False),
    "squares 7-5-3, recrop": FeedbackForm("squares", average=False),
    "softmax maps, recrop": FeedbackForm("softmax", average=False),
    "Gaussians, recrop": FeedbackForm("gaussians", average=False),
    "Gaussians, recrop, predictions averaged": FeedbackForm(),
}


class Loop(NamedTuple):
    """A variant of RQ1: a loop or a cascade of so many steps."""

    steps: int
    form: FeedbackForm = FeedbackForm()
    train: Callable = curriculum.trained_loop


def run_loop(loop: Loop, setting: Setting, seed: int, figures: Callable = still_figures) -> Figures:
    model = loop.train(loop.form, loop.steps, replace(setting.stage, seed=seed), setting.faces, setting.show)
    return figures(model, setting.unseen, loop.steps)


def run_memory(memory: str, setting: Setting, seed: int) -> Figures:
    model = Curriculum(setting, seed).with_memory(memory)
    figures = clip_figures(model, setting) | swap_figures(model, setting.recurring)
    return figures | probe_figures(model, setting.people, setting.images)


RATE, MEMORY_RATE = 3e-4, 10.0  # of a trained network, and of a fresh memory over that (our choice)


class VideoModel(NamedTuple):
    """A variant of RQ3, begun with the shipped network; only: what learns (our choice); filter: on its points."""

    network: type[RedNet] = RedNet
    hidden: int = 0
    clips: type[ClipBatches] = ClipBatches
    only: tuple[str, ...] = ("memory", "decoder", "detection", "regression")
    temporal: bool = True
    filter: str | None = None


def run_video_model(variant: VideoModel, setting: Setting, seed: int) -> Figures:
    is_rule = issubclass(variant.network, curriculum.HeldPoints)  # learns nothing: the training of NO_LSTM serves it
    network = RedNet if is_rule else variant.network
    model = grown(load_pretrained(), seed, network, hidden=variant.hidden)
    if isinstance(model, curriculum.StackedFrames):
        model.widen()
    n = setting.stage.iterations
    stage = replace(STAGES["temporal"].parts[0], iterations=n, warmup=min(n // 4, 50), ema=setting.stage.ema)
    stage = replace(stage, rate=RATE, memory_rate=MEMORY_RATE, only=variant.only, seed=seed + 4000)
    name = f"shipped, then {network.__name__} {variant.hidden} on {variant.clips.__name__}"
    model = Curriculum(setting, seed).trained(model, variant.clips(setting.faces, stage, model.preset), name)
    setting = replace(setting, preset=model.preset)
    known = list(trials(setting.faces, "occluded", min(setting.clips, 8), setting.frames, model.preset))
    truths = [trial.clip.points for trial in known]
    if variant.filter is not None:
        smooth, strengths = FILTERS[variant.filter]
        strength = best_strength(smooth, strengths, tracks_of(model, known), truths)
        return clip_figures(model, setting, smooth=partial(smooth, strength=strength)) | {"strength": strength}
    if is_rule:
        model = grown(model, seed, variant.network).eval()
        model.least = strength = best_threshold(model, known)
        return clip_figures(model, setting) | {"strength": strength}
    return clip_figures(model, setting, temporal=variant.temporal)


def best_threshold(model: curriculum.HeldPoints, known: Sequence[Trial]) -> float:
    """The confidence below which the rule holds the points with the least error on clips whose truth is known."""

    def held(trial: Trial, least: float) -> np.ndarray:
        model.least = least
        return tracks_of(model, [trial])[0]

    return best_strength(held, model.tried, known, [trial.clip.points for trial in known])


def run_supervision(supervision: Supervision, setting: Setting, seed: int, *, mixed: bool = False) -> Figures:
    model = Curriculum(setting, seed).with_identity(supervision)
    if mixed:
        return mix_figures(model, setting.people, setting.images)
    return still_figures(model, setting.unseen, STEPS) | probe_figures(model, setting.people, setting.images)


PARTS = ("spatial", "temporal", "identity")
CELLS = [[part for part, on in zip(PARTS, ticks, strict=True) if on] for ticks in product((False, True), repeat=3)]


def name_of(parts: Sequence[str]) -> str:
    """Name of a cell of the grid of RQ5: its parts, or "none"."""
    return " + ".join(parts) or "none"


def run_parts(parts: Sequence[str], setting: Setting, seed: int, identity: Supervision = FULL) -> Figures:
    """Without spatial feedback there is one step; iterations and images are the same, time is not."""
    memory = LSTM if "temporal" in parts else NO_LSTM
    supervision = identity if "identity" in parts else curriculum.NONE
    steps = STEPS if "spatial" in parts else 1
    return clip_figures(Curriculum(setting, seed).with_memory(memory, supervision, steps), setting)


ON_CLIPS = (
    "NME in percent on animated images of unseen people by difficulty, the first crop of each frame around the points "
    "of the frame before; jitter on clear clips in percent of the eye distance"
)
PROBES = "who (percent right), yaw, pitch, mouth (R2) read from either code of synthetic people never trained on"
DISTURBED = "NME in percent of unseen people with disturbed boxes"

QUESTIONS: dict[str, Question] = {
    "forms": Question(
        f"How z is drawn, and whether a new crop is taken; two steps; {DISTURBED}",
        {name: Loop(2, form) for name, form in FORMS.items()},
        run_loop,
        pairwise,
    ),
    "z": Question(
        f"What z is worth: networks trained with z in several ways and without it; {DISTURBED}; blank: of the last "
        "step with z blank in the test; worth: what that adds to the error, in percent of it",
        {
            "no z": Loop(2, FeedbackForm("nothing")),
            "Gaussians, predictions averaged (shipped)": Loop(2),
            "Gaussians, last prediction alone": Loop(2, FeedbackForm(average=False)),
            "response maps": Loop(2, FeedbackForm("softmax")),
            "coarse first": Loop(2, train=partial(curriculum.trained_loop, network=curriculum.CoarseFirst)),
            "parts hidden after step 1": Loop(
                2, train=partial(curriculum.trained_loop, network=curriculum.PartsHidden)
            ),
        },
        partial(run_loop, figures=z_figures),
        worths,
    ),
    "rq1": Question(
        f"RQ1: one step, loop, cascade, loop with blank z; {DISTURBED}",
        {
            "one step": Loop(1),
            "loop, K = 2": Loop(2),
            "loop, K = 3": Loop(3),
            "cascade of 3": Loop(3, train=curriculum.trained_cascade),
            "loop, K = 3, z blank": Loop(3, FeedbackForm("nothing")),
        },
        run_loop,
        pairwise,
    ),
    "rq2": Question(
        f"RQ2: what of the code the LSTM gets; {ON_CLIPS}; NME on still images with swapped codes; {PROBES}",
        {memory: memory for memory in curriculum.MEMORIES},
        run_memory,
        pairwise,
    ),
    "rq3": Question(
        f"RQ3: the LSTM and other ways to model video, from the shipped weights; {ON_CLIPS}",
        {
            NO_LSTM: VideoModel(),
            LSTM: VideoModel(hidden=HIDDEN),
            "LSTM on C_pe, switched off in the test": VideoModel(hidden=HIDDEN, temporal=False),
            "LSTM on C_pe, trained on shuffled frames": VideoModel(hidden=HIDDEN, clips=curriculum.ShuffledClips),
            "LSTM on coordinates": VideoModel(curriculum.LstmOnCoordinates, HIDDEN),
            "three frames stacked": VideoModel(curriculum.StackedFrames, only=()),
            "previous frame's map fed back": VideoModel(curriculum.PreviousMap, only=()),
            "no LSTM, the last sure points held": VideoModel(curriculum.HeldPoints),
            "no LSTM, the last sure points moved on": VideoModel(curriculum.MovedPoints),
            **{f"no LSTM, {name} filter": VideoModel(filter=name) for name in FILTERS},
        },
        run_video_model,
        from_shipped=True,
    ),
    "rq4": Question(
        f"RQ4: identity supervision and its controls; {DISTURBED}; {PROBES}",
        {supervision.name: supervision for supervision in SUPERVISIONS},
        run_supervision,
    ),
    "mixes": Question(
        "Codes mixed of two faces: mean distance of the decoded pose from either's, and how far each part brings it, "
        "in percent of the way, of the networks of RQ4, on synthetic people never trained on",
        {supervision.name: supervision for supervision in SUPERVISIONS},
        partial(run_supervision, mixed=True),
    ),
    "rq5": Question(
        f"RQ5: each part with and without each other; {ON_CLIPS}",
        {name_of(cell): cell for cell in CELLS},
        run_parts,
        partial(factorial, parts=PARTS),
    ),
    "joint": Question(
        f"The whole network in stages, or by the same batches mixed, all parts and losses at once; {ON_CLIPS}",
        {"in stages": lambda stages: stages.with_memory(LSTM), "all at once": Curriculum.all_at_once},
        lambda train, setting, seed: clip_figures(train(Curriculum(setting, seed)), setting),
    ),
}
