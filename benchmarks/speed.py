"""Time of one face aligned, one frame tracked, and training: `python benchmarks/speed.py [--threads 1]`."""

import argparse
import time
from statistics import median

import cv2
import torch

import redn_lib as redn
from redn_lib.data.samples import carphone
from redn_lib.data.synthetic import still_image
from redn_lib.rednet import RedNet
from redn_lib.tracking.video import frames
from redn_lib.training.batches import StillBatches, cut_patch
from redn_lib.training.loop import Trainer
from redn_lib.training.stages import Stage

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=1, help="CPU threads for a face and a frame (training uses all)")
args = parser.parse_args()
faces = [still_image(i) for i in range(64)]

cv2.setNumThreads(args.threads)
all_threads = torch.get_num_threads()
torch.set_num_threads(args.threads)
model = redn.load_pretrained()
times = []
for face in faces * 2:
    start = time.perf_counter()
    redn.align(model, face.image, face.box)
    times.append(1e3 * (time.perf_counter() - start))
done = f"align, K = {model.preset.steps}, {args.threads} thread(s)"
print(f"{done}: median {median(times[8:]):.1f} ms, least {min(times):.1f} ms")

images = [image for *_, image in frames(carphone())]
times = []
tracked = redn.Tracker(model).track(iter(images))
for _ in images:
    start = time.perf_counter()
    next(tracked)
    times.append(1e3 * (time.perf_counter() - start))
print(f"a frame of {len(images)} tracked, detection included, {args.threads} thread(s): median {median(times):.1f} ms")

torch.set_num_threads(all_threads)
stage = Stage(iterations=24)
network = RedNet.from_preset("compact")
batches = StillBatches([cut_patch(f) for f in faces], stage, network.preset)
moments = []


def timed(loader):
    """The batches; notes when each is done."""
    for batch in loader:
        yield batch
        moments.append(time.perf_counter())


Trainer(network, stage, batches, workers=1).run(timed)
seconds = [after - before for before, after in zip(moments[3:], moments[4:], strict=False)]
print(
    f"training, {stage.steps} steps, augmentation in a process beside it, {all_threads} thread(s): "
    f"median {stage.batch / median(seconds):.0f} images/s, most {stage.batch / min(seconds):.0f}"
)
