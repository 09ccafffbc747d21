"""Checks of exercises: *not attempted*, *wrong because ...* or *right*; they never raise, so a notebook runs on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from redn_lib.teach.same import TOLERANCE, Words, difference

Mistakes = Mapping[str, Callable[..., Any] | Any]
"""What people often do instead: a sentence after "wrong because", and the answer that this mistake gives."""


class Verdict(Words):
    """The sentence to show; `right` and `attempted` for code."""

    right: bool
    attempted: bool

    def __new__(cls, sentence: str, *, right: bool = False, attempted: bool = True) -> "Verdict":
        self = super().__new__(cls, sentence)
        self.right, self.attempted = right, attempted
        return self


def check(
    attempt: Any,
    reference: Any,
    inputs: Sequence[tuple] = (),
    mistakes: Mistakes | None = None,
    tolerance: float = TOLERANCE,
) -> Verdict:
    """Judge an exercise: a value against a value, or with `inputs` a function against a function of each of them.

    attempt: the student's; `...`, None, NotImplemented or a function that ends in one of these is not attempted.
    inputs: a tuple of arguments for each case, given to attempt, reference and mistakes alike.
    mistakes: the usual wrong answers by their reason, values or functions as the reference. Never raises because of
    what the student wrote.
    """
    if not inputs:
        return _judge(attempt, reference, mistakes or {}, "", tolerance)
    for case in inputs:
        try:
            with torch.no_grad():
                answer = attempt(*case) if callable(attempt) else attempt
        except NotImplementedError:
            answer = ...
        except Exception as error:
            if "ellipsis" in str(error).lower():
                answer = ...
            else:
                return Verdict(f"✗ wrong because it stops with {type(error).__name__}: {error}")
        wrong = {why: _call(other, case) for why, other in (mistakes or {}).items()}
        verdict = _judge(answer, reference(*case), wrong, _shown(case), tolerance)
        if not verdict.right:
            return verdict
    return Verdict("✓ right", right=True)


def _judge(answer: Any, wanted: Any, mistakes: Mapping[str, Any], case: str, tolerance: float) -> Verdict:
    if answer is None or answer is ... or answer is NotImplemented:
        return Verdict("○ not attempted: replace the `...` above and run this cell again", attempted=False)
    apart = difference(answer, wanted)
    if apart.size <= tolerance:
        return Verdict("✓ right", right=True)
    for why, wrong in mistakes.items():
        if difference(answer, wrong).size <= tolerance:
            return Verdict(f"✗ wrong because {why}")
    place = f"{apart.where}: " if apart.where else ""
    why = apart.why.replace("the library's", "the right one")
    return Verdict(f"✗ wrong{case}: {place}{why}")


def _call(other: Any, case: tuple) -> Any:
    return other(*case) if callable(other) else other


def _shown(case: tuple) -> str:
    """The arguments of a case where they are short enough to read."""
    words = ", ".join(repr(a) for a in case)
    return f" for ({words})" if len(words) <= 60 and "\n" not in words else ""
