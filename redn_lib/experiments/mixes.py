"""Mixed codes: C_id of one face beside C_pe of another, decoded. Whose pose do the points take, and by what (RQ2)?

Not the code alone leads from a face to its points: pools remember places, and f_REG sees features. So each of the four
may come from a face of its own (our choice).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from redn_lib.data.clip import Face
from redn_lib.experiments.curriculum import Course, Setting
from redn_lib.experiments.networks import exact_input
from redn_lib.experiments.probes import sitters
from redn_lib.experiments.supervision import SUPERVISIONS, Supervision
from redn_lib.experiments.tables import Run
from redn_lib.feedback import take_crop
from redn_lib.identity import split
from redn_lib.pose import pose_of
from redn_lib.rednet import RedNet
from redn_lib.response_maps import decode, spatial_softmax

CARRIERS = ("id", "pe", "places", "features")
"""What leads from a face to its points: C_id, C_pe, the places that pools remember, the features that f_REG sees."""

TOGETHER = 32


class Opened(NamedTuple):
    """First looks at N faces, taken apart. frames: (N, 3, S, S); code: (N, C, h, w); places: of each pool; features:
    conv2 and conv4.
    """

    frames: Tensor
    code: Tensor
    places: list[Tensor]
    features: list[Tensor]


class Decoded(NamedTuple):
    """detection: (N, L+1, h, h) and maps: (N, L, m, m), probabilities; points: (N, L, 2) in crop pixels."""

    detection: Tensor
    maps: Tensor
    points: Tensor


@torch.inference_mode()
def opened(model: RedNet, patches: Sequence[Face]) -> Opened:
    """The first look at each patch, its box exact and its z blank."""
    pixels, crop = exact_input(patches, model)
    p = model.preset
    frames = take_crop(pixels, crop, p.size)
    z = frames.new_zeros(len(frames), *p.form.z_shape(p.size, p.maps))
    code, features, places = model.encoder(frames - 0.5, z, 0)
    return Opened(frames, code, places, [features[1], features[3]])


@torch.inference_mode()
def decoded(model: RedNet, code: Tensor, places: list[Tensor], features: list[Tensor]) -> Decoded:
    """f_DEC and f_REG of the first look on a code (N, C, h, w), with places and features that need not be of one face
    with it.
    """
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


def mix_figures(model: RedNet, people: int, pictures: int) -> dict[str, float]:
    """Whose pose mixed codes take, over pictures a and b of two procedural people never trained on, and c of a third.
    Raises ValueError for fewer than three people.

    `error`: mean difference between the pose that is read off the points of an unmixed look and the true one, in the
    spreads of `pose_of`. `to_pe_X`, `to_id_X`: the same of a mix, of C_id of a and C_pe of b, from the pose of b and
    from that of a; places and features being those of a (X is "a"), b or c.
    Percent of the way from the pose of a's unmixed answer to that of b's: `alone_X`, how far it comes where X alone is
    b's; `left_X`, how far it stays behind where all but X is. `third_X`: of the way that the whole code makes while
    places and features are those of c, how far C_id or C_pe alone comes.
    """
    if people < 3:
        raise ValueError(f"to mix codes takes three people or more, got {people}")
    faces, poses, truths = sitters(people, pictures), {}, []
    for at in range(0, len(faces), TOGETHER):
        chosen = {
            who: [faces[(i + by * pictures) % len(faces)] for i in range(at, min(at + TOGETHER, len(faces)))]
            for who, by in (("a", 0), ("b", 1), ("c", 2))
        }
        looks = {who: opened(model, mine) for who, mine in chosen.items()}
        for donors in DONORS:
            poses.setdefault(donors, []).append(pose_of(answered(model, *(looks[who] for who in donors))))
        truths.append([pose_of(torch.stack([torch.from_numpy(f.points) for f in chosen[who]])) for who in "ab"])
    said = {donors: torch.cat(found).cpu() for donors, found in poses.items()}
    true_a, true_b = (torch.cat(found) for found in zip(*truths, strict=True))
    figures = {"error": float((said["aaaa"] - true_a).abs().mean())}
    for who in "abc":
        mix = said["ab" + 2 * who]
        figures |= {f"to_pe_{who}": float((mix - true_b).abs().mean())}
        figures |= {f"to_id_{who}": float((mix - true_a).abs().mean())}
    for name in ALONE:
        figures[f"alone_{name}"] = 100 * way(said[ALONE[name]], said["aaaa"], said["bbbb"])
        figures[f"left_{name}"] = 100 * way(said[ALONE[name].translate(EXCHANGED)], said["bbbb"], said["aaaa"])
    for name in ("id", "pe"):
        figures[f"third_{name}"] = 100 * way(said[ALONE[name][:2] + "cc"], said["aacc"], said["bbcc"])
    return figures


def answered(model: RedNet, identity: Opened, changing: Opened, places: Opened, features: Opened) -> Tensor:
    """Points (N, L, 2) in crop pixels, each of CARRIERS of a look of its own."""
    code = blended(identity.code, changing.code, model.preset.identity_channels, 0, 1)
    return decoded(model, code, places.places, features.features).points


ALONE = {"id": "baaa", "pe": "abaa", "code": "bbaa", "places": "aaba", "features": "aaab"}
"""Whose C_id, C_pe, places, features, where one thing comes from b."""

EXCHANGED = str.maketrans("ab", "ba")

DONORS = sorted(
    {d for alone in ALONE.values() for d in (alone, alone.translate(EXCHANGED))}
    | {"aaaa", "bbbb", "abbb", "abcc", "bacc", "aacc", "bbcc"}
)


def mix_runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """A run for each supervision of RQ4 and seed: what mixes of the same networks do."""

    def one(supervision: Supervision, seed: int) -> Callable[[], dict[str, float]]:
        return lambda: mix_figures(Course(setting, seed).told_apart(supervision), setting.people, setting.pictures)

    return [Run(s.name, seed, one(s, seed)) for seed in seeds for s in SUPERVISIONS]
