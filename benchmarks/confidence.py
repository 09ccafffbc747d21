"""Does the tracker's confidence fall where its error grows, and does it answer where there is no face?

    python benchmarks/confidence.py --data 300W --split lfpw-test --out results/confidence.csv

Stressed: still images of a split of --data are animated, and each clip is made harder from frame to frame. A row for
each kind of stress: rank correlation of uncertainty (1 - confidence) and error over the frames with an answer, NME in
percent of the surer and of the less sure half. No face: frames of textures, objects, animals, drawings, noise, each
tracked by itself; how many are answered, and how surely.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr
from tqdm import tqdm

from redn_lib.commands.common import add_data_options, add_weights_option, opened
from redn_lib.data.animation.animate import animate
from redn_lib.data.clip import Clip
from redn_lib.data.images import read_image
from redn_lib.data.occluder import draw_occluder
from redn_lib.data.samples import file_of_package
from redn_lib.data.synthetic.scene import background
from redn_lib.evaluation.tables import write_table
from redn_lib.experiments.measures import people_in_turn
from redn_lib.metrics import nme
from redn_lib.pretrained import load_weights, weights_path
from redn_lib.tracking.tracker import Tracker

Stress = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
"""An image (H, W, 3) uint8, how much from 0 to 1, and the random stream, to the image as it is then."""

SIDE = 320  # of a frame without a face, pixels
PHOTOS = [  # of scikit-image, none shows a person
    *(
        f"{name}.png"
        for name in "brick cell chelsea clock_motion coffee coins color grass gravel horse ihc moon".split()
    ),
    *(f"{name}.png" for name in "motorcycle_left motorcycle_right page phantom microaneurysms text logo".split()),
    *("rocket.jpg", "retina.jpg"),
]


def darker(image: np.ndarray, much: float, rng: np.random.Generator) -> np.ndarray:
    """Down to a fortieth of the light, with the noise of a sensor."""
    dark = image * 40.0**-much + rng.normal(0, 3 * much, image.shape)
    return dark.clip(0, 255).astype(np.uint8)


def blurred(image: np.ndarray, much: float, rng: np.random.Generator) -> np.ndarray:
    """By up to a sixteenth of the image's side."""
    return cv2.GaussianBlur(image, (0, 0), 0.01 + much * len(image) / 16)


def coarser(image: np.ndarray, much: float, rng: np.random.Generator) -> np.ndarray:
    """Down to a twentieth of the pixels of a side."""
    h, w = image.shape[:2]
    share = 20.0**-much
    small = cv2.resize(image, (max(8, round(w * share)), max(8, round(h * share))), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)


