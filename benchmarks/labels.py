"""What rounding alone is worth in a set of labels: `python benchmarks/labels.py FOLDER --out results/labels.csv`.

FOLDER: annotated faces in the published YouTube-Faces keypoint layout (`data_scripts/get.py ytf68`). Points there are
whole pixels of the original picture; where a copy was made smaller, the least gap between its points tells by how much.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from redn_lib.experiments.tables import head

from redn_lib.data.ytf import read_faces
from redn_lib.files import whole_file
from redn_lib.metrics import eye_distance

ROUNDED = (np.sqrt(2) + np.log(1 + np.sqrt(2))) / 6
"""Mean distance of a place in a pixel from the pixel's centre, in pixels."""


def original_pixel(points: np.ndarray) -> float:
    """Side of a pixel of the original picture in pixels of this one: points (68, 2)."""
    gaps = np.concatenate([np.diff(np.unique(points[:, axis])) for axis in (0, 1)])
    return min(float(gaps[gaps > 0.3].min()), 1.0)


def main() -> None:
    """Write one row: frames, people, the median eye distance in original pixels, rounding in % of the eye distance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.csv")
    args = parser.parse_args()
    rows = read_faces(args.folder)
    eyes = np.array([eye_distance(row.points) / original_pixel(row.points) for row in rows])
    with whole_file(args.out) as temporary, open(temporary, "w", newline="") as file:
        about = "Labels of YouTube Faces with 68 points, made by another network and rounded to whole pixels"
        file.write(head(f"python benchmarks/labels.py FOLDER --out {args.out}", about))
        table = csv.writer(file)
        table.writerow(["frames", "people", "eye_distance_median", "rounding_percent"])
        people = len({row.person for row in rows})
        table.writerow([len(rows), people, f"{np.median(eyes):.1f}", f"{100 * (ROUNDED / eyes).mean():.2f}"])
    print(args.out.read_text())


if __name__ == "__main__":
    main()
