"""Track the largest face and write its 68 points for every frame; stopped by Ctrl-C, it keeps the frames so far. The
same command again goes on where it stopped or was killed.
"""

import argparse
import json
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from hashlib import sha256
from pathlib import Path

import cv2
import torch
from tqdm import tqdm

from redn_lib.commands.common import add_device_option, add_weights_option
from redn_lib.commands.many import Work, in_processes
from redn_lib.data.images import IMAGES
from redn_lib.data.videos import VIDEOS, DamagedVideo
from redn_lib.files import one_line, whole_file
from redn_lib.pretrained import load_weights, weights_path
from redn_lib.tracking.table import fingerprint, write_points
from redn_lib.tracking.tracker import TrackedFrame, Tracker
from redn_lib.tracking.video import VideoWriter, frames
from redn_lib.training.loop import stopping
from redn_lib.widgets.draw import draw_face


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `redn track`."""
    add = parser.add_argument
    add("clip", metavar="CLIP", help="video file, folder of images, or camera number (first: 0)")
    told = (
        "table: points in pixels, empty where lost; of a folder, the name of each file; with --jobs, a folder of tables"
    )
    add("--out", required=True, type=Path, metavar="POINTS.csv", help=told)
    add("--video", type=Path, metavar="OVERLAY.mp4", help="also write the video with its points (.mp4, .avi, .webm)")
    told = "CLIP is a folder of videos and folders of images: track all of them, N at a time"
    add("--jobs", type=int, metavar="N", help=told)
    add_weights_option(parser)
    add("--steps", type=int, metavar="K", help="feedback steps (default: the model's own)")
    add("--no-temporal", dest="temporal", action="store_false", help="without f_tRNN: each frame by itself")
    add_device_option(parser)


def run(args: argparse.Namespace) -> int:
    """Track the video and write the files whole or not at all; 0, 1 where one of many failed, or 130 when stopped."""
    for name in ("steps", "jobs"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise ValueError(f"--{name} must be 1 or more, got {getattr(args, name)}")
    weights = args.weights or weights_path()
    if args.jobs is not None:
        return run_many(args, weights)
    camera = args.clip.removeprefix("-").isdecimal() and not Path(args.clip).exists()
    source = frames(int(args.clip) if camera else args.clip)
    tracker = Tracker(load_weights(weights, args.device), args.steps, args.temporal)
    is_kept = not camera and not args.video
    settings = settings_of(args, weights) | clip_settings(Path(args.clip), source.files) if is_kept else None
    with stopping() as asked, ExitStack() as files:
        overlay = files.enter_context(VideoWriter(args.video, source.fps)) if args.video else None
        show = partial(tqdm, total=source.count, unit="frame", desc="track")
        each = partial(draw, overlay) if overlay else None
        stop = partial(bool, asked)
        table, is_whole = write_points(tracker, source, args.out, settings, is_stopped=stop, show=show, each=each)
    if not is_whole:
        told = "the frames before are kept, the rest of the video is missing"
        told += "; the same command goes on" if settings else ""
        print(f"stopped by Ctrl-C or a signal: {told}", file=sys.stderr)
    print(f"{args.out}: {table.done} frames, face lost in {table.lost}")
    return 0 if is_whole else 130


def draw(overlay: VideoWriter, frame: TrackedFrame, is_there: bool) -> None:
    """Append a frame, with its points where they are there."""
    overlay.write(draw_face(frame.image, frame.points, frame.confidence) if is_there else frame.image)


def settings_of(args: argparse.Namespace, weights: Path) -> dict:
    """What the points of any clip depend on."""
    digest = sha256(weights.read_bytes()).hexdigest()[:24] if weights.is_file() else ""
    return {"weights": digest, "steps": args.steps, "temporal": args.temporal}


def clip_settings(clip: Path, files: list[Path]) -> dict:
    """What the points of one clip depend on beside those."""
    return {"clip": fingerprint(*(files or [clip]))}


def run_many(args: argparse.Namespace, weights: Path) -> int:
    """Track each clip of a folder into a table of its own; tables of a run before, of the same clip, stay."""
    if args.video:
        raise ValueError("--video does not go with --jobs; track the one video whose overlay you want by itself")
    clips, settings, about = clips_of(Path(args.clip), args.out), settings_of(args, weights), args.out / "made_by.json"
    if about.is_file() and about.read_text(encoding="utf-8", errors="replace") != json.dumps(settings):
        raise ValueError(f"{args.out} holds tables of other weights or options; give --out a folder of its own")
    with whole_file(about) as temporary:
        temporary.write_text(json.dumps(settings), encoding="utf-8")
    todo = [clip for clip in clips if not is_done(clip, args.out / table_name(clip, args))]
    failed: dict[Path, str] = {}
    with stopping() as asked, tqdm(total=len(clips), initial=len(clips) - len(todo), unit="clip", desc="track") as bar:
        work = partial(worker, args, weights)
        for clip, result in in_processes(work, todo, min(args.jobs, len(todo)), partial(bool, asked)):
            told, damage = ([], str(result)) if isinstance(result, Exception) else result
            for sentence in told:
                bar.write(f"redn: {sentence}", file=sys.stderr)
            if damage:
                failed[clip] = damage if str(clip) in damage else f"{clip}: {damage}"
            bar.update()
    there = sum((args.out / table_name(clip, args)).is_file() for clip in clips)
    for clip in sorted(failed):
        print(failed[clip], file=sys.stderr)
    if asked:
        print("stopped by Ctrl-C or a signal: the same command goes on", file=sys.stderr)
    print(f"{args.out}: {there} tables of {len(clips)} clips, {len(failed)} failed")
    return 130 if asked else int(bool(failed))


def clips_of(folder: Path, out: Path) -> list[Path]:
    """The videos and the folders of images below a folder, but for those in `out`, sorted. A folder that cannot be read
    is left out with a warning.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; --jobs is for a folder of clips")
    paths = []
    for home, folders, names in os.walk(folder, onerror=_left_out):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(home, name) for name in names if not name.startswith(".")]
    clips = {path for path in paths if path.suffix.lower() in VIDEOS and path.is_file()}
    clips |= {path.parent for path in paths if path.suffix.lower() in IMAGES and path.is_file()} - {folder}
    clips = {path for path in clips if out not in path.parents}
    if not clips:
        raise ValueError(f"{folder} holds no video ({', '.join(VIDEOS)}) and no folder of images")
    return sorted(clips)


