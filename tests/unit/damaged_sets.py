"""Ten kinds of damage for each data set: what is done to a good one, what must be said, how many frames are left.

DAMAGE[set][kind] = (function of the made set that breaks it, regex of the message, frames left). The kinds that break
the archive or the disk are the same for all sets and stand in the test itself.
"""

import shutil
import sqlite3

import numpy as np
from made_sets import Made, picture, save, save_npz, shape

from redn_lib.data.pts import write_pts


def in_pts(old: str, new: str):
    """Change the second point of the chosen frame's .pts."""

    def damage(made: Made) -> None:
        lines = made.points.read_text().split("\n")
        lines[4] = lines[4].replace(lines[4] if old == "line" else lines[4].split()[0], new)
        made.points.write_text("\n".join(line for line in lines if line != "drop"))

    return damage


def fewer_points(made: Made) -> None:
    write_pts(made.points, shape(0)[:67])


def another_encoding(made: Made) -> None:
    made.points.write_bytes(made.points.read_text().encode("utf-16"))


def empty_picture(made: Made) -> None:
    made.picture.write_bytes(b"")


def gone_picture(made: Made) -> None:
    made.picture.unlink()


def gone_points(made: Made) -> None:
    made.points.unlink()


def second_picture(made: Made) -> None:
    save(made.picture.with_suffix(".png"), 99)


def another_number(made: Made) -> None:
    """The frame once more, its number written without zeros."""
    for path in (made.picture, made.points):
        shutil.copy(path, path.with_name(path.stem.replace("00002", "2") + path.suffix))


def second_points(made: Made) -> None:
    shutil.copy(made.points, made.points.with_name("2.pts"))


def cut_in_pairs(made: Made) -> None:
    """n_points says more than there are."""
    made.points.write_text(made.points.read_text().replace("n_points: 68", "n_points: 70"))


def beyond_the_video(made: Made) -> None:
    write_pts(made.points.with_name("000005.pts"), shape(0))
    made.points.with_name("000004.pts").unlink()


PTS = {
    "missing frame": (gone_picture, r"{points}: no picture of that name .*copy it there", 1),
    "NaN": (in_pts("x", "nan"), r"{points}, line 5: .*mend it", 1),
    "67 points": (fewer_points, r"{points}: 67 points; .*mend or leave it out", 1),
    "wrong encoding": (another_encoding, r"{points}, line 1: not plain text.*UTF-8", 1),
    "double frames": (second_picture, r"{points}: two pictures, .*delete one", 0),
    "empty video": (empty_picture, r"{picture}: no whole picture; copy it anew", 1),
    "wrong number": (gone_points, r"{picture}: no points .*copy them there", 1),
}
TALKING = PTS | {
    "double frames": (another_number, r"franck_2.jpg: frame 2 is there twice.*delete one", -1),
    "wrong number": (cut_in_pairs, r"{points}, line 72: 68 points, but n_points says 70; copy the file anew", 1),
}
VIDEO = PTS | {
    "missing frame": (gone_points, r"annot: no points for frames 2 of 4.*copy them there", 1),
    "double frames": (second_points, r"2\.pts: frame 2 is there twice.*delete one", 0),
    "empty video": (empty_picture, r"{picture}: the video is empty; copy it anew", 4),
    "wrong number": (beyond_the_video, r"{picture}: 4 frames, but points for 5 too; copy the video anew", 1),
}


def sql(*statements: str):
    def damage(made: Made) -> None:
        with sqlite3.connect(made.points) as db:
            for statement in statements:
                db.execute(statement)
        db.close()

    return damage


AFLW = {
    "missing frame": (gone_picture, r"{picture}: no such picture; copy it there", 1),
    "NaN": (sql("UPDATE FeatureCoords SET x = 'nan' WHERE face_id = 39342 AND feature_id = 7"),
            r"{points}, face 39342: LeftEyeLeftCorner is no place .*mend or delete", 0),
    "67 points": (sql("DELETE FROM FeatureCoords WHERE face_id = 39342 AND feature_id > 1"),
                  r"face 39342: 1 of the 21 points are marked, too few; mend", 1),
    "wrong encoding": (sql("UPDATE FeatureCoordTypes SET descr = CAST(x'4cff66' AS TEXT) WHERE feature_id = 7"),
                       r"{points}, face 39342: 'L\S+' is none of the 21 points; mend or delete", 0),
    "double frames": (sql("INSERT INTO FeatureCoords VALUES (39342, 7, 1, 2)"),
                      r"{points}, face 39342: LeftEyeLeftCorner is there twice; delete one", 0),
    "empty video": (empty_picture, r"{picture}: no whole picture; copy it anew", 1),
    "wrong number": (sql("DROP TABLE FeatureCoords"), r"{points}: not AFLW's database.*copy it anew", 4),
}  # fmt: skip


def listed(old: str, new: str):
    def damage(made: Made) -> None:
        text = made.points.read_text()
        assert old in text
        made.points.write_text(text.replace(old, new))

    return damage


def emptied_person(made: Made) -> None:
    (made.root / "lfw/Dan_Nobody").mkdir()


def same_picture(made: Made) -> None:
    shutil.copy(made.picture, made.root / "lfw/Bo_Ek/Bo_Ek_0001.jpg")


