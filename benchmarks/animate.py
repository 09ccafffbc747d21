"""How many frames of animated still images a second one core makes: `OMP_NUM_THREADS=1 python benchmarks/animate.py`.

Processor seconds are counted, not the clock, so that other programs on the machine disturb little. Each clip is of
another procedural face, drawn beforehand.
"""

import argparse
import time

import cv2

from redn_lib.data.animation.animate import animate
from redn_lib.data.clip import Face
from redn_lib.data.occluder import draw_occluder
from redn_lib.data.synthetic import still_image


def frames_per_second(faces: list[Face], frames: int, size: int, occluded: bool) -> float:
    """Frames of processor second."""
    start = time.process_time()
    for seed, face in enumerate(faces):
        animate(face, seed, frames, size, draw_occluder(seed, frames) if occluded else None)
    return len(faces) * frames / (time.process_time() - start)


def main() -> None:
    """Print a table of rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 224], help="sides of the frames in pixels")
    parser.add_argument("--frames", type=int, nargs="+", default=[10, 50], help="lengths of the clips")
    parser.add_argument("--clips", type=int, default=10, help="clips a measurement")
    parser.add_argument("--repeats", type=int, default=3, help="measurements; the best is printed")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    faces = [still_image(i, 224) for i in range(args.clips)]
    animate(faces[0], 0, 2)
    print(f"size  frames  frames/s clear  with occluder  (one core, best of {args.repeats} x {args.clips} clips)")
    for size in args.sizes:
        for frames in args.frames:
            clear, passed = (
                max(frames_per_second(faces, frames, size, occluded) for _ in range(args.repeats))
                for occluded in (False, True)
            )
            print(f"{size:4d}  {frames:6d}  {clear:14.0f}  {passed:13.0f}")


if __name__ == "__main__":
    main()
