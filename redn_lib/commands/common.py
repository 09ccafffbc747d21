"""Options that several commands share, declared once: which annotated faces, how they are measured, which device."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from redn_lib.data import dataset
from redn_lib.data.dataset import Dataset, Sample, read_names
from redn_lib.evaluation.errors import disturbed_box
from redn_lib.evaluation.protocols import PROTOCOLS, about_labels, disjointness
from redn_lib.pretrained import about_weights, weights_path


def add_data_options(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Declare --data, --split, --people, --without. several: there may be several sources, or none."""
    source = "a dataset converted by data_scripts/get.py, a folder of images in a published layout, or synthetic"
    number = "*" if several else None
    parser.add_argument("--data", required=not several, nargs=number, metavar="SOURCE", help=source)
    parser.add_argument("--split", metavar="NAME", help="only a published split or group of splits, such as train")
    parser.add_argument("--people", type=Path, metavar="FILE", help="only the people named in this file")
    parser.add_argument("--without", type=Path, metavar="FILE", help="all but the people named in this file")


def opened(args: argparse.Namespace) -> Dataset:
    """The dataset that --data, --split, --people and --without choose. Raises ValueError where nobody is left."""
    return opened_together(args, [args.data])[0]


def opened_together(args: argparse.Namespace, sources: Sequence[str]) -> list[Dataset]:
    """The datasets that several --data choose; a person named is to be in one of them. Raises as `opened`."""
    wholes = [dataset.open(source, split=args.split) for source in sources]
    named = {option: read_names(path) for option in ("people", "without") if (path := getattr(args, option))}
    return dataset.of_people(wholes, **named)


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """Declare --device."""
    parser.add_argument("--device", help="cpu, cuda or mps (default: a GPU where there is one)")


def add_weights_option(parser: argparse.ArgumentParser) -> None:
    """Declare --weights."""
    parser.add_argument("--weights", type=Path, metavar="FILE", help="weight file (default: the shipped one)")


def add_measuring_options(parser: argparse.ArgumentParser) -> None:
    """Declare --protocol, --weights, --shift, --out: which frames, what is measured, from which boxes, where to."""
    parser.add_argument("--protocol", choices=PROTOCOLS, metavar="NAME", help="only the frames of a published table")
    add_weights_option(parser)
    parser.add_argument("--shift", action="store_true", help="disturb the boxes: shift to 8 %%, scale 0.85 to 1.2")
    parser.add_argument("--out", type=Path, nargs="+", default=[], metavar="FILE", help="also write these files")


def chosen(args: argparse.Namespace, *, refuse: bool = False) -> tuple[Sequence[Sample], Path, list[str]]:
    """The samples, the weight file, and notes on both; ValueError for weights trained on a protocol's samples."""
    samples, gaps, path = opened(args), [], args.weights or weights_path()
    if args.protocol:
        protocol = PROTOCOLS[args.protocol]
        samples = protocol.samples(samples)
        gaps = protocol.gaps(samples)
    disjoint = disjointness(path.name, about_weights(path), samples, refuse=refuse or args.protocol is not None)
    return samples, path, [*about_labels(samples), *gaps, disjoint]


def box_rule(args: argparse.Namespace) -> Callable[[Sample], np.ndarray]:
    """The box (4,) that each face is given, asked for in order: the true one, or with --shift a disturbed one."""
    rng = np.random.default_rng(0)
    return (lambda face: disturbed_box(face.box, rng)) if args.shift else (lambda face: face.box)


def command_line(args: argparse.Namespace) -> str:
    """The command that makes a table again, with every option that was set; folders and lists of people left open."""
    placeholders = {"data": "FOLDER", "run": "FOLDER", "people": "FILE", "without": "FILE"}
    words = ["redn", args.command]
    for name, value in vars(args).items():
        if name in ("command", "device") or value in (None, False, []):
            continue
        if name != "name":  # of an experiment, which stands without its option
            words.append(f"--{name}")
        if name == "weights":
            words.append(value.name)
        elif value is not True:
            values = value if isinstance(value, list) else [value]
            words += [str(value if value == "synthetic" else placeholders.get(name, value)) for value in values]
    return " ".join(words)
