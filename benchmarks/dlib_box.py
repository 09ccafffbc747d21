"""Measures on annotated faces where dlib's detector puts its box: DETECTOR_BOX of benchmarking/peers/dlib68.py.

    peers/bin/python benchmarks/dlib_box.py FOLDER --without FOLDER/val_people.txt

FOLDER is in the published YouTube-Faces keypoint layout; the people named in the file after --without take no part.
"""

import argparse
from pathlib import Path

import dlib
import numpy as np
from tqdm import tqdm

from redn_lib.data.ytf import read_faces
from redn_lib.evaluation.peers.dlib68 import DETECTOR_BOX, SAME_FACE, corners
from redn_lib.tracking.detector import overlap

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folder", type=Path)
parser.add_argument("--without", type=Path, help="file of names of people who take no part")
parser.add_argument("--every", type=int, default=12, help="take every N-th face only (default 12)")
args = parser.parse_args()
without = args.without.read_text(encoding="utf-8").split() if args.without else None
rows = read_faces(args.folder, without=without)[:: args.every]
detector, shares = dlib.get_frontal_face_detector(), []
for face in (row.load() for row in tqdm(rows, unit="face", leave=False)):
    boxes = corners(detector(face.image, 1))
    near = overlap(boxes, face.box)
    if near.max(initial=0) >= SAME_FACE:
        size = np.tile(face.box[2:] - face.box[:2], 2)
        shares.append((boxes[near.argmax()] - np.tile(face.box[:2], 2)) / size)
low, middle, high = np.percentile(shares, (25, 50, 75), axis=0).round(3)
print(f"seen {len(shares)} of {len(rows)} faces; box in the tight box of the labels, as shares of its sides:")
print(f"  median {middle}, half of them from {low} to {high}; in use {DETECTOR_BOX}")
