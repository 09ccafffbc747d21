"""Measure weights beside other programs, on the same frames and boxes, with the same metric, on one core.

Prints NME, failure rate and milliseconds: as they are, and with the constant offset of each program's mark-up taken
out, fitted on other people. Weights trained on these people are refused. What is missing says how to install it. FILE
ends in .csv or .json.
"""

import argparse

from redn_lib.commands.common import add_data_options, add_measuring_options, box_rule, chosen, command_line
from redn_lib.evaluation.errors import labels_of
from redn_lib.evaluation.peers import PEERS, Program, comparison, one_core, programs_of, run_programs
from redn_lib.evaluation.tables import check_endings, commit, table_text, write_report
from redn_lib.pretrained import load_weights
from redn_lib.tracking.align import align

COLUMNS = {"program": "", "input": "input", "markup": "mark-up", "found": "found", "ms": "ms"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `redn compare`."""
    add_data_options(parser)
    add_measuring_options(parser)
    told = f"some of {', '.join(PEERS)} (default dlib,mediapipe)"
    parser.add_argument("--peers", default="dlib,mediapipe", metavar="NAME,NAME", help=told)


def run(args: argparse.Namespace) -> int:
    """Print the table, write the files; 0. Raises ValueError or OSError for what cannot be used."""
    check_endings(args.out, (".csv", ".json"))
    peers = args.peers.split(",")
    for name in peers:
        if name not in PEERS:
            raise ValueError(f"no peer named {name!r}; there are {', '.join(PEERS)}")
    samples, path, notes = chosen(args, refuse=True)
    with one_core():
        model = load_weights(path, "cpu")
        ours = Program("ours", "box given", lambda *face: align(model, *face).points, path.stem, "see its card")
        programs = [ours, *(program for name in peers for program in programs_of(PEERS[name]))]
        predictions, cost = run_programs(programs, samples, box_rule(args))
    table = comparison(programs, samples, predictions, labels_of(samples), cost)
    people, boxes = len({sample.person for sample in samples}), "disturbed" if args.shift else "given"
    about = f"Programs on the same {len(samples)} frames of {people} people, boxes {boxes}"
    notes.append(
        "NME in % of the eye distance, over frames in which the face was found; others count as over 8 %; corrected: "
        "less one offset a point, cross-fitted by person; ms: processor time on one core, median and least"
    )
    print(table_text(table, COLUMNS), *notes, about, sep="\n")
    record = {"about": about, "notes": notes, "table": table, "command": command_line(args), "commit": commit()}
    write_report(args.out, record, table, "; ".join([about, *notes]))
    return 0
