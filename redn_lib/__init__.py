"""RED-Net: a recurrent encoder-decoder network for sequential face alignment. The public names are those below.

Each is imported at its first use, so `redn --help` is quick and `redn doctor` runs where torch does not load.
"""

from importlib import import_module

_HOMES = {
    "Clip": "data.clip",
    "Face": "data.clip",
    "Fit": "tracking.align",
    "RedNet": "rednet",
    "TrackedFrame": "tracking.tracker",
    "Tracker": "tracking.tracker",
    "align": "tracking.align",
    "best_device": "device",
    "load_pretrained": "pretrained",
    "load_weights": "pretrained",
    "save_weights": "pretrained",
}
__all__ = list(_HOMES)
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """The public object `name` (PEP 562). Raises AttributeError for any other name."""
    if name not in _HOMES:
        raise AttributeError(f"module 'redn_lib' has no attribute {name!r}")
    return getattr(import_module(f"redn_lib.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """The public names, for completion in a notebook."""
    return [*globals(), *_HOMES]
