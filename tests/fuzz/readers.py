"""Every reader of the suite, with a small good file for it: what the fuzzer damages.

A damaged file is refused by ValueError or OSError with its name, or read; a reader whose file has a checksum gives
then what the whole file gives.
"""

import io
import json
import pickle
import tarfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from made_sets import make_ytf68, packed, shape
from PIL import Image

from redn_lib.course import mark
from redn_lib.data.clip import check_image
from redn_lib.data.convert import convert, unpack
from redn_lib.data.dataset import open as open_dataset
from redn_lib.data.dataset import read_names
from redn_lib.data.images import read_image, upright_points
from redn_lib.data.layouts import SETS
from redn_lib.data.pts import read_68, write_pts
from redn_lib.data.videos import VideoFile
from redn_lib.evaluation.tables import load, write_table
from redn_lib.experiments import questions
from redn_lib.files import naming, unsealed, write_sealed
from redn_lib.presets import COMPACT, PRESETS
from redn_lib.pretrained import load_weights, save_weights
from redn_lib.rednet import RedNet
from redn_lib.tracking.video import VideoWriter
from redn_lib.training.loop import Trainer
from redn_lib.training.stages import Stage

TINY = replace(COMPACT, name="tiny", widths=((4, 8), (8, 8), (8, 8), (8, 8)), regression_width=8, size=32, sigma=2.0)


@dataclass(frozen=True)
class Reader:
    """A kind of file.

    make: writes a good one into a new folder and returns its path; what it needs beside it, too.
    read: of such a path; what it holds.
    is_sealed: whether no change of a byte may change what is read.
    share: of all inputs.
    """

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    is_sealed: bool = False
    share: float = 1.0


def image(ending: str) -> Reader:
    """Images; what is read is an image, whatever it shows."""

    def make(folder: Path) -> Path:
        path = folder / f"a{ending}"
        pixels = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(pixels).save(path, **({} if ending == ".bmp" else {"exif": exif}))
        return path

    def read(path: Path) -> None:
        upright_points(shape(0), path)
        check_image(read_image(path))

    return Reader(make, read)


def video(ending: str) -> Reader:
    """Videos of a dozen frames."""

    def make(folder: Path) -> Path:
        rng = np.random.default_rng(0)
        with VideoWriter(folder / f"a{ending}", 25) as writer:
            for _ in range(12):
                writer.write(cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), (64, 48)))
        return folder / f"a{ending}"

    def read(path: Path) -> None:
        file = VideoFile(path)
        assert 0.1 <= file.fps <= 1000
        times = []
        for seconds, pixels in file:
            check_image(pixels)
            times.append(seconds)
        assert 0 < len(times) <= 60 and (np.diff(times) > 0).all()

    return Reader(make, read, share=0.7)


def archive(ending: str, is_sealed: bool) -> Reader:
    """Archives: all that is in them, or nothing."""

    def make(folder: Path) -> Path:
        for name, content in {"a/one.txt": b"1" * 500, "a/b/two.bin": bytes(range(256)), "three.txt": b"x"}.items():
            (folder / "in" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "in" / name).write_bytes(content)
        if ending == ".tar":
            with tarfile.open(folder / "a.tar", "w") as file:
                file.add(folder / "in", ".")
            return folder / "a.tar"
        return packed(folder / "in", folder / f"a{ending}")

    def read(path: Path) -> dict[str, bytes]:
        target = path.with_name("out")
        unpack(path, target)
        return {p.relative_to(target).as_posix(): p.read_bytes() for p in target.rglob("*") if p.is_file()}

    return Reader(make, read, is_sealed, share=0.7)


def make_pts(folder: Path) -> Path:
    write_pts(folder / "a.pts", shape(0))
    return folder / "a.pts"


def read_points(path: Path) -> None:
    points = read_68(path)
    assert points.shape == (68, 2) and (np.abs(points[np.isfinite(points)]) < 1e7).all()


def make_table_of_points(folder: Path) -> Path:
    return make_ytf68(folder / "set").points


def read_published(path: Path) -> None:
    for sample in open_dataset(path.parent):
        assert np.isfinite(sample.points).all()
        try:
            sample.face()
        except ValueError as error:
            assert sample.name in str(error)


def store(which: str) -> Reader:
    """A converted dataset, one of its files damaged."""

    def make(folder: Path) -> Path:
        convert(SETS["ytf68"], [make_ytf68(folder / "set").root], folder / "out")
        return sorted((folder / "out").rglob(which))[0]

    def read(path: Path) -> bytes:
        home = path.parent if path.name == "store.json" else path.parent.parent
        samples = open_dataset(home)
        clips = [
            (sample.name, sample.person, sample.points.tobytes(), sample.load().frames.tobytes()) for sample in samples
        ]
        return pickle.dumps(clips)

    return Reader(make, read, is_sealed=which != "store.json", share=0.7)


