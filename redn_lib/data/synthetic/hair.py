"""Hair: the skin of the skull lifted where hair grows, and a curtain round the head for long hair. (our choice)"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from redn_lib.data.synthetic.atlas import HAIR
from redn_lib.data.synthetic.head import template
from redn_lib.data.synthetic.parts import Part, sheet

ROWS, COLUMNS = 10, 22


@cache
def _scalp() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which skin vertices can ever carry hair, their mean places, and their directions from the middle of the skull."""
    mean = template().spread @ template().controls
    able = np.flatnonzero(_inside(mean, -0.75, 0.5, 0.7) > -0.15)
    towards = mean[able] - (0, -0.75, -1.15)
    return able, mean[able], towards / np.linalg.norm(towards, axis=1, keepdims=True)


def _inside(place: np.ndarray, front: float, temple: float, side: float) -> np.ndarray:
    """How far inside the hair each place (V, 3) of the mean head lies, negative on bare skin."""
    z = [-2.6, -1.75, -1.35, -1.12, -0.98, -0.85, -0.62, -0.42, -0.15, 0.2]
    y = [0.45, 0.40, 0.05, side - 0.30, side - 0.38, 0.3 * side - 0.66]
    y += [-temple - 0.94, -temple - 1.16, -front - 1.36, -front - 1.42]
    return np.interp(place[:, 2], z, y) - place[:, 1]


def hair_part() -> Part:
    """The lifted skin, on the skin's own vertices."""
    able, _, _ = _scalp()
    new = np.full(len(template().uv), -1)
    new[able] = np.arange(len(able))
    triangles = new[template().triangles]
    triangles = triangles[(triangles >= 0).all(1)]
    uv = np.array(HAIR[:2]) + HAIR[2] * np.clip(0.5 + 0.475 * (template().uv[able] - 0.5), 0.02, 0.98)
    return Part(triangles, uv, np.ones(len(able)), 0.7, False)


def hair_size() -> int:
    """Number of vertices of the lifted skin."""
    return len(_scalp()[0])


def hair(skin: np.ndarray, look: Mapping[str, Any], lumps: np.ndarray) -> np.ndarray:
    """Vertices of the lifted skin; below the skin, and so unseen, where no hair grows. lumps: (hair_size(),) noise of
    unit spread."""
    able, place, towards = _scalp()
    inside = _inside(place, look["hair_front"], look["hair_temple"], look["sideburn"])
    parting = look["hair_part"] * np.sin(2.4 * place[:, 0]) * (place[:, 2] > -0.6)
    inside += 0.22 * parting + 0.05 * lumps * look["hair_ragged"]
    top = np.clip(-place[:, 1] - 0.9, 0, 1)
    rise = look["hair_volume"] * (0.5 + 0.8 * look["hair_top"] * top) * (1 + 0.2 * lumps * look["hair_ragged"]) + 0.03
    thick = np.where(inside > 0, np.minimum(rise, 0.02 + 1.2 * np.maximum(inside, 0)), -0.05)
    bare = -place[:, 1] + 0.25 * place[:, 2] > 2.2 - 1.6 * look["bald"]
    return skin[able] + towards * np.where(bare, -0.05, thick)[:, None]


def curtain_part() -> Part:
    """Long hair behind and beside the face."""
    c, r = np.meshgrid(np.linspace(0.03, 0.97, COLUMNS), np.linspace(0.05, 0.95, ROWS))
    uv = np.array(HAIR[:2]) + HAIR[2] * np.column_stack([c.ravel(), r.ravel()])
    return Part(sheet(ROWS, COLUMNS), uv, np.ones(ROWS * COLUMNS), 0.6, True)


def curtain(skin: np.ndarray, look: Mapping[str, Any], lumps: np.ndarray) -> np.ndarray:
    """Vertices (ROWS * COLUMNS, 3). lumps: (ROWS * COLUMNS,) noise of unit spread."""
    wide = np.abs(skin[:, 0]).max()
    angle = np.linspace(look["hair_open"], 2 * np.pi - look["hair_open"], COLUMNS)
    t = np.linspace(0, 1, ROWS)[:, None]
    y = -1.5 + t * (look["hair_end"] + 1.5)
    dome = np.sqrt(np.clip(1 - (np.minimum(y + 0.75, 0) / 1.4) ** 2, 0.03, 1))
    radius = (wide + 0.02 + look["hair_volume"] + look["hair_flare"] * np.clip(t - 0.35, 0, 1)) * dome
    radius = radius + 0.05 * lumps.reshape(ROWS, COLUMNS) * look["hair_wave"]
    x, z = radius * np.sin(angle), -1.18 + 1.1 * radius * np.cos(angle)
    return np.stack(np.broadcast_arrays(x, y + 0 * x, z), -1).reshape(-1, 3)
