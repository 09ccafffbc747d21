"""Train a network, or go on with a run that was stopped.

A network is trained in stages: faces, on still images of all datasets; spatial, on those that people labelled;
identity, on still images of people whom f_CLS recognises, of all datasets, whose points the network has set again, as
people would, where another network had set them; mild, on those that people labelled, with little augmentation;
temporal, on clips, with f_tRNN; joint, on clips and still images, with all losses at once; polish, as mild, on all sets
and on clips, with the encoder as it is. Each goes on from the weights of the one before (--start). --recipe compact
runs them all, from nothing. Clips are windows of consecutive frames where a dataset has videos, otherwise animated
still images. The same command run again goes on from the checkpoint in the run folder; Ctrl-C saves first. On several
GPUs or hosts:
torchrun --nproc_per_node GPUS -m -- redn_lib.cli train ...
"""

import argparse
import math
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
from functools import cache, partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

from tqdm import tqdm

from redn_lib.commands.common import add_data_options, add_device_option, opened_together
from redn_lib.data.clip import Sample
from redn_lib.data.dataset import Dataset, read_names
from redn_lib.device import best_device
from redn_lib.presets import PRESETS, Preset
from redn_lib.pretrained import about_weights, load_weights, save_weights
from redn_lib.rednet import RedNet
from redn_lib.temporal import HIDDEN
from redn_lib.training.batches import patches
from redn_lib.training.grow import begun, digests, fresh
from redn_lib.training.loop import Trainer, joined
from redn_lib.training.relabel import LABELS, labelled_by_people, of_one_markup
from redn_lib.training.stages import RECIPES, STAGES, Stage
from redn_lib.training.trained_on import trained_on

WEIGHTS = "weights.safetensors"
KNOWN = "f_cls"  # of a weight file's header: digests of the people whom f_CLS knows, in the order of its rows


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `redn train`; one named as a field of `Stage` takes the place of the stage's value."""
    add_data_options(parser, several=True)
    add = parser.add_argument
    add("--stage", default="spatial", choices=STAGES, help="which stage (default spatial)")
    add("--recipe", choices=RECIPES, help="all stages of a weight file, each in a folder of its own under --run")
    add("--start", type=Path, metavar="FILE", help="weights to begin with; needed after the first stage")
    add("--preset", default="compact", choices=sorted(PRESETS), help="size of a fresh network (default compact)")
    add("--hidden", type=int, metavar="H", help=f"units of a fresh f_tRNN (default {HIDDEN})")
    add("--iterations", type=int, metavar="N", help=f"batches to train on ({by_stage('iterations')})")
    add("--batch", type=int, metavar="B", help=f"images or clips in a batch, of all processes ({by_stage('batch')})")
    add("--rate", type=float, metavar="R", help=f"highest learning rate ({by_stage('rate')})")
    add("--steps", type=int, metavar="K", help="feedback steps (default: those of which the preset keeps statistics)")
    add("--growth", type=float, metavar="G", help=f"a step's loss over that of the one before ({by_stage('growth')})")
    add("--procedural", type=float, metavar="P", help=f"share of procedural faces, 0 to 1 ({by_stage('procedural')})")
    add("--synthetic-people", type=int, metavar="P", help="procedural people who come again and again, known to f_CLS")
    add("--accumulate", type=int, metavar="A", help="pieces in which a batch passes, where memory is short (default 1)")
    told = "what learns, e.g. decoder,regression (default by stage)"
    add("--only", type=lambda words: tuple(words.split(",")), metavar="PARTS", help=told)
    add("--seed", type=int, default=0, metavar="S", help="of weights, batches and augmentation (default 0)")
    add("--run", type=Path, metavar="FOLDER", help="where checkpoints are kept (default: beside --out, named as it)")
    add("--every", type=int, default=200, metavar="N", help="iterations between checkpoints (default 200)")
    add("--workers", type=int, default=0, metavar="W", help="processes beside each that prepare batches (default 0)")
    add("--out", type=Path, required=True, metavar="FILE", help="weights are written here at the end")
    add_device_option(parser)


