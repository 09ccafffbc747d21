"""RedNet: encoder, decoder, regression, feedback loop, identity and memory as one network, in two presets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, cat, nn

from redn_lib.encoder_decoder import Decoder, Encoder, Regression
from redn_lib.feedback import FeedbackForm, Step, box_crop, feedback_loop, to_crop, to_patch
from redn_lib.identity import IdentityClassifier, split
from redn_lib.landmarks import N_POINTS
from redn_lib.pose import PoseReader
from redn_lib.spread import CodeSpread
from redn_lib.temporal import MemoryState, Prior, TemporalMemory, prior_logits

Change = Callable[[Tensor, int], Tensor]
"""Replaces a tensor of a feedback step (0-based) by another of its shape, for experiments."""


@dataclass(frozen=True)
class Preset:
    """Every number that makes a network. Widths are output channels of each convolution by stage; `levels` pools are
    undone by the decoder.

    size: side of a crop in pixels; margin: crop side over the mean shape's; first_margin: first crop's side over the
    larger side of the given box;
    steps: K at inference; trained_steps: so many steps have statistics of their own; sigma: of drawn Gaussians, in crop
    pixels; people: whom f_CLS tells apart, 0 without f_CLS; hidden: units of f_tRNN, 0 without f_tRNN.
    """

    name: str
    widths: tuple[tuple[int, ...], ...]
    stem_stride: int
    levels: int
    regression_width: int
    form: FeedbackForm
    size: int = 128
    margin: float = 1.25
    first_margin: float = 1.65
    steps: int = 3
    trained_steps: int = 2
    sigma: float = 4.0
    people: int = 0
    hidden: int = 0

    @property
    def identity_channels(self) -> int:
        """Channels of C_id: half of the code's (paper)."""
        return self.widths[-1][-1] // 2

    @property
    def cells(self) -> int:
        """Places a side of the code."""
        return self.size // self.stem_stride // 2 ** len(self.widths)

    @property
    def maps(self) -> int:
        """Cells a side of the response maps: those of the conv2 features."""
        return self.size // self.stem_stride // 2


COMPACT = Preset("compact", ((24, 32), (64, 64), (96, 96), (160, 160)), 2, 3, 64, FeedbackForm())
"""The one we ship: real time on one CPU core (our choice)."""

PAPER = Preset(
    "paper",
    ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)),
    1,
    5,
    128,
    FeedbackForm("squares", recrop=False, average=False),
    trained_steps=3,
)
"""VGG-16 widths, 4x4x512 bottleneck, L+1 maps at 128x128, shrinking squares in the same frame (paper); f_REG's width is
our choice.
"""

PRESETS = {p.name: p for p in (COMPACT, PAPER)}


class FrameOutput(NamedTuple):
    """What the network made of a frame. steps: a Step for each look; codes: of each look, (B, C, h, w), as the encoder
    gave them; prior, state: of f_tRNN, None where it did not run.
    """

    steps: list[Step]
    codes: list[Tensor]
    prior: Prior | None = None
    state: MemoryState | None = None


def run_loop(
    preset: Preset,
    run_step: Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]],
    patches: Tensor,
    crop: Tensor,
    steps: int | None,
    change_z: Change | None,
    expect: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> list[Step]:
    """The feedback loop of `run_step` with the numbers of a preset; steps: by default the preset's."""
    return feedback_loop(
        run_step,
        patches,
        crop,
        form=preset.form,
        steps=preset.steps if steps is None else steps,
        size=preset.size,
        margin=preset.margin,
        sigma=preset.sigma,
        maps=preset.maps,
        expect=expect,
        change_z=change_z,
    )


