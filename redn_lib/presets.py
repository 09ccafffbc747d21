"""Presets: every number that makes a network, as data. A new preset is an entry in `PRESETS`."""

from dataclasses import dataclass

from redn_lib.feedback import FeedbackForm


@dataclass(frozen=True)
class Preset:
    """Every number that makes a network.

    widths: output channels of each convolution, by stage of the encoder.
    stem_stride: stride of the first convolution.
    levels: number of pools that the decoder undoes.
    regression_width: channels of f_REG.
    form: what the feedback loop hands on.
    size: side of a crop in pixels.
    margin: side of a crop over the larger side of the mean shape.
    first_margin: side of the first crop over the larger side of the given box.
    steps: K, the number of feedback steps.
    trained_steps: number of steps with batch-norm statistics of their own.
    sigma: of the Gaussians that are drawn, in crop pixels.
    people: number of people that f_CLS knows, 0 without f_CLS.
    hidden: number of units of f_tRNN, 0 without f_tRNN; training sets it (`HIDDEN` in temporal.py).
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
        """Side of the code in cells."""
        return self.size // self.stem_stride // 2 ** len(self.widths)

    @property
    def maps(self) -> int:
        """Side of the response maps in cells: that of the conv2 features."""
        return self.size // self.stem_stride // 2


COMPACT = Preset("compact", ((24, 32), (64, 64), (96, 96), (160, 160)), 2, 3, 64, FeedbackForm())
"""The shipped one: real time on one CPU core (our choice)."""

VGG = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
PAPER = Preset("paper", VGG, 1, 5, 128, FeedbackForm("squares", recrop=False, average=False), trained_steps=3)
"""VGG-16, code of 4x4x512, L+1 maps at 128x128 (paper); the width of f_REG is our choice."""

PRESETS = {p.name: p for p in (COMPACT, PAPER)}
