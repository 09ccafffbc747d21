"""A folder in the published YouTube-Faces keypoint layout, made of procedural faces."""

import csv
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from redn_lib.data.clip import Face


def write_pairs(root: Path, faces: Iterable[Face]) -> Path:
    """Two faces in a row for each person, as JPEG, with 1-based points."""
    (root / "training").mkdir()
    with open(root / "training_frames_keypoints.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["", *range(136)])
        for i, face in enumerate(faces):
            name = f"Made_Person{i // 2}_{i % 2}1.jpg"
            cv2.imwrite(str(root / "training" / name), face.image[..., ::-1])
            table.writerow([name, *np.round(face.points + 1, 2).ravel()])
    return root
