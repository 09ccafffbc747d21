"""`redn track`: the points of every frame as a CSV table, and the video with the points drawn on it."""

import argparse
import csv
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from tqdm import tqdm

from redn_lib.commands.common import add_device_option
from redn_lib.files import whole_file
from redn_lib.landmarks import N_POINTS
from redn_lib.pretrained import load_pretrained
from redn_lib.tracking.tracker import TrackedFrame, Tracker
from redn_lib.tracking.video import VideoWriter, frames
from redn_lib.widgets.draw import draw_face

HEADER = ["frame", "time", "lost", "confidence"] + [f"{axis}{i}" for i in range(N_POINTS) for axis in "xy"]
INTERRUPTED = 130


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare `redn track CLIP --out POINTS.csv [--video OVERLAY.mp4] [--steps K] [--no-temporal] [--device D]`."""
    parser = subparsers.add_parser(
        "track",
        help="find the 68 points in every frame of a video, a folder of images or a camera",
        description="Finds a face (the largest of several), follows it, finds it again after a loss, and writes its "
        "68 points for every frame. Ctrl-C stops and keeps the frames so far.",
    )
    parser.add_argument("clip", metavar="CLIP", help="video file, folder of images, or camera number (first: 0)")
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="POINTS.csv",
        help="table: frame, time (s), lost (0/1), mean confidence, x0, y0 .. x67, y67 (pixels, empty where lost)",
    )
    parser.add_argument(
        "--video",
        type=Path,
        metavar="OVERLAY.mp4",
        help="also write the video with the points drawn on it (.mp4, .avi, .webm)",
    )
    parser.add_argument("--steps", type=int, metavar="K", help="feedback steps (default: the model's own)")
    parser.add_argument(
        "--no-temporal",
        dest="temporal",
        action="store_false",
        help="without f_tRNN, the memory from frame to frame: each frame by itself",
    )
    add_device_option(parser)


def run(args: argparse.Namespace) -> int:
    """Track the video and write the files; 0 when done, 130 when stopped by Ctrl-C (the frames so far are kept).

    Raises ValueError or FileNotFoundError for a video, file name or number of steps that cannot be used. Both files are
    written whole or not at all.
    """
    if args.steps is not None and args.steps < 1:
        raise ValueError(f"--steps must be 1 or more, got {args.steps}")
    camera = args.clip.isdecimal() and not Path(args.clip).exists()
    source = frames(int(args.clip) if camera else args.clip)
    tracker = Tracker(load_pretrained(device=args.device), args.steps, args.temporal)
    done = lost = 0
    stopped = False
    with ExitStack() as files:
        out = files.enter_context(whole_file(args.out))
        overlay = files.enter_context(VideoWriter(args.video, source.fps)) if args.video else None
        table = csv.writer(files.enter_context(out.open("w", newline="")))
        table.writerow(HEADER)
        try:
            for frame in tqdm(tracker.track(source), total=source.count, unit="frame", desc="track"):
                table.writerow(row(frame))
                if overlay:
                    overlay.write(drawn(frame))
                done, lost = done + 1, lost + frame.lost
        except KeyboardInterrupt:
            stopped = True
    print(f"{args.out}: {done} frames, face lost in {lost}")
    if stopped:
        print("stopped by Ctrl-C: the frames before are kept, the rest of the video is missing", file=sys.stderr)
    return INTERRUPTED if stopped else 0


def row(frame: TrackedFrame) -> list[str]:
    """One line of the table: pixels to 1/1000, empty cells where the face is lost."""
    points = [""] * (2 * N_POINTS) if frame.lost else [f"{v:.3f}" for v in frame.points.ravel()]
    return [str(frame.index), f"{frame.time:.4f}", str(int(frame.lost)), f"{frame.confidence.mean():.4f}", *points]


def drawn(frame: TrackedFrame) -> np.ndarray:
    """The image with its points; as it is where the face is lost."""
    return frame.image if frame.lost else draw_face(frame.image, frame.points, frame.confidence)
