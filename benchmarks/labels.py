"""What rounding alone is worth in labels: `python benchmarks/labels.py --data SOURCE --out results/labels.csv`.

Points of YouTube Faces (`data_scripts/get.py ytf68`) are whole pixels of the original image; where a copy was made
smaller, the least gap between its points tells by how much.
"""

import argparse
from pathlib import Path

import numpy as np

from redn_lib.commands.common import add_data_options, opened
from redn_lib.evaluation.errors import labels_of
from redn_lib.evaluation.tables import write_table
from redn_lib.metrics import eye_distance

ROUNDED = (np.sqrt(2) + np.log(1 + np.sqrt(2))) / 6
"""Mean distance of a place in a pixel from the pixel's centre, in pixels."""


def original_pixel(points: np.ndarray) -> float:
    """Side of a pixel of the original image in pixels of this one: points (68, 2)."""
    gaps = np.concatenate([np.diff(np.unique(points[:, axis])) for axis in (0, 1)])
    return min(float(gaps[gaps > 0.3].min()), 1.0)


def main() -> None:
    """Write one row: frames, people, the median eye distance in original pixels, rounding in % of the eye distance."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_options(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.csv")
    args = parser.parse_args()
    data = opened(args)
    eyes = np.array([eye_distance(points) / original_pixel(points) for points in labels_of(data)])
    row = {"frames": len(data), "people": len(data.people), "eye_distance_median": f"{np.median(eyes):.1f}"}
    row["rounding_percent"] = f"{100 * (ROUNDED / eyes).mean():.2f}"
    about = "Labels of YouTube Faces with 68 points, made by another network and rounded to whole pixels"
    write_table([row], args.out, command=f"python benchmarks/labels.py --data FOLDER --out {args.out}", about=about)
    print(args.out.read_text())


if __name__ == "__main__":
    main()
