"""The networks of the questions, and how they are trained: for a seed, all on the same batches (our choice)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, cat, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from redn_lib.data.clip import Clip, Face
from redn_lib.feedback import Change, FeedbackForm, feedback_loop, to_patch
from redn_lib.presets import COMPACT, Preset
from redn_lib.rednet import FrameOutput, RedNet
from redn_lib.response_maps import confidence
from redn_lib.temporal import HIDDEN, MemoryState, Prior, TemporalMemory, crop_motion
from redn_lib.training.batches import Batch, ClipBatches, ProceduralFaces, StillBatches
from redn_lib.training.grow import fresh, grown
from redn_lib.training.loop import Trainer, follow_norms
from redn_lib.training.stages import ON_CLIPS, STAGES, Stage

SMALL = replace(
    COMPACT, name="small", widths=((16, 24), (40, 40), (64, 64), (96, 96)), size=64, first_margin=1.5, sigma=2.0
)
"""The compact network at half the size of the crop and less wide, for dozens of runs on a CPU (our choice)."""

STACK = 3  # frames that `StackedFrames` sees at once


class Cascade(nn.Module):
    """Networks, each for one step (RQ1); before: those of the steps before, which are not trained and not returned."""

    def __init__(self, networks: Sequence[RedNet], before: Sequence[RedNet] = ()):
        super().__init__()
        self.before, self.networks, self.preset = tuple(before), nn.ModuleList(networks), networks[0].preset

    def frame(self, patches: Tensor, crop: Tensor, state: None = None, steps: int = 0, **others) -> FrameOutput:
        """As `RedNet.frame`, of a single image: a cascade has no memory and keeps no codes."""
        every = [*self.before, *self.networks]

        def run_step(frame: Tensor, z: Tensor, step: int) -> tuple[Tensor, Tensor]:
            return every[step].one_step(frame, z, 0)

        return FrameOutput(feedback_loop(run_step, patches, crop, self.preset, len(every))[len(self.before) :], [])


class CoarseFirst(RedNet):
    """The first step sees a quarter of the resolution, later ones all of it: coarse to fine, as in the paper (z)."""

    def one_step(self, frame: Tensor, z: Tensor, step: int, change_code: Change | None = None) -> tuple[Tensor, Tensor]:
        if step == 0:
            frame = F.interpolate(F.avg_pool2d(frame, 4), scale_factor=4, mode="bilinear")
        return super().one_step(frame, z, step, change_code)


class PartsHidden(RedNet):
    """In training, steps after the first do not see a part of most images: there, only z knows the points (z)."""

    def one_step(self, frame: Tensor, z: Tensor, step: int, change_code: Change | None = None) -> tuple[Tensor, Tensor]:
        if self.encoder.training and step > 0:
            frame = torch.where(self.hidden(frame), torch.rand_like(frame[..., :1, :1]), frame)
        return super().one_step(frame, z, step, change_code)

    @staticmethod
    def hidden(frame: Tensor) -> Tensor:
        """True in a rectangle of two of three images, (B, 1, S, S): its sides are 15 to 65 % of the crop's."""
        count, size, device = len(frame), frame.shape[-1], frame.device
        middle, half = torch.rand(count, 2, 1, device=device), 0.075 + 0.25 * torch.rand(count, 2, 1, device=device)
        half = half * (torch.rand(count, 1, 1, device=device) < 2 / 3)
        across, down = ((torch.arange(size, device=device) / size - middle).abs() < half).unbind(1)
        return (down[:, :, None] & across[:, None])[:, None]


class MemoryOnAll(RedNet):
    """f_tRNN on `channels` of the code, all of them, instead of C_pe (RQ2)."""

    channels = slice(0, None, 1)

    def __init__(self, preset: Preset):
        super().__init__(preset)
        count = len(range(*self.channels.indices(preset.widths[-1][-1])))
        self.memory = TemporalMemory(count, preset.cells, preset.hidden, preset.size, preset.margin)

    def remembered(self, code: Tensor, crop: Tensor, state: MemoryState) -> tuple[Tensor, Prior, MemoryState]:
        at = self.channels
        changed, prior, after = self.memory(code[:, at], crop, state)
        return code.slice_scatter(changed, 1, at.start, at.stop, at.step), prior, after


