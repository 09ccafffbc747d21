"""The sub-commands of `redn`, one file each: add_parser(subparsers) declares it, run(args) does it."""