def by_stage(field: str) -> str:
    """What an option is by default in each of the stages, with a + between the parts of a stage."""
    whole = field in ("iterations", "rate")
    values = [[getattr(one, field) for one in ((stage,) if whole else stage.each)] for stage in STAGES.values()]
    return "default by stage " + ", ".join(" + ".join(map(str, of_parts)) for of_parts in values)


def run(args: argparse.Namespace) -> int:
    """Train to the end and write the weights; 0. Raises ValueError or OSError for what cannot be used."""
    check(args)
    datasets = opened_together(args, args.data) if args.data and args.procedural != 1 else []
    header = about_weights(args.start) if args.start else None
    names = RECIPES[args.recipe] if args.recipe else [args.stage]
    with joined(args.device) as fabric:
        if fabric is None:
            best_device(args.device)  # raises
        model = load_weights(args.start, "cpu") if args.start else fresh(PRESETS[args.preset], args.seed)
        for name in names:
            stage = chosen_stage(args, name, model.preset)
            folder = args.run / name if args.recipe else args.run
            out = args.out if name == names[-1] else folder / WEIGHTS
            if out != args.out and out.exists():
                header = about_weights(out)
                if header.get("made_by") != made_by(args, stage):
                    raise ValueError(f"{out} was made with other options: repeat the first command, or delete {folder}")
                model = load_weights(out, "cpu")
                print(f"stage {name}: done, {out}", flush=True)
            else:
                model, header = run_stage(args, stage, name, model, header, datasets, folder, fabric)
                if not (fabric and fabric.global_rank):
                    save_weights(model, out, **header)
                    print(f"wrote {out}", flush=True)
    return 0


def run_stage(
    args: argparse.Namespace,
    stage: Stage,
    name: str,
    start: RedNet,
    before: dict[str, Any] | None,
    datasets: Sequence[Dataset],
    folder: Path,
    fabric: Any,
) -> tuple[RedNet, dict[str, Any]]:
    """The network at the end of a stage, and what its weight file says of it; before: what the file of `start` says."""
    processes, quiet = (fabric.world_size, fabric.global_rank > 0) if fabric else (1, False)
    stills = cache(partial(stills_of, datasets=datasets, model=start, labels=args.run / LABELS, fabric=fabric))
    of_parts = [windows_of(datasets, part.frames) or stills(part.labels) for part in stage.each]
    different = {id(them): them for them in of_parts}  # parts that learn from the same images read them once
    show = partial(tqdm, desc="faces", leave=False, disable=quiet)
    read = {key: patches(them, show) for key, them in different.items()}
    faces = [read[id(them)] for them in of_parts]
    known, people = before.get(KNOWN, []) if before else [], trained_on(chain(*of_parts), before)
    model, batches = begun(start, stage, faces, seed=args.seed, hidden=args.hidden, known=known, processes=processes)
    settings = {"every": args.every, "device": args.device, "workers": args.workers}
    settings["options"] = options_of(args) | people
    trainer = Trainer(model, stage, batches, path=folder / "checkpoint.pt", fabric=fabric, **settings)
    if not quiet:
        learnt_from = " + ".join(map(counted, of_parts))
        print(f"stage {name}: {learnt_from}; iteration {trainer.iteration} of {stage.iterations}", flush=True)
    model = trained(trainer, quiet)
    if not quiet:
        print(f"stage {name}: {trainer.seconds / 3600:.2f} hours")
    about = {"stage": name, "seed": args.seed, "iterations": stage.iterations}
    about |= {"frames": max(map(frames_in, of_parts)), "made_by": made_by(args, stage)}
    known = digests(batches) if stage.names_people else known
    return model, about | ({KNOWN: known} if model.classifier is not None and known else {}) | people


def frames_in(samples: Sequence[Sample]) -> int:
    """Number of frames that are read from files; a still image is one."""
    return sum(max(len(sample.frames), 1) for sample in samples)


def counted(samples: Sequence[Sample]) -> str:
    """How many real images or clips there are, of how many people."""
    length = frames_in(samples) // max(len(samples), 1)
    kind = f"clips of {length} frames" if length > 1 else "images"
    return f"{len(samples)} real {kind} of {len({sample.person for sample in samples})} people"


def made_by(args: argparse.Namespace, stage: Stage) -> str:
    """Digest of all that a stage's weights depend on, beside the weights that it began with."""
    return sha256(repr((options_of(args), args.seed, args.hidden, stage)).encode()).hexdigest()[:12]


