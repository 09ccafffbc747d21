"""The course of a network in RQ2 to RQ5: spatial on stills, then with f_CLS, then on clips (our choice).

All variants have the same number of iterations and, for a seed, the same batches. What several share is trained once:
every stage is kept in a folder, where an interrupted one goes on as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from redn_lib.data.faces import Face
from redn_lib.experiments.networks import SMALL, fresh, grown, trained
from redn_lib.experiments.supervision import GROUP, Supervision
from redn_lib.rednet import Preset, RedNet
from redn_lib.training.batches import StillBatches, numbered
from redn_lib.training.clips import ClipBatches
from redn_lib.training.stages import Stage

LOOKS = 2
T = 10
"""Frames of a training clip (paper)."""

CLIP_RATE = 0.5
"""Learning rate on clips over that on stills."""


@dataclass(frozen=True)
class Setting:
    """What the runs of an experiment share.

    stage: how the spatial part is trained, the others after it; faces: patches to train on; unseen: faces of other
    people, to measure on; folder: where trained networks are kept. preset; hidden: units of an LSTM; clips, frames:
    how many clips of each kind are measured on, and how long they are; people, pictures: whom the probes are asked
    about, and how many pictures of each.
    """

    stage: Stage
    faces: Sequence[Face]
    unseen: Sequence[Face]
    folder: Path
    preset: Preset = SMALL
    hidden: int = 128
    clips: int = 30
    frames: int = 24
    people: int = 40
    pictures: int = 12


@dataclass(frozen=True)
class Course:
    """The stages of a seed, each giving the trained network in eval mode."""

    setting: Setting
    seed: int

    def spatial(self, looks: int = LOOKS) -> RedNet:
        """Stage 1: stills, `looks` feedback steps."""
        stage = replace(self.setting.stage, steps=looks, seed=self.seed)
        preset = replace(self.setting.preset, steps=looks, trained_steps=looks)
        batches = StillBatches(self.setting.faces, stage, preset)
        return trained(fresh(preset, self.seed), stage, batches, self._path(f"spatial, K = {looks}"))

    def told_apart(self, supervision: Supervision, looks: int = LOOKS) -> RedNet:
        """Stage 2: as many stills again, in groups of a person, with f_CLS or what stands for it."""
        start, people = self.spatial(looks), len(numbered(face.person for face in self.setting.faces))
        stage = replace(
            self.setting.stage,
            steps=looks,
            seed=self.seed + 1000,
            group=GROUP,
            identity_weight=supervision.weight,
            swap=supervision.swap,
        )
        model = grown(start, self.seed, supervision.kind, people=people if supervision.weight else 0)
        batches = supervision.batches(self.setting.faces, stage, model.preset)
        return trained(model, stage, batches, self._path(f"{supervision.name}, K = {looks}"))

    def on_clips(
        self, model: RedNet, supervision: Supervision, name: str, batches: type[ClipBatches] = ClipBatches
    ) -> RedNet:
        """Stage 3: clips, all losses together; half as many batches, each with an eighth as many clips as a batch of
        stills has pictures. model: what stage 2 gave, grown by a memory, named `name`, or not.
        """
        base, looks = self.setting.stage, model.preset.steps
        stage = replace(
            base,
            iterations=max(base.iterations // 2, 1),
            batch=max(base.batch // 8, 1),
            rate=CLIP_RATE * base.rate,
            steps=looks,
            seed=self.seed + 2000,
            frames=T,
            identity_weight=supervision.weight,
        )
        path = self._path(f"{supervision.name}, K = {looks}, {name}")
        return trained(model, stage, batches(self.setting.faces, stage, model.preset), path)

    def _path(self, name: str) -> Path:
        return self.setting.folder / f"{name.replace(' ', '_')}-{self.seed}.pt"
