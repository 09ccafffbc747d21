"""The state of a training run on disk."""

from pathlib import Path
from typing import Any

import torch

from redn_lib.files import whole_file


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a training state of tensors and plain values. Raises OSError (disk full, no permission); the old file stays
    as it was.
    """
    with whole_file(path) as temporary:
        torch.save(state, temporary)


def load(path: Path) -> dict[str, Any]:
    """Read a training state, tensors and plain values only. Raises FileNotFoundError, or ValueError naming a damaged
    file and the remedy.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"checkpoint {path} is damaged or not one of ours ({type(error).__name__}): delete it to begin anew"
        ) from error