def make_weights(folder: Path) -> Path:
    torch.manual_seed(0)
    save_weights(RedNet(TINY), folder / "a.safetensors", seed=0)
    return folder / "a.safetensors"


def read_weights(path: Path) -> bytes:
    return b"".join(value.numpy().tobytes() for value in load_weights(path, "cpu").state_dict().values())


STAGE = Stage(iterations=14, batch=2, warmup=2)


def trainer(path: Path) -> Trainer:
    torch.manual_seed(0)
    return Trainer(RedNet(TINY), STAGE, [], path=path, device="cpu")


def make_checkpoint(folder: Path) -> Path:
    trainer(folder / "a.pt").save()
    return folder / "a.pt"


def read_checkpoint(path: Path) -> bytes:
    found = trainer(path)
    return b"".join(value.numpy().tobytes() for value in found.model.state_dict().values()) + bytes([found.iteration])


def make_sealed(folder: Path) -> Path:
    write_sealed(folder / "a.npz", partial(np.savez, points=shape(0)))
    return folder / "a.npz"


def read_sealed(path: Path) -> bytes:
    with naming(path, "make it again"), np.load(unsealed(path)) as file:
        return file["points"].tobytes()


def make_names(folder: Path) -> Path:
    (folder / "names.txt").write_text("Ann_Lee, Bo_Ek\nÉva_Ödön\n", encoding="utf-8")
    return folder / "names.txt"


def make_results(folder: Path) -> Path:
    rows = [{"variant": name, "seed": seed, "nme": 3.2} for name in ("a", "b, c") for seed in (0, 1)]
    write_table(rows[::2], folder / "rq9.csv", command="redn experiment rq9", about="Made.")
    return folder / "rq9.csv"


def read_results(path: Path) -> None:
    with redirect_stdout(io.StringIO()):
        load(path)


def make_run(folder: Path) -> Path:
    path = folder / "a-0.json"
    path.write_text(json.dumps({"variant": "a", "seed": 0, "nme": 3.2, "minutes": 1.0, "settings": "x"}))
    return path


def read_run(path: Path) -> None:
    question = questions.Question("", {"a": None}, lambda *_: {"nme": 1.0})
    with redirect_stdout(io.StringIO()):
        questions.run_question(question, None, [0], path.parent, "x")


def make_notebook(folder: Path) -> Path:
    source = sorted(Path(__file__).parents[2].glob("notebooks/01_*.ipynb"))[0]
    notebook = json.loads(source.read_text(encoding="utf-8"))
    notebook["cells"] = [cell | {"outputs": []} for cell in notebook["cells"] if cell["cell_type"] == "code"][:12]
    path = folder / "Ann" / source.name
    path.parent.mkdir()
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def read_notebook(path: Path) -> None:
    """As `redn course mark` does, but that nothing is run."""
    watched, mark._watched = mark._watched, lambda *_: ([], "not run")
    try:
        marked = mark.mark(path.parent.parent, 1, 100, 1, lambda _: None)
        assert isinstance(mark.table(marked), pd.DataFrame)
        assert len(marked) == 1 and "cannot be marked" not in marked[0].why, marked[0].why
    finally:
        mark._watched = watched


READERS = {
    **{f"image {ending}": image(ending) for ending in (".jpg", ".png", ".webp", ".bmp", ".tif")},
    **{f"video {ending}": video(ending) for ending in (".avi", ".mp4", ".webm")},
    "archive .zip": archive(".zip", True),
    "archive .tar.gz": archive(".tar.gz", True),
    "archive .tar": archive(".tar", False),
    "points": Reader(make_pts, read_points),
    "layout": Reader(make_table_of_points, read_published, share=0.3),
    **{f"store {which}": store(which) for which in ("*.npz", "*.bin", "store.json")},
    "weights": Reader(make_weights, read_weights, True, 0.3),
    "checkpoint": Reader(make_checkpoint, read_checkpoint, True, 0.3),
    "sealed npz": Reader(make_sealed, read_sealed, True),
    "names": Reader(make_names, lambda path: read_names(path)),
    "results": Reader(make_results, read_results),
    "run": Reader(make_run, read_run),
    "notebook": Reader(make_notebook, read_notebook, share=0.2),
}
PRESETS_OF_TESTS = PRESETS | {"tiny": TINY}
