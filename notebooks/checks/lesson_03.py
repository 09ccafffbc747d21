"""Checks of notebook 03: points fed back, points from crop to crop, seven channels of z."""

import torch

from checks.exercise import Exercise
from checks.made import made_faces
from checks.prediction import Prediction as Prediction
from redn_lib.feedback import to_crop as my_to_crop
from redn_lib.feedback import to_patch as my_to_patch
from redn_lib.feedback import upright_crop
from redn_lib.landmarks import SEVEN
from redn_lib.presets import PRESETS
from redn_lib.response_maps import gaussian_maps

preset = PRESETS["compact"]


def my_upright_crop(points, last):
    return upright_crop(points[None], last[None], preset.size, preset.margin)[0]


def my_gaussians(points):
    return gaussian_maps(points, preset.maps, preset.size, preset.sigma)


def _crops(count, seed):
    """Crops (count, 2, 3), each turned, scaled and shifted in its own way."""
    numbers = torch.rand(count, 4, generator=torch.Generator().manual_seed(seed))
    a, b = 0.5 + 0.5 * numbers[:, 0], 0.6 * numbers[:, 1] - 0.3
    x, y = 30 + 40 * numbers[:, 2], 20 + 40 * numbers[:, 3]
    return torch.stack([a, -b, x, b, a, y], -1).view(count, 2, 3)


def _fed(points, last, place=my_to_crop, of="new", draw=my_gaussians):
    crop = torch.stack([my_upright_crop(p, c) for p, c in zip(points, last, strict=True)])
    return crop, draw(place(points, crop if of == "new" else last))


_points = torch.from_numpy(made_faces(3, 6)).float()

feed_back = Exercise(
    "03 points fed back",
    _fed,
    {
        "two faces": (_points[:2], _crops(2, 1)),
        "one face": (_points[2:], _crops(1, 2)),
        "a face far larger than its crop": (3 * _points[:1] - 200, 0.2 * _crops(1, 3)),
    },
    {
        "z was drawn into the old crop: draw it into the new one": dict(of="old"),
        "the points are in patch pixels: bring them into the crop first": dict(place=lambda p, c: p),
        "that is the way from the crop to the patch: the points go the other way": dict(place=my_to_patch),
        "z is blank: the points are to be drawn": dict(draw=lambda p: torch.zeros_like(my_gaussians(p))),
        "the crop is still the old one": lambda p, c: (c, my_gaussians(my_to_crop(p, c))),
        "the crop is still the old one, though z is drawn into the new one": lambda p, c: (c, _fed(p, c)[1]),
        "the right parts in the wrong order: first the crops, then z": lambda p, c: _fed(p, c)[::-1],
        "these are the points in the new crop: they are still to be drawn": lambda p, c: (
            _fed(p, c)[0],
            my_to_crop(p, _fed(p, c)[0]),
        ),
        "z is missing: return both, the crops and z": lambda p, c: _fed(p, c)[0],
        "the crops are missing: return both, the crops and z": lambda p, c: _fed(p, c)[1],
        "the points are missing: z is to be returned, drawn from them": lambda p, c: (_fed(p, c)[0], p),
        "all faces get the crop of the first one": lambda p, c: (
            (crop := _fed(p, c)[0][:1].expand(len(p), 2, 3)),
            my_gaussians(my_to_crop(p, crop)),
        ),
        "`my_upright_crop` takes one face at a time: call it for each pair of points and crop": lambda p, c: (
            (crop := my_upright_crop(p.flatten(0, 1), c[0])[None].expand(len(p), 2, 3)),
            my_gaussians(my_to_crop(p, crop)),
        ),
    },
)


def _carried(points, old, new, out=my_to_patch, back=my_to_crop):
    return back(out(points, old), new)