def windows_of(datasets: Sequence[Dataset], frames: int) -> list[Sample]:
    """Windows of so many frames of the videos that there are; none of single frames."""
    return [window for data in datasets for window in (data.windows(frames) if frames > 1 else [])]


def stills_of(which: str, *, datasets: Sequence[Dataset], model: RedNet, labels: Path, fabric: Any) -> list[Sample]:
    """Still images with the labels that `Stage.labels` names.

    labels: where points that a network set again are kept, for all stages of a recipe.
    """
    samples = [sample for data in datasets for sample in data]
    if which == "all":
        return samples
    if which == "people":
        return labelled_by_people(samples) or samples
    with fabric.rank_zero_first() if fabric else nullcontext():
        return of_one_markup(samples, model, labels)


def check(args: argparse.Namespace) -> None:
    """Raise ValueError for options that go with no stage."""
    if args.procedural is not None and not 0 <= args.procedural <= 1:
        raise ValueError(f"--procedural is a share from 0 to 1, got {args.procedural}")
    if args.data is None and args.procedural != 1:
        raise ValueError("name real faces with --data, or train on procedural faces alone with --procedural 1")
    for name in ("iterations", "batch", "steps", "accumulate", "hidden", "every"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise ValueError(f"--{name} must be at least 1")
    for name in ("seed", "workers"):
        if not 0 <= getattr(args, name) < 2**31:
            raise ValueError(f"--{name} must be from 0 to {2**31 - 1}")
    for name in ("rate", "growth"):
        value = getattr(args, name)
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"--{name} must be more than 0 and finite")
    if args.recipe and args.start:
        raise ValueError("a recipe begins from nothing: leave --start out, or run one --stage")
    if args.recipe is None and args.stage not in ("faces", "spatial") and args.start is None:
        before = list(STAGES)[list(STAGES).index(args.stage) - 1]
        raise ValueError(f"stage {args.stage} goes on from weights of stage {before}: name their file with --start")


def options_of(args: argparse.Namespace) -> dict[str, Any]:
    """The options that say which faces and which weights a run is of, by what they name and not by where it lies."""
    sources = [str(Path(source).resolve()) if Path(source).exists() else source for source in args.data or ()]
    options = {"--data": sources, "--split": args.split}
    for name in ("people", "without"):
        path = getattr(args, name)
        options[f"--{name}"] = sorted(map(str.casefold, read_names(path))) if path else None
    options["--start"] = sha256(args.start.read_bytes()).hexdigest() if args.start else None
    return options


def chosen_stage(args: argparse.Namespace, name: str, preset: Preset) -> Stage:
    """The stage of that name with the values of the command line. Raises ValueError for too few steps."""
    least, names = preset.trained_steps, {field.name for field in fields(Stage)}
    given = {option: value for option, value in vars(args).items() if option in names and value is not None}
    if given.get("steps", least) < least:
        raise ValueError(f"preset {preset.name} keeps statistics of {least} steps: train with --steps {least} or more")

    def chosen(stage: Stage) -> Stage:
        values = {"steps": least} | given | {"seed": stage.seed + args.seed, "parts": tuple(map(chosen, stage.parts))}
        values |= {"iterations": given.get("iterations", STAGES[name].iterations)}
        stage = replace(stage, **values)
        return replace(stage, warmup=min(stage.warmup, stage.iterations // 4))

    return chosen(STAGES[name])


def trained(trainer: Trainer, quiet: bool) -> RedNet:
    """The network at the end of its stage, with a progress bar."""
    with tqdm(total=trainer.stage.iterations, initial=trainer.iteration, unit="batch", disable=quiet) as bar:

        def watch(iteration: int, figures: dict[str, float]) -> None:
            bar.update()
            bar.set_postfix_str("loss " + " ".join(f"{x:.3f}" for name, x in figures.items() if "step" in name))

        trainer.watch = watch
        try:
            return trainer.run()
        except KeyboardInterrupt:
            if not quiet:
                where = f"the same command goes on from {trainer.path}"
                print(f"\nstopped after {trainer.iteration} iterations; {where}", file=sys.stderr)
            raise
