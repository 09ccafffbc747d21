"""`redn evaluate`: the error of each feedback step on annotated faces: overall, by part, by split and by video."""

import argparse

from redn_lib.commands.common import (
    add_data_options,
    add_device_option,
    add_measuring_options,
    box_rule,
    command_line,
    opened,
)
from redn_lib.evaluation.disjoint import disjointness
from redn_lib.evaluation.errors import images_of, labels_of, predictions_of, tracked_predictions
from redn_lib.evaluation.protocols import PROTOCOLS, about_labels, published
from redn_lib.evaluation.report import (
    check_endings,
    step_lines,
    table_text,
    with_published,
    write_curves,
    write_report,
)
from redn_lib.evaluation.scores import Measured
from redn_lib.evaluation.tables import commit
from redn_lib.metrics import METRICS, NORMALISERS
from redn_lib.pretrained import about_weights, load_weights, weights_path

ENDINGS = (".json", ".csv", ".png", ".svg")
COLUMNS = {"of": "", "name": "", "points": "points", "frames": "frames", "jitter": "jitter", "conditions": ""}


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare `redn evaluate --data SOURCE [--split NAME] [--protocol NAME] [--weights FILE] ...`."""
    entries = [f"  {p.name:18}{p.about}" for p in PROTOCOLS.values()]
    columns = [f"  {metric.heading:18}{metric.help}" for metric in METRICS.values()]
    parser = subparsers.add_parser(
        "evaluate",
        help="measure weights on annotated faces, freely or by a published protocol",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Gives each face's true box to the network and prints the error of every feedback step: mean\n"
        "point distance over the distance of the outer eye corners, in percent (NME); then the last step over 68,\n"
        "the inner 51 and 7 points, and by split. Whether the weights were trained on these people or videos is\n"
        "told; with --protocol, such weights are refused. FILE may end in .json, .csv (by video, too), .png or .svg\n"
        "(error curves).",
        epilog="\n".join(["metrics", *columns, "", "protocols", *entries]),
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
    add_device_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the tables, write the files; 0. Raises ValueError or OSError for data or weights that cannot be used, and
    for weights trained on what a protocol measures.
    """
    check_endings(args.out, ENDINGS)
    if args.track and args.shift:
        raise ValueError("--track gives no box that --shift could disturb; choose one of the two")
    protocol = PROTOCOLS.get(args.protocol)
    samples = protocol.samples(opened(args)) if protocol else opened(args)
    path = args.weights or weights_path()
    disjoint = disjointness(path.name, about_weights(path), samples, refuse=protocol is not None)
    model = load_weights(path, args.device)

    if args.track:
        predictions = tracked_predictions(model, samples, args.steps)
    else:
        predictions = predictions_of(model, images_of(samples), map(box_rule(args), samples), args.steps)
    measured = Measured(samples, predictions, labels_of(samples), args.normaliser)

    table, beside = measured.table(), published(protocol, args.normaliser)
    rows = with_published(table, beside)
    people = len({sample.person for sample in samples})
    unit = f"errors in % of {NORMALISERS[args.normaliser][1]}"
    notes = [unit, *about_labels(samples), *(protocol.gaps(samples) if protocol else []), disjoint]
    print(*step_lines(measured, "tracked" if args.track else "step"), sep="\n")
    print(table_text([row for row in rows if row["of"] != "video"], COLUMNS), *notes, sep="\n")
    print(f"{len(samples)} frames of {people} people")
    record = {
        "frames": len(samples), "people": people, "shift": args.shift, "steps": measured.steps,
        "parts": measured.parts, "protocol": args.protocol, "track": args.track, "normaliser": args.normaliser,
        "table": table, "published": [vars(p) for p in beside], "notes": notes,
        "command": command_line(args), "commit": commit(),
    }  # fmt: skip
    about = f"{args.protocol or 'annotated faces'}, {len(samples)} frames of {people} people; " + "; ".join(notes)
    write_report(args.out, record, rows, about)
    write_curves(args.out, measured)
    return 0
