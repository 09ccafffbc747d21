"""The report on a folder in the YouTube-Faces layout, and the command that prints it."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from redn_lib.data.ytf_report import inspect_folder

SCRIPT = Path(__file__).parents[2] / "data_scripts" / "ytf_faces.py"


@pytest.fixture
def folder(tmp_path):
    points = np.random.default_rng(0).uniform(10, 60, (68, 2)).round()
    points[36], points[45] = (20, 30), (60, 30)
    off = points.copy()
    off[:2] = (0, 30)  # 1-based, so one pixel left of the picture
    names = ["Ann_00.jpg", "Ann_01.jpg", "Ann_10.jpg", "Bo_00.jpg"]
    (tmp_path / "training").mkdir()
    lines = ["," + ",".join(map(str, range(136)))]
    for i, name in enumerate(names):
        picture = np.full((80, 100, 3), 60 * min(i, 2), np.uint8)
        cv2.imwrite(str(tmp_path / "training" / name), picture)
        lines.append(name + "," + ",".join(map(str, (off if i == 1 else points).ravel())))
    (tmp_path / "training_frames_keypoints.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def spoil(folder):
    (folder / "training" / "Ann_00.jpg").write_bytes(b"no picture")
    with (folder / "training_frames_keypoints.csv").open("a") as file:
        file.write("Cy_00.jpg,1,2\n")


def run(*arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=SCRIPT.parents[1])


def test_report_counts_and_finds(folder):
    report = inspect_folder(folder)
    assert len(report.rows) == 4 and report.problems == []
    assert report.sides.tolist() == [[100, 80]] * 4
    np.testing.assert_allclose(report.eyes, 40)
    assert report.outside == {"training/Ann_01.jpg": 2}
    assert report.duplicates == [["training/Ann_10.jpg", "training/Bo_00.jpg"]]


def test_report_goes_on_after_broken_rows_and_pictures(folder):
    spoil(folder)
    report = inspect_folder(folder)
    assert len(report.rows) == 3
    assert sorted("row 6" in p for p in report.problems) == [False, True]
    assert any("Ann_00.jpg" in p and "no whole JPEG" in p for p in report.problems)


def test_command_describes_a_good_folder(folder):
    done = run(folder)
    assert done.returncode == 0, done.stderr
    assert "people     2" in done.stdout and "clips      3" in done.stdout and "Ann_01.jpg (2 points)" in done.stdout


def test_command_fails_on_broken_rows_and_lists_them(folder):
    spoil(folder)
    done = run(folder)
    assert done.returncode == 1 and "broken rows: 2" in done.stdout and "Cy_00.jpg" in done.stdout


def test_command_without_a_folder_says_what_the_set_is_and_with_a_wrong_one_how_to_get_it(tmp_path):
    about = run()
    assert about.returncode == 0
    assert all(word in about.stdout for word in ("licence", "323 MB", "https://", "training_frames_keypoints.csv"))
    wrong = run(tmp_path / "nowhere")
    assert wrong.returncode == 2 and "no such folder" in wrong.stderr and "--help" in wrong.stderr
    assert "licence" in run("--help").stdout
