"""The same network with fewer operations, not to be trained: batch norm becomes part of the convolution before it.

In eval mode batch norm is a scale and a shift of each channel. The statistics differ by step, so every step has weights
of its own here (our choice).
"""

from collections.abc import Callable
from copy import deepcopy

from torch import Tensor, bfloat16, channels_last, nn, no_grad
from torch.nn import functional as F

from redn_lib.device import has_bfloat16
from redn_lib.encoder_decoder import Conv
from redn_lib.rednet import RedNet


class FoldedConv(nn.Module):
    """A `Conv` in eval mode as one convolution: (B, in, h, w) to (B, out, h/stride, w/stride)."""

    def __init__(self, conv: Conv):
        super().__init__()
        self.stride, self.padding = conv.conv.stride, conv.conv.padding
        scales, biases = norm_of(conv)
        weights = scales[..., None, None, None] * conv.conv.weight
        self.weights = nn.ParameterList(w.contiguous(memory_format=channels_last) for w in weights)
        self.biases = nn.ParameterList(biases.unbind())

    def forward(self, x: Tensor, step: int) -> Tensor:
        k = min(step, len(self.weights) - 1)
        return F.conv2d(x, self.weights[k], self.biases[k], self.stride, self.padding).relu_()


def norm_of(conv: Conv) -> tuple[Tensor, Tensor]:
    """Scale and shift of each step's batch norm in eval mode, (steps, out) each."""
    norm = conv.norm
    scales = norm.weight / (norm.running_var + 1e-5).sqrt()
    return scales, norm.bias - norm.running_mean * scales


@no_grad()
def folded(model: RedNet, kind: Callable[[Conv], nn.Module] = FoldedConv) -> RedNet:
    """A copy of a network, in eval mode, that gives the same points in less time; it cannot be trained.

    kind: what stands in place of each `Conv`.
    """
    copy = deepcopy(model).eval().requires_grad_(False)
    for module in list(copy.modules()):
        for name, child in list(module.named_children()):
            if type(child) is Conv:
                setattr(module, name, kind(child))
    return copy


def fast(model: RedNet) -> RedNet:
    """As `folded`, all but f_tRNN in bfloat16 where the processor multiplies in it: half the time again. Points move by
    less than 0.2 % of the eye distance on average (our choice).
    """
    copy = folded(model)
    if has_bfloat16(next(copy.parameters()).device):
        for part in (copy.encoder, copy.decoder, copy.detection, copy.regression):
            part.to(bfloat16)
    return copy
