"""Ctrl-C, and SIGTERM as a cluster sends it, wait until the iteration is done and saved."""

import signal
import threading


class Stopping:
    """While entered, a signal sets `asked`; a second one raises KeyboardInterrupt at once.

    patient: later signals raise nothing, because torchrun repeats them and all processes must stop at one iteration.
    Outside of the main thread, where no signal arrives, nothing is done.
    """

    def __init__(self, patient: bool = False):
        self.patient, self.asked = patient, False

    def __enter__(self) -> "Stopping":
        self.before, self.asked = {}, False
        if threading.current_thread() is threading.main_thread():
            self.before = {which: signal.signal(which, self._note) for which in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for which, handler in self.before.items():
            signal.signal(which, handler)

    def _note(self, *_: object) -> None:
        if self.asked and not self.patient:
            raise KeyboardInterrupt
        self.asked = True