LFW = {
    "missing frame": (gone_picture, r"Ann_Lee lacks picture 0002 .*copy them anew", 1),
    "NaN": (listed("Bo_Ek\t1", "Bo_Ek\tnan"), r"{points}, line 2: .*the list says nan; .*mend the list", 0),
    "67 points": (listed("Bo_Ek\t1", "Bo_Ek 1 67"), r"{points}, line 2: not a name and a number; mend", 0),
    "wrong encoding": (another_encoding, r"{points}: not plain text; save it as UTF-8", 0),
    "double frames": (same_picture, r"Ann_Lee_0002 = Bo_Ek/Bo_Ek_0001: the same picture.*delete all but one", 0),
    "empty video": (emptied_person, r"Dan_Nobody lacks picture 0001 .*copy them anew", 0),
    "wrong number": (listed("Ann_Lee\t3", "Ann_Lee\t4"), r"{points}, line 1: 3 pictures of Ann_Lee.*says 4", 0),
}  # fmt: skip


def unknown_picture(made: Made) -> None:
    save(made.root / "img_align_celeba/000099.jpg", 99)


def cut_table(made: Made) -> None:
    made.points.write_text(made.points.read_text().replace("000002.jpg", "000002.jpg 1"))


def nan_in_table(made: Made) -> None:
    lines = made.points.read_text().split("\n")
    lines[3] = "000002.jpg nan " + " ".join(lines[3].split()[2:])
    made.points.write_text("\n".join(lines))


def doubled_line(made: Made) -> None:
    lines = made.points.read_text().split("\n")
    made.points.write_text("\n".join([*lines[:4], *lines[3:]]))


CELEBA = {
    "missing frame": (gone_picture, r"no picture 000002.jpg, .*copy it there", 1),
    "NaN": (nan_in_table, r"{points}, line 4: not a picture and 10 numbers; mend or delete", 1),
    "67 points": (cut_table, r"{points}, line 4: not a picture and 10 numbers; mend or delete", 1),
    "wrong encoding": (another_encoding, r"{points}: not plain text; save it as UTF-8", 6),
    "double frames": (doubled_line, r"{points}, line 5: 000002.jpg is listed twice; delete one", 0),
    "empty video": (empty_picture, r"{picture}: no whole picture; copy it anew", 1),
    "wrong number": (unknown_picture, r"1 pictures, such as 000099.jpg, are not in identity_CelebA.txt; copy", 0),
}


def csv_row(change):
    """Change the cells of the chosen picture's row."""

    def damage(made: Made) -> None:
        lines = made.points.read_text().splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith("Bo_Ek_12"))
        lines[at : at + 1] = [",".join(cells) for cells in change(lines[at].split(","))]
        made.points.write_text("\n".join(lines) + "\n")

    return damage


YTF68 = {
    "missing frame": (gone_picture, r"{picture} \(.*row 3\): no such picture; copy it there", 1),
    "NaN": (csv_row(lambda c: [[*c[:9], "nan", *c[10:]]]), r"row 3 \(Bo_Ek_12.jpg\): column 8 holds 'nan'.*mend", 1),
    "67 points": (csv_row(lambda c: [c[:-2]]), r"row 3 \(Bo_Ek_12.jpg\): 134 numbers, not 136; mend", 1),
    "wrong encoding": (another_encoding, r"{points}, row 1: the header .*copy the file anew", 5),
    "double frames": (csv_row(lambda c: [c, c]), r"row 4: training/Bo_Ek_12.jpg is listed twice; delete one", 0),
    "empty video": (empty_picture, r"{picture}: no whole picture; copy it anew", 1),
    "wrong number": (csv_row(lambda c: [[*c, "5", "6"]]), r"row 3 \(Bo_Ek_12.jpg\): 138 numbers, not 136; mend", 1),
}


def arrays(**changes):
    """Change arrays of the chosen video."""

    def damage(made: Made) -> None:
        with np.load(made.points) as file:
            kept = {name: changes.get(name, lambda a: a)(file[name]) for name in file.files}
        np.savez(made.points, **{name: array for name, array in kept.items() if array is not None})

    return damage


def not_a_number(points):
    points = points.copy()
    points[3, 0, 1] = np.nan
    return points


def second_video(made: Made) -> None:
    shapes = [shape(7)]
    save_npz(made.root / "again" / made.points.name, [picture(7, shapes[0])], shapes)


NPZ = {
    "missing frame": (arrays(colorImages=lambda a: a[..., :-1]),
                      r"{points}: 3 frames, but points for 4; .*copy it anew", 1),
    "NaN": (arrays(landmarks2D=not_a_number), r"{points}, frame 1: a point is not a number; mend", 1),
    "67 points": (arrays(landmarks2D=lambda a: a[:67]), r"{points}: .*landmarks2D is float64 \(67, 2, 4\).*anew", 4),
    "wrong encoding": (arrays(colorImages=lambda a: a / 255), r"{points}: .*colorImages is float64 .*copy it anew", 4),
    "double frames": (second_video, r"Ann_Lee_3.npz: video Ann_Lee_3 is there twice; delete one", 0),
    "empty video": (arrays(colorImages=lambda a: a[..., :0], landmarks2D=lambda a: a[..., :0]),
                    r"{points}: the video is empty; copy it anew", 4),
    "wrong number": (arrays(landmarks2D=lambda a: a[..., :2]), r"{points}: 4 frames, but points for 2; .*anew", 2),
}  # fmt: skip

DAMAGE = {
    "300w": PTS, "300vw": VIDEO, "fm": PTS, "tf": TALKING, "folder": PTS, "aflw": AFLW, "lfw": LFW, "celeba": CELEBA,
    "ytf68": YTF68, "ytf-npz": NPZ,
}  # fmt: skip
KINDS = tuple(PTS)