class RedNet(nn.Module):
    """f_ENC, f_DEC, f_REG in the loop f_sRNN; with f_CLS and f_tRNN where the preset has them.

    forward(patches (B, 3, P, P) float in [0, 1], crop (B, 2, 3) first crop pixels to patch pixels, steps) -> a Step for
    each look at a single picture, without f_tRNN. `frame` and `clip` look at sequences.
    change_z(z, step), change_code(code, step) replace what is fed back and what goes on to the decoder.
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

    def one_step(self, frame: Tensor, z: Tensor, step: int, change_code: Change | None = None) -> tuple[Tensor, Tensor]:
        """One look: frame (B, 3, S, S), z (B, Cz, s, s) to detection logits (B, L+1, h, h) and regression logits (B, L,
        m, m).
        """
        code, features, indices = self.encoder(frame - 0.5, z, step)
        if change_code is not None:
            code = change_code(code, step)
        detection = self.detection(self.decoder(code, indices, step))
        return detection, self.regression(detection, features[1], features[3], step)

    def forward(
        self,
        patches: Tensor,
        crop: Tensor,
        steps: int | None = None,
        *,
        change_z: Change | None = None,
        change_code: Change | None = None,
    ) -> list[Step]:
        def run_step(frame: Tensor, z: Tensor, step: int) -> tuple[Tensor, Tensor]:
            return self.one_step(frame, z, step, change_code)

        return run_loop(self.preset, run_step, patches, crop, steps, change_z)

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
    ) -> FrameOutput:
        """The next frame of a sequence. f_tRNN hears the first look's code and speaks once: to that code, and to the
        maps of every look (our choice).

        state: what the frame before left, None at the first; place: (B, 2, 3) patch pixels to pixels of the frame,
        where patches of a sequence lie at different places; temporal=False switches f_tRNN off.
        """
        p = self.preset
        place = torch.eye(2, 3).to(crop).expand_as(crop) if place is None else place
        remembers = self.memory is not None and temporal
        codes: list[Tensor] = []
        prior, after = None, None

        def remember(code: Tensor, step: int) -> Tensor:
            nonlocal prior, after
            codes.append(code)
            if change_code is not None:
                code = change_code(code, step)
            if step > 0 or not remembers:
                return code
            code, prior, after = self.remembered(code, crop_in_frame(place, crop), state)
            return code

        def run_step(frame: Tensor, z: Tensor, step: int) -> tuple[Tensor, Tensor]:
            return self.one_step(frame, z, step, remember)

        def expect(now: Tensor, own: Tensor) -> Tensor:
            seen_now = prior._replace(points=to_crop(to_patch(prior.points, crop), now))
            return prior_logits(seen_now, own, p.size, p.sigma)

        said = run_loop(p, run_step, patches, crop, steps, change_z, expect if remembers else None)
        if after is not None:
            after = after._replace(points=to_patch(said[-1].points.detach(), place))
        return FrameOutput(said, codes, prior, after)

    def clip(
        self, patches: Tensor, crop: Tensor, steps: int | None = None, *, temporal: bool = True
    ) -> list[FrameOutput]:
        """Every frame of clips, each first seen where the points of the frame before were, as a tracker does.

        patches: (B, T, 3, P, P), the same place in each frame; crop: (B, 2, 3) of the first frame.
        """
        seen: list[FrameOutput] = []
        for patch in patches.unbind(1):
            seen.append(self.follow(patch, crop, seen[-1] if seen else None, steps, temporal=temporal))
            crop = box_crop(seen[-1].steps[-1].points.detach(), crop, self.preset.size, self.preset.first_margin)
        return seen

    def follow(
        self,
        patch: Tensor,
        crop: Tensor,
        before: FrameOutput | None,
        steps: int | None = None,
        *,
        temporal: bool = True,
    ) -> FrameOutput:
        """A frame of clips (B, 3, P, P), first seen in `crop`, after what was made of the frame before, None at
        the first.
        """
        return self.frame(patch, crop, before.state if before else None, steps, temporal=temporal)

    def halves(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """C_id and C_pe of codes (B, C, h, w), as they are supervised."""
        return split(code, self.preset.identity_channels)

    def who(self, code: Tensor, step: int = 0) -> Tensor:
        """f_CLS on C_id of a look's codes (B, C, h, w): logits (B, people) (paper)."""
        return self.classifier(self.halves(code)[0], step)

    def pose(self, code: Tensor, step: int = 0) -> Tensor:
        """What a linear map reads in C_pe of a look's codes (B, C, h, w): (B, 3) as `pose_of` (our choice)."""
        return self.reader(self.halves(code)[1], step)

    def remembered(self, code: Tensor, crop: Tensor, state: MemoryState | None) -> tuple[Tensor, Prior, MemoryState]:
        """f_tRNN on C_pe of codes (B, C, h, w), C_id by-passing it: the codes for the decoder, and as `TemporalMemory`
        (paper).
        """
        identity, changing = split(code, self.preset.identity_channels)
        changing, prior, after = self.memory(changing, crop, state)
        return cat([identity, changing], 1), prior, after

    @classmethod
    def from_preset(cls, name: str = "compact") -> "RedNet":
        """A network with fresh weights. Raises ValueError for an unknown preset."""
        if name not in PRESETS:
            raise ValueError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
        return cls(PRESETS[name])


def crop_in_frame(place: Tensor, crop: Tensor) -> Tensor:
    """View pixels straight to pixels of the frame: place (B, 2, 3) patch to frame, crop (B, 2, 3) crop to patch."""
    corners = crop.mT.clone()
    corners[:, :2] += crop[:, None, :, 2]
    corners = to_patch(corners, place)
    return cat([corners[:, :2] - corners[:, 2:], corners[:, 2:]], 1).mT
