"""What the memory of the shipped network is worth behind an occluder, beside rules and filters: each on the same clips.

    python benchmarks/memory.py --data 300W --split lfpw-test --out results/memory.csv

Still images of a split of --data are animated, an occluder passes before each face. Rules and filters have the
threshold or strength that is best on animated faces of its train split.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from redn_lib.commands.common import add_data_options, add_weights_option, opened
from redn_lib.data import dataset
from redn_lib.evaluation.tables import write_table
from redn_lib.experiments.curriculum import HeldPoints, MovedPoints, PreviousMap
from redn_lib.experiments.filters import FILTERS, best_strength
from redn_lib.experiments.measures import Trial, tracks_of, trials
from redn_lib.experiments.questions import best_threshold
from redn_lib.experiments.statistics import interval
from redn_lib.metrics import jitter, nme
from redn_lib.pretrained import load_weights, weights_path
from redn_lib.rednet import FrameOutput, RedNet
from redn_lib.tracking.tracker import enough
from redn_lib.training.grow import grown

KINDS = ("clear", "occluded", "moving")
"""Of `trials`; moving: occluded while the head moves four times as fast as heads usually do."""


class Forgetful(RedNet):
    """The network, whose state is dropped in the middle of each occlusion, while the last points are kept.

    drop: (B,) number of the frame before which that happens.
    """

    drop: Tensor
    frames_done = 0

    def follow(self, patch: Tensor, crop: Tensor, before: FrameOutput | None, *steps: int | None, **options: bool):
        self.frames_done = self.frames_done + 1 if before else 0
        if before:
            keep = (self.drop != self.frames_done).float()[:, None]
            state = before.state
            before = before._replace(state=state._replace(hidden=keep * state.hidden, cell=keep * state.cell))
        return super().follow(patch, crop, before, *steps, **options)


class Blank(RedNet):
    """The network, with nothing drawn into z."""

    def follow(self, *frame: Tensor | FrameOutput | int | None, **options: bool) -> FrameOutput:
        return super().follow(*frame, change_z=lambda z, step: torch.zeros_like(z), **options)


Follow = Callable[[Trial], np.ndarray]
"""A clip to its track, (T, 68, 2)."""


def ways(model: RedNet, known: Sequence[Trial]) -> dict[str, Follow]:
    """The network with its memory, with its state dropped, with z blank, and the rules; known: clips to choose
    thresholds by.
    """
    forgetful = grown(model, 0, Forgetful).eval()

    def dropped(trial: Trial) -> np.ndarray:
        forgetful.drop = torch.tensor([middle(trial)])
        return track_of(forgetful, trial, enough=enough)

    found = {"memory": partial(track_of, model, enough=enough), "memory, state dropped in the middle": dropped}
    for name, kind in (("memory, z blank", Blank), ("no memory, last points in z", PreviousMap)):
        found[name] = partial(track_of, grown(model, 0, kind).eval(), enough=enough)
    for name, kind in (("held", HeldPoints), ("moved on", MovedPoints)):
        rule = grown(model, 0, kind, hidden=0).eval()
        rule.least = best_threshold(rule, known)
        found[f"no memory, last sure points {name} (confidence {rule.least})"] = partial(track_of, rule)
    return found


def smoothed(alone: Mapping[str, list[np.ndarray]], model: RedNet, known: Sequence[Trial]) -> dict[str, dict]:
    """The tracks without memory, by kind of clip, as they are and by each filter with its best strength."""
    found, tracks = {"no memory": alone}, tracks_of(model, known, temporal=False)
    for name, (smooth, strengths) in FILTERS.items():
        strength = best_strength(smooth, strengths, tracks, [trial.clip.points for trial in known])
        of_kind = {kind: [smooth(track, strength) for track in some] for kind, some in alone.items()}
        found[f"no memory, {name} filter ({strength})"] = of_kind
    return found


def track_of(model: RedNet, trial: Trial, **options) -> np.ndarray:
    """The track of a clip, (T, 68, 2); options: of `RedNet.frame`. One clip at a time, as it is tracked."""
    return tracks_of(model, [trial], **options)[0]


def middle(trial: Trial) -> int:
    """The frame in the middle of those that show the difficulty; -1 where all do."""
    return -1 if trial.hard.all() else int(np.flatnonzero(trial.hard).mean().round())


def measured(
    name: str, kind: str, tracks: Sequence[np.ndarray], clips: Sequence[Trial], memory: Sequence[np.ndarray]
) -> dict[str, float | str]:
    """A row: NME in percent, mean over clips, with its standard error over clips; what it is more than that of the
    tracks with memory, in percent of that, with its 95 % interval over clips.
    """
    errors = [100 * nme(track, trial.clip.points) for track, trial in zip(tracks, clips, strict=True)]
    hard = np.array([e[trial.hard].mean() for e, trial in zip(errors, clips, strict=True)])
    with_memory = [100 * nme(t, trial.clip.points)[trial.hard].mean() for t, trial in zip(memory, clips, strict=True)]
    more = 100 * (hard - with_memory) / np.mean(with_memory)
    row = {"method": name, "clips": kind, "nme": hard.mean(), "nme_se": hard.std(ddof=1) / len(hard) ** 0.5}
    row |= {"more": more.mean()} | dict(zip(("more_low", "more_high"), interval(list(more)), strict=True))
    if kind == "clear":
        return row | {"jitter": 100 * float(np.mean([jitter(track) for track in tracks]))}
    late = [e[trial.hard & (np.arange(len(e)) >= middle(trial))] for e, trial in zip(errors, clips, strict=True)]
    calm = np.concatenate([e[trial.clip.factors["occluded"] == 0] for e, trial in zip(errors, clips, strict=True)])
    return row | {"second_half": np.mean([part.mean() for part in late]), "unoccluded": calm.mean()}


def main() -> None:
    """Write a row for each method and kind of clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data_options(parser)
    add_weights_option(parser)
    parser.add_argument("--clips", type=int, default=64, help="of each kind (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=20, help="of a clip (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.csv")
    args = parser.parse_args()
    model = load_weights(args.weights or weights_path())
    unseen = [sample.load()[0] for sample in opened(args)]
    train = [sample.load()[0] for sample in dataset.open(args.data, split="train")]
    known = [t for kind in KINDS[1:] for t in trials(train, kind, args.clips // 4, args.frames, model.preset)]
    kinds = {kind: list(trials(unseen, kind, args.clips, args.frames, model.preset)) for kind in KINDS}
    alone = {kind: [track_of(model, trial, temporal=False) for trial in clips] for kind, clips in kinds.items()}
    tracks = smoothed(alone, model, known)
    for name, follow in tqdm(ways(model, known).items()):
        tracks[name] = {kind: [follow(trial) for trial in clips] for kind, clips in kinds.items()}
    rows = [
        measured(name, kind, some, kinds[kind], tracks["memory"][kind])
        for name, of_kind in tracks.items()
        for kind, some in of_kind.items()
    ]
    about = f"NME in percent on animated still images of {len(unseen)} faces; second_half: of each occlusion; "
    about += "more: than with memory, in percent of that"
    command = f"python benchmarks/memory.py --data FOLDER --split {args.split} --clips {args.clips} --out {args.out}"
    write_table(rows, args.out, command=command, about=about)
    print(pd.DataFrame(rows).round(2).to_string(index=False))


if __name__ == "__main__":
    main()
