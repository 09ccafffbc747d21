"""Measures what the constants of redn_lib/tracking rest on, on annotated faces.

    python benchmarks/measure_tracking.py --data SOURCE --without results/val_people.txt [--clip VIDEO ...]

Prints score and box of the detector on faces (MIN_SCORE, TIGHT); confidence and misfit of the network's predictions on
faces and on places beside them (LOST_CONFIDENCE, MAX_MISFIT); error and number of steps of animated faces by how little
a step must move to be the last (STANDS, FOLLOWS); for each --clip, the largest change from frame to frame (CUT), lost
frames, and milliseconds of a tracked frame, on one thread.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from tqdm import tqdm

from redn_lib.commands.common import add_data_options, opened
from redn_lib.crop import PATCH_SIZE
from redn_lib.data.animation.animate import animate
from redn_lib.data.animation.curves import MotionStrength
from redn_lib.data.clip import Clip, Face
from redn_lib.folded import fast
from redn_lib.landmarks import tight_box
from redn_lib.metrics import nme
from redn_lib.pretrained import load_pretrained, load_weights
from redn_lib.rednet import RedNet
from redn_lib.tracking import tracker
from redn_lib.tracking.align import Fit, align
from redn_lib.tracking.detector import MIN_SCORE, TIGHT, FaceDetector, overlap
from redn_lib.tracking.video import frames
from redn_lib.training.batches import cut_patch

SHARES = (0.1, 1, 5, 50, 95, 99, 99.9)
BESIDE, SMALL = 0.75, 0.45
"""Places beside a face: so far from its middle across and down, so large, in its larger sides; a published image is two
sides wide."""

LITTLE = {"STANDS": (0.0, 0.0015, 0.0025, 0.004, 0.006, 1.0), "FOLLOWS": (0.0, 0.005, 0.01, 0.02, 0.04, 1.0)}  # tried
CLIPS, LENGTH, PACES = 24, 14, (0.3, 1.0, 4.0)  # so many faces are animated, for so many frames, so fast


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data_options(parser)
    parser.add_argument("--weights", type=Path, help="weight file (default: those inside the package)")
    parser.add_argument("--clip", type=Path, nargs="*", default=[])
    parser.add_argument("--every", type=int, default=1, help="take every N-th face only")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    faces = [sample.face() for sample in opened(args)[:: args.every]]
    found = measure_detector(faces)
    model = load_weights(args.weights) if args.weights else load_pretrained()
    measure_predictions(model, found)
    measure_steps(model, faces)
    for clip in args.clip:
        measure_clip(model, clip)


def measure_detector(faces: list[Face]) -> list[tuple[Face, np.ndarray]]:
    """Prints score, box and time of the detector; the faces that it found, each with the box that it gave."""
    detector = FaceDetector()
    found, scores, shares, ms = [], [], [], []
    for face in tqdm(faces, desc="detector"):
        start = time.perf_counter()
        boxes, sure, _ = detector.detect(face.image)
        ms.append(1e3 * (time.perf_counter() - start))
        near = overlap(boxes, face.box)
        if near.max(initial=0) < tracker.SAME_FACE:
            continue
        best = int(near.argmax())
        found.append((face, boxes[best]))
        scores.append(sure[best])
        size = (boxes[best, 2:] - boxes[best, :2]) / (TIGHT[2:] - TIGHT[:2])
        corner = boxes[best, :2] - TIGHT[:2] * size
        shares.append((face.box - np.tile(corner, 2)) / np.tile(size, 2))
    print(f"detector: finds {len(found)} of {len(faces)} faces at a score of {MIN_SCORE}; ms {np.median(ms):.1f}")
    print(f"  lowest score {min(scores):.3f}; {percentiles(scores)}")
    print(f"  tight box of the labels in the detector's own box: {np.median(shares, 0).round(3)}; in use {TIGHT}")
    print(f"  overlap with the tight box of the labels: {percentiles([overlap(b, f.box) for f, b in found])}")
    return found


def measure_predictions(model: RedNet, found: list[tuple[Face, np.ndarray]]) -> None:
    """Prints confidence and misfit of predictions from the detector's boxes, and from boxes beside the face."""
    fits: dict[str, list[Fit]] = {"faces": [], "beside": []}
    kept: dict[str, list[bool]] = {"faces": [], "beside": []}
    back = 0
    for face, box in tqdm(found, desc="predictions"):
        middle, side = (face.box[:2] + face.box[2:]) / 2, (face.box[2:] - face.box[:2]).max()
        centres = [middle + BESIDE * side * np.array(way) for way in ((-1, -1), (1, -1), (-1, 1), (1, 1))]
        beside = [
            np.r_[c - SMALL * side / 2, c + SMALL * side / 2]
            for c in centres
            if ((c >= 0) & (c < face.image.shape[1::-1])).all()
        ]
        for name, boxes in (("faces", [box]), ("beside", beside)):
            for start in boxes:
                fit = align(model, face.image, start)
                if name == "beside" and overlap(tight_box(fit.points), face.box) > 0.3:
                    back += 1
                    continue
                fits[name].append(fit)
                kept[name].append(tracker.is_face(fit, face.image))
    for name, predictions in fits.items():
        print(f"{name}: {len(predictions)} predictions, believed {100 * np.mean(kept[name]):.2f} %")
        print(f"  mean confidence {percentiles([f.confidence.mean() for f in predictions])}")
        print(f"  misfit {percentiles([tracker.misfit(f.points) for f in predictions])}")
    print(f"from beside the face the way back to it was found {back} times")
    print(f"misfit of the labels: {percentiles([tracker.misfit(f.points) for f, _ in found])}")


