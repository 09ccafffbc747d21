"""Shipped weights and weight files: safetensors, the preset in the header, written whole or not at all."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from redn_lib.device import best_device
from redn_lib.files import whole_file
from redn_lib.rednet import PRESETS, RedNet

WEIGHTS = Path(__file__).parent / "weights"
PARTS = ("people", "hidden")
"""Fields of a preset that say how large f_CLS and f_tRNN are."""

RENAMED = {"regression.look.": "regression.refine.", "memory.recall.": "memory.prior."}
"""Names of parameters in older weight files, and what they are called now."""


def load_pretrained(name: str = "compact", device: str | torch.device | None = None) -> RedNet:
    """The weights inside the package, in eval mode, on `device` (default: a GPU where there is one); no network needed.

    Raises FileNotFoundError for an unknown name, ValueError for a damaged file.
    """
    return load_weights(weights_path(name), device)


def load_weights(path: str | Path, device: str | torch.device | None = None) -> RedNet:
    """A network from a weight file written by `save_weights`, in eval mode.

    Raises FileNotFoundError where there is none, ValueError naming a file that is damaged, cut off or for another
    preset.
    """
    about, state = _read(path)
    preset = about.get("preset")
    if preset not in PRESETS:
        raise ValueError(f"weight file {path} is for preset {preset!r}; this library knows {', '.join(PRESETS)}")
    model = RedNet(replace(PRESETS[preset], **{part: about.get(part, 0) for part in PARTS}))
    try:
        model.load_state_dict({renamed(key): value.float() for key, value in state.items()})
    except RuntimeError as error:
        raise ValueError(
            f"weight file {path} does not fit preset {preset!r}: it was written by another version"
        ) from error
    return model.to(device or best_device(), memory_format=torch.channels_last).eval()


def renamed(key: str) -> str:
    """Today's name of a parameter."""
    for old, new in RENAMED.items():
        key = key.replace(old, new)
    return key


def weights_path(name: str = "compact") -> Path:
    """Where the weights inside the package lie. Raises FileNotFoundError for an unknown name."""
    path = WEIGHTS / f"{name}.safetensors"
    if not path.exists():
        there = ", ".join(sorted(p.stem for p in WEIGHTS.glob("*.safetensors"))) or "none"
        raise FileNotFoundError(f"no weights named {name!r} in the package; there are: {there}")
    return path


def about_weights(path: str | Path) -> dict[str, Any]:
    """What the header of a weight file says: the preset, and what `save_weights` was told (seed, people seen, ...).

    Raises as `load_weights`.
    """
    return _read(path, header=True)[0]


def _read(path: str | Path, header: bool = False) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """(header, tensors) of a weight file; header=True: no tensors."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no weight file at {path}")
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {}).get("redn", "{}"))
            return about, {} if header else {key: file.get_tensor(key) for key in file.keys()}
    except SafetensorError as error:
        raise ValueError(f"weight file {path} is damaged or cut off ({error}); fetch or train it anew") from error


def save_weights(model: RedNet, path: str | Path, **about: object) -> None:
    """Write weights; the preset and `about` (e.g. seed) go into the header as JSON, in one entry because the order of
    several is left to chance. An old file stays whole until the new one is.
    """
    with whole_file(Path(path)) as temporary:
        state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
        parts = {part: size for part in PARTS if (size := getattr(model.preset, part))}
        save_file(state, temporary, {"redn": json.dumps({"preset": model.preset.name, **parts, **about})})
