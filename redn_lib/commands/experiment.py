"""`redn experiment`: the paper's questions as experiments, each to one committed table."""

import argparse
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from redn_lib.commands.common import add_data_options, chosen_rows
from redn_lib.data.ytf import split_by_person
from redn_lib.experiments import rq1
from redn_lib.experiments.tables import run_all, write_table
from redn_lib.training.batches import cut_patch
from redn_lib.training.stages import Stage

EXPERIMENTS = {
    "forms": (
        rq1.forms_runs,
        "How z is drawn and whether the view is taken anew; two looks; NME in percent of unseen people with sloppy "
        "boxes",
    ),
    "rq1": (
        rq1.loop_runs,
        "RQ1: one look, loop, cascade, loop with blank z; NME in percent of unseen people with sloppy boxes",
    ),
}


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare `redn experiment NAME --data FOLDER --run FOLDER --out TABLE.csv`."""
    parser = subparsers.add_parser(
        "experiment",
        help="re-make a table of results/",
        description="Runs every variant of an experiment over seeds on people split by person (one in six is held "
        "out), and writes one table. Finished runs are kept in the run folder: the same command goes on where it was.",
    )
    parser.add_argument(
        "name", choices=sorted(EXPERIMENTS), help="; ".join(f"{n}: {about}" for n, (_, about) in EXPERIMENTS.items())
    )
    add_data_options(parser)
    parser.add_argument("--run", type=Path, required=True, metavar="FOLDER", help="where finished runs are kept")
    parser.add_argument("--out", type=Path, required=True, metavar="TABLE.csv", help="the table")
    parser.add_argument("--iterations", type=int, default=1000, metavar="N", help="batches a network (default 1000)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds 0 to N-1 (default 3)")
    parser.add_argument(
        "--quick", action="store_true", help="12 batches, one seed, few faces: a minute, to see that it runs"
    )


def run(args: argparse.Namespace) -> int:
    """Run, write the table, print it; 0. Raises ValueError or OSError for data that cannot be used."""
    rows = chosen_rows(args)
    known, held_out = split_by_person(rows, 1 / 6, seed=7)
    if args.quick:
        args.iterations, args.seeds, known, held_out = 12, 1, known[:64], held_out[:16]
    make_runs, about = EXPERIMENTS[args.name]
    faces = [cut_patch(row.load()) for row in tqdm(known, desc="faces", unit="face", leave=False)]
    unseen = [row.load() for row in held_out]
    stage = replace(Stage(iterations=args.iterations), warmup=min(100, args.iterations // 4), growth=2.0, ema=0.99)
    results = run_all(make_runs(stage, range(args.seeds), faces, unseen), args.run)
    people = len({f.person for f in faces}), len({f.person for f in unseen})
    about += f"; trained on {len(faces)} frames of {people[0]} people, measured on {len(unseen)} of {people[1]} others"
    command = f"redn experiment {args.name} --data FOLDER" + (" --without FILE" if args.without else "")
    command += f" --run FOLDER --out {args.out} --iterations {args.iterations} --seeds {args.seeds}"
    write_table(results, args.out, command=command, about=about)
    print(args.out.read_text())
    return 0
