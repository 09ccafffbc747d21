"""Ctrl-C, and SIGTERM as a cluster sends it, kept waiting until the iteration is whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Stopping:
    """While entered, both signals raise KeyboardInterrupt at once; within `held` they are noted in `asked`, and only a
    second one raises. whole: False within `held`, and after it was left by an exception.

    patient: note them always and to the end, because other processes must stop at the same iteration and torchrun sees
    to it that they do. Outside of the main thread, where no signal arrives, nothing is done.
    """

    def __init__(self, patient: bool):
        self.patient, self.asked, self.whole = patient, False, True

    def __enter__(self) -> "Stopping":
        self.before, self.asked = {}, False
        if threading.current_thread() is threading.main_thread():
            self.before = {which: signal.signal(which, self._note) for which in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for which, handler in self.before.items() if not self.patient else ():
            signal.signal(which, handler)

    def _note(self, *_: object) -> None:
        if not self.patient and (self.whole or self.asked):
            raise KeyboardInterrupt
        self.asked = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """One iteration."""
        self.whole = False
        yield
        self.whole = True
