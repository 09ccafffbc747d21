"""Mixed codes: C_id of one face beside C_pe of another, decoded. Whose pose do the points take, and by what (RQ2)?

Not the code alone leads from a face to its points: pools remember places, and f_REG sees features. So each of the four
may come from a face of its own (our choice).
"""

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
    """What the encoder makes of N faces in the first step.

    frames: (N, 3, S, S) the crops.
    code: (N, C, h, w).
    places: of each pool, where its maxima were.
    features: those of conv2 and conv4.
    """

    frames: Tensor
    code: Tensor
    places: list[Tensor]
    features: list[Tensor]


class Decoded(NamedTuple):
    """What f_DEC and f_REG make of N codes.

    detection: (N, L+1, h, h) probabilities.
    maps: (N, L, m, m) probabilities.
    points: (N, L, 2) in crop pixels.
    """

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
    """The code (N, C, h, w), with a share of another's: `identity` of its C_id, the first `channels`, and `changing` of
    its C_pe, from 0 to 1.
    """
    halves = zip(split(code, channels), split(other, channels), (identity, changing), strict=True)
    return torch.cat([mine.lerp(its, share) for mine, its, share in halves], 1)


def way(numbers: Tensor, start: Tensor, end: Tensor) -> float:
    """How far numbers have come from `start`, 0, to `end`, 1: all (N, D), by least squares over all of them."""
    whole = end - start
    return float(((numbers - start) * whole).sum() / whole.square().sum().clamp(min=1e-12))


ALONE = {"id": "baaa", "pe": "abaa", "code": "bbaa", "places": "aaba", "features": "aaab"}
"""Whose C_id, C_pe, places and features, where one thing comes from b."""

EXCHANGED = str.maketrans("ab", "ba")

DONORS = sorted(
    {d for alone in ALONE.values() for d in (alone, alone.translate(EXCHANGED))}
    | {"aaaa", "bbbb", "abbb", "abcc", "bacc", "aacc", "bbcc"}
)
"""All mixes that are measured."""


def mix_figures(model: RedNet, people: int, images: int) -> dict[str, float]:
    """Whose pose mixed codes take, over images a and b of two synthetic people never trained on, and c of a third.
    Raises ValueError for fewer than three people.

    `error`: mean difference between the pose of the points of an unmixed step and the true one, in the spreads of
    `pose_of`. `to_pe_X`, `to_id_X`: the same of a mix, of C_id of a and C_pe of b, from the pose of b and from that of
    a; places and features being those of a (X is "a"), b or c.
    Percent of the way from the pose of a's unmixed prediction to that of b's: `alone_X`, how far it comes where X alone
    is b's; `left_X`, how far it stays behind where all but X is. `third_X`: of the way that the whole code makes while
    places and features are those of c, how far C_id or C_pe alone comes.
    """
    if people < 3:
        raise ValueError(f"to mix codes takes three people or more, got {people}")
    faces, poses, truths = probe_faces(people, images), {donors: [] for donors in DONORS}, {"a": [], "b": []}
    for start in range(0, len(faces), TOGETHER):
        batch = range(start, min(start + TOGETHER, len(faces)))
        chosen = {who: [faces[(i + n * images) % len(faces)] for i in batch] for n, who in enumerate(("a", "b", "c"))}
        parts = {who: encode(model, mine) for who, mine in chosen.items()}
        for donors in DONORS:
            poses[donors].append(pose_of(points_of_mix(model, *(parts[who] for who in donors))))
        for who, known in truths.items():
            known.append(pose_of(torch.stack([torch.from_numpy(face.points) for face in chosen[who]])))
    pose = {donors: torch.cat(found).cpu() for donors, found in poses.items()}
    true_a, true_b = torch.cat(truths["a"]), torch.cat(truths["b"])
    figures = {"error": float((pose["aaaa"] - true_a).abs().mean())}
    for who in "abc":
        mix = pose["ab" + 2 * who]
        figures[f"to_pe_{who}"] = float((mix - true_b).abs().mean())
        figures[f"to_id_{who}"] = float((mix - true_a).abs().mean())
    for name, alone in ALONE.items():
        figures[f"alone_{name}"] = 100 * way(pose[alone], pose["aaaa"], pose["bbbb"])
        figures[f"left_{name}"] = 100 * way(pose[alone.translate(EXCHANGED)], pose["bbbb"], pose["aaaa"])
    for name in ("id", "pe"):
        figures[f"third_{name}"] = 100 * way(pose[ALONE[name][:2] + "cc"], pose["aacc"], pose["bbcc"])
    return figures


def points_of_mix(model: RedNet, identity: Encoded, changing: Encoded, places: Encoded, features: Encoded) -> Tensor:
    """Points (N, L, 2) in crop pixels; C_id, C_pe, places and features come each from faces of their own."""
    code = blended(identity.code, changing.code, model.preset.identity_channels, 0, 1)
    return decoded(model, code, places.places, features.features).points
