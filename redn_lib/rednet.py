"""RedNet: encoder, decoder, regression and the feedback loop as one network, in two presets."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from redn_lib.encoder_decoder import Decoder, Encoder, Regression
from redn_lib.feedback import FeedbackForm, Step, feedback_loop
from redn_lib.landmarks import N_POINTS


@dataclass(frozen=True)
class Preset:
    """Every number that makes a network. Widths are output channels of each convolution by stage; `levels` pools are
    undone by the decoder.

    size: side of a view in pixels; margin: view side over the mean shape's; first_margin: first view's side over the
    larger side of the given box;
    steps: K at inference; trained_steps: K in training, each with statistics of its own; sigma: of drawn Gaussians, in
    view pixels.
    """

    name: str
    widths: tuple[tuple[int, ...], ...]
    stem_stride: int
    levels: int
    regression_width: int
    form: FeedbackForm
    size: int = 128
    margin: float = 1.25
    first_margin: float = 1.5
    steps: int = 3
    trained_steps: int = 2
    sigma: float = 4.0

    @property
    def maps(self) -> int:
        """Cells a side of the response maps: those of the conv2 features."""
        return self.size // self.stem_stride // 2


COMPACT = Preset("compact", ((24, 32), (64, 64), (96, 96), (160, 160)), 2, 3, 96, FeedbackForm())
"""The one we ship: real time on one CPU core (our choice)."""

PAPER = Preset(
    "paper",
    ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)),
    1,
    5,
    128,
    FeedbackForm("squares", retake=False),
    trained_steps=3,
)
"""VGG-16 widths, 4x4x512 bottleneck, L+1 maps at 128x128, shrinking squares in the same frame (paper); f_REG's width is
our choice.
"""

PRESETS = {p.name: p for p in (COMPACT, PAPER)}


class RedNet(nn.Module):
    """f_ENC, f_DEC, f_REG in the loop f_sRNN.

    forward(patches (B, 3, P, P) float in [0, 1], view (B, 2, 3) first view pixels to patch pixels, steps) -> a Step for
    each look.
    change_z(z, step) replaces what is fed back, for experiments.
    """

    def __init__(self, preset: Preset):
        super().__init__()
        self.preset = p = preset
        z_channels = p.form.z_shape(p.size, p.maps)[0]
        self.encoder = Encoder(p.widths, p.stem_stride, z_channels, p.form.draw == "squares", p.trained_steps)
        self.decoder = Decoder(p.widths, p.levels, p.trained_steps)
        self.detection = nn.Conv2d(p.widths[len(p.widths) - p.levels][0], N_POINTS + 1, 1)
        self.regression = Regression(N_POINTS, p.widths[1][-1], p.widths[3][-1], p.regression_width, p.trained_steps)

    def look(self, frame: Tensor, z: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """One look: frame (B, 3, S, S), z (B, Cz, s, s) to detection logits (B, L+1, h, h) and regression logits (B, L,
        m, m).
        """
        code, features, indices = self.encoder(frame - 0.5, z, step)
        detection = self.detection(self.decoder(code, indices, step))
        return detection, self.regression(detection, features[1], features[3], step)

    def forward(
        self,
        patches: Tensor,
        view: Tensor,
        steps: int | None = None,
        *,
        change_z: Callable[[Tensor, int], Tensor] | None = None,
    ) -> list[Step]:
        p = self.preset
        return feedback_loop(
            self.look,
            patches,
            view,
            form=p.form,
            steps=p.steps if steps is None else steps,
            size=p.size,
            margin=p.margin,
            sigma=p.sigma,
            maps=p.maps,
            change_z=change_z,
        )

    @classmethod
    def from_preset(cls, name: str = "compact") -> "RedNet":
        """A network with fresh weights. Raises ValueError for an unknown preset."""
        if name not in PRESETS:
            raise ValueError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
        return cls(PRESETS[name])
