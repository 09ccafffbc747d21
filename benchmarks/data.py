"""How fast a dataset is converted, read and made into training crops: `python benchmarks/data.py FOLDER`.

FOLDER: images in the published YouTube-Faces keypoint layout (`data_scripts/get.py ytf68`). Crops as the training has
them: a patch of 224 px augmented, a first crop of 128 px drawn in it. In training the crop is cut on the device that
trains; here it is cut by OpenCV, so that the crop is counted whole. Two rates: by the clock, and of processor seconds,
which other programs on the machine disturb little.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader

from redn_lib.data.augment import augment
from redn_lib.data.convert import convert
from redn_lib.data.dataset import Dataset
from redn_lib.data.dataset import open as open_dataset
from redn_lib.data.layouts import SETS
from redn_lib.presets import PAPER
from redn_lib.training.batches import StillBatches, cut_patch, disturbed_crop
from redn_lib.training.stages import BoxNoise, Stage

FACES = 800


def read(sample, _, __) -> None:
    """A converted face with its image."""
    sample.load()


def read_patch(sample, _, __) -> None:
    """The same, and its patch of 224 px cut."""
    cut_patch(sample.face())


def augmented(_, face, rng) -> tuple:
    """A patch that is held in memory, augmented, and its first crop drawn."""
    face = augment(face, rng)
    return face, disturbed_crop(face.box, BoxNoise(), PAPER, rng)


def crop(_, face, rng) -> None:
    """The same, and the crop of 128 px cut."""
    face, crop = augmented(_, face, rng)
    cv2.warpAffine(face.image, crop, (PAPER.size, PAPER.size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def read_and_crop(sample, _, rng) -> None:
    """From the disk to the cut crop."""
    crop(sample, cut_patch(sample.face()), rng)


STEPS = {
    "read a face": read,
    "read, cut the patch": read_patch,
    "augment a patch in memory, draw a crop": augmented,
    "augment a patch in memory, cut a 128 px crop": crop,
    "read, cut the patch, augment, cut a 128 px crop": read_and_crop,
}


def together(work: Callable, folder: Path, processes: int) -> tuple[float, float]:
    """Times a second that so many processes do the work: (by the clock, sum of each one's processor seconds)."""
    context = get_context("spawn")
    gate, rates = context.Barrier(processes + 1), context.Queue()
    workers = [context.Process(target=_worker, args=(work, folder, i, gate, rates)) for i in range(processes)]
    for worker in workers:
        worker.start()
    gate.wait()
    start = time.perf_counter()
    found = [rates.get() for _ in workers]
    seconds = time.perf_counter() - start
    for worker in workers:
        worker.join()
    return processes * FACES / seconds, sum(found)


def _worker(work: Callable, folder: Path, number: int, gate, rates) -> None:
    cv2.setNumThreads(1)
    dataset = open_dataset(folder)
    samples = [dataset[i] for i in np.random.default_rng(number).integers(len(dataset), size=FACES)]
    faces, rng = [cut_patch(sample.face()) for sample in samples], np.random.default_rng(number)
    gate.wait()
    start = time.process_time()
    for sample, face in zip(samples, faces, strict=True):
        work(sample, face, rng)
    rates.put(FACES / (time.process_time() - start))


def batches_a_second(dataset: Dataset, processes: int) -> float:
    """Patches a second, by the clock, that the training's own loader hands out."""
    stage = Stage(iterations=50 + 4 * processes, procedural=0.0)
    faces = [cut_patch(sample.face()) for sample in dataset[:FACES]]
    loader = iter(DataLoader(StillBatches(faces, stage, PAPER), batch_size=None, num_workers=processes))
    for _ in range(4 * processes):
        next(loader)
    start = time.perf_counter()
    count = sum(len(batch.patches) for batch in loader)
    return count / (time.perf_counter() - start)


def main() -> None:
    """Print a table of rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--processes", type=int, default=2, help="loading processes (default: 2)")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        out, start, used = Path(scratch) / "out", time.perf_counter(), time.process_time()
        dataset = convert(SETS["ytf68"], [args.folder], out)
        seconds, used = time.perf_counter() - start, time.process_time() - used
        print(f"convert {len(dataset)} frames, one process: {seconds:.1f} s, {used:.1f} of the processor")
        print(f"{args.processes} processes                                          clock  processor")
        for title, work in STEPS.items():
            clock, processor = together(work, out, args.processes)
            print(f"{title:50s} {clock:6.0f}/s  {processor:6.0f}/s")
        title = "StillBatches through a DataLoader (patches)"
        print(f"{title:50s} {batches_a_second(dataset, args.processes):6.0f}/s")


if __name__ == "__main__":
    main()
