"""Options that several commands share: which annotated faces, how they are measured, which device."""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from redn_lib.data.clip import Face
from redn_lib.data.store import Store, StoredRow
from redn_lib.data.ytf import YtfRow, read_faces
from redn_lib.evaluation.errors import disturbed_box
from redn_lib.evaluation.protocols import PROTOCOLS, Rows


def add_data_options(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Declare --data, --people, --without."""
    parser.add_argument(
        "--data",
        type=Path,
        required=required,
        metavar="FOLDER",
        help="a data set converted by data_scripts/get.py, or annotated faces in the YouTube-Faces keypoint layout",
    )
    parser.add_argument("--people", type=Path, metavar="FILE", help="only the people named in this file")
    parser.add_argument("--without", type=Path, metavar="FILE", help="all but the people named in this file")


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """Declare --device."""
    parser.add_argument("--device", help="cpu, cuda or mps (default: a GPU where there is one)")


def add_measuring_options(parser: argparse.ArgumentParser) -> None:
    """Declare --protocol, --weights, --shift: which frames of the data, what is measured, from which boxes."""
    parser.add_argument("--protocol", choices=PROTOCOLS, metavar="NAME", help="only the frames of a published table")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="weight file (default: the shipped one)")
    parser.add_argument(
        "--shift", action="store_true", help="disturb the boxes: shift up to 8 %%, scale 0.85 to 1.2 (seed 0)"
    )


def box_rule(args: argparse.Namespace) -> Callable[[Face], np.ndarray]:
    """The box (4,) that --shift gives of each face, asked in order: the true one, or one disturbed anew."""
    rng = np.random.default_rng(0)
    return (lambda face: disturbed_box(face.box, rng)) if args.shift else (lambda face: face.box)


def measured_rows(args: argparse.Namespace) -> Rows:
    """The rows that --protocol, --data, --people and --without choose. Raises ValueError where none is left, or the
    folder is not of the protocol's set.
    """
    protocol = PROTOCOLS.get(args.protocol)
    if protocol:
        protocol.check_folder(args.data)
    rows = chosen_rows(args)
    return protocol.rows(args.data, rows) if protocol else rows


def read_names(path: Path | None) -> set[str] | None:
    """Names in a file, one to a line or separated by blanks; None where no file was named. Raises ValueError for an
    empty file.
    """
    if path is None:
        return None
    names = set(path.read_text(encoding="utf-8").split())
    if not names:
        raise ValueError(f"{path} names nobody; write one name to a line, as in Person_Name")
    return names


def chosen_rows(args: argparse.Namespace) -> list[YtfRow] | list[StoredRow]:
    """The rows that --data, --people and --without choose. Raises ValueError where none is left."""
    people, without = read_names(args.people), read_names(args.without)
    if (args.data / "parts").is_dir():
        store = Store(args.data)
        wanted = (set(store.people) if people is None else people) - (without or set())
        rows = [row for row in store.rows if row.person in wanted]
    else:
        rows = read_faces(args.data, people, without)
    if not rows:
        raise ValueError(f"{args.data}: nobody is left after --people and --without")
    return rows
