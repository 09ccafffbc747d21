"""Videos as other programs make them, by the ffmpeg that imageio-ffmpeg, a part of the set-up, carries."""

import subprocess
from pathlib import Path

import imageio_ffmpeg


def convert_video(source: Path, out: Path, *options: str, before: tuple[str, ...] = ()) -> Path:
    """Write `out` from `source`; options of ffmpeg for the output, and before the input."""
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", *before, "-i", source, *options, out]
    subprocess.run(words, check=True, timeout=120)
    return out
