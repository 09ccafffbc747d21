"""`redn evaluate`: the error of each feedback step on annotated faces: overall, by part, by split and by video."""

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from redn_lib.commands.common import add_data_options, add_device_option, add_measuring_options, box_rule, measured_rows
from redn_lib.evaluation.disjoint import disjointness
from redn_lib.evaluation.errors import labelled, predictions_of
from redn_lib.evaluation.protocols import PROTOCOLS, Rows, about_labels
from redn_lib.evaluation.published import published
from redn_lib.evaluation.report import (
    Writer,
    ced_writer,
    check_endings,
    command_line,
    parts_of,
    step_lines,
    steps_of,
    table_lines,
    with_published,
    write_all,
    write_csv,
    write_json,
)
from redn_lib.evaluation.scores import Measured
from redn_lib.evaluation.tracked import tracked_answers
from redn_lib.experiments.tables import commit
from redn_lib.metrics import NORMALISERS
from redn_lib.pretrained import about_weights, load_weights, weights_path
from redn_lib.rednet import RedNet

ENDINGS = (".json", ".csv", ".png", ".svg")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare `redn evaluate --data FOLDER [--people FILE] [--without FILE] [--protocol NAME] [--weights FILE] ...`."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure weights on annotated faces, freely or by a published protocol",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Gives each face's true box to the network and prints the error of every feedback step: mean\n"
        "point distance over the distance of the outer eye corners, in percent (NME); then the last step over 68,\n"
        "the inner 51 and 7 points, and by split. Whether the weights were trained on these people or videos is\n"
        "told; with --protocol, such weights are refused.",
        epilog="protocols\n" + "\n".join(f"  {p.name:18}{p.about}" for p in PROTOCOLS.values()),
    )
    add_data_options(parser)
    add_measuring_options(parser)
    parser.add_argument("--steps", type=int, metavar="K", help="feedback steps (default: the preset's)")
    parser.add_argument(
        "--track", action="store_true", help="give no box: each video is tracked; a face that is lost counts as wrong"
    )
    parser.add_argument(
        "--normaliser",
        choices=NORMALISERS,
        default="outer-eyes",
        help="what errors are divided by: "
        + "; ".join(f"{name}: {label}" for name, (_, label) in NORMALISERS.items())
        + " (default outer-eyes)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="also write figures as FILE.json, by video too as FILE.csv, error curves as FILE.png or .svg",
    )
    add_device_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the tables, write the files; 0. Raises ValueError or OSError for data or weights that cannot be used, and
    for weights trained on what a protocol measures.
    """
    check_endings(args.out, ENDINGS)
    if args.track and args.shift:
        raise ValueError("--track gives no box that --shift could disturb; choose one of the two")
    rows, protocol = measured_rows(args), PROTOCOLS.get(args.protocol)
    path = args.weights or weights_path()
    disjoint = disjointness(path.name, about_weights(path), rows, refuse=protocol is not None)
    measured = measure(load_weights(path, args.device), rows, args)
    table = list(measured.table())
    beside = published(protocol.set if protocol else None, args.normaliser)
    gaps = protocol.gaps(rows) if protocol else []
    people = len({row.person for row in rows})
    print(*step_lines(measured, "tracked" if args.track else "step"), *table_lines(table, beside), sep="\n")
    unit = f"errors in % of {NORMALISERS[args.normaliser][1]}"
    notes = [unit, *about_labels(rows), *(f"not the whole set: {gap}" for gap in gaps), disjoint]
    print(*notes, f"{len(rows)} frames of {people} people", sep="\n")
    record = {
        "frames": len(rows), "people": people, "shift": args.shift, "steps": steps_of(measured),
        "parts": parts_of(measured), "protocol": args.protocol, "track": args.track, "normaliser": args.normaliser,
        "table": table, "published": [vars(p) for p in beside], "notes": notes,
        "command": command_line("evaluate", args), "commit": commit(),
    }  # fmt: skip
    write_all(args.out, writers(measured, record))
    return 0


def measure(model: RedNet, rows: Rows, args: argparse.Namespace) -> Measured:
    """The answers to the rows: from true boxes, disturbed ones, or tracked."""
    if args.track:
        return Measured(rows, *tracked_answers(model, rows, args.steps), args.normaliser)
    faces = (labelled(row) for row in tqdm(rows, unit="face", leave=False))
    return Measured(rows, *predictions_of(model, faces, args.steps, box_rule(args)), args.normaliser)


def writers(measured: Measured, record: Mapping[str, Any]) -> dict[str, Writer]:
    """What writes a file, by its ending."""
    about = f"{record['protocol'] or 'annotated faces'}, {record['frames']} frames of {record['people']} people; "
    about += "; ".join(record["notes"])
    curves = {f"{name} points": measured.frame_errors(name) for name in measured.point_sets}
    figure = ced_writer(curves, measured.normaliser)
    return {
        ".json": partial(write_json, record=record),
        ".csv": partial(write_csv, rows=with_published(record), command=record["command"], about=about),
        ".png": figure,
        ".svg": figure,
    }
