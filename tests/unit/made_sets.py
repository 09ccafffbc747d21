"""Small data sets in each published layout, made here, with handles on one frame of each to break it."""

import csv
import sqlite3
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from redn_lib.data.layouts.aflw import NAMES
from redn_lib.data.markups import AFLW21, CELEBA5, XM2VTS68
from redn_lib.data.pts import write_pts
from redn_lib.landmarks import MEAN_SHAPE

SIZE = (120, 100)


def shape(seed: int, scale: float = 30) -> np.ndarray:
    """68 points (68, 2) of a face in a picture of SIZE, in 0-based pixels, on quarters of a pixel."""
    rng = np.random.default_rng(seed)
    points = MEAN_SHAPE * scale + [60, 50] + rng.uniform(-4, 4, 2) + rng.uniform(-0.5, 0.5, (68, 2))
    return (points * 4).round() / 4


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
    """A set in `root` with `frames` frames; picture, points: the files of one frame that are there to be broken."""

    root: Path
    frames: int
    splits: dict[str, int]
    picture: Path
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


def make_fm(root: Path) -> Made:
    save_video(root / "clip_one/vid.avi", range(4))
    for j in range(4):
        write_pts(root / f"clip_one/annot/{j + 1:06d}.pts", shape(j))
        save_pair(root / f"clip_two/frame_{j + 1:04d}", 20 + j)
    return Made(root, 8, {"test": 8}, root / "clip_two/frame_0002.jpg", root / "clip_two/frame_0002.pts")


def make_tf(root: Path) -> Made:
    for j in range(6):
        points = np.tile([60.0, 50.0], (68, 1))
        ours = shape(j)
        for i, place in enumerate(XM2VTS68.places):
            if place:
                points[i] = ours[list(place)].mean(0)
        save(root / "images" / f"franck_{j:05d}.jpg", j)
        write_pts(root / "points" / f"franck_{j:05d}.pts", points - 1)
    return Made(root, 6, {"test": 6}, root / "images/franck_00002.jpg", root / "points/franck_00002.pts")


def make_folder(root: Path) -> Made:
    for i, name in enumerate(("Ann/1", "Ann/2", "Bo/1", "lonely")):
        save_pair(root / name, i)
    return Made(root, 4, {"all": 4}, root / "Ann/2.jpg", root / "Ann/2.pts")


def make_aflw(root: Path) -> Made:
    database = root / "data/aflw.sqlite"
    database.parent.mkdir(parents=True)
    with sqlite3.connect(database) as db:
        db.executescript(
            "CREATE TABLE Faces (face_id INTEGER, file_id TEXT, db_id TEXT);"
            "CREATE TABLE FaceImages (image_id INTEGER, db_id TEXT, file_id TEXT, filepath TEXT);"
            "CREATE TABLE FeatureCoords (face_id INTEGER, feature_id INTEGER, x REAL, y REAL);"
            "CREATE TABLE FeatureCoordTypes (feature_id INTEGER, descr TEXT);"
        )
        db.executemany("INSERT INTO FeatureCoordTypes VALUES (?, ?)", list(enumerate(NAMES, 1)))
        for face in range(4):
            name = f"{face % 2}/image{face:05d}.jpg"
            save(root / "data/flickr" / name, face)
            db.execute("INSERT INTO Faces VALUES (?, ?, 'aflw')", (39341 + face, f"image{face:05d}.jpg"))
            db.execute("INSERT INTO FaceImages VALUES (?, 'aflw', ?, ?)", (face, f"image{face:05d}.jpg", name))
            for i, place in enumerate(AFLW21.places):
                if place and (face, i) != (3, 17):
                    x, y = shape(face)[list(place)].mean(0).tolist()
                    db.execute("INSERT INTO FeatureCoords VALUES (?, ?, ?, ?)", (39341 + face, i + 1, x, y))
    db.close()
    return Made(root, 4, {"all": 4}, root / "data/flickr/1/image00001.jpg", database)


def make_lfw(root: Path) -> Made:
    counts = {"Ann_Lee": 3, "Bo_Ek": 1, "Cy_Oh": 2}
    for i, (person, count) in enumerate(counts.items()):
        for j in range(count):
            path = root / "lfw" / person / f"{person}_{j + 1:04d}.jpg"
            save(path, 10 * i + j, shape(10 * i + j) + 60, (250, 250))
    names = root / "lfw-names.txt"
    names.write_text("".join(f"{person}\t{count}\n" for person, count in counts.items()))
    return Made(root, 6, {"all": 6}, root / "lfw/Ann_Lee/Ann_Lee_0002.jpg", names)


def make_celeba(root: Path) -> Made:
    names = [f"{i:06d}.jpg" for i in range(1, 7)]
    rows = []
    for i, name in enumerate(names):
        save(root / "img_align_celeba" / name, i)
        rows.append([np.rint(shape(i)[list(place)].mean(0)).astype(int) for place in CELEBA5.places])
    landmarks = root / "list_landmarks_align_celeba.txt"
    lines = [f"{n} " + "  ".join(f"{x} {y}" for x, y in row) for n, row in zip(names, rows, strict=True)]
    landmarks.write_text("\n".join(["6", "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y ...", *lines]) + "\n")
    (root / "identity_CelebA.txt").write_text("".join(f"{n} {100 + i // 2}\n" for i, n in enumerate(names)))
    (root / "list_eval_partition.txt").write_text("".join(f"{n} {i // 2}\n" for i, n in enumerate(names)))
    return Made(root, 6, {"train": 2, "val": 2, "test": 2}, root / "img_align_celeba/000002.jpg", landmarks)


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


def make_npz(root: Path) -> Made:
    for i, name in enumerate(("Ann_Lee_0", "Ann_Lee_3", "Bo_Ek_1")):
        shapes = [shape(10 * i + j) for j in range(4)]
        save_npz(root / f"{name}.npz", [picture(10 * i + j, s) for j, s in enumerate(shapes)], shapes)
    return Made(root, 12, {"all": 12}, root / "Ann_Lee_3.npz", root / "Ann_Lee_3.npz")


def save_npz(path: Path, images: list[np.ndarray], shapes: list[np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        colorImages=np.stack(images, -1),
        landmarks2D=np.stack(shapes, -1) + 1,
        boundingBox=np.zeros((4, 2, len(images))),
    )


MAKERS = {
    "300w": make_300w, "300vw": make_300vw, "fm": make_fm, "tf": make_tf, "aflw": make_aflw, "lfw": make_lfw,
    "celeba": make_celeba, "ytf68": make_ytf68, "ytf-npz": make_npz, "folder": make_folder,
}  # fmt: skip


def packed(root: Path, archive: Path, extra: dict[str, bytes] | None = None) -> Path:
    """A zip, stored as it is, or .tar.gz of a folder, lists before pictures. extra: members by name, first of all."""
    lists = (".txt", ".csv", ".sqlite")
    files = sorted((p for p in root.rglob("*") if p.is_file()), key=lambda p: (p.suffix not in lists, p.as_posix()))
    names = {p.relative_to(root).as_posix(): p.read_bytes() for p in files}
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as file:
            for name, data in {**(extra or {}), **names}.items():
                file.writestr(name, data)
    else:
        with tarfile.open(archive, "w:gz") as file:
            for path in files:
                file.add(path, path.relative_to(root))
    return archive