def _left_out(error: OSError) -> None:
    warnings.warn(f"left out: {one_line(error)}", stacklevel=4)


def table_name(clip: Path, args: argparse.Namespace) -> str:
    """The name of a clip's table in --out."""
    return f"{clip.relative_to(args.clip)}.csv"


def is_done(clip: Path, table: Path) -> bool:
    """Whether a run before ended with that table, and the clip is older."""
    is_part = table.with_name(f".{table.name}.part").exists()
    return table.is_file() and not is_part and table.stat().st_mtime >= clip.stat().st_mtime


def worker(args: argparse.Namespace, weights: Path) -> Work:
    """What tracks clips in a process of its own; it has its share of the processor."""
    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    tracker = Tracker(load_weights(weights, args.device), args.steps, args.temporal)
    common = settings_of(args, weights)

    def work(clip: Path, is_stopped: Callable[[], bool]) -> tuple[list[str], str]:
        """What is to be told of a clip, and why its table is not whole; "" where it is."""
        out = args.out / table_name(clip, args)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            source = frames(clip)
            write_points(tracker, source, out, common | clip_settings(clip, source.files), is_stopped=is_stopped)
        damage = "; ".join(str(one.message) for one in told if one.category is DamagedVideo)
        if damage:
            os.replace(out, out.with_name(f"{out.name}.incomplete"))
            damage += f"; their points are in {out.name}.incomplete"
        return [str(one.message) for one in told if one.category is not DamagedVideo], damage

    return work
