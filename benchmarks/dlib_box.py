"""Measures on annotated faces where dlib's detector puts its box: DETECTOR_BOX of redn_lib/evaluation/peers.py.

peers/bin/python benchmarks/dlib_box.py --data SOURCE --without results/val_people.txt
"""

import argparse

import dlib
import numpy as np

from redn_lib.commands.common import add_data_options, opened
from redn_lib.evaluation.errors import images_of
from redn_lib.evaluation.peers import DETECTOR_BOX, SAME_FACE
from redn_lib.tracking.detector import overlap

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
add_data_options(parser)
parser.add_argument("--every", type=int, default=12, help="take every N-th face only (default 12)")
args = parser.parse_args()
samples = opened(args)[:: args.every]
detector, shares = dlib.get_frontal_face_detector(), []
for sample, image in zip(samples, images_of(samples), strict=True):
    found = [(r.left(), r.top(), r.right(), r.bottom()) for r in detector(image, 1)]
    boxes = np.reshape(found, (-1, 4)).astype(float)
    near = overlap(boxes, sample.box)
    if near.max(initial=0) >= SAME_FACE:
        size = np.tile(sample.box[2:] - sample.box[:2], 2)
        shares.append((boxes[near.argmax()] - np.tile(sample.box[:2], 2)) / size)
low, middle, high = np.percentile(shares, (25, 50, 75), axis=0).round(3)
print(f"found {len(shares)} of {len(samples)} faces; box in the tight box of the labels, as shares of its sides:")
print(f"  median {middle}, half of them from {low} to {high}; in use {DETECTOR_BOX}")
