"""Networks and batches that the questions compare with ours: baselines of loop and memory, and controls."""

from dataclasses import replace

import numpy as np
from torch import Tensor, cat, nn

from redn_lib.data.clip import Clip, Face
from redn_lib.feedback import feedback_loop, to_crop, to_patch
from redn_lib.rednet import FrameOutput, Preset, RedNet
from redn_lib.response_maps import confidence, gaussian_maps
from redn_lib.temporal import MemoryState, Prior, TemporalMemory, crop_motion
from redn_lib.training.batches import StillBatches
from redn_lib.training.clips import ClipBatches

STACK = 3
"""Frames that `StackedFrames` sees at once."""


class Cascade(nn.Module):
    """The loop's baseline: K networks with weights of their own, each for one step (RQ1).

    With `only_last` set, the earlier networks are frozen and only the last step is returned: so the newest is trained.
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

    def frame(self, patches: Tensor, crop: Tensor, state: None = None, steps: int = 0, **others) -> FrameOutput:
        """As `RedNet.frame`, of a single image: a cascade has no memory and keeps no codes."""

        def run_step(frame: Tensor, z: Tensor, step: int) -> tuple[Tensor, Tensor]:
            return self.networks[step].one_step(frame, z, 0)

        found = feedback_loop(run_step, patches, crop, steps=len(self.networks), **self.preset.loop)
        return FrameOutput(found[-1:] if self.only_last else found, [])


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


class LstmOnCoordinates(RedNet):
    """f_tRNN after the points instead of before the decoder: it gets coordinates and confidences, no code (RQ3). Fresh,
    it leaves the points where they are.
    """

    def __init__(self, preset: Preset):
        super().__init__(preset)
        count = self.regression.out.out_channels
        lstm, out = nn.LSTMCell(3 * count + 4, preset.hidden), nn.Linear(preset.hidden, 2 * count)
        nn.init.zeros_(out.weight)
        nn.init.zeros_(out.bias)
        self.memory = nn.ModuleDict({"lstm": lstm, "out": out})

    def follow(
        self, patch: Tensor, crop: Tensor, before: FrameOutput | None, steps: int | None = None, **others
    ) -> FrameOutput:
        output = self.frame(patch, crop, None, steps, temporal=False)
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
