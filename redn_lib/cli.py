"""The `redn` command: loads the file of the sub-command, runs it, and turns a user's error into one clear line."""

import argparse
import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "track": "find the 68 points in every frame of a video, a folder of images or a camera",
    "evaluate": "measure the error of weights on annotated faces",
    "compare": "measure weights and other programs on the same frames and boxes",
    "train": "train a network, or resume a run that was stopped",
    "experiment": "compute a table of results/ again",
    "describe": "parameters and FLOPs of each part of a preset, beside the paper's",
    "doctor": "check this machine: versions, device, weights, memory",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run `redn` with `argv`; exit code 0 done, 2 wrong use or set-up (one line on stderr), 130 stopped by Ctrl-C."""
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
        return importlib.import_module(f"redn_lib.commands.{args.command}").run(args)
    except KeyboardInterrupt:
        print(f"redn {command}: stopped", file=sys.stderr)
        return 130
    except (ValueError, OSError, ImportError) as error:
        message = " ".join(str(error).split()) or type(error).__name__
        remedy = "; `redn doctor` names the remedy" if isinstance(error, ImportError) else ""
        print(f"redn {command}: {message}{remedy}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
