"""f_ENC and f_DEC: convolutions whose max-pools remember where each maximum was, and the way back up.

The decoder puts every value back at the place that its pool remembered, and zeros elsewhere; it has no other skip
connections (paper, section 2). `Regression` is f_REG; it alone also gets the conv2 and conv4 features, as in the paper.
"""

from torch import Tensor, cat, contiguous_format, float32, nn, ones, zeros
from torch.nn import functional as F


class StepNorm(nn.Module):
    """Batch norm with running statistics of its own for each feedback step, and shared scale and shift (authors' code).

    x: (B, C, h, w); step: 0-based. Steps beyond the last one with statistics use those of the last.
    """

    def __init__(self, channels: int, steps: int):
        super().__init__()
        self.weight = nn.Parameter(ones(channels))
        self.bias = nn.Parameter(zeros(channels))
        self.register_buffer("running_mean", zeros(steps, channels))
        self.register_buffer("running_var", ones(steps, channels))

    def forward(self, x: Tensor, step: int) -> Tensor:
        k = min(step, len(self.running_mean) - 1)
        return F.batch_norm(x, self.running_mean[k], self.running_var[k], self.weight, self.bias, self.training, 0.1)


class Conv(nn.Module):
    """3x3 (or `kernel`) convolution, batch norm of the step, ReLU: (B, in, h, w) to (B, out, h/stride, w/stride)."""

    def __init__(self, into: int, out: int, steps: int, stride: int = 1, kernel: int = 3):
        super().__init__()
        self.conv = nn.Conv2d(into, out, kernel, stride, kernel // 2, bias=False)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")
        self.norm = StepNorm(out, steps)

    def forward(self, x: Tensor, step: int) -> Tensor:
        return F.relu(self.norm(self.conv(x), step), inplace=True)


class Stage(nn.ModuleList):
    """Convolutions one after another."""

    def forward(self, x: Tensor, step: int) -> Tensor:
        for conv in self:
            x = conv(x, step)
        return x


class Encoder(nn.Module):
    """f_ENC: stages of convolutions, each followed by a 2x2 max-pool that remembers its indices (paper).

    widths: output channels of each convolution, by stage.
    z_at_input: z is concatenated to the frame (paper) or added after the first pool, by a convolution (our choice).
    forward(frame (B, 3, S, S), z (B, Cz, s, s), step) -> code (B, C, s', s'), features of each stage before its pool,
    indices of each pool.
    """

    def __init__(
        self, widths: tuple[tuple[int, ...], ...], stem_stride: int, z_channels: int, z_at_input: bool, steps: int
    ):
        super().__init__()
        self.z_at_input = z_at_input
        into, stride = 3 + (z_channels if z_at_input else 0), stem_stride
        self.stages = nn.ModuleList()
        for stage in widths:
            convs = Stage()
            for out in stage:
                convs.append(Conv(into, out, steps, stride))
                into, stride = out, 1
            self.stages.append(convs)
        self.z_conv = None if z_at_input else nn.Conv2d(z_channels, widths[0][-1], 3, padding=1)

    def forward(self, frame: Tensor, z: Tensor, step: int) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        x = cat([frame, z], 1) if self.z_at_input else frame
        features, indices = [], []
        for s, stage in enumerate(self.stages):
            x = stage(x, step)
            features.append(x)
            x, maxima = F.max_pool2d(x, 2, return_indices=True)
            indices.append(maxima)
            if s == 0 and self.z_conv is not None:
                x = x + self.z_conv(z)
        return x, features, indices


def unpool(x: Tensor, indices: Tensor) -> Tensor:
    """Undo a 2x2 max-pool: values back in their places, zeros elsewhere: (B, C, h, w) to (B, C, 2h, 2w) (paper)."""
    return F.max_unpool2d(x, indices, 2)


class Decoder(nn.Module):
    """f_DEC: the encoder mirrored. Each stage unpools; its last convolution narrows for the next indices (paper).

    levels: how many pools, counted from the last, are undone.
    """

    def __init__(self, widths: tuple[tuple[int, ...], ...], levels: int, steps: int):
        super().__init__()
        self.stages = nn.ModuleList()
        for s in range(len(widths) - 1, len(widths) - 1 - levels, -1):
            stage, narrow = widths[s], widths[s - 1][-1] if s > len(widths) - levels else widths[s][0]
            outs = [stage[-1]] * (len(stage) - 1) + [narrow]
            self.stages.append(Stage([Conv(stage[-1], out, steps) for out in outs]))

    def forward(self, code: Tensor, indices: list[Tensor], step: int) -> Tensor:
        for stage, maxima in zip(self.stages, reversed(indices), strict=False):
            code = stage(unpool(code, maxima), step)
        return code


class Regression(nn.Module):
    """f_REG: detection maps, conv2 and conv4 features (paper) to one map per landmark; layers are our choice.

    forward(detection (B, L+1, h, h), conv2 (B, C2, s, s), conv4 (B, C4, s4, s4), step) -> logits (B, L, s, s).
    """

    def __init__(self, landmarks: int, conv2: int, conv4: int, width: int, steps: int):
        super().__init__()
        self.narrow = Conv(conv4, width // 2, steps, kernel=1)
        self.mix = Conv(landmarks + 1 + conv2 + width // 2, width, steps, kernel=1)
        self.refine = Conv(width, width, steps)
        self.out = nn.Conv2d(width, landmarks, 1)

    def forward(self, detection: Tensor, conv2: Tensor, conv4: Tensor, step: int) -> Tensor:
        size = conv2.shape[-2:]
        if detection.shape[-2:] != size:
            detection = F.adaptive_max_pool2d(detection, size)
        conv4 = F.interpolate(self.narrow(conv4, step), size=size, mode="bilinear", align_corners=False)
        logits = self.out(self.refine(self.mix(cat([detection, conv2, conv4], 1), step), step))
        return logits.to(float32, memory_format=contiguous_format)  # each map is normalised on its own
