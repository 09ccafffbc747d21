"""A bar that follows trainings in this kernel, and a way to stop them."""

import html
from collections.abc import Iterator, Sized

import ipywidgets as widgets


class Progress(widgets.HBox):
    """A bar and a line of text. `follow` wraps the batches of one training after another, as `show` of a trainer."""

    def __init__(self):
        self.bar = widgets.IntProgress(0, min=0, max=1, layout=widgets.Layout(flex="1 1 8em", min_width="8em"))
        self.words = widgets.HTML(layout=widgets.Layout(flex="3 1 20em"))
        self.asked, self.trainings = False, 0
        super().__init__([self.bar, self.words], layout=widgets.Layout(flex="1 1 auto", align_items="center"))

    def begin(self, words: str) -> None:
        """From the start, nothing asked."""
        self.asked, self.trainings, self.bar.value = False, 0, 0
        self.say(words)

    def stop(self) -> None:
        """Ask the training that is followed to stop before its next batch."""
        self.asked = True
        self.say("stopping")

    def follow(self, batches: Sized) -> Iterator:
        """Yield the batches, the bar beside them. Raises KeyboardInterrupt where it was asked to stop."""
        self.trainings += 1
        total = len(batches)
        self.bar.max, self.bar.value = max(total, 1), 0
        for n, batch in enumerate(batches, 1):
            if self.asked:
                raise KeyboardInterrupt
            self.say(f"training {self.trainings}, batch {n} of {total}")
            yield batch
            self.bar.value = n
        self.say(f"training {self.trainings} done")

    def say(self, words: str, *, wrong: bool = False) -> None:
        """Show a line of text, in red where something went wrong."""
        colour = "var(--jp-error-color1, #b3261e)" if wrong else "inherit"
        self.words.value = f'<div role="status" style="color: {colour}">{html.escape(words)}</div>'