carry = Exercise(
    "03 into the new crop",
    _carried,
    {
        "two faces": (_points[:2], _crops(2, 4), _crops(2, 5)),
        "one face": (_points[2:], _crops(1, 6), _crops(1, 7)),
        "the same crop again": (_points[:1], _crops(1, 8), _crops(1, 8)),
    },
    {
        "these are patch pixels: the way into the new crop is missing": lambda q, old, new: my_to_patch(q, old),
        "it goes from the new crop to the old one": lambda q, old, new: _carried(q, new, old),
        "both matrices were used in the same direction: my_to_crop leads into the new crop": dict(back=my_to_patch),
        "both matrices were used in the same direction: my_to_patch leads out of the old crop": dict(out=my_to_crop),
        "the two directions are exchanged: first out of the old crop, then into the new one": dict(
            out=my_to_crop, back=my_to_patch
        ),
        "the points lie in the old crop, not yet in the patch": lambda q, old, new: my_to_crop(q, new),
        "the points lie in the old crop already: my_to_patch leads out of it": lambda q, old, new: my_to_crop(q, old),
        "that is the new crop's way into the patch, and the points lie in the old one": lambda q, old, new: my_to_patch(
            q, new
        ),
        "the points did not move: the way leads out of the old crop and into the new one": lambda q, old, new: q,
        "only the shift of the crops was used, and they are turned and scaled, too": lambda q, old, new: (
            q + old[:, None, :, 2] - new[:, None, :, 2]
        ),
    },
)


def _kept(z, step, channels=SEVEN):
    out = torch.zeros_like(z)
    out[:, list(channels)] = z[:, list(channels)]
    return out


def _blanked(z, step, channels=SEVEN):
    out = z.clone()
    out[:, list(channels)] = 0
    return out


def _in_place(z, step):
    z[:, [i for i in range(z.shape[1]) if i not in SEVEN]] = 0
    return z


def _rows(z, step):
    out = torch.zeros_like(z)
    out[:, :, SEVEN] = z[:, :, SEVEN]
    return out


def _z_changed(mine, ours):
    is_tuple = isinstance(mine, tuple) and len(mine) == 2
    return "you changed z itself: copy it first" if is_tuple and not torch.equal(mine[1], ours[1]) else ""


keep_seven = Exercise(
    "03 seven points in z",
    _kept,
    {
        "two faces": (0.1 + torch.rand(2, 68, 8, 8, generator=torch.Generator().manual_seed(1)), 1),
        "one face, a later step": (0.1 + torch.rand(1, 68, 4, 4, generator=torch.Generator().manual_seed(2)), 2),
    },
    {
        "you changed z itself: copy it first": _in_place,
        "it blanks the seven and keeps the others": _blanked,
        "z has not changed": lambda z, step: z.clone(),
        "everything is blank: the seven channels are to be filled in": lambda z, step: torch.zeros_like(z),
        "SEVEN counts from 0 already: nothing is to be subtracted": lambda z, step: _kept(
            z, step, [i - 1 for i in SEVEN]
        ),
        "SEVEN counts from 0 already: nothing is to be added": lambda z, step: _kept(z, step, [i + 1 for i in SEVEN]),
        "the other channels are gone: z must keep its 68": lambda z, step: z[:, list(SEVEN)],
        "the channels moved to the front: each must stay in its place": lambda z, step: torch.cat(
            [z[:, list(SEVEN)], torch.zeros_like(z[:, 7:])], 1
        ),
        "these are the first seven channels: SEVEN says which": lambda z, step: _kept(z, step, range(7)),
        "channels are the second dimension: these are rows of the maps": _rows,
        "the channels are filled with 1, and should hold z": lambda z, step: _kept(torch.ones_like(z), step),
        "only one channel stays": lambda z, step: _kept(z, step, SEVEN[:1]),
        "only the last channel stays: the blank copy is made again in every round": lambda z, step: _kept(
            z, step, SEVEN[-1:]
        ),
    },
    tolerance=1e-5,
    read=lambda out, z, step: (out, z),
    explain=_z_changed,
)
