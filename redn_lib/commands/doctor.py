"""Check this machine: each line is OK, note (works, but know this) or BROKEN, with the remedy; exit 1 if broken."""

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
