"""Many items at work in several processes: one that fails, or whose process dies, does not stop the rest."""

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from redn_lib.files import one_line

Work = Callable[[Any, Callable[[], bool]], Any]
"""work(item, is_stopped): its result, which travels back; asks now and then whether it should stop."""


def in_processes(
    start: Callable[[], Work], items: Iterable, jobs: int, is_stopped: Callable[[], bool]
) -> Iterator[tuple[Any, Any]]:
    """(item, result) of each item, as they come; of one that failed the result is an Exception.

    start: called once in each of the `jobs` processes; makes what works there.
    """
    todo, context = iter(items), multiprocessing.get_context("spawn")
    busy: dict[Connection, tuple[Any, multiprocessing.Process]] = {}

    def give(pipe: Connection, process: multiprocessing.Process) -> None:
        for item in todo:
            pipe.send(item)
            busy[pipe] = item, process
            return
        pipe.close()
        process.join()

    def begin() -> None:
        mine, other = context.Pipe()
        process = context.Process(target=_serve, args=(other, start), daemon=True)
        process.start()
        other.close()
        give(mine, process)

    try:
        for _ in range(jobs):
            begin()
        while busy and not is_stopped():
            for pipe in wait(list(busy), timeout=0.5):
                item, process = busy.pop(pipe)
                try:
                    result = pipe.recv()
                except (EOFError, OSError):
                    process.join()
                    result = OSError(f"its process died (exit code {process.exitcode})")
                    begin()
                else:
                    give(pipe, process)
                yield item, result
    finally:
        for pipe, (_, process) in busy.items():
            pipe.close()  # which stops it
            process.join()


def _serve(pipe: Connection, start: Callable[[], Work]) -> None:
    """Work on what comes through the pipe until its other end is closed, or gone with its process."""
    for name in ("SIGINT", "SIGHUP"):  # these come to the whole group; the first process says when to stop
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        work = start()
        while True:
            item = pipe.recv()
            try:
                result = work(item, pipe.poll)
            except Exception as error:  # of any kind: the rest goes on
                result = ValueError(one_line(error))
            pipe.send(result)
