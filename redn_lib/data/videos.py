"""The one reader of video files: RGB images, upright, each with its time; the rate is that of the time stamps.

What a header says of rate and number of frames may be an estimate: a video of a browser claims 1000 frames a second, a
trimmed one still counts what was cut off. So the packets of the file are walked once, without decoding.
"""

import struct
import warnings
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import cv2
import numpy as np

from redn_lib.files import plain_name

VIDEOS = (".mp4", ".avi", ".webm", ".mkv", ".mov", ".m4v", ".mpg", ".mpeg", ".ts", ".wmv", ".flv", ".ogv", ".3gp")
DEFAULT_FPS = 25.0  # frames a second where a video does not say (our choice)
CLOCK = 0.5  # by so many seconds at most the order of packets differs from that of frames (our choice)
WHOLE = 0.95  # share of the length that a video claims, below which it breaks off (our choice)


class DamagedVideo(UserWarning):
    """Not all frames of a video could be read."""


class VideoFile:
    """A video: iterating gives (time in seconds, image (H, W, 3) uint8 RGB), as far as it can be read.

    fps: frames a second, by the time stamps; count: of the frames in the file, None where unknown.
    A frame of another size than the first is given at the first one's. One that breaks off gives a warning.
    Raises ValueError where the file is no video, or has no readable frame.
    """

    def __init__(self, path: str | Path) -> None:
        self.path, self.is_mirrored = path, is_mirrored(path)
        self._capture = cv2.VideoCapture(plain_name(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise ValueError(f"{path} is empty, cut off, broken, or not a video; play it to see")
        told, count = (self._capture.get(which) for which in (cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_COUNT))
        told = told if 0 < told <= 1000 else DEFAULT_FPS
        self._stamps = packet_times(path, 1 / told)
        length = np.ptp(self._stamps) if len(self._stamps) else 0.0
        rate = (len(self._stamps) - 1) / length if length else told
        self.fps, self.count = rate if 0.1 <= rate <= 1000 else told, len(self._stamps) or None
        self._breaks_off = length + 1 / self.fps < WHOLE * count / told if count > 0 else False

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        capture, seconds, count = self._capture, -1 / self.fps, 0
        turn = capture.get(cv2.CAP_PROP_ORIENTATION_META)
        try:
            for _ in range(self.count) if self.count else repeat(None):
                is_read, image = capture.read()
                if not is_read and not self.count:
                    break
                if not is_read:  # at the end, or a damaged packet, after which others may come
                    continue
                stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                seconds = stamp if stamp > seconds else seconds + 1 / self.fps
                image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
                yield seconds, cv2.flip(image, 0 if turn % 180 == 0 else 1) if self.is_mirrored else image
                count += 1
        finally:
            capture.release()
        if count == 0:
            raise ValueError(f"{self.path} has no readable frame, it is broken or cut off; play it to see")
        kept = int((self._stamps > self._stamps.max() - seconds - 0.5 / self.fps).sum()) if self.count else count
        if self._breaks_off:
            warnings.warn(
                f"{self.path} breaks off: only its first {count} frames are readable", DamagedVideo, stacklevel=3
            )
        elif count < kept - 1:
            warnings.warn(f"{self.path} is damaged: {count} of {kept} frames are readable", DamagedVideo, stacklevel=3)


def packet_times(path: str | Path, gap: float) -> np.ndarray:
    """Times of the packets of a video in seconds, in the order of the file: (N,) float64. Where the clock starts again,
    as in joined files, it goes on after a gap of so many seconds.
    """
    capture = cv2.VideoCapture(plain_name(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])
    times = []
    while capture.grab():
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    capture.release()
    steps = np.diff(times, prepend=0.0)
    return np.where(steps < -CLOCK, gap, steps).cumsum()


def is_mirrored(path: str | Path) -> bool:
    """Whether the display matrix of an mp4 or mov mirrors, which OpenCV, that only turns, leaves out."""
    with open(path, "rb") as file:
        for found in _boxes(file, Path(path).stat().st_size):
            matrix = struct.unpack(">9i", found[-44:-8])
            if matrix[0] * matrix[4] - matrix[1] * matrix[3]:  # of the first track with a picture
                return matrix[0] * matrix[4] < matrix[1] * matrix[3]
    return False


def _boxes(file, end: int) -> Iterator[bytes]:
    """What the boxes `tkhd` of an mp4, up to the byte `end`, hold."""
    while file.tell() + 8 <= end:
        start, (size, kind) = file.tell(), struct.unpack(">I4s", file.read(8))
        if size == 1:
            size = int.from_bytes(file.read(8))
        stop = start + size if size else end
        if not (file.tell() <= stop <= end) or not kind.isalnum():
            return
        if kind in (b"moov", b"trak"):
            yield from _boxes(file, stop)
        elif kind == b"tkhd" and size >= 92:
            yield file.read(min(size, 200) - 8)
        file.seek(stop)
