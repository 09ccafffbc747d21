"""The sub-commands of `redn`, one file each, whose docstring is the help: add_options(parser) and run(args)."""
