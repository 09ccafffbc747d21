"""How many procedural frames a second one core makes: `OMP_NUM_THREADS=1 python benchmarks/procedural_faces.py`.

Processor seconds are counted, not the clock, so that other programs on the machine disturb little. Each still image
shows a new person; a clip keeps person and scene.
"""

import argparse
import time

import cv2

from redn_lib.data.synthetic import clip, still_image


def stills_per_second(size: int, count: int, first: int) -> float:
    """Frames of processor second, each of a new person."""
    start = time.process_time()
    for i in range(count):
        still_image(first + i, size)
    return count / (time.process_time() - start)


def clip_frames_per_second(size: int, count: int, seed: int) -> float:
    """Frames of processor second in one clip."""
    start = time.process_time()
    clip(seed, count, size)
    return count / (time.process_time() - start)


def main() -> None:
    """Print a table of rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 192], help="sides of the images in pixels")
    parser.add_argument("--count", type=int, default=200, help="frames a measurement")
    parser.add_argument("--repeats", type=int, default=3, help="measurements; the best is printed")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    still_image(0, args.sizes[0])
    print("size  stills/s  clip frames/s  (one core, best of", args.repeats, "x", args.count, "frames)")
    for size in args.sizes:
        best_still = max(stills_per_second(size, args.count, 1000 * (k + 1)) for k in range(args.repeats))
        best_clip = max(clip_frames_per_second(size, args.count, k) for k in range(args.repeats))
        print(f"{size:4d}  {best_still:8.0f}  {best_clip:13.0f}")


if __name__ == "__main__":
    main()
