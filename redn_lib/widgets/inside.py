"""What happens inside one look: a picture in, everything between encoder and points out. No widgets here."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from redn_lib.encoder_decoder import unpool
from redn_lib.metrics import nme
from redn_lib.rednet import RedNet
from redn_lib.response_maps import decode, spatial_softmax
from redn_lib.tracking.align import align
from redn_lib.widgets.explorer_view import Picture


@dataclass(frozen=True)
class Inside:
    """One look opened.

    crop: (S, S, 3) uint8 RGB; before: features of each stage before its pool, (C, h, h); where: what each pool
    remembers, (C, h/2, h/2); held, back: by stage (0-based), what the decoder holds before and after its unpooling;
    detection: (L+1, h, h) and maps: (L, m, m) probabilities; points: (68, 2) crop pixels; error: NME, None where no
    truth is known.
    """

    crop: np.ndarray
    before: list[np.ndarray]
    where: list[np.ndarray]
    held: dict[int, np.ndarray]
    back: dict[int, np.ndarray]
    detection: np.ndarray
    maps: np.ndarray
    points: np.ndarray
    error: float | None


def upper_left(where: Tensor) -> Tensor:
    """Indices of a 2x2 pool that forgot: (B, C, h, w) int64, all name the upper left place of their window."""
    h, w = where.shape[-2:]
    y, x = (torch.arange(n, device=where.device) for n in (h, w))
    return (4 * w * y[:, None] + 2 * x).expand_as(where)


@torch.inference_mode()
def inside_step(model: RedNet, picture: Picture, memory: bool = True, features: bool = True) -> Inside:
    """The model's first look at a picture, its z blank. The crop goes in as 8 bits, so `align` differs a little.

    memory: values go back to where they were, else to the upper left of their window; features: f_REG sees the
    encoder's features, else zeros in their place.
    """
    fit = align(model, picture.image, picture.box, 1)
    device = next(model.parameters()).device
    frame = torch.from_numpy(fit.crop_images).to(device).permute(0, 3, 1, 2).float() / 255
    code, before, where = model.encoder(frame - 0.5, torch.from_numpy(fit.z).to(device), 0)
    x, held, back = code, {}, {}
    for s, stage in zip(range(len(where) - 1, -1, -1), model.decoder.stages, strict=False):
        held[s], back[s] = x, unpool(x, where[s] if memory else upper_left(where[s]))
        x = stage(back[s], 0)
    detection = model.detection(x)
    maps = spatial_softmax(model.regression(detection, before[1] * features, before[3] * features, 0))
    points = decode(maps, model.preset.size)[0].cpu().numpy()
    return Inside(
        fit.crop_images[0],
        [_plain(t) for t in before],
        [_plain(t) for t in where],
        {s: _plain(t) for s, t in held.items()},
        {s: _plain(t) for s, t in back.items()},
        _plain(detection.softmax(1)),
        _plain(maps),
        points,
        None if picture.truth is None else float(nme(fit.crops[0].to_frame(points), picture.truth)),
    )


def _plain(batch_of_one: Tensor) -> np.ndarray:
    return batch_of_one[0].cpu().numpy()
