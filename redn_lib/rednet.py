"""RedNet: encoder, decoder, regression, feedback loop, identity and memory as one network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, cat, nn

from redn_lib.encoder_decoder import Decoder, Encoder, Regression
from redn_lib.feedback import Change, Step, box_crop, draw_points, feedback_loop, to_crop, to_patch, upright_crop
from redn_lib.identity import CodeSpread, IdentityClassifier, PoseReader, split
from redn_lib.landmarks import N_POINTS
from redn_lib.presets import PRESETS, Preset
from redn_lib.temporal import Joined, MemoryState, Prior, TemporalMemory


class FrameOutput(NamedTuple):
    """Outputs of the network for one frame.

    steps: the feedback steps.
    codes: the code of each step as the encoder made it, (B, C, h, w).
    prior: of f_tRNN, None where it did not run.
    state: of f_tRNN, for the next frame; None where it did not run.
    trust: (B, L) of f_tRNN in the points of the frame before, 0 to 1; None where it did not run.
    joined: of each step, prior and response maps as one; empty where f_tRNN did not run.
    """

    steps: list[Step]
    codes: list[Tensor]
    prior: Prior | None = None
    state: MemoryState | None = None
    trust: Tensor | None = None
    joined: Sequence[Joined] = ()


class RedNet(nn.Module):
    """f_ENC, f_DEC and f_REG in the loop f_sRNN; with f_CLS and f_tRNN where the preset has them.

    forward(patches (B, 3, P, P) in [0, 1], first crop (B, 2, 3) to patch pixels, K) -> the steps, without f_tRNN.
    """

    def __init__(self, preset: Preset):
        super().__init__()
        self.preset = p = preset
        z_channels = p.form.z_shape(p.size, p.maps)[0]
        self.encoder = Encoder(p.widths, p.stem_stride, z_channels, p.form.draw == "squares", p.trained_steps)
        self.decoder = Decoder(p.widths, p.levels, p.trained_steps)
        self.detection = nn.Conv2d(p.widths[len(p.widths) - p.levels][0], N_POINTS + 1, 1)
        self.regression = Regression(N_POINTS, p.widths[1][-1], p.widths[3][-1], p.regression_width, p.trained_steps)
        changing = p.widths[-1][-1] - p.identity_channels
        self.classifier = IdentityClassifier(p.identity_channels, p.people, p.trained_steps) if p.people else None
        self.reader = PoseReader(changing, p.trained_steps) if p.people else None
        self.spread = CodeSpread(changing, p.trained_steps) if p.people else None
        self.memory = TemporalMemory(changing, p.cells, p.hidden, p.size, p.margin) if p.hidden else None

    def forward(self, patches: Tensor, crop: Tensor, steps: int | None = None, **changes: Change) -> list[Step]:
        return self.frame(patches, crop, steps=steps, temporal=False, **changes).steps

    def one_step(self, frame: Tensor, z: Tensor, step: int, change_code: Change | None = None) -> tuple[Tensor, Tensor]:
        """One feedback step: detection and regression logits, shapes as in `Step`."""
        precision = self.detection.weight.dtype
        code, features, indices = self.encoder((frame - 0.5).to(precision), z.to(precision), step)
        if change_code is not None:
            code = change_code(code, step)
        detection = self.detection(self.decoder(code, indices, step))
        return detection, self.regression(detection, features[1], features[3], step)

    def frame(
        self,
        patches: Tensor,
        crop: Tensor,
        state: MemoryState | None = None,
        steps: int | None = None,
        *,
        place: Tensor | None = None,
        temporal: bool = True,
        change_z: Change | None = None,
        change_code: Change | None = None,
        enough: Callable[[Tensor, list[Step]], bool] | None = None,
    ) -> FrameOutput:
        """The next frame of a sequence. With f_tRNN the loop goes on where the frame before ended: its points stand for
        the first step, are drawn into z, and the crop is upright around them. f_tRNN runs in the frame's first step,
        and its prior is joined with the maps of every step (our choice).

        state: `FrameOutput.state` of the frame before, None at the first frame.
        steps: K of the first frame; the others have one step less.
        place: (B, 2, 3) patch pixels to pixels of the frame, where the patches of a sequence lie at different places.
        temporal: False switches f_tRNN off.
        change_z(z, step), change_code(code, step): replace what is fed back and what goes on to the decoder.
        enough(points before the last step, steps so far): whether to stop before K (our choice).
        """
        place = torch.eye(2, 3).to(crop).expand_as(crop) if place is None else place
        p, remembers, trust, before, first_z = self.preset, temporal and self.memory is not None, None, None, None
        state = state if remembers else None
        if state is not None:
            before, trust = to_crop(state.points, place), self.memory.trusted(state)
            crop, first_z = self.going_on(before, crop, trust)
        in_frame = crop_in_frame(place, crop)
        if remembers and state is None:
            state, trust = self.memory.first_state(in_frame), crop.new_zeros(len(crop), N_POINTS)
        codes = CodesOfFrame(self, crop, in_frame, state, change_code)
        run_step = partial(self.one_step, change_code=codes.between)
        join = None if state is None else codes.join
        steps = p.steps if steps is None else steps
        options = {"before": before, "first_z": first_z, "join": join, "change_z": change_z, "enough": enough}
        done = feedback_loop(run_step, patches, crop, p, steps, **options)
        next_state = codes.next_state
        if next_state is not None:
            next_state = next_state._replace(points=to_patch(done[-1].points.detach(), place))
        return FrameOutput(done, codes.made, codes.prior, next_state, trust, codes.joined)

    def going_on(self, before: Tensor, crop: Tensor, height: Tensor) -> tuple[Tensor, Tensor]:
        """First crop and z of a frame after one whose points, (B, L, 2) in patch pixels, are known.

        crop: (B, 2, 3) around their box; height: (B, L) of the points in z, 0 to 1.
        """
        p = self.preset
        crop = upright_crop(before, crop, p.size, p.margin) if p.form.recrop else crop
        return crop, draw_points(p.form, to_crop(before, crop), height, p)

    def clip(
        self,
        patches: Tensor,
        crop: Tensor,
        steps: int | None = None,
        *,
        empty_at: int | None = None,
        **options: bool | Callable,
    ) -> list[FrameOutput]:
        """Every frame of clips; the first crop of a frame is around the points of the frame before, as in tracking.

        patches: (B, T, 3, P, P), cut at the same place from each frame; crop: (B, 2, 3) of the first frame.
        empty_at: frame before which f_tRNN starts from nothing; the crop is kept.
        options: of `frame`, such as temporal.
        """
        outputs, before = [], None
        for t, patch in enumerate(patches.unbind(1)):
            before = self.follow(patch, crop, None if t == empty_at else before, steps, **options)
            outputs.append(before)
            crop = box_crop(before.steps[-1].points.detach(), crop, self.preset.size, self.preset.first_margin)
        return outputs

    def follow(
        self, patch: Tensor, crop: Tensor, before: FrameOutput | None, steps: int | None = None, **options
    ) -> FrameOutput:
        """One frame of clips (B, 3, P, P) after the output of the frame before, None at the first."""
        return self.frame(patch, crop, before.state if before else None, steps, **options)

    def halves(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """C_id and C_pe of codes (B, C, h, w), as they are supervised."""
        return split(code, self.preset.identity_channels)

    def who(self, code: Tensor, step: int = 0) -> Tensor:
        """f_CLS on C_id of a step's codes (B, C, h, w): logits (B, people) (paper)."""
        return self.classifier(self.halves(code)[0], step)

    def pose(self, code: Tensor, step: int = 0) -> Tensor:
        """The pose read from C_pe of a step's codes (B, C, h, w) by a linear map: (B, 3) as `pose_of` (our choice)."""
        return self.reader(self.halves(code)[1], step)

    def remembered(self, code: Tensor, crop: Tensor, state: MemoryState) -> tuple[Tensor, Prior, MemoryState]:
        """`TemporalMemory` on C_pe of codes (B, C, h, w); C_id by-passes it (paper)."""
        identity, changing = split(code, self.preset.identity_channels)
        changing, prior, next_state = self.memory(changing, crop, state)
        return cat([identity, changing], 1), prior, next_state

    @classmethod
    def from_preset(cls, name: str = "compact") -> "RedNet":
        """A network with fresh weights. Raises ValueError for an unknown preset."""
        if name not in PRESETS:
            raise ValueError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
        return cls(PRESETS[name])


