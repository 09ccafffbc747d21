"""One feedback step of the network as ONNX, for a page that runs it without a kernel.

The loop itself (crop, z, decoding) is `loop.js`. The graph takes and returns what `disturbed_loop.open_step` does:

frame    (1, 3, S, S) float32 in [0, 1], the crop.
z        (1, Cz, s, s) float32, the map given to the step.
step     (1,) int64, 0-based: which batch-norm statistics are used.
memory   (1,) float32: 1, the decoder puts values back where they were; 0, upper left in their window.
features (1,) float32: 1, f_REG gets the encoder's features; 0, zeros.

regression (1, L, m, m) and detection (1, L+1, d, d): logits.
before_P, indices_P, held_P, back_P: for each pool P that the decoder undoes, as in `disturbed_loop.Opened`.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redn_lib.encoder_decoder import Conv
from redn_lib.folded import folded, norm_of
from redn_lib.rednet import RedNet

INPUTS = ("frame", "z", "step", "memory", "features")


class TracedConv(nn.Module):
    """`encoder_decoder.Conv` whose step is a tensor, so that one graph serves every step. The norm is part of the
    weights, so that convolution and ReLU run as one.
    """

    def __init__(self, conv: Conv):
        super().__init__()
        self.conv = conv.conv
        scale, bias = norm_of(conv)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor, step: Tensor) -> Tensor:
        scale, bias = (kept.index_select(0, step)[0] for kept in (self.scale, self.bias))
        weight, c = self.conv.weight * scale[:, None, None, None], self.conv
        return F.relu(F.conv2d(x, weight, bias, c.stride, c.padding))


class OneStep(nn.Module):
    """One feedback step with all that it computes on the way; inputs and outputs as above."""

    def __init__(self, model: RedNet):
        super().__init__()
        self.model = folded(model, TracedConv).cpu()
        self.eval()
        self.pools = [len(model.preset.widths) - n for n in range(model.preset.levels)]

    def forward(self, frame: Tensor, z: Tensor, step: Tensor, memory: Tensor, features: Tensor) -> tuple[Tensor, ...]:
        model, opened = self.model, []
        step = step.clamp(max=model.preset.trained_steps - 1)
        x, before, where = model.encoder(frame - 0.5, z, step)
        for pool, stage in zip(self.pools, model.decoder.stages, strict=True):
            held, indices = x, where[pool - 1]
            back = unpool(held, torch.where(memory > 0, indices, upper_left(indices)))
            opened += [before[pool - 1], indices, held, back]
            x = stage(back, step)
        detection = model.detection(x)
        return model.regression(detection, before[1] * features, before[3] * features, step), detection, *opened


def upper_left(indices: Tensor) -> Tensor:
    """The index of the upper left place of each window of a pool, as its indices (1, C, h, w)."""
    h, w = indices.shape[-2:]
    down, across = torch.arange(h)[:, None], torch.arange(w)
    return (4 * w * down + 2 * across).expand_as(indices)


def unpool(x: Tensor, indices: Tensor) -> Tensor:
    """`encoder_decoder.unpool` in an operation that ONNX has."""
    b, c, h, w = x.shape
    flat = x.new_zeros(b, c, 4 * h * w).scatter(2, indices.flatten(2), x.flatten(2))
    return flat.view(b, c, 2 * h, 2 * w)


def example(model: RedNet) -> tuple[Tensor, ...]:
    """Inputs of the right form."""
    p = model.preset
    z = torch.zeros(1, *p.form.z_shape(p.size, p.maps))
    return torch.rand(1, 3, p.size, p.size), z, torch.tensor([0]), torch.ones(1), torch.ones(1)


def export(model: RedNet, path: Path) -> None:
    """Write the graph of one step of a model to an ONNX file."""
    one = OneStep(model)
    outputs = ["regression", "detection"]
    outputs += [f"{name}_{pool}" for pool in one.pools for name in ("before", "indices", "held", "back")]
    with torch.no_grad():
        torch.onnx.export(
            one, example(model), path, dynamo=True, external_data=False, input_names=INPUTS, output_names=outputs
        )
