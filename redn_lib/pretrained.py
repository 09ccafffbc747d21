"""Shipped weights and weight files: safetensors, with the preset in the header, written whole or not at all.

The card beside the shipped ones, weights/README.md, states the sha256 of each; `redn doctor` compares.
"""

import hashlib
import json
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from redn_lib.device import best_device
from redn_lib.files import naming, plain_name, whole_file
from redn_lib.presets import PRESETS
from redn_lib.rednet import RedNet

WEIGHTS = Path(__file__).parent / "weights"
CARD = "README.md"
CHECKSUM = re.compile(r"^sha256 of `(.+)`: `([0-9a-f]{64})`$", re.MULTILINE)
AGAIN = "fetch it or train it again (the shipped one: git checkout -- redn_lib/weights)"
SIZES = ("people", "hidden")  # fields of a preset that the header gives
RENAMED = {"regression.look.": "regression.refine."}  # older names of parameters
OLDER_MEMORY = ("memory.recall.weight", "memory.prior.weight")  # in files of which f_tRNN was another network


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**20


ENTRIES: dict[str, Callable[[Any], bool]] = {
    "people": _is_size,
    "hidden": _is_size,
    "f_cls": _are_names,
    "seen": lambda them: isinstance(them, dict) and all(_are_names(them.get(kind)) for kind in ("people", "videos")),
}
"""Entries of a header that are computed with, and what each must be."""


def load_pretrained(name: str = "compact", device: str | torch.device | None = None) -> RedNet:
    """The weights inside the package, in eval mode, on `device` (default: a GPU where there is one); no network needed.

    Raises FileNotFoundError for an unknown name, ValueError as `load_weights`. `check_checksum` compares the sha256.
    """
    return load_weights(weights_path(name), device)


def load_weights(path: str | Path, device: str | torch.device | None = None) -> RedNet:
    """A network from a weight file written by `save_weights`, in eval mode.

    Raises FileNotFoundError where there is none, OSError where it cannot be read; ValueError where it is damaged, holds
    NaN or infinity, or is for another preset or version.
    """
    about, state = _read(path)
    stated = about.pop("checksum", None)  # older files have none
    is_damaged = stated not in (None, _digest(about, state))
    for old, new in RENAMED.items():
        state = {key.replace(old, new): value for key, value in state.items()}
    if not state.keys().isdisjoint(OLDER_MEMORY):
        warnings.warn(
            f"the f_tRNN of {path} is of an older version and is left out: train it with redn train", stacklevel=2
        )
        state = {key: value for key, value in state.items() if not key.startswith("memory.")}
        about = about | {"hidden": 0}
    with torch.device("meta"):  # which takes no memory, whatever sizes the header gives
        misfits = _misfits(state, _untrained(about, path).state_dict())
    if misfits:
        more = f" (and {len(misfits) - 1} more)" if len(misfits) > 1 else ""
        raise ValueError(f"weight file {path} does not fit preset {about['preset']!r}: {misfits[0]}{more}; {AGAIN}")
    model = _untrained(about, path)
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
    return {name: value for name, value in _read(path, header_only=True)[0].items() if name != "checksum"}


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


def checksum(path: str | Path) -> str:
    """The sha256 of a file, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stated_checksums(folder: str | Path = WEIGHTS) -> dict[str, str]:
    """{name of a weight file: its sha256}, as the card in `folder` states them."""
    return dict(CHECKSUM.findall((Path(folder) / CARD).read_text(encoding="utf-8")))


def check_checksum(path: str | Path) -> None:
    """Raise ValueError where a weight file is not the one whose sha256 the card beside it states."""
    path = Path(path)
    stated, found = stated_checksums(path.parent).get(path.name), checksum(path)
    if stated is None:
        raise ValueError(f"{path.parent / CARD} states no sha256 of {path.name}; keep weights of your own elsewhere")
    if found != stated:
        raise ValueError(f"{path} was changed or replaced: its sha256 is {found}, {CARD} beside it states {stated}")


def _digest(about: Mapping[str, Any], state: Mapping[str, Tensor]) -> str:
    """Checksum of the header and of every parameter."""
    found = hashlib.sha256(json.dumps(about).encode())
    for name in sorted(state):
        found.update(name.encode() + state[name].contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _untrained(about: Mapping[str, Any], path: str | Path) -> RedNet:
    """A network of the preset and sizes that a header gives."""
    preset, sizes = about.get("preset"), {size: about.get(size, 0) for size in SIZES}
    if not isinstance(preset, str) or preset not in PRESETS:
        raise ValueError(f"weight file {path} is for preset {preset!r}; this library knows {', '.join(PRESETS)}")
    return RedNet(replace(PRESETS[preset], **sizes))


def _misfits(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """What keeps `state` from being loaded into a network whose parameters are `own`; floats of every precision fit."""
    wrong = [f"parameter {name} is missing" for name in own if name not in state]
    wrong += [f"parameter {name} is unknown" for name in state if name not in own]
    for name, value in state.items():
        if name in own and (value.shape != own[name].shape or not value.is_floating_point()):
            needed = f"{own[name].dtype} {tuple(own[name].shape)}"
            wrong.append(f"parameter {name} is {value.dtype} {tuple(value.shape)}, not {needed}")
    return wrong


def _read(path: str | Path, header_only: bool = False) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """(header, tensors) of a weight file."""
    if not Path(path).exists():
        raise FileNotFoundError(f"no weight file at {path}")
    about_file = naming(f"weight file {path}", AGAIN)
    with Path(path).open("rb"), plain_name(path) as plain, about_file, safe_open(plain, "pt") as file:
        about = json.loads((file.metadata() or {}).get("redn", "{}"))
        if not isinstance(about, dict):
            raise ValueError("its header holds no named values")
        for name, is_valid in ENTRIES.items():
            if name in about and not is_valid(about[name]):
                raise ValueError(f"its header has {name} {about[name]!r:.40}")
        if len(about.get("f_cls", ())) not in (0, about.get("people", 0)):
            raise ValueError("its header names not as many people as f_CLS knows")
        return about, {} if header_only else {key: file.get_tensor(key) for key in file.keys()}
