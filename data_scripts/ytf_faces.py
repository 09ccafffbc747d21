"""Check and describe a folder of YouTube Faces with 68 points; without one, say what the set is and how to get it."""

import argparse
import sys
from pathlib import Path

ABOUT = """\
YouTube Faces with 68 points, as published for a keypoint course
  what      5,770 pictures cut from videos of YouTube Faces (Wolf, Hassner, Maoz, CVPR 2011), one face each, with 68
            points. The points come from another network, not from hand: below some 4 % error one fits its habits.
  licence   none is stated for the pictures with points. YouTube Faces is offered for research; the rights of the
            videos stay with their makers, those of the faces with the people shown. Do not pass pictures on.
  size      a zip of 323 MB
  get it    https://s3.amazonaws.com/video.udacity-data.com/topher/2018/May/5aea1b91_train-test-data/train-test-data.zip
            the page of the videos: https://www.cs.tau.ac.il/~wolf/ytfaces/
  layout    DIR/training_frames_keypoints.csv  DIR/training/Person_Name_21.jpg  (video 2, frame 1)
            DIR/test_frames_keypoints.csv      DIR/test/...
            a csv row: file name, then 136 numbers x0, y0, ..., x67, y67, 1-based
  then      python data_scripts/ytf_faces.py DIR
The published halves share people and clips, so this suite splits by person instead. It needs no part of the set to run:
it trains on procedural faces."""


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 all well, 1 something is broken, 2 no such folder or table."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=ABOUT, formatter_class=formatter)
    parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="the folder; left out: describe the set")
    parser.add_argument("--all", action="store_true", help="list every finding instead of the first 20 of a kind")
    options = parser.parse_args(arguments)
    if options.folder is None:
        print(ABOUT)
        return 0
    from redn_lib.data.ytf_report import inspect_folder

    try:
        report = inspect_folder(options.folder, progress=sys.stderr.isatty())
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(report.text(most=10**9 if options.all else 20))
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
