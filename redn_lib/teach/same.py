"""Mine against the library's: exact, close, or where and how far they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

TOLERANCE = 1e-5


class Words(str):
    """A sentence that a notebook shows without quotation marks when it is the last line of a cell."""

    __repr__ = str.__str__


@dataclass(frozen=True)
class Difference:
    """How far two results are apart. size: largest absolute difference, infinite where they cannot be compared;
    where: which part of the result, "" for all of it; why: a sentence."""

    size: float
    where: str = ""
    why: str = ""


def same(mine: Any, reference: Any, *inputs: Any, tolerance: float = TOLERANCE) -> Words:
    """Say whether two results are exactly the same or close; raise AssertionError where they are neither.

    mine, reference: tensors, arrays, numbers, or tuples, lists, dicts and dataclasses of them; or two functions or
    modules of `inputs`, which are called here without gradients. Close: no number further apart than `tolerance` times
    the largest of the reference (at least 1).
    """
    if inputs or isinstance(reference, nn.Module):
        with torch.no_grad():
            mine, reference = mine(*inputs), reference(*inputs)
    apart = difference(mine, reference)
    if apart.size == 0:
        return Words("same: exactly")
    if apart.size <= tolerance * max(_largest(reference), 1):
        return Words(f"same: close, no number differs by more than {10.0 ** np.ceil(np.log10(apart.size)):.0e}")
    place = f"{apart.where}: " if apart.where else ""
    raise AssertionError(f"not the same: {place}{apart.why}")


def take_weights(mine: nn.Module, reference: nn.Module) -> None:
    """Copy the reference's parameters and running statistics into mine, in the order in which each registers them.

    Names may differ, number and shapes may not: raises AssertionError that names the first that does not fit.
    """
    ours, theirs = mine.state_dict(keep_vars=True), reference.state_dict(keep_vars=True)
    for (name, tensor), (other, source) in zip(ours.items(), theirs.items(), strict=False):
        if tensor.shape != source.shape:
            shapes = f"yours {name!r} is {tuple(tensor.shape)}, the library's {other!r} {tuple(source.shape)}"
            raise AssertionError(f"the weights do not fit: {shapes}")
    if len(ours) != len(theirs):
        raise AssertionError(f"the weights do not fit: yours has {len(ours)} tensors, the library's {len(theirs)}")
    with torch.no_grad():
        for tensor, source in zip(ours.values(), theirs.values(), strict=True):
            tensor.copy_(source)


def difference(mine: Any, reference: Any, where: str = "") -> Difference:
    """The largest difference of two results, part by part; the first part that cannot be compared decides."""
    if is_dataclass(reference) and not isinstance(reference, type):
        names = [f.name for f in fields(reference)]
        missing = [n for n in names if not hasattr(mine, n)]
        if missing:
            return Difference(np.inf, where, f"yours has no field {missing[0]!r}")
        return _worst((getattr(mine, n), getattr(reference, n), f"{where}.{n}") for n in names)
    if isinstance(reference, Mapping):
        if not isinstance(mine, Mapping) or set(mine) != set(reference):
            return Difference(np.inf, where, f"yours must have the keys {sorted(map(str, reference))}")
        return _worst((mine[k], reference[k], f"{where}[{k!r}]") for k in reference)
    if isinstance(reference, Sequence) and not isinstance(reference, str):
        if not isinstance(mine, Sequence) or len(mine) != len(reference):
            got = f"{len(mine)} of them" if isinstance(mine, Sequence) else f"a {type(mine).__name__}"
            return Difference(np.inf, where, f"{len(reference)} results are due, yours gives {got}")
        return _worst((m, r, f"{where}[{i}]") for i, (m, r) in enumerate(zip(mine, reference, strict=True)))
    return _of_numbers(mine, reference, where)


def _worst(parts) -> Difference:
    worst = Difference(0.0)
    for mine, reference, where in parts:
        apart = difference(mine, reference, where)
        if apart.size == np.inf:
            return apart
        worst = max(worst, apart, key=lambda d: d.size)
    return worst


def _array(value: Any) -> np.ndarray:
    return value.detach().cpu().double().numpy() if isinstance(value, Tensor) else np.asarray(value, float)


def _of_numbers(mine: Any, reference: Any, where: str) -> Difference:
    if isinstance(reference, str | bool | None):
        equal = type(mine) is type(reference) and mine == reference
        return Difference(0.0 if equal else np.inf, where, f"yours is {mine!r}, the library's {reference!r}")
    try:
        ours, theirs = _array(mine), _array(reference)
    except (TypeError, ValueError):
        return Difference(
            np.inf, where, f"yours is a {type(mine).__name__}, the library's a {type(reference).__name__}"
        )
    if ours.shape != theirs.shape:
        turned = ours.ndim == 2 and ours.T.shape == theirs.shape and np.allclose(ours.T, theirs)
        hint = "; yours is its transpose" if turned else ""
        return Difference(np.inf, where, f"yours has shape {ours.shape}, the library's {theirs.shape}{hint}")
    if not ours.size:
        return Difference(0.0, where)
    with np.errstate(invalid="ignore"):
        apart = np.where((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)), 0.0, abs(ours - theirs))
    apart = np.where(np.isnan(apart), np.inf, apart)
    at = np.unravel_index(apart.argmax(), apart.shape)
    place = f" at {tuple(map(int, at))}" if ours.ndim else ""
    why = f"largest difference {apart[at]:.3g}{place}: yours {ours[at]:.6g}, the library's {theirs[at]:.6g}"
    return Difference(float(apart[at]), where, why)


def _largest(reference: Any) -> float:
    if is_dataclass(reference) and not isinstance(reference, type):
        return max((_largest(getattr(reference, f.name)) for f in fields(reference)), default=0.0)
    if isinstance(reference, Mapping):
        return max(map(_largest, reference.values()), default=0.0)
    if isinstance(reference, Sequence) and not isinstance(reference, str):
        return max(map(_largest, reference), default=0.0)
    if isinstance(reference, str | bool | None):
        return 0.0
    values = abs(_array(reference))
    return float(values[np.isfinite(values)].max(initial=0.0))
