"""AFLW: 25,000 faces with up to 21 points, in a SQLite database beside folders of pictures."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from redn_lib.data.markups import AFLW21
from redn_lib.data.pictures import store_still
from redn_lib.data.records import DataSet, Frame, Plan, in_units

NAMES = (
    "LeftBrowLeftCorner LeftBrowCenter LeftBrowRightCorner RightBrowLeftCorner RightBrowCenter RightBrowRightCorner "
    "LeftEyeLeftCorner LeftEyeCenter LeftEyeRightCorner RightEyeLeftCorner RightEyeCenter RightEyeRightCorner LeftEar "
    "NoseLeft NoseCenter NoseRight RightEar MouthLeftCorner MouthCenter MouthRightCorner ChinCenter"
).split()
"""The 21 points by their names in the database."""

ABOUT = """\
  what      25,993 faces in 21,997 pictures from Flickr, up to 21 points each, only those that can be seen (Koestinger
            et al. 2011). 16 of the 21 are among our 68: brows, eye corners, nose tip, mouth corners, chin. Nobody is
            named, so each face counts as a person of its own.
  licence   research only; sign and send the form of the page, do not pass it on.
  size      several GB (check the page)
  get it    by hand: http://lrs.icg.tugraz.at/research/aflw/
  layout    data/aflw.sqlite  data/flickr/0/image00002.jpg  (folders 0, 2, 3). Whether pixels count from 0 or 1 is not
            said where we could see it: taken as from 0 (our choice)"""

_QUERY = """
    SELECT Faces.face_id, FaceImages.filepath, FeatureCoordTypes.descr, FeatureCoords.x, FeatureCoords.y
    FROM Faces JOIN FaceImages ON FaceImages.file_id = Faces.file_id
    JOIN FeatureCoords ON FeatureCoords.face_id = Faces.face_id
    JOIN FeatureCoordTypes ON FeatureCoordTypes.feature_id = FeatureCoords.feature_id
    ORDER BY Faces.face_id, FeatureCoords.feature_id"""


class _Face(NamedTuple):
    face: str
    picture: Path
    database: Path
    points: np.ndarray


def plan(folders: Sequence[Path]) -> Plan:
    """Units of all faces of each database; a face with a broken or doubled point is told."""
    made, faces = Plan(), []
    for root in folders:
        for database in sorted(root.rglob("*.sqlite")):
            try:
                rows = _rows(database)
            except sqlite3.Error as error:
                made.problems.append(f"{database}: not AFLW's database, or cut off ({error}); copy it anew")
                continue
            faces += _faces(rows, database, made.problems)
    made.units += in_units("aflw", faces, _read, lambda face: (face.picture, face.database))
    return made


def _rows(database: Path) -> list[tuple]:
    connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    try:
        return connection.execute(_QUERY).fetchall()
    finally:
        connection.close()


def _faces(rows: list[tuple], database: Path, problems: list[str]) -> list[_Face]:
    pictures, points = {}, defaultdict(lambda: np.full((len(NAMES), 2), np.nan))
    for face, picture, name, x, y in rows:
        where = f"{database}, face {face}"
        place = np.array([v if isinstance(v, (int, float)) else np.nan for v in (x, y)], float)
        if name not in NAMES:
            problems.append(f"{where}: {name!r} is none of the 21 points; mend or delete the row")
        elif not (np.abs(place) < 1e6).all():
            problems.append(f"{where}: {name} is no place in a picture; mend or delete the row")
        elif np.isfinite(points[face][NAMES.index(name)]).all():
            problems.append(f"{where}: {name} is there twice; delete one row")
        else:
            points[face][NAMES.index(name)] = place
        pictures[face] = str(picture)
    home = next((p for p in sorted(database.parent.rglob("flickr")) if p.is_dir()), database.parent)
    return [_Face(str(face), home / pictures[face], database, points[face]) for face in pictures]


def _read(faces: Sequence[_Face], problems: list[str]) -> Iterator[Frame]:
    for face in faces:
        try:
            stored = store_still(face.picture, AFLW21.to_68(face.points), AFLW21.box(face.points))
        except (ValueError, FileNotFoundError) as error:
            problems.append(f"face {face.face}: {error}")
            continue
        name = f"aflw/{face.face}"
        yield Frame(name, name, name, 0, "all", *stored)


AFLW = DataSet("aflw", "AFLW: stills with up to 21 points", ABOUT, plan, {"all": 25993})
