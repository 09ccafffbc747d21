"""Predict before you run: the prediction is kept and shown beside the result."""

import re
from collections.abc import Sequence
from string import ascii_lowercase

import ipywidgets
from IPython.display import display

from checks.progress import note, noted
from redn_lib.teach.same import Words


class Prediction:
    """A question asked before a run, and the student's choice, by a button or in the cell.

    options: shown as a, b, c, ...
    choice: the student's letter, or the words of an option; None: what was kept, if anything was.
    Raises ValueError for a letter that is not there.
    """

    def __init__(self, question: str, options: Sequence[str], choice: str | None = None):
        self.question, self.options = question, dict(zip(ascii_lowercase, options, strict=False))
        kept = noted()["predictions"].get(question, {}).get("choice")
        self.choice = next((letter for letter, words in self.options.items() if words == kept), None)
        if choice is not None:
            self.choose(choice)

    def choose(self, choice: str) -> None:
        """Take and keep a choice: "b", "B" or "b)", or the words of an option."""
        said = str(choice).strip().lower()
        words = {option.lower(): letter for letter, option in self.options.items()}
        begins = re.match(r"\W*([a-z])\b", said)
        letter = words.get(said) or (begins[1] if begins else None)
        if letter not in self.options:
            raise ValueError(f"there is no option {choice!r}; choose one of {', '.join(self.options)}")
        self.choice = letter
        note("predictions", self.question, {"choice": self.options[letter]})

    def __repr__(self) -> str:
        options = [f"  {'>' if letter == self.choice else ' '} {self._option(letter)}" for letter in self.options]
        return "\n".join([self.question, *options, self._kept()])

    def _ipython_display_(self) -> None:
        print(self)  # also where no widget runs
        self.buttons = ipywidgets.ToggleButtons(
            options=list(self.options),
            value=self.choice,
            description="Yours",
            tooltips=list(self.options.values()),
            style={"button_width": "4em"},
        )
        words = ipywidgets.Label(self._kept())

        def press(change: dict) -> None:
            self.choose(change.new)
            words.value = self._kept()

        self.buttons.observe(press, "value")
        box = ipywidgets.HBox([self.buttons, words])
        display(box._repr_mimebundle_() | {"text/plain": "buttons, where the notebook runs"}, raw=True)

    def beside(self, result: str, because: str = "") -> Words:
        """The prediction beside the result, the letter of the option that came true. because: the numbers behind it."""
        outcome = f"the result is {self._option(result)}" + (f" ({because})" if because else "")
        if self.choice is None:
            return Words(f"you made no prediction; {outcome}")
        kept = {"choice": self.options[self.choice], "result": self.options[result]}
        note("predictions", self.question, kept)
        return Words(f"{'✓' if self.choice == result else '✗'} you predicted {self._option(self.choice)}; {outcome}")

    def _option(self, letter: str) -> str:
        return f"{letter}) {self.options[letter]}"

    def _kept(self) -> str:
        return f"kept: {self.choice}" if self.choice else "press your letter, or put it into the cell above"
