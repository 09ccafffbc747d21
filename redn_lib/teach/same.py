"""Mine against the library's: the same within a tolerance, or where and how far they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

TOLERANCE = 1e-5


class Words(str):
    """A sentence that a notebook shows without quotation marks when it is the last line of a cell."""

    __repr__ = str.__str__


def same(mine: Any, reference: Any, *inputs: Any, tolerance: float = TOLERANCE) -> Words:
    """Say that two results are the same within `tolerance`; raise AssertionError where they are not.

    mine, reference: tensors, arrays, numbers, or tuples, lists, dicts and dataclasses of them; or two functions or
    modules of `inputs`, which are called here without gradients.
    tolerance: as a share of the largest number of the reference; absolute where that is below 1, and for integers.
    """
    if inputs or isinstance(reference, nn.Module):
        with torch.no_grad():
            mine, reference = mine(*inputs), reference(*inputs)
    size, why = difference(mine, reference)
    if size > tolerance:
        raise AssertionError(f"not the same: {why}")
    return Words(f"same: within {tolerance:g}" if tolerance else "same: exactly")


def take_weights(mine: nn.Module, reference: nn.Module) -> None:
    """Copy the reference's parameters and running statistics into mine, in order; names may differ.

    Raises AssertionError or RuntimeError where number or shapes differ.
    """
    ours, theirs = mine.state_dict(), reference.state_dict()
    if len(ours) != len(theirs):
        raise AssertionError(f"the weights do not fit: yours has {len(ours)} tensors, the library's {len(theirs)}")
    mine.load_state_dict(dict(zip(ours, theirs.values(), strict=True)))


def difference(mine: Any, reference: Any, where: str = "") -> tuple[float, str]:
    """The largest difference of two results, as in `same`, infinite where they cannot be compared, and a sentence.

    where: the part of the result, for the sentence.
    """
    theirs = _parts(reference)
    if theirs is None:
        size, why = _of_numbers(mine, reference)
        return size, f"{where}: {why}" if where else why
    is_array = isinstance(mine, Tensor | np.ndarray) and mine.ndim > 0
    ours = _parts(list(mine) if is_array else mine)
    if ours is None or set(ours) != set(theirs):
        got = f"a {type(mine).__name__}" if ours is None else ", ".join(ours) or "nothing"
        return np.inf, f"{where or 'the result'} has {', '.join(theirs) or 'nothing'}, yours {got}"
    return max((difference(ours[part], theirs[part], where + part) for part in theirs), default=(0.0, ""))


def _parts(value: Any) -> dict[str, Any] | None:
    """The parts of a dataclass, mapping or sequence by name; None for anything else."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f".{f.name}": getattr(value, f.name) for f in fields(value)}
    if isinstance(value, Mapping):
        return {f"[{key!r}]": part for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {f"[{i}]": part for i, part in enumerate(value)}
    return None


def _of_numbers(mine: Any, reference: Any) -> tuple[float, str]:
    if isinstance(reference, str | bool | None):
        equal = type(mine) is type(reference) and mine == reference
        return 0.0 if equal else np.inf, f"yours is {mine!r}, expected {reference!r}"
    try:
        ours, theirs = _array(mine), _array(reference)
    except (TypeError, ValueError):
        return np.inf, f"yours is a {type(mine).__name__}, expected a {type(reference).__name__}"
    ours = ours.reshape(()) if theirs.ndim == 0 and ours.size == 1 else ours
    if ours.shape != theirs.shape:
        transposed = ours.ndim == 2 and ours.T.shape == theirs.shape and np.allclose(ours.T, theirs)
        hint = "; yours is its transpose" if transposed else ""
        return np.inf, f"yours has shape {ours.shape}, expected {theirs.shape}{hint}"
    if not ours.size:
        return 0.0, ""
    with np.errstate(invalid="ignore"):
        gap = np.where(np.isclose(ours, theirs, 0, 0, equal_nan=True), 0.0, abs(ours - theirs))
    gap = np.nan_to_num(gap, nan=np.inf)
    at = np.unravel_index(gap.argmax(), gap.shape)
    place = f" at {tuple(map(int, at))}" if ours.ndim else ""
    why = f"largest difference {gap[at]:.3g}{place}: yours {ours[at]:.6g}, expected {theirs[at]:.6g}"
    largest = 1.0 if isinstance(reference, int) else abs(theirs[np.isfinite(theirs)]).max(initial=0.0)
    return float(gap[at] / max(1.0, largest)), why


def _array(value: Any) -> np.ndarray:
    if isinstance(value, Tensor):
        return value.detach().cpu().double().numpy()
    if isinstance(value, str | None):
        raise TypeError("no number")
    return np.asarray([_array(part) for part in value] if isinstance(value, list | tuple) else value, float)
