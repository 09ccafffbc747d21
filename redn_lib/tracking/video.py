"""Reads frames from a video, a folder of images, a camera or arrays; writes videos."""

import re
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np

from redn_lib.data.clip import check_image
from redn_lib.data.images import IMAGES, read_image
from redn_lib.data.videos import DEFAULT_FPS, VideoFile
from redn_lib.files import plain_name, whole_file

CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".webm": "VP80"}

Source = str | Path | int | Iterable[np.ndarray]


class Frames:
    """The frames of a source: iterating gives (index, time in seconds, image (H, W, 3) uint8 RGB), once.

    source: path of a video, folder of images in natural order (2 before 10), camera number, or iterable of images.
    fps: frames a second; count: number of frames, None where unknown.
    files: of a folder, the image of each frame; skipped: indices, so far, of those that are broken or of another size
        than the first: a black image is given in place of each, with a warning.
    Raises FileNotFoundError for a source that is not there, ValueError for one that is not as above, and for arrays of
    different sizes. Of videos, see `VideoFile`.
    """

    def __init__(self, source: Source) -> None:
        self.name = str(source) if isinstance(source, str | Path | int) else "the source"
        self.fps, self.count = DEFAULT_FPS, None
        self.files: list[Path] = []
        self.skipped: set[int] = set()
        if isinstance(source, int):
            capture = cv2.VideoCapture(source) if 0 <= source < 2**31 else None
            if capture is None or not capture.isOpened():
                raise FileNotFoundError(f"camera {source} is not there or in use; close other programs")
            self._reader = _read_camera(capture)
        elif not isinstance(source, str | Path):
            self.count = len(source) if hasattr(source, "__len__") else None
            self._reader = ((t / self.fps, image) for t, image in enumerate(source))
        elif Path(source).is_dir():
            self.files = image_files(Path(source))
            self.count = len(self.files)
            self._reader = ((t / self.fps, image) for t, image in enumerate(self._read_folder()))
        else:
            if not Path(source).is_file():
                raise FileNotFoundError(f"{source}: no video file and no folder is there; check the path")
            if Path(source).suffix.lower() in IMAGES:
                raise ValueError(f"{source} is an image, not a video; put images in a folder and name the folder")
            video = VideoFile(source)
            self.fps, self.count, self._reader = video.fps, video.count, iter(video)

    def __iter__(self) -> Iterator[tuple[int, float, np.ndarray]]:
        shape = None
        for index, (seconds, image) in enumerate(self._reader):
            try:
                check_image(image)
            except ValueError as error:
                raise ValueError(f"frame {index} of {self.name}: {error}") from error
            if shape is not None and image.shape != shape:
                size, before = (f"{s[1]}x{s[0]}" for s in (image.shape, shape))
                raise ValueError(f"frame {index} of {self.name} is {size} pixels, the ones before {before}; scale them")
            shape = image.shape
            yield index, seconds, image

    def _read_folder(self) -> Iterator[np.ndarray]:
        """The images of a folder. Raises ValueError where none can be read."""
        shape = None
        for index, path in enumerate(self.files):
            try:
                image = read_image(path)
                if image.shape != (shape or image.shape):
                    raise ValueError(f"{path} is not of {shape[1]}x{shape[0]} pixels as the ones before; scale it")
            except (ValueError, OSError) as error:
                warnings.warn(f"frame {index} is skipped: {error}", stacklevel=3)
                self.skipped.add(index)
                image = None
            if shape is None and image is not None:
                shape = image.shape
                yield from np.zeros((index, *shape), np.uint8)  # in place of those before the first
            if shape:
                yield np.zeros(shape, np.uint8) if image is None else image
        if shape is None:
            raise ValueError(f"no image of the folder {self.name} can be read")


def _read_camera(capture: cv2.VideoCapture) -> Iterator[tuple[float, np.ndarray]]:
    """(seconds since the start, image) of a camera, until it gives none."""
    start = time.monotonic()
    while (read := capture.read())[0]:
        yield time.monotonic() - start, cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB)
    capture.release()


def frames(source: Source | Frames) -> Frames:
    """Open a source (see Frames); one that is open already is returned as it is."""
    return source if isinstance(source, Frames) else Frames(source)


def image_files(folder: Path) -> list[Path]:
    """The images of a folder in natural order, without hidden ones. Raises ValueError where there are none."""
    named = [p for p in folder.iterdir() if p.suffix.lower() in IMAGES and not p.name.startswith(".")]
    paths = [p for p in named if not p.is_dir()]
    paths.sort(key=lambda p: re.sub(r"\d+", lambda number: number[0].zfill(20), p.name.lower()))
    if not paths:
        told = f"the folder {folder} holds no image ({', '.join(IMAGES)})"
        raise ValueError(f"{told}; `redn track` takes a folder of videos with --jobs")
    return paths


class VideoWriter(ExitStack):
    """Context manager that writes images to a video (.mp4, .avi, .webm), whole or not at all.

    Raises ValueError for an unknown ending, a missing encoder, or an image of another size; OSError where not all that
    was written can be read again, as on a full disk, of which OpenCV does not tell.
    """

    def __init__(self, path: str | Path, fps: float) -> None:
        super().__init__()
        self.path, self.fps = Path(path), fps
        self._writer, self._shape, self._count = None, None, 0
        if self.path.suffix.lower() not in CODECS:
            raise ValueError(f"{path}: a video's name must end in {', '.join(CODECS)}")

    def write(self, image: np.ndarray) -> None:
        """Append one image (H, W, 3) uint8 RGB."""
        check_image(image)
        if self._writer is None:
            codec, size, self._shape = CODECS[self.path.suffix.lower()], image.shape[1::-1], image.shape
            self._name = plain_name(self.enter_context(whole_file(self.path)))
            self._writer = cv2.VideoWriter(self._name, cv2.VideoWriter.fourcc(*codec), self.fps, size)
            self.push(self._check)
            self.callback(self._writer.release)
            if not self._writer.isOpened():
                raise ValueError(f"OpenCV has no {codec} encoder for {self.path}; try one of {', '.join(CODECS)}")
        if image.shape != self._shape:
            raise ValueError(f"{self.path}: an image {image.shape[:2]} after one {self._shape[:2]}; keep to one size")
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        self._count += 1

    def _check(self, kind: type | None, *_: object) -> None:
        """At the end, unless by an error of that kind: all frames are there."""
        if kind is not None:
            return
        capture = cv2.VideoCapture(self._name, cv2.CAP_FFMPEG)
        readable = sum(1 for _ in iter(capture.grab, False))
        capture.release()
        if readable < self._count:
            told = f"{self._count} frames were written but {readable} can be read: is the disk full?"
            raise OSError(f"could not write {self.path} ({told}); what was there is unchanged")