class MemoryOnSplit(MemoryOnAll):
    """f_tRNN on every other channel, which is a random split: channels of a part are alike before training."""

    channels = slice(0, None, 2)


class ClassifierOnChanging(RedNet):
    """f_CLS on C_pe, the wrong place, with all else that tells the halves apart the wrong way round (RQ4)."""

    def halves(self, code: Tensor) -> tuple[Tensor, Tensor]:
        return super().halves(code)[::-1]


class ShuffledLabels(StillBatches):
    """Control (RQ4): the same names in the same batches, each over an image of someone else."""

    def chosen(self, i: int) -> list[Face]:
        named = super().chosen(i)
        drawn = np.random.default_rng((self.stage.seed, 3)).permutation(len(self.faces))
        synthetic = named[self.n_real :]
        mixed = np.random.default_rng((self.stage.seed, 3, i)).permutation(len(synthetic))
        shown = [self.faces[drawn[j]] for j in self.real_indices(i)] + [synthetic[j] for j in mixed]
        return [replace(face, person=name.person) for face, name in zip(shown, named, strict=True)]


class ShuffledClips(ClipBatches):
    """The same frames of the same clips in random order: what a memory learns of them is not motion (RQ3, control)."""

    def moved(self, face: Face, rng: np.random.Generator) -> Clip:
        clip = super().moved(face, rng)
        order = rng.permutation(len(clip))
        return replace(clip, frames=clip.frames[order], points=clip.points[order], visible=clip.visible[order])


class StackedFrames(RedNet):
    """Sees the last STACK frames at once, cut where the newest one is, and remembers nothing else (RQ3)."""

    def widen(self) -> "StackedFrames":
        """Make room for the earlier frames: input channels with weights of 0, which leave the output as it was."""
        conv = self.encoder.stages[0][0].conv
        earlier = conv.weight.new_zeros(len(conv.weight), 3 * (STACK - 1), *conv.kernel_size)
        conv.weight = nn.Parameter(cat([conv.weight.detach(), earlier], 1))
        conv.in_channels = conv.weight.shape[1]
        return self

    def clip(self, patches: Tensor, crop: Tensor, steps: int | None = None, **others) -> list[FrameOutput]:
        stack = [patches]
        for _ in range(STACK - 1):
            stack.append(cat([patches[:, :1], stack[-1][:, :-1]], 1))
        return super().clip(cat(stack, 2), crop, steps, **others)


class PreviousMap(RedNet):
    """Feeds back the previous frame's map: the loop goes on from its points as with f_tRNN, but without it (RQ3)."""

    def follow(self, patch: Tensor, crop: Tensor, before: FrameOutput | None, steps=None, **others) -> FrameOutput:
        if before is None:
            return self.frame(patch, crop, None, steps, temporal=False)
        points, loop = before.steps[-1].points.detach(), {"enough": others.get("enough")}
        crop, loop["first_z"] = self.going_on(points, crop, torch.ones_like(points[..., 0]))
        steps = self.preset.steps if steps is None else steps
        return FrameOutput(feedback_loop(self.one_step, patch, crop, self.preset, steps, before=points, **loop), [])


class HeldPoints(RedNet):
    """No memory but a rule: a frame whose mean confidence is below `least` keeps the points of the last one (RQ3)."""

    least, momentum = 0.0, 0.0
    tried = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)

    def follow(self, patch: Tensor, crop: Tensor, before: FrameOutput | None, *steps, **others) -> FrameOutput:
        output = self.frame(patch, crop, None, *steps, temporal=False)
        last = output.steps[-1]
        points = last.points.detach()
        if before is not None:
            earlier, latest = before.state
            sure = confidence(last.response_maps, last.crop_points, self.preset.size).mean(1) >= self.least
            points = torch.where(sure[:, None, None], points, latest + self.momentum * (latest - earlier))
            last = last._replace(points=points)
        state = (points if before is None else before.state[1], points)
        return output._replace(steps=[*output.steps[:-1], last], state=state)


