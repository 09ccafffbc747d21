"""The state of a training run on disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from redn_lib.files import whole_file

WHY = {"iterations": "the schedule of the learning rate depends on it"}
"""Why a run cannot go on with another value."""


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
            f"checkpoint {path} is damaged or not one of ours ({type(error).__name__}): delete it to begin again"
        ) from error


def check_same(path: Path, saved: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise ValueError where a value of the saved run is not that of this one, naming every one that differs."""
    differ = []
    for name in {**saved, **now}:
        before, after = saved.get(name), now.get(name)
        if before != after:
            why = f" ({WHY[name]})" if name in WHY else ""
            differ.append(f"{name} {before!r:.80}, now {after!r:.80}{why}")
    if differ:
        raise ValueError(
            f"checkpoint {path} was begun with {'; '.join(differ)}: repeat the first command, use another --run "
            "folder, or delete the checkpoint"
        )
