"""RQ1: does feedback in one network refine coarse-to-fine? And what must be handed on for it to do so?

All runs: the same small network, the same batches for a seed, people held out by person. Figures: NME in percent of
each step on
the held-out people with sloppy boxes, parameters in thousands.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace

from redn_lib.data.clip import Face
from redn_lib.experiments.cascade import Cascade
from redn_lib.experiments.networks import SMALL, measured, trained
from redn_lib.experiments.tables import Run
from redn_lib.feedback import FeedbackForm
from redn_lib.rednet import RedNet
from redn_lib.training.batches import StillBatches
from redn_lib.training.grow import fresh
from redn_lib.training.stages import Stage

FORMS: dict[str, FeedbackForm] = {
    "blank z, same crop": FeedbackForm("nothing", recrop=False, average=False),
    "squares 7-5-3, same crop (paper)": FeedbackForm("squares", recrop=False, average=False),
    "softmax maps, same crop (authors' code)": FeedbackForm("softmax", recrop=False, average=False),
    "Gaussians, same crop": FeedbackForm("gaussians", recrop=False, average=False),
    "blank z, crop anew": FeedbackForm("nothing", average=False),
    "squares 7-5-3, crop anew": FeedbackForm("squares", average=False),
    "softmax maps, crop anew": FeedbackForm("softmax", average=False),
    "Gaussians, crop anew": FeedbackForm("gaussians", average=False),
    "Gaussians, crop anew, answers averaged": FeedbackForm(),
}


def one_network(
    form: FeedbackForm, steps: int, stage: Stage, faces: Sequence[Face], unseen: Sequence[Face]
) -> Callable[[], dict[str, float]]:
    """A run: shared weights over `steps` looks, in training as in test."""

    def work() -> dict[str, float]:
        preset = replace(SMALL, form=form, trained_steps=steps)
        mine = replace(stage, steps=steps)
        model = trained(fresh(preset, stage.seed), mine, StillBatches(faces, mine, preset))
        return measured(model, unseen, steps)

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
            mine = replace(stage, steps=k + 1)
            done = list(trained(newest, mine, StillBatches(faces, mine, newest.preset)).networks)
        return measured(Cascade(done, only_last=False).eval(), unseen, steps)

    return work


def forms_runs(stage: Stage, seeds: Sequence[int], faces: Sequence[Face], unseen: Sequence[Face]) -> list[Run]:
    """How z is drawn, and whether the crop is taken anew: two looks each."""
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
