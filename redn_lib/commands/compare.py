"""`redn compare`: weights beside other programs, on the same frames and boxes, with the same metric."""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from redn_lib.commands.common import add_data_options, add_measuring_options, box_rule, measured_rows
from redn_lib.evaluation.disjoint import disjointness
from redn_lib.evaluation.peers import PEERS, Peer
from redn_lib.evaluation.protocols import PROTOCOLS, about_labels
from redn_lib.evaluation.report import check_endings, command_line, write_all, write_csv, write_json
from redn_lib.evaluation.side_by_side import Program, comparison, look_at_all, one_core
from redn_lib.experiments.tables import commit
from redn_lib.pretrained import about_weights, load_weights, weights_path
from redn_lib.tracking.align import align

ENDINGS = (".csv", ".json")
OURS = "ours"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare `redn compare --data FOLDER [--people FILE] [--peers NAME,NAME] [--out TABLE.csv] ...`."""
    parser = subparsers.add_parser(
        "compare",
        help="measure weights beside other programs, on the same frames and boxes",
        description="Asks our network and other programs for the points of the same faces, each from the same box on "
        "one core, and prints NME, failure rate and milliseconds: as they answer, and with the constant offset of each "
        "program's mark-up taken out, fitted on other people. Weights that were trained on these people are refused. "
        "Other programs are optional: what is missing says how to install it.",
    )
    add_data_options(parser)
    add_measuring_options(parser)
    parser.add_argument(
        "--peers",
        type=peers_named,
        default="dlib,mediapipe",
        metavar="NAME,NAME",
        help=f"some of {', '.join(PEERS)} (default dlib,mediapipe)",
    )
    parser.add_argument(
        "--out", type=Path, nargs="+", default=[], metavar="FILE", help="also write the table as FILE.csv or FILE.json"
    )


def peers_named(text: str) -> list[str]:
    """The peers of a comma-separated list."""
    names = text.split(",")
    if strange := [name for name in names if name not in PEERS]:
        raise argparse.ArgumentTypeError(f"no peer named {strange[0]!r}; there are {', '.join(PEERS)}")
    return names


def run(args: argparse.Namespace) -> int:
    """Print the table, write the files; 0. Raises ValueError or OSError for data, weights or peers that cannot be used,
    and for weights trained on the people of the data.
    """
    check_endings(args.out, ENDINGS)
    rows = measured_rows(args)
    path = args.weights or weights_path()
    disjoint = disjointness(path.name, about_weights(path), rows, refuse=True)
    with one_core():
        programs = [ours(path), *(program for name in args.peers for program in asked(PEERS[name]))]
        found = look_at_all(programs, rows, box_rule(args))
    table = list(comparison(programs, rows, *found))
    gaps = PROTOCOLS[args.protocol].gaps(rows) if args.protocol else []
    notes = [
        *about_labels(rows),
        *(f"not the whole set: {gap}" for gap in gaps),
        "NME in % of the eye distance, over answered frames; unanswered ones count as over 8 %; corrected: less one "
        "offset a point, cross-fitted by person; ms: processor time on one core, median and least",
        disjoint,
    ]
    about = f"Programs on the same {len(rows)} frames of {len({row.person for row in rows})} people, "
    about += "boxes disturbed" if args.shift else "boxes given"
    print(*table_lines(table), *notes, about, sep="\n")
    command = command_line("compare", args)
    record = {"about": about, "notes": notes, "table": table, "command": command, "commit": commit()}
    write_all(
        args.out,
        {
            ".csv": partial(write_csv, rows=table, command=command, about="; ".join([about, *notes])),
            ".json": partial(write_json, record=record),
        },
    )
    return 0


def ours(path: Path) -> Program:
    """Our network, on the CPU as the others."""
    model = load_weights(path, "cpu")
    return Program(OURS, "box given", lambda image, box: align(model, image, box).points, path.stem, "see its card")


def asked(peer: Peer) -> Iterator[Program]:
    """A peer, once for each way it can be asked."""
    for way, look in peer.looks().items():
        yield Program(peer.name, way, look, peer.version, peer.trained_on)


def table_lines(table: list[dict]) -> list[str]:
    """The table to print."""
    lines = [f"{'':16}{'asked':16}{'mark-up':12}{'answered':>9}{'NME %':>8}{'median':>8}{'over 8 %':>10}{'ms':>8}"]
    for r in table:
        lines.append(
            f"{r['program']:16}{r['asked']:16}{r['markup']:12}{r['answered']:>9}{r['nme']:>8.2f}{r['median']:>8.2f}"
            f"{r['fr8']:>10.1f}{r['ms']:>8.1f}"
        )
    return lines
