"""Check this machine: versions, device, weights, memory.

Each line is OK, a note (works, but know this) or BROKEN, with the remedy. Exit code 0 when nothing is broken, else 1.
Nothing is changed or downloaded.
"""

import argparse

from redn_lib.doctor import BROKEN, OK, all_checks


def add_options(parser: argparse.ArgumentParser) -> None:
    """`redn doctor` takes no options."""


def run(args: argparse.Namespace) -> int:
    """Print every check; 0 when none is broken, else 1."""
    broken = 0
    for check in all_checks():
        print(f"{check.state:<7} {check.name:<14} {check.found}", flush=True)
        if check.state != OK:
            print(f"{'':<8}{'':<14} remedy: {check.remedy}")
        broken += check.state == BROKEN
    print(f"\n{broken} broken: see the remedies above" if broken else "\nAll that is needed is here.")
    return int(broken > 0)
