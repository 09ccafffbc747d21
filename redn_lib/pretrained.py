"""Shipped weights and weight files: safetensors, with the preset in the header, written whole or not at all."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from redn_lib.device import best_device
from redn_lib.files import whole_file
from redn_lib.rednet import PRESETS, RedNet

WEIGHTS = Path(__file__).parent / "weights"
SIZES = ("people", "hidden")  # fields of a preset that the header gives
RENAMED = {"regression.look.": "regression.refine.", "memory.recall.": "memory.prior."}  # older names of parameters


def load_pretrained(name: str = "compact", device: str | torch.device | None = None) -> RedNet:
    """The weights inside the package, in eval mode, on `device` (default: a GPU where there is one); no network needed.

    Raises FileNotFoundError for an unknown name, ValueError for a damaged file.
    """
    return load_weights(weights_path(name), device)


def load_weights(path: str | Path, device: str | torch.device | None = None) -> RedNet:
    """A network from a weight file written by `save_weights`, in eval mode.

    Raises FileNotFoundError where there is none; ValueError where it is damaged, not finite or for another preset.
    """
    about, state = _read(path)
    preset = about.get("preset")
    if preset not in PRESETS:
        raise ValueError(f"weight file {path} is for preset {preset!r}; this library knows {', '.join(PRESETS)}")
    check_finite(state, f"weight file {path}")
    for old, new in RENAMED.items():
        state = {key.replace(old, new): value for key, value in state.items()}
    model = RedNet(replace(PRESETS[preset], **{size: about.get(size, 0) for size in SIZES}))
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"weight file {path} of another version does not fit preset {preset!r}") from error
    return model.to(best_device(device), memory_format=torch.channels_last).eval()


def save_weights(model: RedNet, path: str | Path, **about: object) -> None:
    """Write weights; the preset and `about` (such as seed=0) go into the header.

    Raises ValueError naming a parameter that is not finite, OSError as `whole_file`.
    """
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    check_finite(state, f"the network for {path}")
    sizes = {size: getattr(model.preset, size) for size in SIZES if getattr(model.preset, size)}
    header = json.dumps({"preset": model.preset.name, **sizes, **about})  # one entry: it keeps its order
    with whole_file(path) as temporary:
        save_file(state, temporary, {"redn": header})


def about_weights(path: str | Path) -> dict[str, Any]:
    """The header of a weight file: the preset, and what `save_weights` was given. Raises as `load_weights`."""
    return _read(path, header_only=True)[0]


def weights_path(name: str = "compact") -> Path:
    """Where the weights inside the package lie. Raises FileNotFoundError for an unknown name."""
    path = WEIGHTS / f"{name}.safetensors"
    if not path.exists():
        names = ", ".join(sorted(p.stem for p in WEIGHTS.glob("*.safetensors"))) or "none"
        raise FileNotFoundError(f"no weights named {name!r} in the package; there are: {names}")
    return path


def check_finite(state: Mapping[str, Tensor], what: str) -> None:
    """Raise ValueError, naming the first parameter of `what` that holds NaN or infinity."""
    for name, value in state.items():
        if not bool(value.isfinite().all()):
            raise ValueError(f"{what}: parameter {name} is not finite (NaN or infinity); train again with a lower rate")


def _read(path: str | Path, header_only: bool = False) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """(header, tensors) of a weight file."""
    if not Path(path).exists():
        raise FileNotFoundError(f"no weight file at {path}")
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {}).get("redn", "{}"))
            return about, {} if header_only else {key: file.get_tensor(key) for key in file.keys()}
    except SafetensorError as error:
        raise ValueError(f"weight file {path} is damaged or cut off ({error}); fetch it or train it again") from error
