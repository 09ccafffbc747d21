"""Networks and batches that the questions compare with ours: baselines of loop and memory, and controls."""

from dataclasses import replace

import numpy as np
from torch import Tensor, cat, nn

from redn_lib.data.clip import Clip, Face
from redn_lib.feedback import Step, feedback_loop, to_crop, to_patch
from redn_lib.identity import split
from redn_lib.rednet import Change, FrameOutput, Preset, RedNet
from redn_lib.response_maps import confidence, gaussian_maps
from redn_lib.temporal import MemoryState, Prior, TemporalMemory, crop_motion
from redn_lib.training.batches import StillBatches
from redn_lib.training.clips import ClipBatches

STACK = 3
"""Frames that `StackedFrames` sees at once."""


class Cascade(nn.Module):
    """The loop's baseline: K networks with weights of their own, each for one step (RQ1).

    What is handed on is the same. With `only_last` set, the earlier networks are frozen and only the last step is
    returned: the form in which the newest is trained. forward as `RedNet`.
    """

    def __init__(self, networks: list[RedNet], only_last: bool):
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.only_last = only_last
        for network in networks[: -1 if only_last else None]:
            network.requires_grad_(False)

    @property
    def preset(self) -> Preset:
        return self.networks[0].preset

    def train(self, mode: bool = True) -> "Cascade":
        super().train(mode)
        if self.only_last:
            for network in self.networks[:-1]:
                network.eval()
        return self

    def run_step(self, frame: Tensor, z: Tensor, step: int) -> tuple[Tensor, Tensor]:
        return self.networks[step].one_step(frame, z, 0)

    def forward(
        self, patches: Tensor, crop: Tensor, steps: int | None = None, *, change_z: Change | None = None
    ) -> list[Step]:
        found = feedback_loop(self.run_step, patches, crop, self.preset, len(self.networks), change_z=change_z)
        return found[-1:] if self.only_last else found

    def frame(
        self, patches: Tensor, crop: Tensor, state: None = None, steps: int | None = None, **others
    ) -> FrameOutput:
        """As `RedNet.frame`, of a single image: a cascade has no memory and keeps no codes."""
        return FrameOutput(self(patches, crop, steps, change_z=others.get("change_z")), [])


class MemoryOnAll(RedNet):
    """f_tRNN on the whole code instead of C_pe (RQ2). channels: those of the code that it gets; the others pass by."""

    channels = slice(0, None, 1)

    def __init__(self, preset: Preset):
        super().__init__(preset)
        count = len(range(*self.channels.indices(preset.widths[-1][-1])))
        self.memory = TemporalMemory(count, preset.cells, preset.hidden, preset.size, preset.margin)

    def remembered(self, code: Tensor, crop: Tensor, state: MemoryState | None) -> tuple[Tensor, Prior, MemoryState]:
        at = self.channels
        changed, prior, after = self.memory(code[:, at], crop, state)
        return code.slice_scatter(changed, 1, at.start, at.stop, at.step), prior, after


class MemoryOnRandomSplit(MemoryOnAll):
    """f_tRNN on every other channel: half of C_id and half of C_pe. Channels of a part are alike before training, so
    that this is a random split of the code.
    """

    channels = slice(0, None, 2)


class ClassifierOnChanging(RedNet):
    """f_CLS on C_pe, the wrong place, with all else that tells the halves apart the wrong way round (RQ4)."""

    def halves(self, code: Tensor) -> tuple[Tensor, Tensor]:
        identity, changing = split(code, self.preset.identity_channels)
        return changing, identity


class ShuffledLabels(StillBatches):
    """The control with shuffled labels: the same names in the same batches, each over an image of someone else (RQ4).
    Frames of real people are exchanged once and for all, those of procedural people within a batch.
    """

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
    """Sees the last STACK frames at once, cut where the newest one is, and remembers nothing else (RQ3).

    On still images it is a `RedNet`; `widen` makes room for the earlier frames and leaves the output as it was.
    """

    def widen(self) -> "StackedFrames":
        """Three input channels more for each earlier frame, with weights of 0."""
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
    """Feeds back the previous frame's map: its points are drawn into the first z, which is blank otherwise (RQ3)."""

    def follow(
        self, patch: Tensor, crop: Tensor, before: FrameOutput | None, steps: int | None = None, **others
    ) -> FrameOutput:
        def from_before(z: Tensor, step: int) -> Tensor:
            if step > 0 or before is None:
                return z
            points = to_crop(before.steps[-1].points.detach(), crop)
            return gaussian_maps(points, z.shape[-1], self.preset.size, self.preset.sigma)

        return self.frame(patch, crop, None, steps, change_z=from_before)


class CoordinateMemory(nn.Module):
    """An LSTM over points that moves them: (B, L, 2) in pixels of a crop, their confidence (B, L), crop (B, 2, 3) to
    pixels of the frame, state to points and state. Fresh, it leaves them where they are.
    """

    def __init__(self, landmarks: int, hidden: int, size: int):
        super().__init__()
        self.size = size
        self.lstm = nn.LSTMCell(3 * landmarks + 4, hidden)
        self.out = nn.Linear(hidden, 2 * landmarks)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(
        self, points: Tensor, sure: Tensor, crop: Tensor, state: MemoryState | None
    ) -> tuple[Tensor, MemoryState]:
        if state is None:
            nothing = points.new_zeros(len(points), self.lstm.hidden_size)
            state = MemoryState(nothing, nothing, crop, to_patch(points, crop))
        inputs = cat([(points / self.size - 0.5).flatten(1), sure, crop_motion(state.crop, crop, self.size)], -1)
        hidden, cell = self.lstm(inputs, (state.hidden, state.cell))
        points = points + self.size * self.out(hidden).float().view_as(points)
        return points, MemoryState(hidden, cell, crop, to_patch(points, crop))


class LstmOnCoordinates(RedNet):
    """f_tRNN after the points instead of before the decoder: it gets coordinates and confidences, no code (RQ3)."""

    def __init__(self, preset: Preset):
        super().__init__(preset)
        self.memory = CoordinateMemory(self.regression.out.out_channels, preset.hidden, preset.size)

    def follow(
        self, patch: Tensor, crop: Tensor, before: FrameOutput | None, steps: int | None = None, **others
    ) -> FrameOutput:
        output = self.frame(patch, crop, None, steps, temporal=False)
        last: Step = output.steps[-1]
        sure = confidence(last.response_maps, last.crop_points, self.preset.size)
        state = before.state if before else None
        places, state = self.memory(last.crop_points, sure, last.crop.detach(), state)
        last = last._replace(crop_points=places, points=to_patch(places, last.crop))
        return output._replace(steps=[*output.steps[:-1], last], state=state)
