"""Measure weights on annotated faces, freely or by a published protocol.

Gives each face's true box to the network and prints the error of every feedback step; then that of the last step over
68, the inner 51 and 7 points, and by split. With --protocol, weights trained on these people are refused. FILE may end
in .json, .csv (by video, too), .png or .svg (error curves).
"""

import argparse

from redn_lib.commands import common
from redn_lib.evaluation.errors import images_of, labels_of, predictions_of, tracked_predictions
from redn_lib.evaluation.protocols import PROTOCOLS, published
from redn_lib.evaluation.report import Measured
from redn_lib.evaluation.tables import check_endings, commit, table_text, write_report
from redn_lib.files import whole_file
from redn_lib.metrics import METRICS, NORMALISERS
from redn_lib.pretrained import load_weights
from redn_lib.widgets.figures import ced_curves

PICTURES = (".png", ".svg")
COLUMNS = {"of": "", "name": "", "points": "points", "frames": "frames", "jitter": "jitter", "conditions": ""}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `redn evaluate`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    columns = [f"  {metric.heading:18}{metric.help}" for metric in METRICS.values()]
    protocols = [f"  {protocol.name:18}{protocol.about}" for protocol in PROTOCOLS.values()]
    parser.epilog = "\n".join(["metrics", *columns, "", "protocols", *protocols])
    common.add_data_options(parser)
    common.add_measuring_options(parser)
    parser.add_argument("--steps", type=int, metavar="K", help="feedback steps (default: the preset's)")
    parser.add_argument("--track", action="store_true", help="give no box: track each video; a lost face is wrong")
    told = "errors are divided by " + "; ".join(f"{name}: {label}" for name, (_, label) in NORMALISERS.items())
    parser.add_argument("--normaliser", choices=NORMALISERS, default="outer-eyes", help=told)
    common.add_device_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the tables, write the files; 0. Raises ValueError or OSError for what cannot be used."""
    check_endings(args.out, (".json", ".csv", *PICTURES))
    if args.track and args.shift:
        raise ValueError("--track gives no box that --shift could disturb; choose one of the two")
    samples, path, notes = common.chosen(args)
    model = load_weights(path, args.device)
    if args.track:
        predictions = tracked_predictions(model, samples, args.steps)
    else:
        predictions = predictions_of(model, images_of(samples), map(common.box_rule(args), samples), args.steps)
    measured = Measured(samples, predictions, labels_of(samples), args.normaliser)

    for k, figures in enumerate(measured.steps, 1):
        told = (f"{METRICS[name].heading} {value:.{METRICS[name].digits}f}" for name, value in figures.items())
        print(f"{'tracked' if args.track else 'step'} {k}:", "  ".join(told))
    if measured.parts:
        print("parts, last step:", "  ".join(f"{name} {value:.2f}" for name, value in measured.parts.items()))
    table, beside = measured.table(), published(PROTOCOLS.get(args.protocol), args.normaliser)
    rows = [{**row, "conditions": ""} for row in table] + beside
    notes = [f"errors in % of {NORMALISERS[args.normaliser][1]}", *notes]
    people = len({sample.person for sample in samples})
    counted = f"{len(samples)} frames of {people} people"
    print(table_text([row for row in rows if row["of"] != "video"], COLUMNS), *notes, counted, sep="\n")
    record = {
        "frames": len(samples), "people": people, "shift": args.shift, "steps": measured.steps,
        "parts": measured.parts, "protocol": args.protocol, "track": args.track, "normaliser": args.normaliser,
        "table": table, "published": beside, "notes": notes, "command": common.command_line(args), "commit": commit(),
    }  # fmt: skip
    about = f"{args.protocol or 'annotated faces'}, {counted}; {'; '.join(notes)}"
    write_report(args.out, record, rows, about)
    curves = {f"{name} points": measured.frame_errors(name) for name in measured.point_sets}
    for path in args.out:
        if path.suffix.lower() in PICTURES:
            with whole_file(path) as temporary:
                ced_curves(curves, of=NORMALISERS[args.normaliser][1]).savefig(temporary)
    return 0
