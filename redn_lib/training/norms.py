"""Batch norm over all processes of a run: each sees its share of a batch, all use the statistics of the whole."""

import torch
from torch import Tensor, distributed, nn

from redn_lib.encoder_decoder import StepNorm


class MeanOfAll(torch.autograd.Function):
    """The mean of a tensor over all processes; the gradient of all their losses together is a mean as well."""

    @staticmethod
    def forward(ctx: object, mine: Tensor) -> Tensor:
        mean = mine / distributed.get_world_size()
        distributed.all_reduce(mean)
        return mean

    backward = forward


class AllOf(torch.autograd.Function):
    """The shares of all processes one after another, (B, ...) to (processes * B, ...); the gradient of all their
    losses together goes back to each share.
    """

    @staticmethod
    def forward(ctx: object, mine: Tensor) -> Tensor:
        shares = [torch.empty_like(mine) for _ in range(distributed.get_world_size())]
        distributed.all_gather(shares, mine.contiguous())
        return torch.cat(shares)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        gradient = gradient.clone()
        distributed.all_reduce(gradient)
        return gradient.chunk(distributed.get_world_size())[distributed.get_rank()]


class SharedStepNorm(StepNorm):
    """`StepNorm` whose statistics in training are those of all processes, each with an equal share; on CPU and GPU (our
    choice: torch's SyncBatchNorm has no statistics of a step, and none on a CPU).
    """

    def forward(self, x: Tensor, step: int) -> Tensor:
        if not self.training:
            return super().forward(x, step)
        k = min(step, len(self.running_mean) - 1)
        var, mean = torch.var_mean(x.float(), (0, *range(2, x.ndim)), correction=0)
        mean, square = MeanOfAll.apply(torch.stack([mean, var + mean.square()])).unbind()
        var = (square - mean.square()).clamp(min=0)
        with torch.no_grad():
            count = distributed.get_world_size() * x.numel() / x.shape[1]
            self.running_mean[k].lerp_(mean, 0.1)
            self.running_var[k].lerp_(var * count / (count - 1), 0.1)
        scale = self.weight * (var + 1e-5).rsqrt()
        scale, shift = (t.view(-1, *[1] * (x.ndim - 2)) for t in (scale, self.bias - mean * scale))
        return (x * scale + shift).to(x.dtype)


def share_statistics(model: nn.Module) -> None:
    """Put a `SharedStepNorm` with the same weights and buffers in the place of every `StepNorm` of the model."""
    for module in model.modules():
        for name, norm in module.named_children():
            if type(norm) is StepNorm:
                shared = SharedStepNorm(len(norm.weight), len(norm.running_mean))
                shared.weight, shared.bias = norm.weight, norm.bias
                shared.running_mean, shared.running_var = norm.running_mean, norm.running_var
                setattr(module, name, shared.train(norm.training))
