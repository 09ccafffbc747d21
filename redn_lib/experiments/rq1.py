"""RQ1: does feedback in one network refine coarse-to-fine? And what must be handed on for it to do so?

All runs: the same small network, the same batches for a seed, people held out by person. Figures: NME in percent of
each step on
the held-out people with sloppy boxes, parameters in thousands.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch

from redn_lib.data.faces import Face
from redn_lib.experiments.cascade import Cascade
from redn_lib.experiments.tables import Run
from redn_lib.feedback import FeedbackForm
from redn_lib.rednet import COMPACT, Preset, RedNet
from redn_lib.training.batches import StillBatches
from redn_lib.training.evaluation import errors_of, sloppy_box
from redn_lib.training.loop import Trainer
from redn_lib.training.stages import Stage

SMALL = replace(
    COMPACT, name="small", widths=((16, 24), (40, 40), (64, 64), (96, 96)), regression_width=64, size=64, sigma=2.0
)
"""The compact network at half the size of the view and less wide: small enough for dozens of runs on a CPU (our
choice).
"""

FORMS: dict[str, FeedbackForm] = {
    "blank z, same view": FeedbackForm("nothing", retake=False),
    "squares 7-5-3, same view (paper)": FeedbackForm("squares", retake=False),
    "softmax maps, same view (authors' code)": FeedbackForm("softmax", retake=False),
    "Gaussians, same view": FeedbackForm("gaussians", retake=False),
    "blank z, view anew": FeedbackForm("nothing", retake=True),
    "squares 7-5-3, view anew": FeedbackForm("squares", retake=True),
    "softmax maps, view anew": FeedbackForm("softmax", retake=True),
    "Gaussians, view anew": FeedbackForm("gaussians", retake=True),
}


def trained(model: torch.nn.Module, stage: Stage, faces: Sequence[Face]) -> torch.nn.Module:
    """The network after the stage, in eval mode."""
    return Trainer(model, stage, StillBatches(faces, stage, model.preset)).run()


def measured(model: torch.nn.Module, unseen: Sequence[Face], steps: int) -> dict[str, float]:
    """NME in percent of each step with sloppy boxes, the same ones for every network; thousands of parameters."""
    rng = np.random.default_rng(0)
    per_step = 100 * errors_of(model, unseen, steps, lambda face: sloppy_box(face.box, rng)).mean((0, 2))
    figures = {f"step{k}": float(error) for k, error in enumerate(per_step, 1)}
    return figures | {"last": float(per_step[-1]), "kparams": sum(p.numel() for p in model.parameters()) / 1e3}


def fresh(preset: Preset, seed: int) -> RedNet:
    """A network with the seed's weights."""
    torch.manual_seed(seed)
    return RedNet(preset)


def one_network(
    form: FeedbackForm, steps: int, stage: Stage, faces: Sequence[Face], unseen: Sequence[Face]
) -> Callable[[], dict[str, float]]:
    """A run: shared weights over `steps` looks, in training as in test."""

    def work() -> dict[str, float]:
        preset = replace(SMALL, form=form, trained_steps=steps)
        return measured(trained(fresh(preset, stage.seed), replace(stage, steps=steps), faces), unseen, steps)

    return work


def cascade(
    form: FeedbackForm, steps: int, stage: Stage, faces: Sequence[Face], unseen: Sequence[Face]
) -> Callable[[], dict[str, float]]:
    """A run: `steps` networks trained in turn, each for the whole stage, each on what the ones before hand on."""

    def work() -> dict[str, float]:
        done: list[RedNet] = []
        for k in range(steps):
            newest = Cascade(
                [*deepcopy(done), fresh(replace(SMALL, form=form, trained_steps=1), stage.seed + 1000 * k)],
                only_last=True,
            )
            done = list(trained(newest, replace(stage, steps=k + 1), faces).networks)
        return measured(Cascade(done, only_last=False).eval(), unseen, steps)

    return work


def forms_runs(stage: Stage, seeds: Sequence[int], faces: Sequence[Face], unseen: Sequence[Face]) -> list[Run]:
    """How z is drawn, and whether the view is taken anew: two looks each."""
    return [
        Run(name, s, one_network(form, 2, replace(stage, seed=s), faces, unseen))
        for s in seeds
        for name, form in FORMS.items()
    ]


def loop_runs(stage: Stage, seeds: Sequence[int], faces: Sequence[Face], unseen: Sequence[Face]) -> list[Run]:
    """RQ1 proper: one look, the loop of 2 and 3, the cascade of 3, and the loop of 3 with z left blank."""
    form = FeedbackForm()
    runs = []
    for s in seeds:
        args = (replace(stage, seed=s), faces, unseen)
        runs += [
            Run("one look", s, one_network(form, 1, *args)),
            Run("loop, K = 2", s, one_network(form, 2, *args)),
            Run("loop, K = 3", s, one_network(form, 3, *args)),
            Run("cascade of 3", s, cascade(form, 3, *args)),
            Run("loop, K = 3, z blank", s, one_network(FeedbackForm("nothing"), 3, *args)),
        ]
    return runs
