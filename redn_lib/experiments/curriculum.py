"""How the networks of the questions are trained: on still images, then with f_CLS, then on clips (our choice).

All variants have the same number of iterations and, for a seed, the same batches. What several share is trained once:
every stage is kept in a folder, where an interrupted one goes on as well.
"""

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import nn
from torch.utils.data import Dataset

from redn_lib.data.clip import Face
from redn_lib.experiments.variants import (
    Cascade,
    ClassifierOnChanging,
    MemoryOnAll,
    MemoryOnRandomSplit,
    ShuffledLabels,
)
from redn_lib.feedback import FeedbackForm
from redn_lib.rednet import COMPACT, Preset, RedNet
from redn_lib.training.batches import Batch, ClipBatches, ProceduralFaces, StillBatches
from redn_lib.training.grow import fresh, grown
from redn_lib.training.loop import Trainer, follow_norms
from redn_lib.training.stages import ON_CLIPS, STAGES, Stage

SMALL = replace(
    COMPACT,
    name="small",
    widths=((16, 24), (40, 40), (64, 64), (96, 96)),
    regression_width=64,
    size=64,
    first_margin=1.5,
    sigma=2.0,
)
"""The compact network at half the size of the crop and less wide: small enough for dozens of runs on a CPU (our
choice).
"""

STEPS = 2
CLIP_RATE = 0.5
"""Learning rate on clips over that on still images."""

IDENTITY = STAGES["identity"]
WEIGHT, APART, SWAP = 0.03, 0.05, IDENTITY.swap
"""Weights for a training of minutes. Those of the stage `identity`, which begins with a network that is trained to its
end, are twenty times as large: here they would drown the error of the points.
"""


@dataclass(frozen=True)
class Supervision:
    """What tells the halves of the code apart in training (RQ4). The paper has the classifier alone; the rest is ours.

    name: of the variant.
    weight: of the loss of f_CLS.
    apart: weight of what else keeps the halves apart.
    swap: share of batches in which C_id comes from another frame of the same person.
    network: where f_CLS sits.
    batches: whose name stands over whose image.
    """

    name: str
    weight: float = 0.0
    apart: float = 0.0
    swap: float = 0.0
    network: type[RedNet] = RedNet
    batches: type[StillBatches] = StillBatches


NONE = Supervision("no f_CLS")
FULL = Supervision("f_CLS on C_id, kept apart", WEIGHT, APART, SWAP)
SUPERVISIONS = (
    NONE,
    FULL,
    Supervision("f_CLS on C_id (paper)", WEIGHT),
    Supervision("f_CLS on C_id (paper), a tenth of the weight", WEIGHT / 10),
    Supervision("kept apart, no f_CLS", 0.0, APART, SWAP),
    Supervision("f_CLS on C_pe, kept apart", WEIGHT, APART, SWAP, ClassifierOnChanging),
    Supervision("f_CLS on C_id, kept apart, shuffled labels", WEIGHT, APART, SWAP, batches=ShuffledLabels),
)

NO_LSTM, LSTM = "no LSTM", "LSTM on C_pe (paper)"
MEMORIES: dict[str, type[RedNet] | None] = {
    NO_LSTM: None,
    LSTM: RedNet,
    "LSTM on the whole code": MemoryOnAll,
    "LSTM on a random split": MemoryOnRandomSplit,
}


@dataclass(frozen=True)
class Setting:
    """What the runs of a question share.

    stage: how the spatial part is trained; the other stages follow from it.
    faces: patches to train on.
    unseen: faces of other people, to measure on.
    folder: where trained networks are kept.
    preset: of the networks.
    hidden: units of an LSTM.
    clips: so many of each difficulty are measured on.
    frames: of a clip that is measured on.
    people: so many procedural people are given to the probes.
    images: of each of them.
    show: wraps the batches of each training, e.g. a progress bar.
    """

    stage: Stage
    faces: Sequence[Face]
    unseen: Sequence[Face]
    folder: Path
    preset: Preset = SMALL
    hidden: int = 128
    clips: int = 16
    frames: int = 20
    people: int = 30
    images: int = 12
    show: Callable[[Iterable], Iterable] = iter


