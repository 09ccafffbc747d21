"""The common form of every data set: a folder that is read fast, as indexed faces and as clips.

    STORE/store.json     written last: the set, its people, videos and splits, and what each part must weigh
    STORE/points.npy     (N, 68, 2) float32, NaN where the set marks no point
    STORE/frames.npz     what else is known of each frame
    STORE/parts/*.bin    the pictures, JPEG after JPEG

A folder without store.json was never finished and is not read. All points are in 0-based pixels of the stored picture.
"""

import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np

from redn_lib.data.clip import Clip, Face

FORMAT = 1
COLUMNS = ("part", "offset", "bytes", "number", "person", "video", "split", "fps", "size", "box", "origin", "name")
ANEW = "run the same data_scripts/get.py command again: it goes on where it stopped"
_READ = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION


@dataclass(frozen=True)
class StoredRow:
    """One frame of a store, its picture still on disk; in a list of rows as `ytf.YtfRow` is."""

    store: "Store"
    index: int

    @property
    def name(self) -> str:
        """Name within the set, such as "helen-train/232194_1"."""
        return str(self.store.column("name")[self.index])

    @property
    def person(self) -> str:
        """Who is shown; a name of its own for each still, or video, of a set that does not tell."""
        return self.store.people[self.store.column("person")[self.index]]

    @property
    def video(self) -> str:
        """The video that the frame is of; a still is its own."""
        return self.store.videos[self.store.column("video")[self.index]]

    @property
    def frame(self) -> int:
        """Number of the frame in its video, as the set counts."""
        return int(self.store.column("number")[self.index])

    @property
    def split(self) -> str:
        """The published part of the set, such as "cat3"."""
        return self.store.splits[self.store.column("split")[self.index]]

    @property
    def points(self) -> np.ndarray:
        """(68, 2) float32 in pixels of the picture, NaN where unmarked."""
        return np.array(self.store.points[self.index])

    @property
    def box(self) -> np.ndarray:
        """The face's box (4,) in pixels: of its points, or as the layout says."""
        return self.store.column("box")[self.index]

    def picture(self) -> np.ndarray:
        """The picture (H, W, 3) uint8 RGB. Raises ValueError where the part is damaged."""
        return self.store.picture(self.index)

    def load(self) -> Face:
        """The face with its picture. Raises ValueError where not all 68 points are marked."""
        points = self.points
        if not np.isfinite(points).all():
            known = int(np.isfinite(points).all(1).sum())
            raise ValueError(
                f"{self.name} of {self.store.folder}: {known} of the 68 points are marked, too few for a Face; "
                "use picture(), points and box"
            )
        return Face(self.picture(), points, self.person, self.name)


class Store:
    """A converted data set. `rows` are its frames; `clip(rows)` joins some of one video.

    set: its name; identities: whether the people are really known; problems: what was left out, a sentence each.
    Raises FileNotFoundError or ValueError for a folder that is no whole store, naming it and the remedy.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        told = self.folder / "store.json"
        if not told.is_file():
            what = f"conversion did not finish; {ANEW}" if (self.folder / "parts").is_dir() else "no converted data set"
            raise FileNotFoundError(f"{self.folder}: {what}")
        try:
            about = json.loads(told.read_text(encoding="utf-8"))
            self.set, self.identities, self.problems = about["set"], about["identities"], about["problems"]
            self.people, self.videos, self.splits = about["people"], about["videos"], about["splits"]
            self.parts, self.expected, self.made_of = about["parts"], about["expected"], about["made_of"]
            self.points = np.load(self.folder / "points.npy", mmap_mode="r")
            with np.load(self.folder / "frames.npz") as file:
                self._columns = {name: file[name] for name in COLUMNS}
            if about["format"] != FORMAT:
                raise ValueError(f"form {about['format']}, this version reads {FORMAT}")
        except (KeyError, TypeError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{self.folder}: not a whole store ({error}); delete {told.name} and {ANEW}") from error
        for part in self.parts:
            path = self._part(part)
            if not path.is_file() or path.stat().st_size != part["bytes"]:
                raise ValueError(f"{path}: gone or not of {part['bytes']} bytes; delete {told.name} and {ANEW}")

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def rows(self) -> list[StoredRow]:
        """All frames, by split, video and number."""
        return [StoredRow(self, i) for i in range(len(self))]

    def column(self, name: str) -> np.ndarray:
        """One of COLUMNS for all frames, (N, ...)."""
        return self._columns[name]

    def picture(self, index: int) -> np.ndarray:
        """The picture (H, W, 3) uint8 RGB of a frame. Raises ValueError where the part is damaged."""
        part = self._part(self.parts[self.column("part")[index]])
        with part.open("rb") as file:
            file.seek(self.column("offset")[index])
            data = file.read(self.column("bytes")[index])
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _READ) if data else None
        if image is None:
            raise ValueError(f"{part}: frame {index} is damaged; delete store.json and this part, and {ANEW}")
        return image

    def runs(self, length: int) -> list[list[StoredRow]]:
        """All stretches of `length` consecutive frames of a video, one after the other, none overlapping; where frames
        are missing a new stretch begins."""
        order = np.lexsort((self.column("number"), self.column("video")))
        video, number = self.column("video")[order], self.column("number")[order]
        breaks = np.flatnonzero((np.diff(video) != 0) | (np.diff(number) != 1)) + 1
        found = []
        for run in np.split(order, breaks):
            found += [run[i : i + length] for i in range(0, len(run) - length + 1, length)]
        return [[self.rows[i] for i in run] for run in found]

    def clip(self, rows: Sequence[StoredRow]) -> Clip:
        """The rows of one video as a clip. Raises ValueError where they are of several, or pictures differ in size."""
        if len({row.video for row in rows}) != 1:
            raise ValueError(f"a clip is of one video, not of {len({row.video for row in rows})}; see Store.runs")
        faces = [row.load() for row in rows]
        if len({face.image.shape for face in faces}) > 1:
            raise ValueError(f"{rows[0].video}: its pictures differ in size, so they are stills and no clip")
        frames, points = np.stack([f.image for f in faces]), np.stack([f.points for f in faces])
        fps = float(self.column("fps")[rows[0].index])
        return Clip(frames, points, rows[0].person, f"{rows[0].video}[{rows[0].frame}:]", fps=fps)

    def check(self) -> None:
        """Read every part and compare its checksum. Raises ValueError naming the first that is damaged."""
        for part in self.parts:
            path = self._part(part)
            if sha256(path.read_bytes()).hexdigest() != part["sha256"]:
                raise ValueError(f"{path}: damaged since it was written; delete store.json and this part, and {ANEW}")

    def _part(self, part: dict) -> Path:
        return self.folder / "parts" / f"{part['name']}.bin"
