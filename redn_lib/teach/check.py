"""Checks of exercises: *not attempted*, *wrong because ...* or *right*; they never raise, so a notebook runs on."""

import dis
from collections.abc import Mapping, Sequence
from copy import copy
from inspect import isfunction
from typing import Any

import torch
from torch.utils._pytree import tree_map

from redn_lib.teach.same import TOLERANCE, Words, difference

EMPTY = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}  # instructions of a function without a body


class Verdict(Words):
    """The sentence to show; `right` and `attempted` for code."""

    right = property(lambda self: self.startswith("✓"))
    attempted = property(lambda self: not self.startswith("○"))


def check(
    attempt: Any,
    reference: Any,
    inputs: Sequence[tuple] = (),
    mistakes: Mapping[str, Any] | None = None,
    tolerance: float = TOLERANCE,
) -> Verdict:
    """Judge an exercise: a value against a value, or with `inputs` a function against a function of each of them.

    attempt: the student's; `...`, None, NotImplemented or a function that gives one of these is not attempted.
    inputs: a tuple of arguments for each case; each function gets copies of its own.
    mistakes: by the words after "wrong because", the wrong answers, values or functions as the reference.
    """
    for case in inputs or [()]:
        try:
            answer = _call(attempt, case)
        except Exception as error:
            if not isinstance(error, NotImplementedError) and "ellipsis" not in str(error).lower():
                return Verdict(f"✗ wrong because it stops with {type(error).__name__}: {error}")
            answer = ...
        if answer is None and isfunction(attempt) and {i.opname for i in dis.get_instructions(attempt)} - EMPTY:
            return Verdict("✗ wrong because it returns nothing: is the `return` missing?")
        if answer is None or answer is ... or answer is NotImplemented:
            return Verdict("○ not attempted: replace the `...` above and run this cell again")
        size, why = difference(answer, _call(reference, case))
        if size > tolerance:
            for reason, mistake in (mistakes or {}).items():
                if difference(answer, _call(mistake, case))[0] <= tolerance:
                    return Verdict(f"✗ wrong because {reason}")
            words = ", ".join(map(repr, case))
            shown = f" for ({words})" if case and len(words) <= 60 and "\n" not in words else ""
            return Verdict(f"✗ wrong{shown}: {why}")
    return Verdict("✓ right")


def _call(value: Any, case: tuple) -> Any:
    """The value, or what the function gives for copies of the arguments."""
    if not callable(value):
        return value
    with torch.no_grad():
        return value(*tree_map(lambda a: a.detach().clone() if isinstance(a, torch.Tensor) else copy(a), case))
