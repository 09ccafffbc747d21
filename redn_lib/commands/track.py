"""Track the largest face and write its 68 points for every frame; stopped by Ctrl-C, it keeps the frames so far."""

import argparse
import csv
import sys
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from redn_lib.commands.common import add_device_option, add_weights_option
from redn_lib.files import whole_file
from redn_lib.landmarks import N_POINTS
from redn_lib.pretrained import load_weights, weights_path
from redn_lib.tracking.tracker import Tracker
from redn_lib.tracking.video import VideoWriter, frames
from redn_lib.training.loop import stopping
from redn_lib.widgets.draw import draw_face

HEADER = ["frame", "time", "lost", "confidence"] + [f"{axis}{i}" for i in range(N_POINTS) for axis in "xy"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `redn track`."""
    add = parser.add_argument
    add("clip", metavar="CLIP", help="video file, folder of images, or camera number (first: 0)")
    told = "table: points in pixels, empty where lost; of a folder, the name of each file"
    add("--out", required=True, type=Path, metavar="POINTS.csv", help=told)
    add("--video", type=Path, metavar="OVERLAY.mp4", help="also write the video with its points (.mp4, .avi, .webm)")
    add_weights_option(parser)
    add("--steps", type=int, metavar="K", help="feedback steps (default: the model's own)")
    add("--no-temporal", dest="temporal", action="store_false", help="without f_tRNN: each frame by itself")
    add_device_option(parser)


def run(args: argparse.Namespace) -> int:
    """Track the video and write the files whole or not at all; 0, or 130 when stopped."""
    if args.steps is not None and args.steps < 1:
        raise ValueError(f"--steps must be 1 or more, got {args.steps}")
    camera = args.clip.removeprefix("-").isdecimal() and not Path(args.clip).exists()
    source = frames(int(args.clip) if camera else args.clip)
    tracker = Tracker(load_weights(args.weights or weights_path(), args.device), args.steps, args.temporal)
    done = lost = code = 0
    with stopping() as asked, ExitStack() as files:
        out = files.enter_context(whole_file(args.out))
        overlay = files.enter_context(VideoWriter(args.video, source.fps)) if args.video else None
        table = csv.writer(files.enter_context(out.open("w", newline="", encoding="utf-8", errors="backslashreplace")))
        table.writerow(HEADER + ["file"] * bool(source.files))
        try:
            for frame in tqdm(tracker.track(source), total=source.count, unit="frame", desc="track"):
                is_lost = frame.lost or frame.index in source.skipped
                points = [""] * (2 * N_POINTS) if is_lost else [f"{v:.3f}" for v in frame.points.ravel()]
                name = [source.files[frame.index].name] if source.files else []
                sure = f"{frame.confidence.mean():.4f}"
                table.writerow([frame.index, f"{frame.time:.4f}", int(is_lost), sure, *points, *name])
                if overlay:
                    plain = frame.image
                    overlay.write(plain if is_lost else draw_face(plain, frame.points, frame.confidence))
                done, lost = done + 1, lost + is_lost
                if asked:
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            told = "the frames before are kept, the rest of the video is missing"
            print(f"stopped by Ctrl-C or a signal: {told}", file=sys.stderr)
            code = 130
    print(f"{args.out}: {done} frames, face lost in {lost}")
    return code
