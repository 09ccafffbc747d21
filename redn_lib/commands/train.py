"""`redn train`: a stage of training, or all four one after another; go on where a stopped run was."""

import argparse
import sys
from contextlib import nullcontext
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from redn_lib.commands.common import add_data_options, add_device_option, opened
from redn_lib.data.dataset import Dataset, read_names
from redn_lib.data.records import Sample
from redn_lib.pretrained import about_weights, load_weights, save_weights
from redn_lib.rednet import PRESETS, Preset, RedNet
from redn_lib.training.grow import HIDDEN, begun, digests, fresh
from redn_lib.training.loop import Trainer
from redn_lib.training.patches import patches
from redn_lib.training.processes import joined
from redn_lib.training.stages import STAGES, Stage
from redn_lib.training.trained_on import digest, trained_on

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

ALL = "all"
KNOWN = "f_cls"
"""The entry of a weight file's header with the digests of the people whom f_CLS knows, in the order of its rows."""


def comma_separated(words: str) -> tuple[str, ...]:
    """ "a,b" to ("a", "b")."""
    return tuple(word.strip() for word in words.split(","))


OVERRIDING = {
    "iterations": (int, "N", "batches to train on; the rate falls to zero at the last"),
    "batch": (int, "B", "images or clips in a batch, of all processes together"),
    "rate": (float, "R", "learning rate of AdamW"),
    "steps": (int, "K", "feedback steps in training (default: those of which the preset keeps statistics)"),
    "growth": (float, "G", "the loss of a step weighs G times that of the step before; above 1 the last matters most"),
    "procedural": (float, "SHARE", "share of each batch that is procedural faces, 0 to 1"),
    "synthetic_people": (int, "P", "synthetic people who come again and again, for f_CLS to know; 0: always new ones"),
    "accumulate": (int, "A", "pieces in which a batch passes, where memory is short; batch norm sees one at a time"),
    "only": (comma_separated, "PARTS", "what learns, separated by commas, e.g. decoder,regression (default by stage)"),
}
"""Options that take the place of a stage's own values: type, placeholder, help."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare `redn train --out WEIGHTS --run FOLDER [--stage STAGE] ...`."""
    parser = subparsers.add_parser(
        "train",
        help="train a network, or go on with a run that was stopped",
        description="Trains and writes weights as safetensors. The paper's network is trained in four stages: spatial, "
        "on still images; identity, on still images of people whom f_CLS tells apart; temporal, f_tRNN alone, on "
        "clips; joint, all losses and all parts, on clips. Each goes on from the weights of the one before (--start). "
        "Clips are windows of consecutive frames where the dataset has videos, otherwise animated still images. "
        "The same command run again goes on from the checkpoint in the run folder, with the same batches and the same "
        "optimiser state; Ctrl-C saves first. On several GPUs or hosts: "
        "torchrun --nproc_per_node GPUS -m -- redn_lib.cli train ...; each process then prepares its share of a "
        "batch, and batch norm uses the statistics of that share. "
        "Example, procedural faces alone, no data needed: "
        "redn train --procedural 1 --iterations 2000 --run runs/first --out first.safetensors",
    )
    add_data_options(parser, required=False)
    parser.add_argument(
        "--stage",
        default="spatial",
        choices=[*STAGES, ALL],
        help="which stage (default spatial); all: one after another, each in a folder of its own under --run",
    )
    parser.add_argument(
        "--start", type=Path, metavar="FILE", help="weights to begin with; needed after the first stage"
    )
    parser.add_argument(
        "--preset", default="compact", choices=sorted(PRESETS), help="size of a fresh network (default compact)"
    )
    parser.add_argument("--hidden", type=int, metavar="H", help=f"units of a fresh f_tRNN (default {HIDDEN})")
    for name, (kind, placeholder, about) in OVERRIDING.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=kind, metavar=placeholder, help=with_defaults(name, about)
        )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="of weights, batches and augmentation (default 0)"
    )
    parser.add_argument("--run", type=Path, required=True, metavar="FOLDER", help="where checkpoints are kept")
    parser.add_argument(
        "--every", type=int, default=200, metavar="N", help="iterations between checkpoints (default 200)"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="W",
        help="processes that prepare batches beside each that trains (default 0)",
    )
    parser.add_argument("--log", action="store_true", help="write a log for TensorBoard into the run folder")
    parser.add_argument("--compile", action="store_true", help="use torch.compile: minutes to begin with")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="weights are written here at the end")
    add_device_option(parser)


def with_defaults(name: str, about: str) -> str:
    """Help of an option with the value of each stage; of one that says its own default, as it is."""
    if "default" in about:
        return about
    values = [getattr(stage, name) for stage in STAGES.values()]
    shown = values[0] if len(set(values)) == 1 else ", ".join(map(str, values))
    return f"{about} (default{'' if len(set(values)) == 1 else ' by stage'} {shown})"


