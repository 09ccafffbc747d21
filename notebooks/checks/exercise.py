"""Exercises: *not attempted*, *wrong because ...* or *right*. A check never raises, so a notebook runs on."""

import dis
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import wraps
from inspect import isfunction
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_map

from checks.progress import note
from checks.usual import form_of, is_rounded, numbers_of, usual
from redn_lib.teach.same import Words, difference

EMPTY = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}  # instructions of a function without a body


class Verdict(Words):
    """The sentence to show, and for code:

    right, attempted: bool.
    answer: with what a notebook goes on: the student's where it is right, its results in the form of ours; else ours.
    """

    answer: Any = None
    right = property(lambda self: self.startswith("✓"))
    attempted = property(lambda self: not self.startswith("○"))


RIGHT, EXACT = "✓ right", 1e-5
NOT_ATTEMPTED = "○ not attempted: replace the `...` above and run this cell again"


class Judge:
    """What all exercises do with an attempt; `name`: number of the lesson and a few words."""

    name: str

    def check(self, attempt: Any) -> Verdict:
        """The verdict on an attempt, which is noted in the file of progress, too, unless there is none."""
        verdict = Verdict(NOT_ATTEMPTED if attempt is ... or attempt is None else self._words(attempt))
        if verdict.attempted:
            note("exercises", self.name, verdict)
        return verdict

    def _words(self, attempt: Any) -> str:
        """The words of the verdict on an attempt that is there."""
        raise NotImplementedError


@dataclass(frozen=True)
class Exercise(Judge):
    """A function to write, and how an attempt is judged.

    name: number of the lesson and a few words.
    answer: ours; further parameters with a default are options, by which mistakes are made.
    cases: by what is special in it, the arguments of a call; each call gets copies of its own.
    mistakes: by the words after "wrong because": a function that makes the mistake, or options of the answer. Two
        mistakes by options are also recognised together.
    tolerance: as a share of the largest number of a result, absolute below 1: also for rounded answers.
    read: from a result and its arguments to what is compared.
    explain: from two of these, the student's and ours, to a reason, empty where there is none.
    """

    name: str
    answer: Callable
    cases: Mapping[str, tuple]
    mistakes: Mapping[str, Callable | dict]
    tolerance: float = 1e-3
    read: Callable = lambda result, *arguments: result
    explain: Callable[[Any, Any], str] = lambda mine, ours: ""
    _known: dict[str, "Outcomes"] = field(default_factory=dict, repr=False)  # of the answer and of single mistakes

    def check(self, attempt: Any) -> Verdict:
        """As of `Judge`, with the `answer` with which the notebook goes on."""
        verdict = super().check(attempt)
        verdict.answer = self._taken(attempt) if verdict == RIGHT else self.answer
        return verdict

    def _words(self, attempt: Any) -> str:
        if not callable(attempt):
            return f"✗ wrong because a function is due, not {form_of(attempt)}"
        mine, ours = self._outcomes(attempt), self._of_known("", self.answer)
        if any(map(_is_blank, mine.values())) or all(m is None for m in mine.values()) and _has_no_body(attempt):
            return NOT_ATTEMPTED
        wrong = [case for case in self.cases if not self._same(mine[case], ours[case])]
        if wrong:
            return f"✗ wrong because {self._reason(mine, ours, wrong)}"
        exact = all(difference(mine[case], ours[case])[0] <= EXACT for case in self.cases)
        return RIGHT if exact else f"{RIGHT}, if not to the last decimal: the notebook goes on with our numbers"

    def _reason(self, mine: "Outcomes", ours: "Outcomes", wrong: list[str]) -> str:
        case = wrong[0]
        if mine[case] is None:
            return f"your function returns nothing{self._where(wrong)}: `return` is missing"
        for reason, function in self._variants():
            made = self._of_known(reason, function) if reason in self.mistakes else self._outcomes(function, mine)
            if all(self._same(mine[c], made.get(c)) for c in self.cases):
                return reason
        for reason in self.mistakes:  # the same where it is wrong first
            if self._same(mine[case], self._known[reason][case]):
                return reason
        if isinstance(mine[case], Exception):
            return f"it stops{self._where(wrong)} with {type(mine[case]).__name__}: {mine[case]}"
        told = self.explain(mine[case], ours[case]) or usual(mine[case], ours[case], self.cases[case], self.tolerance)
        return told + self._where(wrong) if told else f"the result is another{self._where(wrong)}"

    def _where(self, wrong: list[str]) -> str:
        """Which cases are wrong, where others are right."""
        right = [case for case in self.cases if case not in wrong]
        return f" (wrong: {wrong[0]}; right: {right[0]})" if right else ""

    def _variants(self) -> Iterator[tuple[str, Callable]]:
        """Each known mistake, and each two that are made by other options."""
        options = {reason: made for reason, made in self.mistakes.items() if not callable(made)}
        for reason, made in self.mistakes.items():
            yield reason, made if callable(made) else self._with(made)
        for one, other in combinations(options, 2):
            if options[one].keys().isdisjoint(options[other]):
                yield f"of two mistakes: {one}; and {other}", self._with(options[one] | options[other])

    def _with(self, options: dict) -> Callable:
        return lambda *arguments: self.answer(*arguments, **options)

    def _of_known(self, reason: str, function: Callable) -> "Outcomes":
        if reason not in self._known:
            self._known[reason] = self._outcomes(function)
        return self._known[reason]

    def _outcomes(self, function: Callable, like: "Outcomes | None" = None) -> "Outcomes":
        """What it gives in each case; only until it is another than `like`, where this is given."""
        found = {}
        for case, arguments in self.cases.items():
            found[case] = self._outcome(function, deepcopy(arguments))
            if like is not None and not self._same(like[case], found[case]):
                break
        return found

    def _outcome(self, function: Callable, arguments: tuple) -> Any:
        """What is compared of a call, or the error by which it stops."""
        try:
            with torch.no_grad(), np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
                result = function(*arguments)
                return result if result is None or _is_blank(result) else self.read(result, *arguments)
        except Exception as error:
            return error

    def _same(self, mine: Any, ours: Any) -> bool:
        if isinstance(mine, Exception) or isinstance(ours, Exception):
            return type(mine) is type(ours) and _told(mine) == _told(ours)
        return mine is not None and (difference(mine, ours)[0] <= self.tolerance or is_rounded(mine, ours))

    def _taken(self, attempt: Callable) -> Callable:
        """The attempt: it changes no argument, and its results have the form of ours.

        Where a gradient must pass through it, ours is called: a right attempt may be written in numpy.
        """
        example = self.answer(*deepcopy(next(iter(self.cases.values()))))

        @wraps(attempt)
        def taken(*arguments, **options):
            tensors = [a for a in arguments if isinstance(a, torch.Tensor)]
            if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
                return self.answer(*arguments, **options)
            device = tensors[0].device if tensors else None
            return _like(attempt(*tree_map(_copied, arguments), **options), example, device)

        return taken


