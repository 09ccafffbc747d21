"""`redn train`: a stage of training, or all four one after another; go on where a stopped run was."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from redn_lib.commands.common import add_data_options, add_device_option, chosen_rows
from redn_lib.data.clip import Face
from redn_lib.pretrained import about_weights, load_weights, save_weights
from redn_lib.rednet import PRESETS, Preset, RedNet
from redn_lib.training.grow import HIDDEN, begun, fresh
from redn_lib.training.log import tensorboard
from redn_lib.training.loop import Trainer
from redn_lib.training.patches import patches
from redn_lib.training.processes import Alone, gathered
from redn_lib.training.seen import seen
from redn_lib.training.stages import STAGES, Stage

ALL = "all"


def comma_separated(words: str) -> tuple[str, ...]:
    """ "a,b" to ("a", "b")."""
    return tuple(word.strip() for word in words.split(","))


OVERRIDING = {
    "iterations": (int, "N", "batches to train on; the rate falls to zero at the last"),
    "batch": (int, "B", "stills or clips in a batch, of all processes together"),
    "rate": (float, "R", "learning rate of AdamW"),
    "steps": (int, "K", "feedback steps in training (default: those of which the preset keeps statistics)"),
    "growth": (float, "G", "each look's loss weighs G times that of the look before; above 1 the last matters most"),
    "procedural": (float, "SHARE", "share of each batch that is procedural faces, 0 to 1"),
    "made_people": (int, "P", "so many procedural people come again and again, for f_CLS to know; 0: always new ones"),
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
        "on stills; identity, on stills of people whom f_CLS tells apart; temporal, f_tRNN alone, on clips; joint, all "
        "losses and all parts, on clips. Each goes on from the weights of the one before (--start). The same command "
        "run again goes on from the checkpoint in the run folder, with the same batches and the same optimiser state; "
        "Ctrl-C saves first. On several GPUs or hosts: torchrun --nproc_per_node GPUS -m -- redn_lib.cli train ... "
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
    rows = chosen_rows(args) if args.data and args.procedural != 1 else []
    names = list(STAGES) if args.stage == ALL else [args.stage]
    with gathered(args.device) as processes:
        quiet = processes.rank > 0
        model = load_weights(args.start, processes.device) if args.start else fresh(PRESETS[args.preset], args.seed)
        faces = patches(rows, lambda rows: tqdm(rows, desc="faces", unit="face", leave=False, disable=quiet))
        for name in names:
            folder = args.run / name if args.stage == ALL else args.run
            stage = chosen_stage(args, name, model.preset)
            model = trained(args, name, stage, model, faces, folder, processes)
            out = args.out if name == names[-1] else folder / "weights.safetensors"
            about = {"stage": name, "seed": args.seed, "iterations": stage.iterations, "frames": len(faces)}
            if not quiet:
                known = seen(rows, about_weights(args.start) if args.start else None)
                save_weights(model, out, **about, procedural=stage.procedural, **known)
                print(f"wrote {out}")
    return 0


def check(args: argparse.Namespace) -> None:
    """Raise ValueError for options that go with no stage."""
    if args.procedural is not None and not 0 <= args.procedural <= 1:
        raise ValueError(f"--procedural is a share from 0 to 1, got {args.procedural}")
    if args.data is None and args.procedural != 1:
        raise ValueError(
            "name a folder of real faces with --data, or train on procedural faces alone with --procedural 1"
        )
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
            f"preset {preset.name} keeps statistics of {preset.trained_steps} looks: train with --steps "
            f"{preset.trained_steps} or more"
        )
    return replace(stage, seed=stage.seed + args.seed, warmup=min(stage.warmup, stage.iterations // 4))


def trained(
    args: argparse.Namespace,
    name: str,
    stage: Stage,
    start: RedNet,
    faces: Sequence[Face],
    folder: Path,
    processes: Alone,
) -> RedNet:
    """The network after a stage, in eval mode; on the way there is a checkpoint in the folder, and a progress bar."""
    model, batches = begun(start, stage, faces, seed=args.seed, hidden=args.hidden)
    path, quiet = folder / "checkpoint.pt", processes.rank > 0
    with tensorboard(folder / "log") if args.log and not quiet else nullcontext() as watch:
        trainer = Trainer(
            model,
            stage,
            batches,
            path=path,
            every=args.every,
            workers=args.workers,
            compiled=args.compile,
            watch=watch,
            processes=processes,
        )
        if not quiet:
            print(
                f"stage {name}: {len(faces)} real faces of {len({f.person for f in faces})} people, "
                f"{stage.procedural:.0%} procedural; iteration {trainer.iteration} of {stage.iterations}"
            )
        with tqdm(total=stage.iterations, initial=trainer.iteration, unit="batch", disable=quiet) as bar:

            def show(loader):
                for batch in loader:
                    yield batch
                    bar.update()
                    bar.set_postfix_str("loss " + " ".join(f"{x:.3f}" for x in trainer.losses[-1]))

            try:
                return trainer.run(show)
            except KeyboardInterrupt:
                if not quiet:
                    print(
                        f"\nstopped after {trainer.iteration} iterations; the same command goes on from {path}",
                        file=sys.stderr,
                    )
                raise
