"""Swapping C_id: what becomes of the points when the identity code is another frame's, of the same person or not (RQ2).

The code of each look comes from the partner's same look; pooling indices stay the frame's own.
"""

from collections.abc import Sequence

import numpy as np
import torch

from redn_lib.data.clip import Face
from redn_lib.experiments.networks import exact_input
from redn_lib.identity import split, swapped_in
from redn_lib.metrics import nme
from redn_lib.rednet import Change, RedNet
from redn_lib.training.batches import cut_patch

MOST = 60
"""People at most."""


def pairs(faces: Sequence[Face]) -> list[Face]:
    """Patches of people with two frames or more, the first and the last frame of each in a row. Raises ValueError for
    fewer than two such people.
    """
    frames: dict[str, list[Face]] = {}
    for face in faces:
        frames.setdefault(face.person, []).append(face)
    chosen = [mine for mine in frames.values() if len(mine) > 1][:MOST]
    if len(chosen) < 2:
        raise ValueError(f"to swap codes takes two people with two frames each, got {len(chosen)} such people")
    return [cut_patch(face) for mine in chosen for face in (mine[0], mine[-1])]


@torch.inference_mode()
def swap_figures(model: RedNet, unseen: Sequence[Face]) -> dict[str, float]:
    """NME in percent on pairs of frames of unseen people, exact boxes, without f_tRNN: with their own codes ("own"),
    with C_id of the same person's other frame ("swap_same") and of another person's ("swap_other"), and, the counter
    check, with C_pe of the same person's other frame ("swap_pe").
    """
    faces, p = pairs(unseen), model.preset
    at = torch.arange(len(faces))
    same, other = at ^ 1, (at + 2) % len(at)
    patches, crop = exact_input(faces, model)
    truth = np.stack([face.points for face in faces])

    def error(change: Change | None) -> float:
        points = model(patches, crop, change_code=change)[-1].points.cpu().numpy()
        return 100 * float(nme(points, truth).mean())

    def changing_of_other(code: torch.Tensor, step: int) -> torch.Tensor:
        return torch.cat([split(code, p.identity_channels)[0], split(code[same], p.identity_channels)[1]], 1)

    return {
        "own": error(None),
        "swap_same": error(lambda code, step: swapped_in(code, p.identity_channels, same)),
        "swap_other": error(lambda code, step: swapped_in(code, p.identity_channels, other)),
        "swap_pe": error(changing_of_other),
    }
