"""`redn train`: train a network on real faces, procedural faces, or both; go on where a stopped run was."""

import argparse
import sys
from pathlib import Path

import torch
from tqdm import tqdm

from redn_lib.commands.common import add_data_options, add_device_option, chosen_rows
from redn_lib.pretrained import load_weights, save_weights
from redn_lib.rednet import PRESETS, RedNet
from redn_lib.training.batches import ProceduralFaces, StillBatches, cut_patch
from redn_lib.training.loop import Trainer
from redn_lib.training.stages import Stage


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare `redn train --out WEIGHTS --run FOLDER ...`."""
    default = Stage(iterations=1)
    parser = subparsers.add_parser(
        "train",
        help="train a network, or go on with a run that was stopped",
        description="Trains on stills and writes weights as safetensors. The same command run again goes on from the "
        "checkpoint in the run folder, with the same batches and the same optimiser state; Ctrl-C saves first. "
        "Example, procedural faces alone, no data needed: "
        "redn train --procedural 1 --iterations 2000 --run runs/made --out made.safetensors",
    )
    add_data_options(parser, required=False)
    parser.add_argument(
        "--procedural",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of each batch that is procedural faces, 0 to 1 (default 0)",
    )
    parser.add_argument(
        "--preset", default="compact", choices=sorted(PRESETS), help="size of the network (default compact)"
    )
    parser.add_argument("--start", type=Path, metavar="FILE", help="begin with these weights instead of fresh ones")
    parser.add_argument(
        "--iterations",
        type=int,
        default=6000,
        metavar="N",
        help="batches to train on; the rate falls to zero at the last (default 6000)",
    )
    parser.add_argument(
        "--batch", type=int, default=default.batch, metavar="B", help=f"stills in a batch (default {default.batch})"
    )
    parser.add_argument(
        "--rate", type=float, default=default.rate, metavar="R", help=f"learning rate of AdamW (default {default.rate})"
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=default.steps,
        metavar="K",
        help=f"feedback steps in training (default {default.steps})",
    )
    parser.add_argument(
        "--growth",
        type=float,
        default=default.growth,
        metavar="G",
        help="each look's loss weighs G times that of the look before; above 1 the last look matters most (default 1)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="of weights, batches and augmentation (default 0)"
    )
    parser.add_argument("--run", type=Path, required=True, metavar="FOLDER", help="where the checkpoint is kept")
    parser.add_argument(
        "--every", type=int, default=200, metavar="N", help="iterations between checkpoints (default 200)"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="W",
        help="processes that prepare batches beside the training (default 0)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="weights are written here at the end")
    add_device_option(parser)


def run(args: argparse.Namespace) -> int:
    """Train to the end and write the weights; 0. Raises ValueError or OSError for options, data or a checkpoint that
    cannot be used.
    """
    if not 0 <= args.procedural <= 1:
        raise ValueError(f"--procedural is a share from 0 to 1, got {args.procedural}")
    if args.data is None and args.procedural < 1:
        raise ValueError(
            "name a folder of real faces with --data, or train on procedural faces alone with --procedural 1"
        )
    if min(args.iterations, args.batch, args.steps, args.every) < 1:
        raise ValueError("--iterations, --batch, --steps and --every must be at least 1")
    if not 0 < args.growth < 100:
        raise ValueError(f"--growth must lie between 0 and 100, got {args.growth}")
    stage = Stage(
        iterations=args.iterations,
        batch=args.batch,
        rate=args.rate,
        steps=args.steps,
        growth=args.growth,
        procedural=args.procedural,
        seed=args.seed,
    )
    rows = chosen_rows(args) if args.data and args.procedural < 1 else []
    torch.manual_seed(args.seed)
    model = load_weights(args.start) if args.start else RedNet.from_preset(args.preset)
    faces = [cut_patch(row.load()) for row in tqdm(rows, desc="faces", unit="face", leave=False)]
    batches = StillBatches(faces, stage, model.preset, ProceduralFaces(args.seed) if args.procedural else None)
    checkpoint = args.run / "checkpoint.pt"
    trainer = Trainer(
        model, stage, batches, path=checkpoint, every=args.every, device=args.device, workers=args.workers
    )
    print(
        f"{len(faces)} real faces of {len({f.person for f in faces})} people, {stage.procedural:.0%} procedural; "
        f"iteration {trainer.iteration} of {stage.iterations}"
    )
    with tqdm(total=stage.iterations, initial=trainer.iteration, unit="batch") as bar:

        def show(loader):
            for batch in loader:
                yield batch
                bar.update()
                bar.set_postfix_str("loss " + " ".join(f"{x:.3f}" for x in trainer.losses[-1]))

        try:
            trained = trainer.run(show)
        except KeyboardInterrupt:
            print(
                f"\nstopped after {trainer.iteration} iterations; the same command goes on from {checkpoint}",
                file=sys.stderr,
            )
            raise
    save_weights(
        trained, args.out, seed=args.seed, iterations=args.iterations, frames=len(faces), procedural=args.procedural
    )
    print(f"wrote {args.out}")
    return 0
