"""Small data sets in each published layout, made here, with handles on one frame of each to break it."""

import csv
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from redn_lib.data.pts import write_pts
from redn_lib.landmarks import MEAN_SHAPE, MIRROR

SIZE = (120, 100)


def shape(seed: int, scale: float = 30) -> np.ndarray:
    """68 points (68, 2) of a face in a picture of SIZE, in 0-based pixels, on quarters of a pixel."""
    rng = np.random.default_rng(seed)
    points = MEAN_SHAPE * scale + [60, 50] + rng.uniform(-4, 4, 2) + rng.uniform(-0.5, 0.5, (68, 2))
    return (points * 4).round() / 4


def stored(image: np.ndarray, points: np.ndarray, orientation: int) -> tuple[np.ndarray, np.ndarray]:
    """Image (H, W, 3) and points of an upright face as a camera stores them that says so by its EXIF orientation."""
    flip_x, flip_y = orientation in (2, 3, 6, 7), orientation in (3, 4, 7, 8)
    points = np.where((flip_x, flip_y), np.array(image.shape[1::-1]) - 1 - points, points)
    image = image[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
    if orientation >= 5:
        image, points = image.transpose(1, 0, 2), points[:, ::-1]
    return image, (points[MIRROR] if orientation in (2, 4, 5, 7) else points).astype(np.float32)


def picture(seed: int, points: np.ndarray, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A picture (H, W, 3) RGB that differs by seed, with a bright dot on the tip of the nose."""
    rng = np.random.default_rng(seed)
    image = np.full((size[1], size[0], 3), rng.integers(30, 160, 3), np.uint8)
    cv2.ellipse(image, [round(v) for v in points.mean(0).tolist()], (28, 34), 0, 0, 360, (200, 160, 140), -1)
    cv2.circle(image, [round(v) for v in points[30].tolist()], 2, (255, 255, 255), -1)
    return image


def save(path: Path, seed: int, points: np.ndarray | None = None, size: tuple[int, int] = SIZE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = picture(seed, shape(seed) if points is None else points, size)
    assert cv2.imwrite(str(path), image[..., ::-1])


def save_pair(stem: Path, seed: int, ending: str = ".jpg") -> None:
    save(stem.with_suffix(ending), seed)
    write_pts(stem.with_suffix(".pts"), shape(seed))


def save_video(path: Path, seeds: range) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, SIZE)
    for seed in seeds:
        writer.write(picture(seed, shape(seed))[..., ::-1])
    writer.release()


@dataclass
class Made:
    """A set in `root` with `frames` frames; image, points: the files of one frame that are there to be broken."""

    root: Path
    frames: int
    splits: dict[str, int]
    image: Path
    points: Path


def make_300w(root: Path) -> Made:
    homes = {
        "afw": "afw", "helen/trainset": "helen-train", "helen/testset": "helen-test", "lfpw/trainset": "lfpw-train",
        "lfpw/testset": "lfpw-test", "ibug": "ibug",
    }  # fmt: skip
    for i, home in enumerate(homes):
        for j in range(2):
            save_pair(root / home / f"image_{i}_{j}", 10 * i + j, ".png" if home.startswith("lfpw") else ".jpg")
    splits = dict.fromkeys(homes.values(), 2)
    return Made(root, 12, splits, root / "helen/trainset/image_1_0.jpg", root / "helen/trainset/image_1_0.pts")


def make_300vw(root: Path) -> Made:
    home = root / "300VW_Dataset_2015_12_14"
    for i, video in enumerate(("001", "114", "203", "410")):
        save_video(home / video / "vid.avi", range(10 * i, 10 * i + 4))
        for j in range(4):
            write_pts(home / video / "annot" / f"{j + 1:06d}.pts", shape(10 * i + j))
    splits = {"train": 4, "cat1": 4, "cat2": 4, "cat3": 4}
    return Made(root, 16, splits, home / "114/vid.avi", home / "114/annot/000002.pts")


def make_folder(root: Path) -> Made:
    for i, name in enumerate(("Ann/1", "Ann/2", "Bo/1", "lonely")):
        save_pair(root / name, i)
    return Made(root, 4, {"all": 4}, root / "Ann/2.jpg", root / "Ann/2.pts")


def make_ytf68(root: Path) -> Made:
    for half, (split, names) in enumerate(
        {"training": ["Ann_Lee_00", "Bo_Ek_12", "Ann_Lee_21"], "test": ["Cy_Oh_00", "Ann_Lee_00"]}.items()
    ):
        rows = [["", *range(136)]]
        for j, name in enumerate(names):
            save(root / split / f"{name}.jpg", 10 * half + j)
            rows.append([f"{name}.jpg", *(shape(10 * half + j) + 1).ravel()])
        with (root / f"{split}_frames_keypoints.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return Made(
        root, 5, {"training": 3, "test": 2}, root / "training/Bo_Ek_12.jpg", root / "training_frames_keypoints.csv"
    )


MAKERS = {
    "300w": make_300w,
    "300vw": make_300vw,
    "ytf68": make_ytf68,
    "folder": make_folder,
}


def packed(root: Path, archive: Path) -> Path:
    """A .zip or .tar.gz of a folder."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as file:
            for path in files:
                file.write(path, path.relative_to(root))
    else:
        with tarfile.open(archive, "w:gz") as file:
            for path in files:
                file.add(path, path.relative_to(root))
    return archive
