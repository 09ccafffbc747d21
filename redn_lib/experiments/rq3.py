"""RQ3: does recurrence on the variant code model long-range motion better than standard video modelling?

All networks go on from the shipped one without its f_tRNN, on the same clips for as long; what comes after the encoder
learns in all of them, the encoder too where it is what gets a memory (our choice). Filters smooth the points of the one
without a memory. Errors by kind of difficulty, and jitter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from redn_lib.experiments.baselines import LstmOnCoordinates, PreviousMap, ShuffledClips, StackedFrames
from redn_lib.experiments.curriculum import Course, Setting
from redn_lib.experiments.filters import FILTERS, best_strength
from redn_lib.experiments.following import clip_figures, figures_of, followed
from redn_lib.experiments.hard_clips import Trial, trials
from redn_lib.experiments.memories import LSTM, NO_LSTM
from redn_lib.experiments.networks import kparams, trained
from redn_lib.experiments.tables import Run
from redn_lib.pretrained import load_pretrained
from redn_lib.rednet import RedNet
from redn_lib.training.clips import ClipBatches
from redn_lib.training.grow import HIDDEN, grown
from redn_lib.training.stages import STAGES, Stage

RATE, MEMORY_RATE = 3e-4, 10.0
"""A trained network goes on slowly; a memory that is fresh must learn in a few hundred batches (our choice)."""

AFTER_THE_CODE = ("memory", "decoder", "detection", "regression")


@dataclass(frozen=True)
class Contender:
    """kind: the network; hidden: units of its memory; clips: what it is taught on; only: the parts that learn."""

    kind: type[RedNet] = RedNet
    hidden: int = 0
    clips: type[ClipBatches] = ClipBatches
    only: tuple[str, ...] = AFTER_THE_CODE


SWITCHED_OFF = "LSTM on C_pe, switched off in the test"
REMEMBERS = Contender(hidden=HIDDEN)
CONTENDERS = {
    NO_LSTM: Contender(),
    LSTM: REMEMBERS,
    SWITCHED_OFF: REMEMBERS,
    "LSTM on C_pe, taught on shuffled frames": Contender(hidden=HIDDEN, clips=ShuffledClips),
    "LSTM on coordinates": Contender(LstmOnCoordinates, HIDDEN),
    "three frames stacked": Contender(StackedFrames, only=()),
    "map of the frame before fed back": Contender(PreviousMap, only=()),
}


def taught(setting: Setting, seed: int, contender: Contender) -> RedNet:
    """The contender after its clips. Those of a seed are the same for all."""
    model = grown(load_pretrained(), seed, contender.kind, hidden=contender.hidden)
    if isinstance(model, StackedFrames):
        model.widen()
    batches = contender.clips(setting.faces, stage_of(setting, seed, contender), model.preset)
    name = f"shipped, then {contender.kind.__name__} {contender.hidden} on {contender.clips.__name__}"
    return trained(model, batches.stage, batches, Course(setting, seed).path(name), setting.show)


def stage_of(setting: Setting, seed: int, contender: Contender) -> Stage:
    """As the stage `temporal`, but for what learns and how fast."""
    n = setting.stage.iterations
    whole = replace(STAGES["temporal"], iterations=n, warmup=min(n // 4, 50), ema=setting.stage.ema)
    return replace(whole, rate=RATE, memory_rate=MEMORY_RATE, only=contender.only, seed=seed + 4000)


def filtered_figures(model: RedNet, setting: Setting, name: str) -> dict[str, float]:
    """`clip_figures` of the network's tracks through a filter, as strong as is best on people it was trained on."""
    smooth, strengths = FILTERS[name]
    clips = list(trials(setting.faces, "occluded", min(setting.clips, 8), setting.frames, model.preset))
    strength = best_strength(smooth, strengths, followed(model, clips), [trial.clip.points for trial in clips])

    def follow(clips: Sequence[Trial]) -> list[np.ndarray]:
        return [smooth(track, strength) for track in followed(model, clips)]

    return clip_figures(follow, setting) | {"kparams": kparams(model), "strength": strength}


def motion_runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """A run for each network, each filter and each seed."""
    setting = replace(setting, preset=load_pretrained().preset)

    def network(name: str, seed: int) -> Callable[[], dict[str, float]]:
        return lambda: figures_of(taught(setting, seed, CONTENDERS[name]), setting, name != SWITCHED_OFF)

    def filtered(name: str, seed: int) -> Callable[[], dict[str, float]]:
        return lambda: filtered_figures(taught(setting, seed, CONTENDERS[NO_LSTM]), setting, name)

    runs = []
    for seed in seeds:
        runs += [Run(name, seed, network(name, seed)) for name in CONTENDERS]
        runs += [Run(f"no LSTM, {name} filter", seed, filtered(name, seed)) for name in FILTERS]
    return runs
