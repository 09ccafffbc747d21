"""Hand the notebooks out to a class (`build`) and mark what comes back (`mark`)."""

import argparse
import os
import sys
from pathlib import Path

from redn_lib.files import whole_file


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `redn course`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("build", help="write the notebooks for students, teachers, nbgrader or otter").add_argument
    add("folder", type=Path, help="made where it is not")
    add("--edition", choices=("student", "teacher"), default="student", help="(%(default)s)")
    add("--format", choices=("plain", "nbgrader", "otter"), default="plain", help="the last two hold both editions")
    add("--notebook", nargs="+", metavar="NN", help="only these, such as 01 (default: all)")
    add("--execute", action="store_true", help="run the teacher edition; each answer must be right by its check")
    add = actions.add_parser("mark", help="run FOLDER/STUDENT/NN_name.ipynb and write one table").add_argument
    add("folder", type=Path, help="a folder for each student, with the notebooks in it")
    add("--out", type=Path, required=True, metavar="TABLE.csv", help="the table; seconds stand in TABLE.seconds.csv")
    add("--html", type=Path, metavar="TABLE.html", help="the table as a web page, the commonest mistakes first")
    add("--seconds", type=int, default=600, metavar="N", help="of one notebook (%(default)s)")
    add("--memory", type=int, default=4000, metavar="MB", help="of one process of a notebook (%(default)s)")
    add("--jobs", type=int, default=os.cpu_count(), metavar="N", help="notebooks at a time (%(default)s)")


def run(args: argparse.Namespace) -> int:
    """Build, or mark; 0 when done."""
    return {"build": build, "mark": mark}[args.action](args)


def build(args: argparse.Namespace) -> int:
    """Write an edition and, with --execute, run it."""
    from redn_lib.course.build import build, execute

    if args.execute and (args.edition, args.format) != ("teacher", "plain"):
        raise ValueError("--execute runs the answers: it needs --edition teacher, and no other format")
    for path in build(args.folder, args.edition if args.format == "plain" else args.format, args.notebook):
        if args.execute:
            execute(path)
        print(path, flush=True)
    return 0


def mark(args: argparse.Namespace) -> int:
    """Run all copies and write the tables."""
    from redn_lib.course.mark import mark, page, sandboxes, table

    if not args.folder.is_dir():
        raise ValueError(f"{args.folder} is no folder")
    if not sandboxes():
        words = "without bubblewrap (bwrap) the copies run with your rights and your network: use an account of its own"
        print(f"redn course mark: {words}", file=sys.stderr)
    marked = mark(args.folder, args.seconds, args.memory, args.jobs, lambda line: print(line, flush=True))
    seconds = "".join(f"{copy.student},{copy.number},{copy.seconds:.0f}\n" for copy in marked)
    made = table(marked)
    texts = {args.out: made.to_csv()}
    texts[args.out.with_suffix(".seconds.csv")] = f"student,notebook,seconds\n{seconds}"
    for path, text in (texts | ({args.html: page(marked, made)} if args.html else {})).items():
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return 0
