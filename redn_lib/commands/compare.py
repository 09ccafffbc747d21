"""`redn compare`: weights beside other programs, on the same frames and boxes, with the same metric."""

import argparse

from redn_lib.commands.common import add_data_options, add_measuring_options, box_rule, chosen, command_line
from redn_lib.evaluation.errors import labels_of
from redn_lib.evaluation.peers import PEERS, Program, comparison, one_core, programs_of, run_programs
from redn_lib.evaluation.tables import check_endings, commit, table_text, write_report
from redn_lib.pretrained import load_weights
from redn_lib.tracking.align import align

COLUMNS = {"program": "", "input": "input", "markup": "mark-up", "found": "found", "ms": "ms"}


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare `redn compare --data SOURCE [--people FILE] [--peers NAME,NAME] [--out TABLE.csv] ...`."""
    parser = subparsers.add_parser(
        "compare",
        help="measure weights beside other programs, on the same frames and boxes",
        description="Prints NME, failure rate and milliseconds of our network and of other programs, on one core: as "
        "they are, and with the constant offset of each program's mark-up taken out, fitted on other people. Weights "
        "trained on these people are refused. What is missing says how to install it. FILE ends in .csv or .json.",
    )
    add_data_options(parser)
    add_measuring_options(parser)
    told = f"some of {', '.join(PEERS)} (default dlib,mediapipe)"
    parser.add_argument("--peers", type=peers_named, default="dlib,mediapipe", metavar="NAME,NAME", help=told)


def peers_named(text: str) -> list[str]:
    """The peers of a comma-separated list."""
    names = text.split(",")
    for name in names:
        if name not in PEERS:
            raise argparse.ArgumentTypeError(f"no peer named {name!r}; there are {', '.join(PEERS)}")
    return names


def run(args: argparse.Namespace) -> int:
    """Print the table, write the files; 0. Raises ValueError or OSError for what cannot be used."""
    check_endings(args.out, (".csv", ".json"))
    samples, path, notes = chosen(args, refuse=True)
    with one_core():
        model = load_weights(path, "cpu")
        ours = Program(
            "ours", "box given", lambda image, box: align(model, image, box).points, path.stem, "see its card"
        )
        programs = [ours, *(program for name in args.peers for program in programs_of(PEERS[name]))]
        predictions, cost = run_programs(programs, samples, box_rule(args))
    table = comparison(programs, samples, predictions, labels_of(samples), cost)
    about = f"Programs on the same {len(samples)} frames of {len({sample.person for sample in samples})} people, "
    about += "boxes disturbed" if args.shift else "boxes given"
    notes = [
        *notes,
        "NME in % of the eye distance, over frames in which the face was found; others count as over 8 %; corrected: "
        "less one offset a point, cross-fitted by person; ms: processor time on one core, median and least",
    ]
    print(table_text(table, COLUMNS), *notes, about, sep="\n")
    record = {"about": about, "notes": notes, "table": table, "command": command_line(args), "commit": commit()}
    write_report(args.out, record, table, "; ".join([about, *notes]))
    return 0