@dataclass(frozen=True)
class Curriculum:
    """The stages of a seed, each giving the trained network in eval mode."""

    setting: Setting
    seed: int

    def spatial(self, steps: int = STEPS) -> RedNet:
        """Stage 1: still images, `steps` feedback steps."""
        batches = self.still_batches(steps)
        return self.trained(fresh(batches.preset, self.seed), batches, f"spatial, K = {steps}")

    def still_batches(self, steps: int = STEPS) -> StillBatches:
        """The batches of stage 1."""
        stage = replace(self.setting.stage, steps=steps, seed=self.seed)
        preset = replace(self.setting.preset, steps=steps, trained_steps=steps)
        return StillBatches(self.setting.faces, stage, preset)

    def with_identity(self, supervision: Supervision, steps: int = STEPS) -> RedNet:
        """Stage 2: as many images again, real and procedural people in groups, with f_CLS or what stands for it."""
        batches = self.group_batches(supervision, steps)
        people = len(batches.people) if supervision.weight or supervision.apart else 0
        model = grown(self.spatial(steps), self.seed, supervision.network, people=people)
        return self.trained(model, batches, f"{supervision.name}, K = {steps}")

    def group_batches(self, supervision: Supervision, steps: int = STEPS) -> StillBatches:
        """The batches of stage 2."""
        start = self.still_batches(steps)
        stage = replace(
            start.stage,
            seed=self.seed + 1000,
            group=IDENTITY.group,
            procedural=IDENTITY.procedural,
            augment_synthetic=IDENTITY.augment_synthetic,
            identity_weight=supervision.weight,
            apart=supervision.apart,
            swap=supervision.swap,
        )
        synthetic = ProceduralFaces(self.seed, IDENTITY.group, IDENTITY.synthetic_people)
        return supervision.batches(self.setting.faces, stage, start.preset, synthetic)

    def with_memory(self, memory: str, supervision: Supervision = FULL, steps: int = STEPS) -> RedNet:
        """Stage 3: clips, all losses together, with one of MEMORIES."""
        network = MEMORIES[memory]
        start = self.with_identity(supervision, steps)
        parts = {"hidden": self.setting.hidden} if network else {}
        model = grown(start, self.seed, network or RedNet, **parts)
        batches = self.clip_batches(supervision, model.preset)
        return self.trained(model, batches, f"{supervision.name}, K = {steps}, {memory}")

    def clip_batches(self, supervision: Supervision, preset: Preset) -> ClipBatches:
        """The batches of stage 3: half as many, each with an eighth as many clips as a batch of stage 1 has images."""
        base = self.setting.stage
        stage = replace(
            base,
            iterations=max(base.iterations // 2, 1),
            batch=max(base.batch // 8, 1),
            rate=CLIP_RATE * base.rate,
            steps=preset.steps,
            seed=self.seed + 2000,
            identity_weight=supervision.weight,
            apart=supervision.apart,
            **ON_CLIPS,
        )
        return ClipBatches(self.setting.faces, stage, preset)

    def all_at_once(self) -> RedNet:
        """The network that has all parts and all losses from its first iteration, the batches of the stages mixed."""
        stills, groups = self.still_batches(), self.group_batches(FULL)
        preset = replace(stills.preset, people=len(groups.people), hidden=self.setting.hidden)
        clips = self.clip_batches(FULL, preset)
        batches = MixedBatches([stills, groups, clips], self.seed)
        whole = replace(clips.stage, iterations=len(batches))
        trainer = MixedTrainer(fresh(preset, self.seed), whole, batches, path=self.path("all at once"))
        return trainer.run(self.setting.show)

    def path(self, name: str) -> Path:
        """Where a trained network is kept."""
        return self.setting.folder / f"{name.replace(' ', '_')}-{self.seed}.pt"

    def trained(self, model: RedNet, batches: StillBatches, name: str) -> RedNet:
        """The network after its batches, kept under a name."""
        return trained(model, batches.stage, batches, self.path(name), self.setting.show)


def trained(
    model: nn.Module,
    stage: Stage,
    batches: Dataset,
    path: Path | None = None,
    show: Callable[[Iterable], Iterable] = iter,
) -> nn.Module:
    """The network after the stage, in eval mode. path: of a checkpoint, so that what is done is not done again."""
    return Trainer(model, stage, batches, path=path).run(show)


def trained_loop(
    form: FeedbackForm, steps: int, stage: Stage, faces: Sequence[Face], show: Callable[[Iterable], Iterable] = iter
) -> RedNet:
    """One network in a loop of `steps` feedback steps, in training as in test (RQ1)."""
    preset, stage = replace(SMALL, form=form, trained_steps=steps), replace(stage, steps=steps)
    return trained(fresh(preset, stage.seed), stage, StillBatches(faces, stage, preset), show=show)


def trained_cascade(
    form: FeedbackForm, steps: int, stage: Stage, faces: Sequence[Face], show: Callable[[Iterable], Iterable] = iter
) -> Cascade:
    """`steps` networks trained in turn, each for the whole stage, each on what the ones before hand on (RQ1)."""
    done: list[RedNet] = []
    for k in range(steps):
        newest = fresh(replace(SMALL, form=form, trained_steps=1), stage.seed + 1000 * k)
        cascade = Cascade([*deepcopy(done), newest], only_last=True)
        mine = replace(stage, steps=k + 1)
        done = list(trained(cascade, mine, StillBatches(faces, mine, cascade.preset), show=show).networks)
    return Cascade(done, only_last=False).eval()


class MixedBatches(Dataset):
    """Every batch of several stages once, in an order that the seed draws; item i is that of iteration i."""

    def __init__(self, parts: Sequence[StillBatches], seed: int):
        every = [(part, i) for part in parts for i in range(len(part))]
        self.order = [every[n] for n in np.random.default_rng((seed, 4, 0)).permutation(len(every))]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, i: int) -> Batch:
        part, j = self.order[i]
        return part[j]

    def stage(self, i: int) -> Stage:
        """The stage that batch i is from, with one schedule of the learning rate over all of them."""
        return replace(self.order[i][0].stage, iterations=len(self))


class MixedTrainer(Trainer):
    """A trainer whose batches, of `MixedBatches`, each bring the losses of a stage of their own. stage: the one
    that has all of the network's parts. As in the stages, statistics of batch norm are those of single still images.
    """

    batches: MixedBatches

    def learn(self, batch: Batch) -> list[float]:
        whole = self.stage
        self.stage = self.losses_of.stage = self.batches.stage(self.iteration)
        follow_norms(self.model, self.stage)
        losses = super().learn(batch)
        self.stage = whole
        return losses
