"""RQ3: does recurrence on the variant code model long-range motion better than standard video modelling?

All networks go on from the same one, on the same clips; filters smooth the points of the one without a memory. Errors
by kind of difficulty, and jitter.
"""

from collections.abc import Callable, Sequence

import numpy as np

from redn_lib.experiments.course import Course, Setting
from redn_lib.experiments.filters import FILTERS, best_strength
from redn_lib.experiments.following import clip_figures, figures_of, followed
from redn_lib.experiments.hard_clips import Trial, trials
from redn_lib.experiments.memories import LSTM, NO_LSTM, remembering
from redn_lib.experiments.networks import kparams
from redn_lib.experiments.rivals import LstmOnCoordinates, PreviousMap, ShuffledClips, StackedFrames
from redn_lib.experiments.supervision import WHOLE
from redn_lib.experiments.tables import Run
from redn_lib.rednet import RedNet
from redn_lib.training.grow import grown


def shuffled(course: Course) -> RedNet:
    """The control: clips whose frames come in no order."""
    model = grown(course.told_apart(WHOLE), course.seed, hidden=course.setting.hidden)
    return course.on_clips(model, WHOLE, "LSTM on C_pe, shuffled frames", ShuffledClips)


def on_coordinates(course: Course) -> RedNet:
    """An LSTM after the points."""
    model = grown(course.told_apart(WHOLE), course.seed, LstmOnCoordinates, hidden=course.setting.hidden)
    return course.on_clips(model, WHOLE, "LSTM on coordinates")


def stacked(course: Course) -> RedNet:
    """The last frames as input channels."""
    model = grown(course.told_apart(WHOLE), course.seed, StackedFrames).widen()
    return course.on_clips(model, WHOLE, "stacked frames")


def fed_back(course: Course) -> RedNet:
    """The last frame's points in the first z."""
    return course.on_clips(grown(course.told_apart(WHOLE), course.seed, PreviousMap), WHOLE, "previous map")


SWITCHED_OFF = "LSTM on C_pe, switched off in the test"
NETWORKS: dict[str, Callable[[Course], RedNet]] = {
    NO_LSTM: lambda course: remembering(course, NO_LSTM),
    LSTM: lambda course: remembering(course, LSTM),
    SWITCHED_OFF: lambda course: remembering(course, LSTM),
    "LSTM on C_pe, taught on shuffled frames": shuffled,
    "LSTM on coordinates": on_coordinates,
    "three frames stacked": stacked,
    "map of the frame before fed back": fed_back,
}


def filtered_figures(model: RedNet, setting: Setting, name: str) -> dict[str, float]:
    """`clip_figures` of the network's tracks through a filter, as strong as is best on people it was trained on."""
    smooth, strengths = FILTERS[name]
    clips = list(trials(setting.faces, "occluded", min(setting.clips, 8), setting.frames, setting.preset))
    strength = best_strength(smooth, strengths, followed(model, clips), [trial.clip.points for trial in clips])

    def follow(clips: Sequence[Trial]) -> list[np.ndarray]:
        return [smooth(track, strength) for track in followed(model, clips)]

    figures = clip_figures(follow, setting)
    return figures | {"kparams": kparams(model), "strength": strength}


def motion_runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """A run for each network, each filter and each seed."""

    def network(name: str, seed: int) -> Callable[[], dict[str, float]]:
        return lambda: figures_of(NETWORKS[name](Course(setting, seed)), setting, name != SWITCHED_OFF)

    def filtered(name: str, seed: int) -> Callable[[], dict[str, float]]:
        return lambda: filtered_figures(remembering(Course(setting, seed), NO_LSTM), setting, name)

    runs = []
    for seed in seeds:
        runs += [Run(name, seed, network(name, seed)) for name in NETWORKS]
        runs += [Run(f"no LSTM, {name} filter", seed, filtered(name, seed)) for name in FILTERS]
    return runs
