"""Re-make a table of results/: every variant of an experiment over seeds, measured on one in six people, held out (of
rq3, which begins with the shipped weights, on those of --without). Where people labelled some of the images and another
network the rest, the shipped weights set the points of the rest again; errors are measured on people's labels alone.
Writes one table, and differences with their intervals to TABLE_effects.csv. What is done is kept: the same command goes
on where it was.
"""

import argparse
from dataclasses import replace
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from redn_lib.commands.common import add_data_options, command_line, opened_together
from redn_lib.data.dataset import split_by_person
from redn_lib.evaluation.tables import write_table
from redn_lib.experiments.curriculum import Setting
from redn_lib.experiments.questions import QUESTIONS, run_question
from redn_lib.experiments.statistics import by_variant
from redn_lib.folded import fast
from redn_lib.pretrained import load_pretrained
from redn_lib.training.batches import patches
from redn_lib.training.relabel import LABELS, labelled_by_people, of_one_markup
from redn_lib.training.stages import Stage

QUICK = {"clips": 2, "frames": 12, "people": 6, "images": 6}  # how little `--quick` measures


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `redn experiment`."""
    questions = "; ".join(f"{name}: {question.about}" for name, question in QUESTIONS.items())
    parser.add_argument("name", choices=sorted(QUESTIONS), help=questions)
    add_data_options(parser, several=True)
    parser.add_argument("--run", type=Path, required=True, metavar="FOLDER", help="where what is done is kept")
    parser.add_argument("--out", type=Path, required=True, metavar="TABLE.csv", help="the table")
    parser.add_argument("--iterations", type=int, default=1000, metavar="N", help="batches of a stage (default 1000)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds 0 to N-1 (default 3)")
    parser.add_argument("--quick", action="store_true", help="12 batches, one seed, few faces: to see that it runs")


def run(args: argparse.Namespace) -> int:
    """Run, write the table, print it; 0. Raises ValueError or OSError for data that cannot be used."""
    question, command = QUESTIONS[args.name], command_line(args)
    if not args.data:
        raise ValueError("name annotated faces with --data")
    if min(args.iterations, args.seeds) < 1:
        raise ValueError("--iterations and --seeds must be at least 1")
    if question.from_shipped and args.without is None:
        raise ValueError(f"{args.name} begins with the shipped weights: name whom they have not seen with --without")
    samples = [*chain(*opened_together(args, args.data))]
    samples = of_one_markup(samples, fast(load_pretrained()), args.run / LABELS)
    if question.from_shipped:
        others = argparse.Namespace(split=args.split, people=args.without, without=None)
        known, held_out = samples, [*chain(*opened_together(others, args.data))]
    else:
        known, held_out = split_by_person(samples, 1 / 6, seed=7)
    unseen = labelled_by_people(held_out) or held_out
    if args.quick:
        args.iterations, args.seeds = min(args.iterations, 12), 1
        sides = ((known, 64), (held_out, 16), (unseen, 16))
        known, held_out, unseen = (sorted(them, key=lambda sample: sample.person)[:most] for them, most in sides)
    faces = patches(known, lambda samples: tqdm(samples, desc="faces", unit="face", leave=False))
    unseen, recurring = [sample.face() for sample in unseen], [sample.face() for sample in held_out]
    stage = replace(Stage(iterations=args.iterations), warmup=min(100, args.iterations // 4), growth=2.0, ema=0.99)
    folder = args.run / "quick" if args.quick else args.run
    setting = Setting(stage, faces, unseen, folder / "networks", recurring, **(QUICK if args.quick else {}))

    people = len({sample.person for sample in known}), len({face.person for face in unseen})
    sets = f"trained on {len(faces)} frames of {people[0]} people, measured on {len(unseen)} of {people[1]} others"
    conditions = f"{args.iterations} batches a stage, {sets}"
    results = run_question(question, setting, range(args.seeds), folder / args.name, conditions)

    about = f"{question.about}; {sets}"
    effects = args.out.with_name(f"{args.out.stem}_effects.csv")
    write_table(by_variant(results), args.out, command=command, about=about)
    write_table(question.contrasts(results), effects, command=command, about=f"Effects. {about}")
    print(*(path.read_text(encoding="utf-8") for path in (args.out, effects)), sep="\n")
    return 0