class MovedPoints(HeldPoints):
    """As `HeldPoints`, but the points go on at the speed that they had (RQ3)."""

    momentum = 1.0


class LstmOnCoordinates(RedNet):
    """f_tRNN on coordinates and confidences after the decoder, not on a code (RQ3); fresh, it moves no point."""

    def __init__(self, preset: Preset):
        super().__init__(preset)
        count = self.regression.out.out_channels
        lstm, out = nn.LSTMCell(3 * count + 4, preset.hidden), nn.Linear(preset.hidden, 2 * count)
        nn.init.zeros_(out.weight)
        nn.init.zeros_(out.bias)
        self.memory = nn.ModuleDict({"lstm": lstm, "out": out})

    def follow(self, patch: Tensor, crop: Tensor, before: FrameOutput | None, *steps, **others) -> FrameOutput:
        output = self.frame(patch, crop, None, *steps, temporal=False)
        last, size = output.steps[-1], self.preset.size
        points, crop = last.crop_points, last.crop.detach()
        if before is None:
            nothing = points.new_zeros(len(points), self.preset.hidden)
            state = MemoryState(nothing, nothing, crop, to_patch(points, crop))
        else:
            state = before.state
        sure = confidence(last.response_maps, points, size)
        inputs = cat([(points / size - 0.5).flatten(1), sure, crop_motion(state.crop, crop, size)], -1)
        hidden, cell = self.memory.lstm(inputs, (state.hidden, state.cell))
        points = points + size * self.memory.out(hidden).float().view_as(points)
        last = last._replace(crop_points=points, points=to_patch(points, last.crop))
        state = MemoryState(hidden, cell, crop, to_patch(points, crop))
        return output._replace(steps=[*output.steps[:-1], last], state=state)


STEPS = 2
IDENTITY = STAGES["identity"]
WEIGHT, APART, SWAP = 0.03, 0.05, IDENTITY.swap  # weights for a training of minutes: a twentieth of the stage's


@dataclass(frozen=True)
class Supervision:
    """What tells C_id and C_pe apart (RQ4): weights in the loss, share of swaps; all but f_CLS is our choice."""

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
    "LSTM on a random split": MemoryOnSplit,
}


