"""A second device on a machine that has none: its tensors lie in CPU memory, but claim to be elsewhere.

Within `SecondDevice`, a device named "meta" computes real numbers, and as on a GPU an operation on tensors of both
devices raises RuntimeError, and so does `.numpy()` of a tensor that was not brought back.
"""

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from typing import Any
from unittest.mock import patch

import torch
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map

MIXING = ("aten::copy_", "aten::_to_copy", "aten::index", "aten::index_put", "aten::_index_put_impl_")
"""Operations that take tensors of two devices: copies, and indexing by tensors of the CPU."""

WITHOUT_SCALARS = ("aten::stack", "aten::cat")
"""Operations that do not take single numbers of the CPU beside tensors of a GPU."""


class Elsewhere(torch.Tensor):
    """A tensor of the second device. inner: the numbers, on the CPU."""

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> "Elsewhere":
        layout = {"strides": inner.stride(), "storage_offset": inner.storage_offset()}
        made = torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype, device="meta", **layout)
        made.inner = inner
        return made

    def tolist(self) -> Any:
        return self.inner.tolist()

    def new_tensor(self, data: Any) -> torch.Tensor:
        return torch.tensor(data, dtype=self.dtype, device=self.device)

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None) -> Any:
        return computed(func, args, kwargs or {})


def inner(value: Any) -> Any:
    """The numbers of a tensor elsewhere; "cpu" for a device; anything else as it is."""
    if isinstance(value, Elsewhere):
        return value.inner
    return torch.device("cpu") if isinstance(value, torch.device) else value


def computed(func: Any, args: tuple, kwargs: dict) -> Any:
    """The result of an operation on the device that it names, or that of its tensors. Raises as a GPU would."""
    given, _ = tree_flatten((args, kwargs))
    tensors = [value for value in given if isinstance(value, torch.Tensor)]
    devices = {value.type for value in given if isinstance(value, torch.device)}
    away = any(isinstance(tensor, Elsewhere) for tensor in tensors)
    name = func._schema.name
    strangers = [t for t in tensors if not isinstance(t, Elsewhere) and (t.ndim or name in WITHOUT_SCALARS)]
    if away and strangers and not name.startswith(MIXING):
        raise RuntimeError(f"Expected all tensors to be on the same device: {name} of {[t.device for t in tensors]}")
    result = func(*tree_map(inner, args), **tree_map(inner, kwargs))
    if "meta" in devices or (away and not devices):
        result = tree_map(lambda value: Elsewhere(value) if isinstance(value, torch.Tensor) else value, result)
        return return_and_correct_aliasing(func, args, kwargs, result) if away else result
    return result


def built_by(build: Callable) -> Callable:
    """`torch.tensor` or `torch.as_tensor`, of numbers on any device; as they are, no mode sees how they copy."""

    def built(data: Any, *, device: torch.device | str | None = None, **options: Any) -> torch.Tensor:
        own = data.device if isinstance(data, torch.Tensor) and build.__name__ == "as_tensor" else "cpu"
        return build(tree_map(inner, data), **options).to(own if device is None else device)

    return built


class SecondDevice(TorchDispatchMode):
    """Within it "meta" is the second device; there is no autocast, which knows only real devices, and inference mode,
    which knows no tensors like these, is `no_grad`.
    """

    def __enter__(self) -> "SecondDevice":
        self.patches = ExitStack()
        self.patches.enter_context(patch("torch.autocast", lambda *args, **kwargs: nullcontext()))
        self.patches.enter_context(patch("torch._C._InferenceMode", lambda mode: torch.set_grad_enabled(not mode)))
        for build in (torch.tensor, torch.as_tensor):
            self.patches.enter_context(patch.object(torch, build.__name__, built_by(build)))
        return super().__enter__()

    def __exit__(self, *error) -> None:
        super().__exit__(*error)
        self.patches.close()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None) -> Any:
        return computed(func, args, kwargs or {})
