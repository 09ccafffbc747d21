"""The `redn` command: loads the file of the sub-command, runs it, and turns a user's error into one clear line."""

import argparse
import importlib
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import combinations, product
from pathlib import Path

from redn_lib.files import is_same, one_line, print_all_names, reserved

COMMANDS = {
    "lab": "copy the notebooks to a folder of yours and open JupyterLab there",
    "course": "hand the notebooks out to a class, and mark what comes back",
    "track": "find the 68 points in every frame of a video, a folder of images or a camera",
    "evaluate": "measure the error of weights on annotated faces",
    "compare": "measure weights and other programs on the same frames and boxes",
    "train": "train a network, or resume a run that was stopped",
    "experiment": "compute a table of results/ again",
    "bench": "measure how fast this machine tracks, trains and imports",
    "describe": "parameters and FLOPs of each part of a preset, beside the paper's",
    "doctor": "check this machine: versions, device, weights, memory",
}

WRITTEN = ("out", "video", "run")  # options, of any command, that name files and folders
READ = ("clip", "data", "start", "weights", "people", "without")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `redn` with `argv`; exit code 0 done, 2 wrong use or set-up (one line on stderr), 130 stopped."""
    if argv is None:  # a process of its own
        warnings.formatwarning = lambda message, *_: f"redn: {message}\n"
    for name in ("SIGTERM", "SIGHUP") if argv is None else ():
        if getattr(signal, name, None) and signal.getsignal(getattr(signal, name)) is signal.SIG_DFL:
            signal.signal(getattr(signal, name), signal.default_int_handler)
    print_all_names()
    for name, level in (("OPENCV_LOG_LEVEL", "ERROR"), ("OPENCV_FFMPEG_LOGLEVEL", "-8")):  # we say what is wrong
        os.environ.setdefault(name, level)
    argv = list(sys.argv[1:] if argv is None else argv)
    command = argv[0] if argv else None
    parser = argparse.ArgumentParser(prog="redn", description="RED-Net: face alignment in images and videos.")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    try:
        for name, summary in COMMANDS.items():
            declared = subparsers.add_parser(name, help=summary)
            if name == command:  # the only file that is loaded
                module = importlib.import_module(f"redn_lib.commands.{name}")
                declared.description = module.__doc__
                module.add_options(declared)
        args = parser.parse_args(argv)
        with outputs_reserved(args):
            return importlib.import_module(f"redn_lib.commands.{args.command}").run(args)
    except KeyboardInterrupt:
        print(f"redn {command}: stopped", file=sys.stderr)
        return 130
    except (ValueError, OSError, ImportError, MemoryError) as error:
        remedy = "; `redn doctor` names the remedy" if isinstance(error, ImportError) else ""
        print(f"redn {command}: {one_line(error)}{remedy}", file=sys.stderr)
        return 2


@contextmanager
def outputs_reserved(args: argparse.Namespace) -> Iterator[None]:
    """Within it, only this run writes its outputs; the run folder of `redn train` is set where none is named.

    Raises ValueError for an output that is an input, another output or a device; else as `reserved`.
    """
    if "run" in args and args.run is None and "out" in args:
        args.run = args.out.with_suffix("")
    written, read = (
        [(name, path) for name in names for path in _listed(getattr(args, name, None))] for names in (WRITTEN, READ)
    )
    for (name, path), (other, there) in [*combinations(written, 2), *product(written, read)]:
        if is_same(path, there) or (other in READ and path.is_file() and _may_be_read(path, there, other)):
            raise ValueError(f"--{name} {path} would overwrite {other} {there}; name another")
    with ExitStack() as held:
        many = args.command == "track" and bool(args.jobs)  # a table for each clip
        for name, path in written if os.environ.get("RANK", "0") == "0" else ():  # of torchrun's, the first process
            held.enter_context(reserved(path, folder=name == "run" or many))
        yield


def _may_be_read(path: Path, folder: Path, option: str) -> bool:
    """Whether a file lies in a folder that is read, and is nothing that only `redn` itself writes there."""
    is_ours = path.suffix.lower() == (".csv" if option == "clip" else ".safetensors")
    return not is_ours and Path(os.path.realpath(folder)) in Path(os.path.realpath(path)).parents


def _listed(value: object) -> list[Path]:
    """The paths that an option was given; none for the procedural faces, which are no folder."""
    values = value if isinstance(value, list) else [value]
    return [Path(path) for path in values if path is not None and path != "synthetic"]


if __name__ == "__main__":
    sys.exit(main())
