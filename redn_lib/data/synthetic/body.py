"""A whole person as one mesh: skin, eyes, mouth, ears, neck and shoulders, hair. (our choice)"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from redn_lib.data.synthetic import hair, parts
from redn_lib.data.synthetic.atlas import CLOTH, SIDE
from redn_lib.data.synthetic.expression import Expression
from redn_lib.data.synthetic.head import template
from redn_lib.data.synthetic.light import neighbours, openness
from redn_lib.data.synthetic.parts import Part, sheet

_AROUND = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_TORSO = np.array(
    [
        (0.45, 0.52, 0.48, -1.12, 1.00, 0.02, 0.25),
        (0.90, 0.66, 0.56, -1.06, 0.85, 0.10, 0.32),
        (1.15, 0.68, 0.62, -1.10, 0.50, 0.20, 0.55),
        (1.36, 0.74, 0.68, -1.14, 0.20, 0.32, 0.80),
        (1.50, 1.10, 0.78, -1.14, 0.00, 0.42, 0.92),
        (1.72, 1.80, 0.86, -1.15, 0.00, 0.60, 1.00),
        (2.05, 2.35, 0.96, -1.15, 0.00, 0.75, 1.00),
        (3.80, 2.60, 1.20, -1.20, 0.00, 0.98, 1.00),
    ]
)
"""Rings from neck to chest: y, half width, half depth, middle z, share of the head's turn, texture row, light."""


@dataclass(frozen=True)
class Mesh:
    """The joined parts, skin first.

    triangles: (M, 3). two_sided: (M,). neighbours: (V, 10) triangles round a vertex, M for none. uv: (V, 2) atlas
    pixels. shade, shine: (V,), see Part. turn: (V,) share of the head's rotation that each vertex follows.
    """

    triangles: np.ndarray
    two_sided: np.ndarray
    neighbours: np.ndarray
    uv: np.ndarray
    shade: np.ndarray
    shine: np.ndarray
    turn: np.ndarray


def _torso_part() -> Part:
    across = 2 * np.abs((_AROUND / (2 * np.pi) + 0.5) % 1 - 0.5)
    u = np.tile(CLOTH[0] + 1 + across * (CLOTH[2] - 3), len(_TORSO))
    v = CLOTH[1] + np.repeat(_TORSO[:, 5], len(_AROUND)) * (CLOTH[3] - 1)
    return Part(
        sheet(len(_TORSO), len(_AROUND), True),
        np.column_stack([u, v]),
        np.repeat(_TORSO[:, 6], len(_AROUND)),
        0.15,
        False,
    )


def _torso(neck: float, shoulders: float) -> np.ndarray:
    grow = np.where(np.arange(len(_TORSO)) < 4, neck, shoulders)[:, None]
    x = _TORSO[:, 1:2] * grow * np.sin(_AROUND)
    z = _TORSO[:, 3:4] + _TORSO[:, 2:3] * np.cos(_AROUND)
    return np.stack([x, np.broadcast_to(_TORSO[:, :1], x.shape), z], -1).reshape(-1, 3)


@cache
def mesh(with_hair: bool, long_hair: bool) -> Mesh:
    """The joined mesh for a bald head, short hair or long hair."""
    t = template()
    skin = Part(t.triangles, np.clip(SIDE * t.uv, 1, SIDE - 2), openness(t.spread @ t.controls), 1.0, False)
    pieces = [skin, parts.eyes_part(), parts.mouth_part(), parts.ears_part(), _torso_part()]
    pieces += [hair.hair_part()] if with_hair else []
    pieces += [hair.curtain_part()] if long_hair else []
    sizes = [len(p.uv) for p in pieces]
    start = np.cumsum(sizes) - sizes
    triangles = np.vstack([p.triangles + s for p, s in zip(pieces, start, strict=True)]).astype(np.int32)
    turn = np.ones(sum(sizes), np.float32)
    turn[start[4] : start[4] + sizes[4]] = np.repeat(_TORSO[:, 4], len(_AROUND))
    return Mesh(
        triangles,
        np.concatenate([np.full(len(p.triangles), p.two_sided) for p in pieces]),
        neighbours(triangles, sum(sizes)),
        np.vstack([p.uv for p in pieces]).astype(np.float32),
        np.concatenate([p.shade for p in pieces]).astype(np.float32),
        np.concatenate([np.full(n, p.shine) for p, n in zip(pieces, sizes, strict=True)]).astype(np.float32),
        turn,
    )


def vertices(controls: np.ndarray, look: Mapping[str, Any], expression: Expression, seed: int) -> np.ndarray:
    """All vertices (V, 3) of `mesh(look has hair, look has long hair)`, before the head is turned. seed: of the hair's
    lumps."""
    skin = template().spread @ controls
    pieces = [
        skin,
        parts.eyes(controls, expression),
        parts.mouth(controls, expression),
        parts.ears(controls, look["ear_size"], look["ear_out"]),
    ]
    pieces.append(_torso(look["neck"], look["shoulders"]))
    rng = np.random.default_rng([seed, 5])
    if look["hair"]:
        pieces.append(hair.hair(skin, look, rng.normal(size=hair.hair_size())))
    if look["long_hair"]:
        pieces.append(hair.curtain(skin, look, rng.normal(size=hair.ROWS * hair.COLUMNS)))
    return np.vstack(pieces).astype(np.float32)
