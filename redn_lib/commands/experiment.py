"""`redn experiment`: the paper's questions as experiments, each to one committed table."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from redn_lib.commands.common import add_data_options, chosen_rows
from redn_lib.data.ytf import split_by_person
from redn_lib.experiments import joint, mixes, rq1, rq2, rq3, rq4, rq5
from redn_lib.experiments.curriculum import Setting
from redn_lib.experiments.effects import Contrast, differences, factorial, pairwise, write_contrasts
from redn_lib.experiments.tables import Run, run_all, write_table
from redn_lib.training.patches import patches
from redn_lib.training.stages import Stage


@dataclass(frozen=True)
class Experiment:
    """about: what is measured; runs: all of its runs; contrasts: what is compared with what; goes_on: from the shipped
    weights, so that it is measured on people whom they have not seen.
    """

    about: str
    runs: Callable[[Setting, Sequence[int]], list[Run]]
    contrasts: Callable[[list[dict[str, Any]]], list[Contrast]] = differences
    goes_on: bool = False


ON_CLIPS = (
    "NME in percent on animated stills of unseen people by kind of difficulty, each frame looked at where the points "
    "of the one before were; jitter on clear clips in percent of the eye distance"
)
PROBES = "who (percent right), yaw, pitch, mouth (R2) read from either code of procedural people never trained on"
SLOPPY = "NME in percent of unseen people with sloppy boxes"

EXPERIMENTS = {
    "forms": Experiment(
        f"How z is drawn and whether the crop is taken anew; two looks; {SLOPPY}",
        lambda s, seeds: rq1.forms_runs(s.stage, seeds, s.faces, s.unseen),
        pairwise,
    ),
    "rq1": Experiment(
        f"RQ1: one look, loop, cascade, loop with blank z; {SLOPPY}",
        lambda s, seeds: rq1.loop_runs(s.stage, seeds, s.faces, s.unseen),
        pairwise,
    ),
    "rq2": Experiment(
        f"RQ2: what of the code the LSTM gets; {ON_CLIPS}; NME on stills with swapped codes; {PROBES}",
        rq2.decoupling_runs,
        pairwise,
    ),
    "rq3": Experiment(
        f"RQ3: the LSTM and other ways to model video, from the shipped weights; {ON_CLIPS}",
        rq3.motion_runs,
        goes_on=True,
    ),
    "rq4": Experiment(f"RQ4: identity supervision and its controls; {SLOPPY}; {PROBES}", rq4.identity_runs),
    "mixes": Experiment(
        "Codes mixed of two faces: mean distance of the decoded pose from either's, and how far each part brings it, "
        "in percent of the way, of the networks of RQ4, on procedural people never trained on",
        mixes.mix_runs,
    ),
    "rq5": Experiment(
        f"RQ5: each part with and without each other; {ON_CLIPS}",
        rq5.grid_runs,
        lambda results: factorial(results, rq5.PARTS),
    ),
    "joint": Experiment(
        f"The whole network in stages, or by the same batches mixed, all parts and losses at once; {ON_CLIPS}",
        joint.joint_runs,
    ),
}

QUICK = {"clips": 2, "frames": 12, "people": 6, "pictures": 6}
"""How little `--quick` measures."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare `redn experiment NAME --data FOLDER --run FOLDER --out TABLE.csv`."""
    parser = subparsers.add_parser(
        "experiment",
        help="re-make a table of results/",
        description="Runs every variant of an experiment over seeds on people split by person (one in six is held "
        "out; rq3, which begins with the shipped weights, holds out those of --without), and writes one table, and "
        "beside it, in TABLE_effects.csv, differences with their intervals. What is done is kept in the run folder, "
        "which experiments on the same data and as long may share: the same command goes on where it was.",
    )
    parser.add_argument(
        "name", choices=sorted(EXPERIMENTS), help="; ".join(f"{n}: {e.about}" for n, e in EXPERIMENTS.items())
    )
    add_data_options(parser)
    parser.add_argument("--run", type=Path, required=True, metavar="FOLDER", help="where what is done is kept")
    parser.add_argument("--out", type=Path, required=True, metavar="TABLE.csv", help="the table")
    parser.add_argument(
        "--iterations",
        type=int,
        default=1000,
        metavar="N",
        help="batches of a stage; half as many of clips (default 1000)",
    )
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds 0 to N-1 (default 3)")
    parser.add_argument(
        "--quick", action="store_true", help="at most 12 batches, one seed, few faces: minutes, to see that it runs"
    )


def run(args: argparse.Namespace) -> int:
    """Run, write the table, print it; 0. Raises ValueError or OSError for data that cannot be used."""
    experiment = EXPERIMENTS[args.name]
    known, held_out = measured_apart(args, experiment)
    if args.quick:
        args.iterations, args.seeds = min(args.iterations, 12), 1
        known, held_out = (sorted(side, key=lambda row: row.person) for side in (known, held_out))
        known, held_out = known[:64], held_out[:16]
    faces = patches(known, lambda rows: tqdm(rows, desc="faces", unit="face", leave=False))
    unseen = [row.load() for row in held_out]
    stage = replace(Stage(iterations=args.iterations), warmup=min(100, args.iterations // 4), growth=2.0, ema=0.99)
    folder = args.run / "quick" if args.quick else args.run
    setting = Setting(stage, faces, unseen, folder / "networks", **(QUICK if args.quick else {}))
    people = len({f.person for f in faces}), len({f.person for f in unseen})
    sets = f"trained on {len(faces)} frames of {people[0]} people, measured on {len(unseen)} of {people[1]} others"
    settings = f"{args.iterations} batches a stage, {sets}"
    results = run_all(experiment.runs(setting, range(args.seeds)), folder / args.name, settings)
    about = f"{experiment.about}; {sets}"
    command = f"redn experiment {args.name} --data FOLDER" + (" --without FILE" if args.without else "")
    command += f" --run FOLDER --out {args.out} --iterations {args.iterations} --seeds {args.seeds}"
    write_table(results, args.out, command=command, about=about)
    beside = args.out.with_name(f"{args.out.stem}_effects.csv")
    write_contrasts(experiment.contrasts(results), beside, command=command, about=f"Effects. {about}")
    print(args.out.read_text(), beside.read_text(), sep="\n")
    return 0


def measured_apart(args: argparse.Namespace, experiment: Experiment) -> tuple[list, list]:
    """Rows to train on, rows of other people to measure on. Raises ValueError where an experiment that begins with the
    shipped weights is not told whom they have not seen.
    """
    rows = chosen_rows(args)
    if not experiment.goes_on:
        return split_by_person(rows, 1 / 6, seed=7)
    if args.without is None:
        raise ValueError(
            f"{args.name} begins with the shipped weights: name the people whom they have not seen with --without "
            "(of ytf68: results/val_people.txt)"
        )
    return rows, chosen_rows(argparse.Namespace(data=args.data, people=args.without, without=None))
