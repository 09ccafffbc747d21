"""The course of a network in RQ2 to RQ5: spatial on stills, then with f_CLS, then on clips (our choice).

All variants have the same number of iterations and, for a seed, the same batches. What several share is trained once:
every stage is kept in a folder, where an interrupted one goes on as well.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from redn_lib.data.clip import Face
from redn_lib.experiments.networks import SMALL, trained
from redn_lib.experiments.supervision import IDENTITY, Supervision
from redn_lib.rednet import Preset, RedNet
from redn_lib.training.batches import ProceduralFaces, StillBatches
from redn_lib.training.clips import ClipBatches
from redn_lib.training.grow import fresh, grown
from redn_lib.training.stages import ON_CLIPS, Stage

LOOKS = 2
CLIP_RATE = 0.5
"""Learning rate on clips over that on stills."""


@dataclass(frozen=True)
class Setting:
    """What the runs of an experiment share.

    stage: how the spatial part is trained, the others after it; faces: patches to train on; unseen: faces of other
    people, to measure on; folder: where trained networks are kept. preset; hidden: units of an LSTM; clips, frames:
    how many clips of each kind are measured on, and how long they are; people, pictures: whom the probes are asked
    about, and how many pictures of each; show: wraps the batches of each training, e.g. a progress bar.
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
    pictures: int = 12
    show: Callable[[Iterable], Iterable] = iter


@dataclass(frozen=True)
class Course:
    """The stages of a seed, each giving the trained network in eval mode."""

    setting: Setting
    seed: int

    def spatial(self, looks: int = LOOKS) -> RedNet:
        """Stage 1: stills, `looks` feedback steps."""
        batches = self.stills(looks)
        return self._trained(fresh(batches.preset, self.seed), batches, f"spatial, K = {looks}")

    def stills(self, looks: int = LOOKS) -> StillBatches:
        """What stage 1 sees."""
        stage = replace(self.setting.stage, steps=looks, seed=self.seed)
        preset = replace(self.setting.preset, steps=looks, trained_steps=looks)
        return StillBatches(self.setting.faces, stage, preset)

    def told_apart(self, supervision: Supervision, looks: int = LOOKS) -> RedNet:
        """Stage 2: as many stills again, real and procedural people in groups, with f_CLS or what stands for it."""
        batches = self.groups(supervision, looks)
        supervised = supervision.weight or supervision.apart
        people = len(batches.people) if supervised else 0
        model = grown(self.spatial(looks), self.seed, supervision.kind, people=people)
        return self._trained(model, batches, f"{supervision.name}, K = {looks}")

    def groups(self, supervision: Supervision, looks: int = LOOKS) -> StillBatches:
        """What stage 2 sees."""
        start = self.stills(looks)
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
        made = ProceduralFaces(self.seed, IDENTITY.group, IDENTITY.synthetic_people)
        return supervision.batches(self.setting.faces, stage, start.preset, made)

    def on_clips(
        self, model: RedNet, supervision: Supervision, name: str, kind: type[ClipBatches] = ClipBatches
    ) -> RedNet:
        """Stage 3: clips, all losses together; half as many batches, each with an eighth as many clips as a batch of
        stills has pictures. model: what stage 2 gave, grown by a memory, named `name`, or not.
        """
        batches = self.clips(supervision, model.preset, kind)
        return self._trained(model, batches, f"{supervision.name}, K = {model.preset.steps}, {name}")

    def clips(self, supervision: Supervision, preset: Preset, kind: type[ClipBatches] = ClipBatches) -> ClipBatches:
        """What stage 3 sees."""
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
        return kind(self.setting.faces, stage, preset)

    def path(self, name: str) -> Path:
        """Where a trained network is kept."""
        return self.setting.folder / f"{name.replace(' ', '_')}-{self.seed}.pt"

    def _trained(self, model: RedNet, batches: StillBatches, name: str) -> RedNet:
        return trained(model, batches.stage, batches, self.path(name), self.setting.show)