def measure_steps(model: RedNet, faces: list[Face]) -> None:
    """Prints for each value of LITTLE, the other one as in use, the mean error and the number of steps of frames after
    a first one.
    """
    network = fast(model)
    chosen = [faces[i] for i in np.random.default_rng(0).permutation(len(faces))[:CLIPS]]
    clips = [
        animate(cut_patch(face), n, LENGTH, PATCH_SIZE, None, MotionStrength(pace=pace))
        for pace in PACES
        for n, face in enumerate(chosen)
    ]
    for name, values in LITTLE.items():
        in_use = getattr(tracker, name)
        for value in values:
            setattr(tracker, name, value)
            errors, steps = followed(network, clips)
            print(f"{name} {value}: NME {100 * np.mean(errors):.3f} %, {np.mean(steps):.2f} steps a frame")
        setattr(tracker, name, in_use)
        print(f"  in use {in_use}")


def followed(network: RedNet, clips: list[Clip]) -> tuple[list[float], list[int]]:
    """Error and number of steps of every frame after the first of a clip."""
    errors, steps = [], []
    for clip in tqdm(clips, desc="steps", leave=False):
        fit = None
        for face in clip:
            box, state = (tight_box(fit.points), fit.state) if fit else (face.box, None)
            fit = align(network, face.image, box, temporal=True, state=state, enough=tracker.enough)
            if state is not None:
                errors.append(nme(fit.points, face.points))
                steps.append(len(fit.done))
    return errors, steps


def measure_clip(model: RedNet, path: Path) -> None:
    """Prints lost frames, milliseconds a frame and the largest change of the thumbnails of one clip."""
    images = [image for _, _, image in frames(path)]
    start = time.perf_counter()
    lost = sum(frame.lost for frame in tracker.Tracker(model).track(images))
    ms = 1e3 * (time.perf_counter() - start) / len(images)
    thumbnails = np.array([tracker.thumbnail(image) for image in images])
    change = np.abs(np.diff(thumbnails, axis=0)).mean((1, 2, 3)).max(initial=0)
    print(f"{path.stem}: {len(images)} frames, lost {lost}, {ms:.1f} ms a frame, largest change {change:.1f}")


def percentiles(values: list[float]) -> str:
    """The percentiles of SHARES on one line."""
    return "  ".join(f"{q:g}%: {v:.3f}" for q, v in zip(SHARES, np.percentile(values, SHARES), strict=True))


if __name__ == "__main__":
    main()
