"""Shipped weights and weight files: safetensors, with the preset in the header, written whole or not at all."""

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from redn_lib.device import best_device
from redn_lib.files import naming, whole_file
from redn_lib.presets import PRESETS
from redn_lib.rednet import RedNet

WEIGHTS = Path(__file__).parent / "weights"
AGAIN = "fetch it or train it again (the shipped one: git checkout -- redn_lib/weights)"
SIZES = ("people", "hidden")  # fields of a preset that the header gives
RENAMED = {"regression.look.": "regression.refine."}  # older names of parameters
OLDER_MEMORY = ("memory.recall.weight", "memory.prior.weight", "memory.lstm.weight_ih")
"""In files of which f_tRNN was another network."""


def load_pretrained(name: str = "compact", device: str | torch.device | None = None) -> RedNet:
    """The weights inside the package, in eval mode, on `device` (default: a GPU where there is one); no network needed.

    Raises FileNotFoundError for an unknown name, ValueError as `load_weights`.
    """
    return load_weights(weights_path(name), device)


def load_weights(path: str | Path, device: str | torch.device | None = None) -> RedNet:
    """A network from a weight file written by `save_weights`, in eval mode.

    Raises FileNotFoundError where there is none, OSError where it cannot be read; ValueError where it is damaged, holds
    NaN or infinity, or is for another preset or version.
    """
    about, state = _read(path)
    for old, new in RENAMED.items():
        state = {key.replace(old, new): value for key, value in state.items()}
    stated = about.pop("checksum", None)  # older files have none
    is_damaged = stated not in (None, _digest(about, state))
    if not state.keys().isdisjoint(OLDER_MEMORY):
        remedy = "train it again with redn train"
        warnings.warn(f"the f_tRNN of {path} is of an older version and is left out: {remedy}", stacklevel=2)
        state = {key: value for key, value in state.items() if not key.startswith("memory.")}
        about = about | {"hidden": 0}
    with naming(f"weight file {path}", AGAIN):
        if about.get("preset") not in PRESETS:
            raise ValueError(f"its preset is {about.get('preset')!r}; there are {', '.join(PRESETS)}")
        preset = replace(PRESETS[about["preset"]], **{size: about.get(size, 0) for size in SIZES})
        with torch.device("meta"):  # which takes no memory, whatever sizes the header gives
            RedNet(preset).load_state_dict(state, assign=True)
        model = RedNet(preset)
        model.load_state_dict(state)
    check_finite(model.state_dict(), f"weight file {path}", AGAIN)
    if is_damaged:
        raise ValueError(f"weight file {path} is damaged: its checksum is another; {AGAIN}")
    return model.to(best_device(device), memory_format=torch.channels_last).eval()


def save_weights(model: RedNet, path: str | Path, **about: object) -> None:
    """Write weights; the preset and `about` (such as seed=0) go into the header.

    Raises ValueError naming a parameter that holds NaN or infinity, OSError as `whole_file`; nothing is written then.
    """
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    check_finite(state, f"not written: {path}", "train again with a lower rate")
    sizes = {size: getattr(model.preset, size) for size in SIZES if getattr(model.preset, size)}
    about = {"preset": model.preset.name, **sizes, **about}
    header = json.dumps(about | {"checksum": _digest(about, state)})  # one entry: it keeps its order
    with whole_file(path) as temporary:
        temporary.write_bytes(save(state, {"redn": header}))


def about_weights(path: str | Path) -> dict[str, Any]:
    """The header of a weight file: the preset, and what `save_weights` was given. Raises as `load_weights`."""
    return {name: value for name, value in _read(path)[0].items() if name != "checksum"}


def weights_path(name: str = "compact") -> Path:
    """Where the weights inside the package lie. Raises FileNotFoundError for an unknown name."""
    path = WEIGHTS / f"{name}.safetensors"
    if not path.exists():
        names = ", ".join(sorted(p.stem for p in WEIGHTS.glob("*.safetensors"))) or "none"
        raise FileNotFoundError(f"no weights named {name!r} in the package; there are: {names}")
    return path


def check_finite(state: Mapping[str, Tensor], what: str, remedy: str) -> None:
    """Raise ValueError, naming the first parameter of `what` that holds NaN or infinity, and the remedy."""
    for name, value in state.items():
        if not bool(value.isfinite().all()):
            raise ValueError(f"{what}: parameter {name} is not finite (NaN or infinity); {remedy}")


def _digest(about: Mapping[str, Any], state: Mapping[str, Tensor]) -> str:
    """Checksum of the header and of every parameter."""
    found = hashlib.sha256(json.dumps(about).encode())
    for name in sorted(state):
        found.update(name.encode() + state[name].contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _read(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """(header, tensors) of a weight file."""
    if not Path(path).exists():
        raise FileNotFoundError(f"no weight file at {path}")
    content = Path(path).read_bytes()
    with naming(f"weight file {path}", AGAIN):
        state = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        about = json.loads(header.get("__metadata__", {}).get("redn", "{}"))
        known, learnt = about.get("f_cls", []), about.get("seen", {"people": [], "videos": []})
        if not all(isinstance(name, str) for names in (known, learnt["people"], learnt["videos"]) for name in names):
            raise ValueError("its header holds no names where it should")
        if len(known) not in (0, about.get("people", 0)):
            raise ValueError("its header names not as many people as f_CLS knows")
        return about, state
