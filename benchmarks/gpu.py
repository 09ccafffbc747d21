"""What a GPU does with this suite, in one run of a few minutes.

    python benchmarks/gpu.py --data FOLDER --out gpu.json --weights paper.safetensors

1. whether the shipped network gives the points that it gives on the CPU, 2. how fast both networks are, 3. how fast
they train with augmentation on the GPU, 4. how far the paper's network comes in its spatial stage in the minutes that
are left. Figures are written after each part and while it trains, so that an interrupted run keeps what was done.
`--small` runs all of it with tiny networks on any machine, in half a minute.
"""

import argparse
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

import redn_lib as redn
from redn_lib.data import dataset
from redn_lib.data.synthetic import clip as synthetic_clip
from redn_lib.files import whole_file
from redn_lib.identity import UNKNOWN
from redn_lib.landmarks import MIRROR
from redn_lib.metrics import nme
from redn_lib.presets import PAPER, PRESETS, Preset
from redn_lib.rednet import RedNet
from redn_lib.temporal import HIDDEN
from redn_lib.training.batches import Batch, UnreadPatches, cut_clip, disturbed_crop
from redn_lib.training.grow import fresh
from redn_lib.training.loop import Trainer
from redn_lib.training.stages import STAGES, BoxNoise, Stage

CLOSE = 0.1
"""So near must points on both devices lie, in pixels of the patch."""

FIXED = BoxNoise(0.08, 0.18, 0.0)
"""How wrong the boxes are that are measured with, the same in every run."""

HELD_OUT, PIECE, EVERY = 0.1, 32, 30
"""Share of the people that is not trained on; faces measured at once; seconds between savings."""


