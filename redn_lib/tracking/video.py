"""Pictures in, pictures out: a reader for a video, a folder of pictures, a camera or arrays, and a writer of videos."""

import re
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np

from redn_lib.data.clip import check_image
from redn_lib.files import whole_file

DEFAULT_FPS = 25.0
"""Frames a second where the source does not say (our choice)."""

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".webm": "VP80"}

Source = str | Path | int | Iterable[np.ndarray]


class Frames:
    """The frames of a source: iterating gives (index, time in seconds, image (H, W, 3) uint8 RGB).

    source: path of a video (turned upright as its file says), folder of pictures in natural order (2 before 10),
    camera number, or iterable of images; to be iterated once. fps: frames a second; count: number of frames, None where
    unknown. A video that breaks off gives what is readable, with a warning.
    Raises FileNotFoundError for what is not there, ValueError for what is no video, holds no picture or changes size.
    """

    def __init__(self, source: Source) -> None:
        self.fps, self.count = DEFAULT_FPS, None
        if isinstance(source, int):
            self._reader = _camera(source)
        elif not isinstance(source, (str, Path)):
            self.count = len(source) if hasattr(source, "__len__") else None
            self._reader = ((t / self.fps, image) for t, image in enumerate(source))
        elif Path(source).is_dir():
            paths = _pictures(Path(source))
            self.count = len(paths)
            self._reader = ((t / self.fps, _picture(path)) for t, path in enumerate(paths))
        else:
            capture = _open_video(Path(source))
            fps = capture.get(cv2.CAP_PROP_FPS)
            self.fps = fps if np.isfinite(fps) and 0 < fps <= 1000 else DEFAULT_FPS
            frames = capture.get(cv2.CAP_PROP_FRAME_COUNT)
            self.count = int(frames) if frames > 0 else None
            self._reader = _video(capture, Path(source), self.fps, self.count)
        self._name = "the source" if not isinstance(source, (str, Path, int)) else f"{source}"

    def __iter__(self) -> Iterator[tuple[int, float, np.ndarray]]:
        shape = None
        for index, (seconds, image) in enumerate(self._reader):
            check_image(image)
            if shape is not None and image.shape != shape:
                raise ValueError(
                    f"frame {index} of {self._name} is {image.shape[1]}x{image.shape[0]} pixels, "
                    f"the ones before {shape[1]}x{shape[0]}; scale them to one size, or track them apart"
                )
            shape = image.shape
            yield index, seconds, image


def frames(source: Source | Frames) -> Frames:
    """Open a source (see Frames); one that is open already is returned as it is."""
    return source if isinstance(source, Frames) else Frames(source)


def _open_video(path: Path) -> cv2.VideoCapture:
    if not path.is_file():
        raise FileNotFoundError(f"no such video or folder: {path}; check the path")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty (0 bytes); copy or download it again")
    if path.suffix.lower() in PICTURES:
        raise ValueError(f"{path} is a picture, not a video; put pictures in a folder and name the folder")
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise ValueError(
            f"{path} cannot be read as a video: not a video, broken, or cut off; play it, or convert it to mp4 (h264)"
        )
    return capture


def _video(
    capture: cv2.VideoCapture, path: Path, fps: float, expected: int | None
) -> Iterator[tuple[float, np.ndarray]]:
    index, last = 0, -1 / fps
    try:
        while True:
            ok, frame = capture.read()
            if not ok:
                break
            stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            last = stamp if stamp > last else last + 1 / fps
            yield last, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            index += 1
    finally:
        capture.release()
    if index == 0:
        raise ValueError(
            f"{path} holds no readable frame; it is broken or cut off: copy it again, or convert it to mp4 (h264)"
        )
    if expected and index < 0.95 * expected - 1:
        warnings.warn(f"{path} breaks off: {index} of {expected} frames are readable", stacklevel=3)


def _pictures(folder: Path) -> list[Path]:
    def natural(path: Path) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path.name.lower())]

    paths = sorted((p for p in folder.iterdir() if p.suffix.lower() in PICTURES), key=natural)
    if not paths:
        raise ValueError(f"the folder {folder} holds no picture ({', '.join(PICTURES)})")
    return paths


def _picture(path: Path) -> np.ndarray:
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR) if path.stat().st_size else None
    if image is None:
        raise ValueError(f"{path} cannot be read as a picture; remove it or make it anew")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _camera(number: int) -> Iterator[tuple[float, np.ndarray]]:
    capture = cv2.VideoCapture(number)
    if not capture.isOpened():
        raise FileNotFoundError(
            f"camera {number} is not there or in use; close other programs, or try another number (0 is the first)"
        )

    def read() -> Iterator[tuple[float, np.ndarray]]:
        start = time.monotonic()
        try:
            while True:
                ok, frame = capture.read()
                if not ok:
                    return
                yield time.monotonic() - start, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        finally:
            capture.release()

    return read()


class VideoWriter:
    """Context manager that writes pictures of one size to a video (.mp4, .avi, .webm), whole or not at all.

    Raises ValueError for an unknown ending, an encoder that is not there or a picture of another size.
    """

    def __init__(self, path: str | Path, fps: float) -> None:
        self.path, self.fps = Path(path), fps
        if self.path.suffix.lower() not in CODECS:
            raise ValueError(f"{path}: a video's name must end in {', '.join(CODECS)}")
        self._stack = ExitStack()
        self._writer, self._shape = None, None

    def write(self, image: np.ndarray) -> None:
        """Append one picture (H, W, 3) uint8 RGB."""
        check_image(image)
        if self._writer is None:
            self._open(image)
        if image.shape != self._shape:
            raise ValueError(
                f"{self.path}: a picture {image.shape[:2]} after one {self._shape[:2]}; all must have one size"
            )
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def _open(self, image: np.ndarray) -> None:
        temporary = self._stack.enter_context(whole_file(self.path))
        codec = CODECS[self.path.suffix.lower()]
        writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter.fourcc(*codec), self.fps, image.shape[1::-1])
        self._stack.callback(writer.release)
        if not writer.isOpened():
            raise ValueError(f"OpenCV has no {codec} encoder for {self.path}; try another ending ({', '.join(CODECS)})")
        self._writer, self._shape = writer, image.shape

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)