def run(args: argparse.Namespace) -> int:
    """Train to the end and write the weights; 0. Raises ValueError or OSError for options, data or a checkpoint that
    cannot be used.
    """
    check(args)
    dataset = opened(args) if args.data and args.procedural != 1 else None
    header = about_weights(args.start) if args.start else None
    trained_people = trained_on(dataset or [], header)
    known = (header or {}).get(KNOWN, [])
    names = list(STAGES) if args.stage == ALL else [args.stage]
    faces = {}
    with joined(args.device) as fabric:
        processes, quiet = (fabric.world_size, fabric.global_rank > 0) if fabric else (1, False)
        model = load_weights(args.start, "cpu") if args.start else fresh(PRESETS[args.preset], args.seed)
        for name in names:
            stage = chosen_stage(args, name, model.preset)
            samples, length = samples_of(dataset, stage)
            if length not in faces:
                faces[length] = patches(samples, lambda them: tqdm(them, "faces", leave=False, disable=quiet))
            model, batches = begun(
                model, stage, faces[length], seed=args.seed, hidden=args.hidden, known=known, processes=processes
            )
            if stage.identity_weight:
                known = digests(batches)
            folder = args.run / name if args.stage == ALL else args.run
            trainer = Trainer(
                model,
                stage,
                batches,
                path=folder / "checkpoint.pt",
                every=args.every,
                device=args.device,
                workers=args.workers,
                compiled=args.compile,
                options=options_of(args) | trained_people,
                fabric=fabric,
            )
            if not quiet:
                kind = "images" if length == 1 else f"clips of {length} frames"
                print(
                    f"stage {name}: {len(samples)} real {kind} of {len({s.person for s in samples})} people, "
                    f"{stage.procedural:.0%} procedural; iteration {trainer.iteration} of {stage.iterations}"
                )
            model = trained(trainer, folder / "log" if args.log else None, quiet)
            if not quiet:
                out = args.out if name == names[-1] else folder / "weights.safetensors"
                about = {"stage": name, "seed": args.seed, "iterations": stage.iterations}
                about |= {"frames": len(samples) * length, "procedural": stage.procedural}
                about |= {KNOWN: known} if model.classifier is not None and known else {}
                save_weights(model, out, **about, **trained_people)
                print(f"wrote {out}")
    return 0


def samples_of(dataset: Dataset | None, stage: Stage) -> tuple[list[Sample], int]:
    """What a stage is trained on, and frames of each: windows of videos where it wants clips and the dataset has them,
    otherwise still images.
    """
    if dataset is None:
        return [], 1
    windows = dataset.windows(stage.frames) if stage.frames > 1 else []
    return (windows, stage.frames) if windows else (list(dataset), 1)


def options_of(args: argparse.Namespace) -> dict[str, Any]:
    """The options that say which faces and which weights a run is of, by what they name and not by where it lies."""
    options = {"--data": args.data, "--split": args.split, "--people": None, "--without": None, "--start": None}
    if args.data and Path(args.data).exists():
        options["--data"] = str(Path(args.data).resolve())
    for name in ("people", "without"):
        if path := getattr(args, name):
            people = sorted(name.casefold() for name in read_names(path))
            options[f"--{name}"] = f"{len(people)} people, digest {digest(' '.join(people))}"
    if args.start:
        options["--start"] = f"weights, digest {sha256(args.start.read_bytes()).hexdigest()[:12]}"
    return options


def check(args: argparse.Namespace) -> None:
    """Raise ValueError for options that go with no stage."""
    if args.procedural is not None and not 0 <= args.procedural <= 1:
        raise ValueError(f"--procedural is a share from 0 to 1, got {args.procedural}")
    if args.data is None and args.procedural != 1:
        raise ValueError("name real faces with --data, or train on procedural faces alone with --procedural 1")
    counts = ("iterations", "batch", "steps", "accumulate", "hidden", "every")
    if any(value is not None and value < 1 for value in (getattr(args, name) for name in counts)):
        raise ValueError(f"{', '.join(f'--{name}' for name in counts[:-1])} and --{counts[-1]} must be at least 1")
    if args.growth is not None and not 0 < args.growth < 100:
        raise ValueError(f"--growth must lie between 0 and 100, got {args.growth}")
    if args.stage not in (ALL, next(iter(STAGES))) and args.start is None:
        before = list(STAGES)[list(STAGES).index(args.stage) - 1]
        raise ValueError(f"stage {args.stage} goes on from weights of stage {before}: name their file with --start")


def chosen_stage(args: argparse.Namespace, name: str, preset: Preset) -> Stage:
    """The stage of that name with the values of the command line. Raises ValueError for too few steps."""
    given = {option: value for option in OVERRIDING if (value := getattr(args, option)) is not None}
    stage = replace(STAGES[name], **{"steps": preset.trained_steps} | given)
    if stage.steps < preset.trained_steps:
        raise ValueError(
            f"preset {preset.name} keeps statistics of {preset.trained_steps} steps: train with --steps "
            f"{preset.trained_steps} or more"
        )
    return replace(stage, seed=stage.seed + args.seed, warmup=min(stage.warmup, stage.iterations // 4))


def trained(trainer: Trainer, log: Path | None, quiet: bool) -> RedNet:
    """The network at the end of its stage, in eval mode; on the way a progress bar and, in the folder `log`, a log for
    TensorBoard.
    """
    first, last = trainer.iteration, trainer.stage.iterations
    writer = summary_writer(log, first + 1) if log and not quiet else nullcontext()
    with writer, tqdm(total=last, initial=first, unit="batch", disable=quiet) as bar:

        def watch(iteration: int, figures: dict[str, float]) -> None:
            bar.update()
            bar.set_postfix_str("loss " + " ".join(f"{x:.3f}" for name, x in figures.items() if "step" in name))
            if log and not quiet:
                for name, value in figures.items():
                    writer.add_scalar(name, value, iteration)

        trainer.watch = watch
        try:
            return trainer.run()
        except KeyboardInterrupt:
            if not quiet:
                print(
                    f"\nstopped after {trainer.iteration} iterations; the same command goes on from {trainer.path}",
                    file=sys.stderr,
                )
            raise


def summary_writer(folder: Path, first: int) -> "SummaryWriter":
    """A log for TensorBoard from iteration `first` on; what was logged later is removed. Raises ValueError without the
    package tensorboard.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ValueError("--log needs tensorboard: pip install -c constraints.txt -e '.[log]'") from error
    return SummaryWriter(folder, purge_step=first)