Outcomes = dict[str, Any]


@dataclass(frozen=True)
class Letters(Judge):
    """A question with several statements, answered by a set, list or string of letters, small or capital.

    name: as of an exercise. right: the letters that hold.
    why: by each letter, the words after "wrong because" where it is wrongly there or wrongly missing.
    """

    name: str
    right: str
    why: Mapping[str, str]

    def _words(self, attempt: Any) -> str:
        parts = [attempt] if isinstance(attempt, str) else attempt
        if not isinstance(parts, set | frozenset | list | tuple | dict) or not all(isinstance(p, str) for p in parts):
            return f"✗ wrong because letters are due, such as {{'x', 'y'}}, not {form_of(attempt)}"
        words = [w for p in parts for w in re.findall(r"[a-z]+", p.lower()) if w not in ("and", "or")]
        given = set("".join(words))
        unknown = given - set(self.why)
        if unknown or not given:
            have = "there is none" if not given else f"there is no {', '.join(sorted(unknown))}"
            return f"✗ wrong because of the letters {', '.join(self.why)} {have}"
        wrong = sorted(given ^ set(self.right), key=lambda letter: (letter not in given, letter))
        return f"✗ wrong because {self.why[wrong[0]]}" if wrong else RIGHT


def _is_blank(result: Any) -> bool:
    """Whether a call came to a `...` that is still there."""
    if isinstance(result, Exception):
        return isinstance(result, NotImplementedError) or "ellipsis" in str(result).lower()
    return result is ... or result is NotImplemented


def _told(error: Exception) -> str:
    """What an error says, without the axis and the sizes."""
    return re.sub(r"(axis|dimension|size) \d+", "", str(error))


def _has_no_body(attempt: Any) -> bool:
    return isfunction(attempt) and {i.opname for i in dis.get_instructions(attempt)} <= EMPTY


def _copied(value: Any) -> Any:
    return (
        value.clone() if isinstance(value, torch.Tensor) else value.copy() if isinstance(value, np.ndarray) else value
    )


def _like(result: Any, example: Any, device: torch.device | None) -> Any:
    """A result as a tensor, array, number, tuple or dictionary, as the example is; a dictionary keeps its own names."""
    if isinstance(example, dict):
        usual = next(iter(example.values()))
        return {name: _like(part, example.get(name, usual), device) for name, part in result.items()}
    if isinstance(example, tuple):
        return tuple(_like(r, part, device) for r, part in zip(result, example, strict=True))
    if isinstance(example, torch.Tensor):
        if not isinstance(result, torch.Tensor):
            parts = isinstance(result, list | tuple) and result and isinstance(result[0], torch.Tensor)
            result = torch.stack(list(result)) if parts else torch.as_tensor(np.asarray(result))
        result = result.to(device, example.dtype)
        return result.reshape(()) if not example.ndim and result.numel() == 1 else result
    if isinstance(example, np.ndarray):
        return np.asarray(result, example.dtype)
    number = numbers_of(result) if isinstance(example, float | np.floating) else None
    return float(number.reshape(())) if number is not None and number.size == 1 else result