class Faces:
    """Patches that lie on the device, and random batches of them, augmented there.

    patches: (N, 3, P, P) uint8; points: (N, 68, 2) in patch pixels; visible: (N, 68) bool.
    """

    def __init__(self, faces: list, device: torch.device):
        self.device, self.mirror = device, torch.as_tensor(MIRROR, device=device)
        columns = zip(*((face.image, face.points, face.visible) for face in faces), strict=True)
        images, self.points, self.visible = (torch.from_numpy(np.stack(column)).to(device) for column in columns)
        self.patches = images.permute(0, 3, 1, 2).contiguous()

    def batch(self, count: int, noise: BoxNoise, preset: Preset) -> Batch:
        """Random faces by chance mirrored, relit, grey, partly occluded and noisy, with disturbed first crops."""
        at = torch.randint(len(self.points), (count,), device=self.device)
        patches, points, visible = self.mirrored(self.patches[at], self.points[at], self.visible[at])
        patches, hidden = occluded(relit(patches.float() / 255), points)
        grain = 0.05 * torch.rand(count, 1, 1, 1, device=self.device) * chance(0.5, count, self.device)
        patches = (patches + grain * torch.randn_like(patches)).clamp(0, 1).mul(255).round().byte()
        person = torch.full((count,), UNKNOWN, device=self.device)
        return Batch(patches, points, noisy_crops(points, noise, preset), person, visible & ~hidden)

    def mirrored(self, patches: Tensor, points: Tensor, visible: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Half of the faces flipped left to right, their points renamed."""
        flip = chance(0.5, len(points), self.device)
        turned = points[:, self.mirror] * points.new_tensor([-1, 1]) + points.new_tensor([patches.shape[-1] - 1, 0])
        points = torch.where(flip[..., 0], turned, points)
        visible = torch.where(flip[..., 0, 0], visible[:, self.mirror], visible)
        return torch.where(flip, patches.flip(-1), patches), points, visible


def chance(share: float, count: int, device: torch.device) -> Tensor:
    """(count, 1, 1, 1) bool: True for that share of the faces."""
    return torch.rand(count, 1, 1, 1, device=device) < share


def relit(patches: Tensor) -> Tensor:
    """Patches (B, 3, P, P) in [0, 1] with another gamma, gain of each channel and offset; one of eight grey."""
    count, device = len(patches), patches.device
    gamma, gain, offset = 0.2 * torch.randn(3, count, 1, 1, 1, device=device)
    tint = 1 + 0.06 * torch.randn(count, 3, 1, 1, device=device)
    patches = (patches.clamp(min=1e-3) ** gamma.exp() * (1 + gain) * tint + offset / 4).clamp(0, 1)
    return torch.where(chance(1 / 8, count, device), patches.mean(1, keepdim=True), patches)


def occluded(patches: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """A rectangle of one colour over a point of four faces of ten: the patches, and (B, 68) bool what it hides."""
    count, device, side = len(patches), patches.device, patches.shape[-1]
    middle = points[torch.arange(count, device=device), torch.randint(68, (count,), device=device)]
    half = (0.05 + 0.1 * torch.rand(count, 2, device=device)) * side * chance(0.4, count, device)[..., 0, 0]
    pixels = torch.arange(side, device=device)
    across, down = ((pixels - middle[:, i, None]).abs() < half[:, i, None] for i in (0, 1))
    colour = torch.rand(count, 3, 1, 1, device=device)
    hidden = ((points - middle[:, None]).abs() < half[:, None]).all(-1)
    return torch.where((down[:, :, None] & across[:, None])[:, None], colour, patches), hidden


def noisy_crops(points: Tensor, noise: BoxNoise, preset: Preset) -> Tensor:
    """`disturbed_crop` of many faces at once: points (B, 68, 2) in patch pixels to crops (B, 2, 3)."""
    low, high = points.amin(1), points.amax(1)
    side = (high - low).amax(1)
    x, y, scale, turn = (2 * torch.rand(4, len(points), device=points.device) - 1).unbind()
    middle = (low + high) / 2 + noise.shift * side[:, None] * torch.stack([x, y], 1)
    zoom = preset.first_margin * (scale * np.log1p(noise.scale)).exp() * side / (preset.size - 1)
    c, s = zoom * (turn * np.deg2rad(noise.turn)).cos(), zoom * (turn * np.deg2rad(noise.turn)).sin()
    linear = torch.stack([torch.stack([c, -s], 1), torch.stack([s, c], 1)], 1)
    return torch.cat([linear, (middle - linear.sum(-1) * (preset.size - 1) / 2)[..., None]], -1)


@torch.inference_mode()
def points_of(model: RedNet, faces: list, device: torch.device) -> np.ndarray:
    """Points after each step (K, N, 68, 2) in pixels of the patches, from disturbed boxes."""
    rng = np.random.default_rng(0)
    crops = [disturbed_crop(face.box, FIXED, model.preset, rng) for face in faces]
    crops, found = torch.from_numpy(np.stack(crops)).to(device), []
    for patches, crop in zip(Faces(faces, device).patches.split(PIECE), crops.split(PIECE), strict=True):
        found.append(torch.stack([step.points for step in model(patches.float() / 255, crop)]))
    return torch.cat(found, 1).cpu().numpy()


@torch.inference_mode()
def clip_points(model: RedNet, clip: redn.Clip, device: torch.device) -> np.ndarray:
    """Points (T, 68, 2) of the network with f_tRNN in a clip of one patch, in its pixels."""
    crop = disturbed_crop(clip[0].box, FIXED, model.preset, np.random.default_rng(0))
    frames = Faces(list(clip), device).patches[None].float() / 255
    outputs = model.clip(frames, torch.from_numpy(crop)[None].to(device))
    return torch.cat([output.steps[-1].points for output in outputs]).cpu().numpy()


def correctness(faces: list, frames: int, device: torch.device) -> dict:
    """Largest distance in pixels between points of the shipped network on the device and on the CPU."""
    models = [(redn.load_pretrained(device=where), where) for where in (device, torch.device("cpu"))]
    clip, kinds = cut_clip(synthetic_clip(7, frames, size=128, fps=10)), {}
    for kind, of, shown in (("images", points_of, faces), ("clip", clip_points, clip)):
        one, other = (of(model, shown, where) for model, where in models)
        kinds[kind] = float(np.linalg.norm(one - other, axis=-1).max())
    return {"largest_distance_px": kinds, "limit_px": CLOSE, "right": max(kinds.values()) < CLOSE}


def seconds_each(run: Callable[[], object], device: torch.device, seconds: float) -> float:
    """Median time of a call, over as many calls as fit into so many seconds, three at least."""
    times, end = [], time.perf_counter() + seconds
    while len(times) < 4 or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        if device.type != "cpu":
            torch.accelerator.synchronize()
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


def speed(preset: Preset, bank: Faces, batch: int, seconds: float) -> dict:
    """Milliseconds of a frame by itself, with f_tRNN, and images a second in batches; no face detector."""
    model, device = fresh(replace(preset, hidden=HIDDEN), 0), bank.device
    model.to(device, memory_format=torch.channels_last).eval()
    crops, batch, figures = noisy_crops(bank.points, FIXED, preset), min(batch, len(bank.points)), {}

    @torch.inference_mode()
    def run(count: int, half: bool) -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            model.frame(bank.patches[:count].float() / 255, crops[:count], temporal=count == 1)

    for name, half in {"float32": False, "bfloat16": True}.items():
        figures[f"frame_ms_{name}"] = 1e3 * seconds_each(partial(run, 1, half), device, seconds)
        figures[f"images_per_s_{name}"] = batch / seconds_each(partial(run, batch, half), device, seconds)
    return figures | {"batch": batch}


def training_speed(preset: Preset, bank: Faces, stage: Stage, seconds: float) -> dict:
    """Images a second of the spatial stage, augmentation included, and of the augmentation alone."""
    trainer, batch = Trainer(fresh(preset, 0), stage, [], device=bank.device), partial(bank.batch, stage.batch)
    batch = partial(batch, stage.box_noise, preset)
    learned = stage.batch / seconds_each(lambda: trainer.learn(batch()), bank.device, seconds)
    augmented = stage.batch / seconds_each(batch, bank.device, seconds / 4)
    return {"images_per_s": learned, "augmented_per_s": augmented, "batch": stage.batch, "steps": stage.steps}


def train(trainer: Trainer, bank: Faces, end: float, keep: Callable[[], None]) -> None:
    """The stage until it is over, the clock shows `end` or Ctrl-C; keep: called every half a minute and at the end."""
    stage, kept = trainer.stage, time.perf_counter()
    with tqdm(total=stage.iterations, unit="batch") as bar:
        try:
            while trainer.iteration < stage.iterations and time.perf_counter() < end:
                losses = trainer.learn(bank.batch(stage.batch, stage.box_noise, trainer.model.preset))
                bar.update()
                bar.set_postfix_str("loss " + " ".join(f"{loss:.3f}" for loss in losses))
                if time.perf_counter() > kept + EVERY:
                    kept = time.perf_counter()
                    keep()
        except KeyboardInterrupt:
            print("stopped: what was trained is kept")
    keep()


def held_out_error(model: RedNet, faces: list, device: torch.device) -> dict:
    """NME in percent after each step, and percent of the faces above 8 % after the last."""
    errors = 100 * nme(points_of(model, faces, device), np.stack([face.points for face in faces]))
    return {"nme_percent": errors.mean(1).tolist(), "over_8_percent": 100 * float((errors[-1] > 8).mean())}


def read(data: str, split: str | None, count: int) -> list[list]:
    """Patches of at most `count` faces to train on, and of other people to measure on."""
    samples = list(dataset.open(data, split))
    if data != "synthetic":
        samples = [sample for sample in samples if np.isfinite(sample.points).all()]
    chosen = [samples[i] for i in np.random.default_rng(0).permutation(len(samples))[:count]]
    sides = map(UnreadPatches, dataset.split_by_person(chosen, HELD_OUT))
    with ThreadPoolExecutor() as pool:
        return [list(tqdm(pool.map(s.__getitem__, range(len(s))), "faces", len(s), unit="face")) for s in sides]


def main(words: list[str] | None = None) -> int:
    """Run all parts; 0 where the points are right, otherwise 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", default="synthetic", metavar="FOLDER", help="annotated faces, as `redn train --data`")
    add("--split", help="a published split, such as train")
    add("--faces", type=int, default=6000, metavar="N", help="so many faces at most (default 6000)")
    add("--minutes", type=float, default=8.0, metavar="M", help="for everything (default 8)")
    add("--batch", type=int, default=128, metavar="N", help="images in a batch of training (default 128)")
    add("--device", help="cpu, cuda or mps (default: a GPU where there is one)")
    add("--out", type=Path, default=Path("gpu.json"), metavar="FILE", help="the figures")
    add("--weights", type=Path, default=Path("gpu.safetensors"), metavar="FILE", help="what was trained")
    add("--small", action="store_true", help="tiny networks, few faces, half a minute")
    args = parser.parse_args(words)
    end = time.perf_counter() + 57 * args.minutes  # and what is left of a minute for the last measurement
    device, seconds = redn.best_device(args.device), 4.0
    presets, paper, frames = PRESETS, PAPER, 24
    if args.small:
        args.faces, args.batch, seconds, frames = min(args.faces, 24), 4, 0.2, 2
        tiny = {"size": 32, "regression_width": 8}
        presets = {n: replace(p, widths=tuple((8,) * len(w) for w in p.widths), **tiny) for n, p in PRESETS.items()}
        paper = presets["paper"]
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    figures = {"device": name, "torch": torch.__version__, "data": args.data}

    def note(part: str, found: dict) -> None:
        figures[part] = found
        with whole_file(args.out) as temporary:
            temporary.write_text(json.dumps(figures, indent=1) + "\n")
        tqdm.write(f"{part}: {json.dumps(found)}")

    known, unknown = read(args.data, args.split, args.faces)
    note("faces", {"trained_on": len(known), "held_out": len(unknown)})
    note("correctness", correctness(unknown[:64], frames, device))
    bank, stages = Faces(known, device), {}
    for name, preset in presets.items():
        note(f"speed {name}", speed(preset, bank, 2 * args.batch, seconds))
        stages[name] = replace(STAGES["spatial"], batch=args.batch, steps=preset.trained_steps, rate=1e-3)
        note(f"training {name}", training_speed(preset, bank, stages[name], 2 * seconds))
    fits = int(0.9 * (end - time.perf_counter()) * figures["training paper"]["images_per_s"] / args.batch)
    fits = 8 if args.small else max(fits, 1)
    stage = replace(stages["paper"], iterations=fits, warmup=min(200, fits // 5))
    trainer = Trainer(fresh(paper, 0), stage, [], device=device)

    def keep() -> None:
        model = trainer.average.module.eval()
        redn.save_weights(model, args.weights, stage="spatial", iterations=trainer.iteration, data=args.data)
        done = {"iterations": trainer.iteration, "of": stage.iterations, "images": trainer.iteration * stage.batch}
        note("paper, spatial stage", done | held_out_error(model, unknown, device))

    train(trainer, bank, end, keep)
    if device.type == "cuda":
        note("memory", {"peak_gb": torch.cuda.max_memory_allocated(device) / 1e9})
    return int(not figures["correctness"]["right"])


if __name__ == "__main__":
    raise SystemExit(main())
