"""The LSTM's baselines in modelling video, each a network that follows a face through a clip (RQ3)."""

from dataclasses import replace

import numpy as np
from torch import Tensor, cat, nn

from redn_lib.data.clip import Clip, Face
from redn_lib.feedback import Step, to_crop, to_patch
from redn_lib.rednet import FrameOutput, Preset, RedNet
from redn_lib.response_maps import confidence, gaussian_maps
from redn_lib.temporal import MemoryState, crop_motion
from redn_lib.training.clips import ClipBatches

STACK = 3
"""Frames that are seen at once."""


class StackedFrames(RedNet):
    """Sees the last STACK frames at once, cut where the newest one is, and remembers nothing else.

    On stills it is a `RedNet`; `widen` makes room for the earlier frames and leaves the answers as they were.
    """

    def widen(self) -> "StackedFrames":
        """Three input channels more for each earlier frame, that count nothing yet."""
        conv = self.encoder.stages[0][0].conv
        earlier = conv.weight.new_zeros(len(conv.weight), 3 * (STACK - 1), *conv.kernel_size)
        conv.weight = nn.Parameter(cat([conv.weight.detach(), earlier], 1))
        conv.in_channels = conv.weight.shape[1]
        return self

    def clip(
        self, patches: Tensor, crop: Tensor, steps: int | None = None, *, temporal: bool = True
    ) -> list[FrameOutput]:
        stack = [patches]
        for _ in range(STACK - 1):
            stack.append(cat([patches[:, :1], stack[-1][:, :-1]], 1))
        return super().clip(cat(stack, 2), crop, steps, temporal=temporal)


class PreviousMap(RedNet):
    """Feeds back the map of the frame before: its points are drawn into the first z, which is blank otherwise."""

    def follow(
        self,
        patch: Tensor,
        crop: Tensor,
        before: FrameOutput | None,
        steps: int | None = None,
        *,
        temporal: bool = True,
    ) -> FrameOutput:
        def from_before(z: Tensor, step: int) -> Tensor:
            if step > 0 or before is None:
                return z
            points = to_crop(before.steps[-1].points.detach(), crop)
            return gaussian_maps(points, z.shape[-1], self.preset.size, self.preset.sigma)

        return self.frame(patch, crop, None, steps, change_z=from_before)


class CoordinateMemory(nn.Module):
    """An LSTM over points that moves them: (B, L, 2) in pixels of a crop, how sure they are (B, L), crop (B, 2, 3) to
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
        heard = cat([(points / self.size - 0.5).flatten(1), sure, crop_motion(state.crop, crop, self.size)], -1)
        hidden, cell = self.lstm(heard, (state.hidden, state.cell))
        points = points + self.size * self.out(hidden).float().view_as(points)
        return points, MemoryState(hidden, cell, crop, to_patch(points, crop))


class LstmOnCoordinates(RedNet):
    """f_tRNN after the points instead of before the decoder: it sees coordinates and confidences, no code."""

    def __init__(self, preset: Preset):
        super().__init__(preset)
        self.memory = CoordinateMemory(self.regression.out.out_channels, preset.hidden, preset.size)

    def follow(
        self,
        patch: Tensor,
        crop: Tensor,
        before: FrameOutput | None,
        steps: int | None = None,
        *,
        temporal: bool = True,
    ) -> FrameOutput:
        seen = self.frame(patch, crop, None, steps, temporal=False)
        last: Step = seen.steps[-1]
        sure = confidence(last.response_maps, last.crop_points, self.preset.size)
        state = before.state if before else None
        places, state = self.memory(last.crop_points, sure, last.crop.detach(), state)
        last = last._replace(crop_points=places, points=to_patch(places, last.crop))
        return seen._replace(steps=[*seen.steps[:-1], last], state=state)


class ShuffledClips(ClipBatches):
    """The same frames of the same clips, in no order: what a memory learns of them is not motion (the control)."""

    def moved(self, face: Face, rng: np.random.Generator) -> Clip:
        clip = super().moved(face, rng)
        order = rng.permutation(len(clip))
        return replace(clip, frames=clip.frames[order], points=clip.points[order])