def noisy(image: np.ndarray, much: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of up to 120 grey levels."""
    return (image + rng.normal(0, 120 * much, image.shape)).clip(0, 255).astype(np.uint8)


STRESSES: dict[str, Stress] = {"dark": darker, "blur": blurred, "low resolution": coarser, "noise": noisy}


def stressed(clip: Clip, kind: str, rng: np.random.Generator) -> np.ndarray:
    """The frames of a clip, made harder from the first, which is as it was, to the last."""
    amounts = np.linspace(0, 1, len(clip))
    if kind not in STRESSES:
        return clip.frames
    return np.stack([STRESSES[kind](f, much, rng) for f, much in zip(clip.frames, amounts, strict=True)])


def measure_stressed(tracker: Tracker, args: argparse.Namespace) -> pd.DataFrame:
    """A row for each frame with an answer: kind, confidence, error in percent."""
    faces = people_in_turn([sample.load()[0] for sample in opened(args)], args.clips)
    rows, size = [], tracker.model.preset.size * 2
    for kind in tqdm([*STRESSES, "occluder"], desc="stressed"):
        for n, face in enumerate(faces):
            occluder = draw_occluder((n, 1), args.frames) if kind == "occluder" else None
            clip = animate(face, n, args.frames, size, occluder)
            images = stressed(clip, kind, np.random.default_rng(n))
            for frame, truth in zip(tracker.track(images), clip.points, strict=True):
                error = np.nan if frame.lost else 100 * float(nme(frame.points[None], truth[None])[0])
                rows.append({"kind": kind, "confidence": float(frame.confidence.mean()), "error": error})
    return pd.DataFrame(rows)


def cartoon(rng: np.random.Generator) -> np.ndarray:
    """A drawn head: an ellipse with eyes and a mouth, as in a comic."""
    image = np.full((SIDE, SIDE, 3), rng.integers(0, 256, 3), np.uint8)
    middle, half = rng.uniform(0.35, 0.65, 2) * SIDE, rng.uniform(0.1, 0.35) * SIDE
    width, tall = half, half * rng.uniform(0.9, 1.4)
    ink, skin = rng.integers(0, 90, 3).tolist(), rng.integers(90, 256, 3).tolist()

    def blob(x: float, y: float, a: float, b: float, colour: list[int], filled: int = -1, ends=(0, 360)) -> None:
        at = (round(middle[0] + x * width), round(middle[1] + y * tall))
        cv2.ellipse(
            image, at, (max(1, round(a * width)), max(1, round(b * tall))), 0, *ends, colour, filled, cv2.LINE_AA
        )

    blob(0, 0, 1, 1, skin)
    line = max(1, round(half / 20))
    blob(0, 0, 1, 1, ink, line)
    for side in (-1, 1):
        blob(0.4 * side, -0.25, rng.uniform(0.12, 0.25), 0.2, [255] * 3)
        blob(0.4 * side, -0.25, 0.08, 0.1, ink)
        blob(0.4 * side, -0.5, 0.2, 0.08, ink, line, (180, 360))
    blob(0, 0.1, 0.08, 0.15, ink, line)
    blob(0, 0.4, rng.uniform(0.25, 0.5), 0.2, ink, line, (0, 180))
    return image


def spectrum(rng: np.random.Generator) -> np.ndarray:
    """Noise whose amplitude falls with the frequency by a power of 0 (white) to 2 (clouds, landscapes)."""
    power = rng.uniform(0, 2)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    waves = np.fft.fft2(rng.normal(size=(3, SIDE, SIDE))) / np.maximum(frequency, 1 / SIDE) ** power
    image = np.fft.ifft2(waves).real.transpose(1, 2, 0)
    low, high = np.percentile(image, (1, 99))
    return ((image - low) / (high - low) * 255).clip(0, 255).astype(np.uint8)


def piece(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A square of a photo, turned, mirrored, relit or in inverted colours."""
    side = round(rng.uniform(0.3, 1) * min(image.shape[:2]))
    y, x = (rng.integers(0, n - side + 1) for n in image.shape[:2])
    out = cv2.resize(image[y : y + side, x : x + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    out = np.rot90(out, rng.integers(4))[:, :: rng.choice((-1, 1))]
    out = 255 - out if rng.random() < 0.15 else out
    return (out * rng.uniform(0.5, 1.3, 3) + rng.normal(0, 15)).clip(0, 255).astype(np.uint8)


def without_face(count: int, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """(kind, image (SIDE, SIDE, 3) uint8) of frames without a face."""
    rng = np.random.default_rng(seed)
    photos = [read_image(file_of_package("skimage", f"data/{name}", "scikit-image")) for name in PHOTOS]
    for n in range(count):
        if n % 10 < 6:
            which = n % len(photos)
            yield PHOTOS[which].partition(".")[0], piece(photos[which], rng)
        elif n % 10 == 6:
            yield "cartoon", cartoon(rng)
        elif n % 10 == 7:
            scene = background(int(rng.integers(2**31)), SIDE)
            yield "background", (255 * scene.clip(0, 1)).astype(np.uint8)
        else:
            yield "noise", spectrum(rng)


def main() -> None:
    """Write and print a row for each kind of stress and of frames without a face."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data_options(parser)
    add_weights_option(parser)
    parser.add_argument("--clips", type=int, default=48, help="of each kind of stress (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=20, help="of a clip (default: %(default)s)")
    parser.add_argument("--empty", type=int, default=5000, help="frames without a face (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of these frames (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.csv")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    tracker = Tracker(load_weights(args.weights or weights_path()))
    answered: list[tuple[str, float]] = []
    for kind, image in tqdm(without_face(args.empty, args.seed), total=args.empty, desc="no face"):
        (frame,) = tracker.track([image])
        answered.append((kind, np.nan if frame.lost else float(frame.confidence.mean())))
    rows = []
    frames = measure_stressed(tracker, args)
    for kind, some in [*frames.groupby("kind", sort=False), ("all", frames)]:
        with_answer = some.dropna()
        order = with_answer.sort_values("confidence", ascending=False)["error"].to_numpy()
        rank = -float(spearmanr(with_answer["confidence"], with_answer["error"]).statistic)
        half = len(order) // 2
        rows.append({"frames": kind, "count": len(some), "answered": len(with_answer), "rank_correlation": rank})
        rows[-1] |= {"nme_surer_half": order[:half].mean(), "nme_other_half": order[half:].mean()}
    empty = pd.DataFrame(answered, columns=["kind", "confidence"])
    for kind, some in [*empty.groupby("kind"), ("all", empty)]:
        row = {"frames": f"no face: {kind}", "count": len(some), "answered": int(some["confidence"].notna().sum())}
        rows.append(row | {"highest_confidence": some["confidence"].max()})
    counts = f"--clips {args.clips} --frames {args.frames} --empty {args.empty} --seed {args.seed}"
    command = f"python benchmarks/confidence.py --data 300W --split {args.split} {counts} --out results/{args.out.name}"
    write_table(rows, args.out, command=command, about="Confidence under stress, answers without a face.")
    print(pd.DataFrame(rows).to_string())


if __name__ == "__main__":
    main()