@dataclass(frozen=True)
class Setting:
    """What the runs of a question share."""

    stage: Stage  # how the spatial part is trained; the other stages follow from it
    faces: Sequence[Face]  # patches to train on
    unseen: Sequence[Face]  # faces of other people, to measure errors on
    folder: Path  # where trained networks are kept
    recurring: Sequence[Face] = ()  # faces of other people, some of whom have two, to swap codes between
    preset: Preset = SMALL  # of the networks
    hidden: int = HIDDEN  # units of an LSTM
    clips: int = 16  # so many of each difficulty are measured on
    frames: int = 20  # of a clip that is measured on
    people: int = 30  # so many procedural people are given to the probes
    images: int = 12  # of each of them
    show: Callable[[Iterable], Iterable] = iter  # wraps the batches of each training, e.g. a progress bar
    device: str | torch.device | None = None  # where networks are trained; by default a GPU where there is one


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
        stage = replace(start.stage, seed=self.seed + 1000, group=IDENTITY.group, procedural=IDENTITY.procedural)
        stage = replace(stage, identity_weight=supervision.weight, apart=supervision.apart, swap=supervision.swap)
        stage = replace(stage, augment_synthetic=IDENTITY.augment_synthetic)
        synthetic = ProceduralFaces(self.seed, IDENTITY.group, IDENTITY.synthetic_people)
        return supervision.batches(self.setting.faces, stage, start.preset, synthetic)

    def with_memory(self, memory: str, supervision: Supervision = FULL, steps: int = STEPS) -> RedNet:
        """Stage 3: clips, all losses together, with one of MEMORIES."""
        network = MEMORIES[memory]
        parts = {"hidden": self.setting.hidden} if network else {}
        model = grown(self.with_identity(supervision, steps), self.seed, network or RedNet, **parts)
        batches = self.clip_batches(supervision, model.preset)
        return self.trained(model, batches, f"{supervision.name}, K = {steps}, {memory}")

    def clip_batches(self, supervision: Supervision, preset: Preset) -> ClipBatches:
        """The batches of stage 3: half as many, at half the rate, of an eighth as many clips as stage 1 has images."""
        base = self.setting.stage
        stage = replace(base, iterations=max(base.iterations // 2, 1), batch=max(base.batch // 8, 1))
        stage = replace(stage, rate=base.rate / 2, steps=preset.steps, seed=self.seed + 2000)
        stage = replace(stage, identity_weight=supervision.weight, apart=supervision.apart, **ON_CLIPS)
        return ClipBatches(self.setting.faces, stage, preset)

    def all_at_once(self) -> RedNet:
        """The network that has all parts and all losses from its first iteration, the batches of the stages mixed."""
        stills, groups = self.still_batches(), self.group_batches(FULL)
        preset = replace(stills.preset, people=len(groups.people), hidden=self.setting.hidden)
        batches = MixedBatches([stills, groups, self.clip_batches(FULL, preset)], self.seed)
        return self.trained(fresh(preset, self.seed), batches, "all at once", MixedTrainer)

    def trained(self, model: RedNet, batches: Dataset, name: str, trainer: type[Trainer] = Trainer) -> RedNet:
        """The network after its batches, in eval mode; its checkpoint is kept under a name, and gone on from."""
        path = self.setting.folder / f"{name.replace(' ', '_')}-{self.seed}.pt"
        return trainer(model, batches.stage, batches, path=path, device=self.setting.device).run(self.setting.show)


def trained_loop(
    form: FeedbackForm,
    steps: int,
    stage: Stage,
    faces: Sequence[Face],
    show: Callable = iter,
    device: str | torch.device | None = None,
    network: type[RedNet] = RedNet,
) -> RedNet:
    """One network in a loop of `steps` feedback steps, in training as in test (RQ1); device: as of `Trainer`."""
    preset = replace(SMALL, form=form, trained_steps=steps)
    stage = replace(stage, steps=steps)
    model, batches = fresh(preset, stage.seed, network), StillBatches(faces, stage, preset)
    return Trainer(model, stage, batches, device=device).run(show)


def trained_cascade(form: FeedbackForm, steps: int, stage: Stage, faces: list[Face], show: Callable = iter) -> Cascade:
    """`steps` networks trained in turn, each for the whole stage, each on what the ones before hand on (RQ1)."""
    done: list[RedNet] = []
    for k in range(steps):
        newest = fresh(replace(SMALL, form=form, trained_steps=1), stage.seed + 1000 * k)
        cascade, longer = Cascade([newest], done), replace(stage, steps=k + 1)
        trainer = Trainer(cascade, longer, StillBatches(faces, longer, cascade.preset))
        done += trainer.run(show).requires_grad_(False).networks
    return Cascade(done).eval()


class MixedBatches(Dataset):
    """Every batch of several stages once, in an order that the seed draws. stage: the last, which has all parts."""

    def __init__(self, parts: Sequence[StillBatches], seed: int):
        every = [(part, i) for part in parts for i in range(len(part))]
        self.order = [every[n] for n in np.random.default_rng((seed, 4, 0)).permutation(len(every))]
        self.stage = replace(parts[-1].stage, iterations=len(every))

    def __getitem__(self, i: int) -> Batch:
        part, j = self.order[i]
        return part[j]

    def stage_of(self, i: int) -> Stage:
        """The stage that batch i is from, with one schedule of the learning rate over all of them."""
        return replace(self.order[i][0].stage, iterations=self.stage.iterations)


class MixedTrainer(Trainer):
    """A trainer whose batches, of `MixedBatches`, each bring the losses and the batch norm of a stage of their own."""

    batches: MixedBatches

    def learn(self, batch: Batch) -> list[float]:
        whole = self.stage
        self.stage = self.losses_of.stage = self.batches.stage_of(self.iteration)
        follow_norms(self.model, self.stage)
        losses = super().learn(batch)
        self.stage = whole
        return losses
