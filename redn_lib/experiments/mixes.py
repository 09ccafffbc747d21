"""Mixed codes: C_id, C_pe, places of pools and features, each of a face of its own: whose pose do points take (RQ2)?"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from redn_lib.data.clip import Face
from redn_lib.experiments.measures import exact_input
from redn_lib.experiments.probes import probe_faces
from redn_lib.feedback import take_crop
from redn_lib.identity import pose_of, split
from redn_lib.rednet import RedNet
from redn_lib.response_maps import decode, spatial_softmax

TOGETHER = 32


class Encoded(NamedTuple):
    """What the encoder makes of N faces in the first step: crops, code, maxima of each pool, conv2 and conv4."""

    frames: Tensor
    code: Tensor
    places: list[Tensor]
    features: list[Tensor]


class Decoded(NamedTuple):
    """Of N codes: probabilities (N, L+1, h, h) and (N, L, m, m), points (N, L, 2) in crop pixels."""

    detection: Tensor
    maps: Tensor
    points: Tensor


@torch.inference_mode()
def encode(model: RedNet, patches: Sequence[Face]) -> Encoded:
    """The first step of each patch, its box exact and its z blank."""
    pixels, crop = exact_input(patches, model)
    p = model.preset
    frames = take_crop(pixels, crop, p.size)
    z = frames.new_zeros(len(frames), *p.form.z_shape(p.size, p.maps))
    code, features, places = model.encoder(frames - 0.5, z, 0)
    return Encoded(frames, code, places, [features[1], features[3]])


@torch.inference_mode()
def decoded(model: RedNet, code: Tensor, places: list[Tensor], features: list[Tensor]) -> Decoded:
    """f_DEC and f_REG in the first step on a code (N, C, h, w), with places and features that may be of other faces."""
    detection = model.detection(model.decoder(code, places, 0))
    maps = spatial_softmax(model.regression(detection, *features, 0))
    return Decoded(detection.float().softmax(1), maps, decode(maps, model.preset.size))


def blended(code: Tensor, other: Tensor, channels: int, identity: float, changing: float) -> Tensor:
    """The code (N, C, h, w), with shares of another's C_id, the first `channels`, and C_pe, each from 0 to 1."""
    halves = zip(split(code, channels), split(other, channels), (identity, changing), strict=True)
    return torch.cat([mine.lerp(its, share) for mine, its, share in halves], 1)


def way(numbers: Tensor, start: Tensor, end: Tensor) -> float:
    """How far numbers have come from `start`, 0, to `end`, 1: all (N, D), by least squares over all of them."""
    whole = end - start
    return float(((numbers - start) * whole).sum() / whole.square().sum().clamp(min=1e-12))


ALONE = {"id": "baaa", "pe": "abaa", "code": "bbaa", "places": "aaba", "features": "aaab"}
"""Whose C_id, C_pe, places and features, where one thing comes from b."""

OTHERS = {name: donors.translate(str.maketrans("ab", "ba")) for name, donors in ALONE.items()}
"""The same, where all but one thing comes from b."""

DONORS = sorted({*ALONE.values(), *OTHERS.values(), "aaaa", "bbbb", "abcc", "bacc", "aacc", "bbcc"})


def mix_figures(model: RedNet, people: int, images: int) -> dict[str, float]:
    """Whose pose mixed codes take, over images a and b of two synthetic people never trained on, and c of a third.
    Raises ValueError for fewer than three people.

    error: mean difference of an unmixed prediction's pose from the true one, in the spreads of `pose_of`.
    to_pe_X, to_id_X: of C_id of a and C_pe of b, from the pose of b and of a; places and features are those of X.
    alone_X, left_X: percent of the way from a's prediction to b's where X alone is b's, missing where all but X is.
    third_X: percent of the whole code's way that C_id or C_pe makes while places and features are those of c.
    """
    if people < 3:
        raise ValueError(f"to mix codes takes three people or more, got {people}")
    faces, poses = probe_faces(people, images), {donors: [] for donors in DONORS}
    for start in range(0, len(faces), TOGETHER):
        batch = range(start, min(start + TOGETHER, len(faces)))
        of = {who: encode(model, [faces[(i + n * images) % len(faces)] for i in batch]) for n, who in enumerate("abc")}
        for donors in DONORS:
            identity, changing, places, features = (of[who] for who in donors)
            code = blended(identity.code, changing.code, model.preset.identity_channels, 0, 1)
            poses[donors].append(pose_of(decoded(model, code, places.places, features.features).points))
    pose = {donors: torch.cat(found).cpu() for donors, found in poses.items()}
    true_a = pose_of(torch.stack([torch.from_numpy(face.points) for face in faces]))
    true_b = true_a.roll(-images, 0)
    figures = {"error": float((pose["aaaa"] - true_a).abs().mean())}
    for who in "abc":
        mix = pose["ab" + 2 * who]
        figures[f"to_pe_{who}"] = float((mix - true_b).abs().mean())
        figures[f"to_id_{who}"] = float((mix - true_a).abs().mean())
    for name in ALONE:
        figures[f"alone_{name}"] = 100 * way(pose[ALONE[name]], pose["aaaa"], pose["bbbb"])
        figures[f"left_{name}"] = 100 * way(pose[OTHERS[name]], pose["bbbb"], pose["aaaa"])
    for name in ("id", "pe"):
        figures[f"third_{name}"] = 100 * way(pose[ALONE[name][:2] + "cc"], pose["aacc"], pose["bbcc"])
    return figures
