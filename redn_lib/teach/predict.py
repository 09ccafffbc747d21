"""Predict before you run: the prediction is kept and shown beside the result."""

from collections.abc import Sequence
from string import ascii_lowercase

from redn_lib.teach.same import Words


class Prediction:
    """A question asked before a run, and the student's choice.

    options: shown as a, b, c, ...
    choice: the student's letter, or None. Raises ValueError for a letter that is not there.
    """

    def __init__(self, question: str, options: Sequence[str], choice: str | None = None):
        self.question, self.options = question, dict(zip(ascii_lowercase, options, strict=False))
        self.choice = choice
        if choice is not None:
            self._option(choice)

    def __repr__(self) -> str:
        lines = [f"  {'>' if k == self.choice else ' '} {k}) {words}" for k, words in self.options.items()]
        last = "put your letter into the cell above" if self.choice is None else f"kept: {self.choice}"
        return "\n".join([self.question, *lines, last])

    def beside(self, result: str, because: str = "") -> Words:
        """The prediction beside the result, the letter of the option that came true. because: the numbers behind it."""
        outcome = f"the result is {self._option(result)}" + (f" ({because})" if because else "")
        if self.choice is None:
            return Words(f"you made no prediction; {outcome}")
        mark = "✓" if self.choice == result else "✗"
        return Words(f"{mark} you predicted {self._option(self.choice)}; {outcome}")

    def _option(self, letter: str) -> str:
        if letter not in self.options:
            raise ValueError(f"there is no option {letter!r}; choose one of {', '.join(self.options)}")
        return f"{letter}) {self.options[letter]}"