@dataclass
class CodesOfFrame:
    """The codes of a frame's steps on their way from the encoder to the decoder, and what f_tRNN makes of the first.

    first, in_frame: the crop of the first step to pixels of the patch and of the frame, (B, 2, 3).
    state: of f_tRNN after the frame before, None where f_tRNN does not run.
    made: the code of each step as the encoder made it.
    prior, next_state: of f_tRNN, None where it does not run.
    joined: of each step.
    """

    model: RedNet
    first: Tensor
    in_frame: Tensor
    state: MemoryState | None
    change: Change | None
    made: list[Tensor] = field(default_factory=list)
    prior: Prior | None = None
    next_state: MemoryState | None = None
    joined: list[Joined] = field(default_factory=list)

    def between(self, code: Tensor, step: int) -> Tensor:
        """The code of a step that goes on to the decoder."""
        self.made.append(code)
        if self.change is not None:
            code = self.change(code, step)
        if self.state is not None and self.prior is None:
            code, self.prior, self.next_state = self.model.remembered(code, self.in_frame, self.state)
        return code

    def join(self, regression: Tensor, crop: Tensor) -> Tensor:
        """Regression logits of a step joined with the prior, seen in the step's crop."""
        joined = self.model.memory.join(self.prior.in_crop(self.first, crop), regression, self.model.preset.sigma)
        self.joined.append(joined)
        return joined.logits


def crop_in_frame(place: Tensor, crop: Tensor) -> Tensor:
    """Crop pixels straight to pixels of the frame: place (B, 2, 3) patch to frame, crop (B, 2, 3) crop to patch."""
    start = crop[:, None, :, 2]
    corners = to_patch(cat([crop[..., :2].mT + start, start], 1), place)
    return cat([corners[:, :2] - corners[:, 2:], corners[:, 2:]], 1).mT
