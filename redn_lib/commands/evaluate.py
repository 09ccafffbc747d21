"""`redn evaluate`: the error of each feedback step on annotated faces, overall and by part."""

import argparse
import json
from pathlib import Path

import numpy as np
from tqdm import tqdm

from redn_lib.commands.common import add_data_options, add_device_option, chosen_rows
from redn_lib.files import whole_file
from redn_lib.landmarks import INNER, PARTS
from redn_lib.pretrained import load_pretrained, load_weights
from redn_lib.training.evaluation import errors_of, sloppy_box, summary


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare `redn evaluate --data FOLDER [--people FILE] [--without FILE] [--weights FILE] [--steps K] [--shift]
    [--out FILE]`.
    """
    parser = subparsers.add_parser(
        "evaluate",
        help="measure weights on annotated faces: NME per feedback step, failure rate, parts",
        description="Gives each face's true box to the network and prints the error of every feedback step: "
        "mean point distance over the distance of the outer eye corners, in percent (NME). "
        "People the weights were trained on must be left out with --people or --without.",
    )
    add_data_options(parser)
    parser.add_argument("--weights", type=Path, metavar="FILE", help="weight file (default: the shipped one)")
    parser.add_argument("--steps", type=int, metavar="K", help="feedback steps (default: the preset's)")
    parser.add_argument(
        "--shift", action="store_true", help="disturb the boxes: shift up to 8 %%, scale 0.85 to 1.2 (seed 0)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="also write the figures as JSON")
    add_device_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the table; 0. Raises ValueError or OSError for data or weights that cannot be used."""
    rows = chosen_rows(args)
    model = load_weights(args.weights, args.device) if args.weights else load_pretrained(device=args.device)
    rng = np.random.default_rng(0)
    faces = (row.load() for row in tqdm(rows, unit="face", leave=False))
    errors = errors_of(
        model, faces, args.steps, (lambda face: sloppy_box(face.box, rng)) if args.shift else (lambda face: face.box)
    )
    steps = [summary(errors[:, k].mean(-1)) for k in range(errors.shape[1])]
    for k, s in enumerate(steps, 1):
        print(
            f"step {k}: NME {s['nme']:.2f} %  median {s['median']:.2f} %  over 8 %: {s['fr8']:.1f} % of frames  AUC08 "
            f"{s['auc8']:.3f}"
        )
    parts = {name: 100 * float(errors[:, -1, list(at)].mean()) for name, at in PARTS.items()}
    parts["inner 51"] = 100 * float(errors[:, -1, list(INNER)].mean())
    print("parts, last step: " + "  ".join(f"{name} {value:.2f}" for name, value in parts.items()))
    people = len({row.person for row in rows})
    print(f"{len(rows)} frames of {people} people")
    if args.out:
        with whole_file(args.out) as temporary:
            temporary.write_text(
                json.dumps(
                    {"frames": len(rows), "people": people, "shift": args.shift, "steps": steps, "parts": parts},
                    indent=1,
                )
                + "\n"
            )
    return 0
