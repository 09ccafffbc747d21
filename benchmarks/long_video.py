"""Does `redn track` keep its memory through an hour of video, and its table through kills?

    python benchmarks/long_video.py CLIPS --out results/long_video.csv

The clips of a folder, or the clip of the set-up, are joined, again and again, to a video of --minutes. It is tracked
once without disturbance, and once killed --kills times on the way; both tables should be the same, byte by byte. A
row for each run: the process's highest memory in MB, and that at the end of each quarter of the undisturbed run.
"""

import argparse
import subprocess
import sys
import time
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import psutil

from redn_lib.data.samples import carphone
from redn_lib.data.videos import VIDEOS
from redn_lib.evaluation.tables import write_table
from redn_lib.tracking.video import VideoWriter, frames

SIDE, FPS = 320, 10  # of the video: pixels, frames a second


def make(path: Path, clips: list[Path], count: int) -> None:
    """A video of so many frames: the clips one after another, with a sudden jump at each join."""
    with VideoWriter(path, FPS) as writer:
        for clip in cycle(clips):
            for _, _, image in frames(clip):
                writer.write(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
                count -= 1
                if count == 0:
                    return


def track(video: Path, out: Path, most: float = float("inf")) -> tuple[list[float], bool]:
    """Memory in MB of `redn track`, once a second, and whether it came to its end; killed when the table has `most`
    bytes.
    """
    part = out.with_name(f".{out.name}.part")
    process = psutil.Popen([sys.executable, "-m", "redn_lib.cli", "track", str(video), "--out", str(out)])
    memory = []
    while process.poll() is None:
        memory.append(process.memory_info().rss / 1e6)
        if part.exists() and part.stat().st_size >= most:
            process.kill()
            process.wait()
            return memory, False
        time.sleep(1)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "redn track")
    return memory, True


def row_of(run: str, kills: int, memory: list[float], table: Path) -> dict:
    """What is told of a run, its highest memory that of all its parts."""
    lost = [line.split(",")[2] for line in table.read_text().splitlines()[1:]]
    return {"run": run, "kills": kills, "frames": len(lost), "lost": lost.count("1"), "memory": max(memory)}


def main() -> None:
    """Write and print the rows; exit status 1 where the tables differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="?", metavar="CLIPS", help="a folder of videos")
    parser.add_argument("--minutes", type=float, default=60, help="of the video (default: %(default)s)")
    parser.add_argument("--kills", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.csv")
    args = parser.parse_args()
    clips = sorted(p for p in args.clips.iterdir() if p.suffix in VIDEOS) if args.clips else [carphone()]
    with TemporaryDirectory() as home:
        video, whole, killed = (Path(home) / name for name in ("long.mp4", "whole.csv", "killed.csv"))
        make(video, clips, round(args.minutes * 60 * FPS))
        memory, _ = track(video, whole)
        rows = [row_of("undisturbed", 0, memory, whole)]
        for quarter in (1, 2, 3, 4):
            rows[0][f"quarter{quarter}"] = memory[round((len(memory) - 1) * quarter / 4)]
        memory, size = [], whole.stat().st_size
        for kill in range(args.kills):
            more, is_whole = track(video, killed, (kill + 0.5) / args.kills * size)
            memory += more
            if is_whole:
                sys.exit("it came to its end before the last kill; take more --minutes")
        memory += track(video, killed)[0]
        is_same = killed.read_bytes() == whole.read_bytes()
        rows.append(row_of("killed", args.kills, memory, killed) | {"same_table": int(is_same)})
    options = f"--minutes {args.minutes:g} --kills {args.kills}"
    command = f"python benchmarks/long_video.py {'CLIPS ' * bool(args.clips)}{options} --out results/{args.out.name}"
    write_table(rows, args.out, command=command, about=f"{args.minutes:g} minutes of video; memory in MB.")
    print(args.out.read_text())
    sys.exit(not is_same)


if __name__ == "__main__":
    main()
