"""What often goes wrong in any exercise, told without a number of the answer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from redn_lib.teach.same import difference

TELLS = {  # by the reason, from the right numbers to the wrong ones
    "the sign is the wrong way round": lambda ours: -ours,
    "it is in percent, and a share is due": lambda ours: 100 * ours,
    "it is a share, and percent is due": lambda ours: ours / 100,
    "it is twice as large as it should be": lambda ours: 2 * ours,
    "it is half as large as it should be": lambda ours: ours / 2,
    "the fraction stands upside down": lambda ours: 1 / ours,
    "it is the square of what is due: a root is missing": lambda ours: ours**2,
    "it is the root of what is due": lambda ours: np.sqrt(ours),
    "it is one less than what is due": lambda ours: ours - 1,
    "it is one more than what is due": lambda ours: ours + 1,
    "the decimals are cut off": np.trunc,
    "it is rounded to whole numbers": np.round,
    "it is 1 minus what is due": lambda ours: 1 - ours,
    "the numbers stand in reversed order": lambda ours: ours[::-1],
    "x and y, the two numbers in the last dimension, are exchanged": lambda ours: (
        ours[..., ::-1] if ours.shape[-1] == 2 else np.nan
    ),
    "the order in the last dimension is reversed": lambda ours: ours[..., ::-1],
    "rows and columns are exchanged": lambda ours: ours.swapaxes(-1, -2),
}


def usual(mine: Any, ours: Any, arguments: Sequence, tolerance: float) -> str:
    """The reason why a result is wrong, empty where none is known."""

    def same(one: Any, other: Any) -> bool:
        return difference(one, other)[0] <= tolerance

    if isinstance(ours, tuple | dict):
        return _of_parts(mine, ours, arguments, tolerance)
    got, due = numbers_of(mine), numbers_of(ours)
    if due is None:
        return ""
    if got is None:
        return f"it returns {form_of(mine)}, and {form_of(ours)} is due"
    if got.shape != due.shape:
        return _of_shapes(got, due, same)
    if np.isnan(got).any() and not np.isnan(due).any():
        return "it gives nan, not a number: is something divided by 0?"
    if due.any() and not got.any():
        return "it is 0, everywhere" if due.ndim else "it is 0"
    for reason, tell in TELLS.items():
        try:
            with np.errstate(all="ignore"):
                wrong = tell(due)
        except (IndexError, ValueError):  # it needs more dimensions
            continue
        if same(got, wrong) and not same(wrong, due):
            return reason
    if any(numbers_of(a) is not None and same(got, a) for a in arguments if isinstance(a, np.ndarray | torch.Tensor)):
        return "it returns what it was given"
    return _of_many(got, due, same) or _too(got, due)


def _too(got: np.ndarray, due: np.ndarray) -> str:
    words = {"too large": (got > due).all(), "too small": (got < due).all()}
    return next((f"{'all numbers are' if due.ndim else 'it is'} {w}" for w, holds in words.items() if holds), "")


def _of_many(got: np.ndarray, due: np.ndarray, same) -> str:
    """Of several numbers: what is the same for all of them."""
    if due.size < 3:
        return ""
    if np.ptp(got) == 0:
        return "all numbers are the same"
    if np.ptp(got - due) < 1e-3 * np.ptp(due):
        return "all numbers are too large or too small by the same amount"
    with np.errstate(all="ignore"):
        factor = (got / due)[due != 0]
    if np.isfinite(factor).all() and np.ptp(factor) < 1e-3 * abs(factor).max():
        return "all numbers are too large or too small by the same factor"
    if same(np.sort(got, None), np.sort(due, None)):
        return "the numbers are right, and stand in the wrong order"
    right = np.isclose(got, due, 1e-3, 1e-3)
    if due.ndim and len(due) > 1 and right[0].all():
        return "along the first dimension only the first is right"
    if due.ndim and len(due) > 1 and right[-1].all():
        return "along the first dimension only the last is right"
    if due.ndim > 1 and due.shape[-1] == 2 and (right[..., 0].all() or right[..., 1].all()):
        return f"{'x' if right[..., 0].all() else 'y'} is right, and {'y' if right[..., 0].all() else 'x'} is not"
    return "some of the numbers are right, and not all" if right.mean() > 0.2 else ""


def _of_shapes(got: np.ndarray, due: np.ndarray, same) -> str:
    said = f"its shape is {got.shape}, and {due.shape} is due" if due.ndim else "one number is due, and not several"
    if got.ndim > 1 and got.T.shape == due.shape and same(got.T, due):
        return f"{said}: it is transposed"
    if got.squeeze().shape == due.squeeze().shape:
        return f"{said}: an axis of length 1 too {'many' if got.ndim > due.ndim else 'few'}"
    for words, more, less in (("still to be taken", got, due), ("already taken: keep what it is taken of", due, got)):
        for name, reduced in (("mean", np.mean), ("sum", np.sum)):
            for axis in (None, *range(more.ndim)):
                if reduced(more, axis=axis).shape == less.shape and same(reduced(more, axis=axis), less):
                    return f"the {name} is {words}"
    return said


def _of_parts(mine: Any, ours: Any, arguments: Sequence, tolerance: float) -> str:
    names = list(ours) if isinstance(ours, dict) else list(range(len(ours)))
    if isinstance(ours, dict) and (not isinstance(mine, dict) or set(mine) != set(ours)):
        got = f"one with {', '.join(map(repr, mine))}" if isinstance(mine, dict) and len(mine) < 9 else form_of(mine)
        return f"a dictionary with {', '.join(map(repr, ours))} is due, and it returns {got}"
    if not isinstance(ours, dict) and (not hasattr(mine, "__len__") or len(mine) != len(ours)):
        return f"{len(ours)} results are due, and it returns {form_of(mine)}"
    wrong = [n for n in names if difference(mine[n], ours[n])[0] > tolerance]
    if len(wrong) == 2 and all(
        difference(mine[a], ours[b])[0] <= tolerance for a, b in (tuple(wrong), tuple(wrong[::-1]))
    ):
        return "the parts are right, and stand in the wrong order"
    shown = repr(wrong[0]) if isinstance(ours, dict) else f"result {wrong[0] + 1} of {len(names)}"
    told = usual(mine[wrong[0]], ours[wrong[0]], arguments, tolerance) or "it is another"
    return f"{shown}: {told}" + ("; the rest is right" if len(wrong) == 1 else "")


def is_rounded(mine: Any, ours: Any) -> bool:
    """Whether the numbers are ours with two to four decimals, by which at most 2 % of the largest is lost."""
    got, due = numbers_of(mine), numbers_of(ours)
    if got is None or due is None or got.size != due.size or not due.size:
        return False
    got = got.reshape(due.shape) if not due.ndim else got
    if got.shape != due.shape or not abs(got - due).max() <= 0.02 * abs(due).max():
        return False
    return any(abs(got - np.round(due, decimals)).max() < 1e-6 for decimals in (2, 3, 4))


def numbers_of(value: Any) -> np.ndarray | None:
    """A tensor, array, list or number as an array of float, None where it is none of these."""
    if isinstance(value, str):
        return None
    try:
        value = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        return None if np.iscomplexobj(value) else value.astype(float)
    except (TypeError, ValueError):
        return None


def form_of(value: Any) -> str:
    """What kind of thing it is, in words."""
    if isinstance(value, torch.Tensor | np.ndarray):
        kind = "a tensor" if isinstance(value, torch.Tensor) else "an array"
        return f"{kind} of shape {tuple(value.shape)}"
    if isinstance(value, tuple | list | dict | set):
        kind = "dictionary" if isinstance(value, dict) else type(value).__name__
        return f"a {kind} of {len(value)}"
    names = {str: "a text", bool: "True or False", type(None): "nothing"}
    number = "a number" if isinstance(value, int | float | np.number) else f"a {type(value).__name__}"
    return names.get(type(value), number)
