"""Stills into batches of patches and first crops. Batch i is a function of the seed and i alone, so a resumed run sees
the same ones.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from redn_lib.crop import Crop
from redn_lib.data.augment import augment
from redn_lib.data.clip import Face
from redn_lib.data.synthetic import factors, identity, render
from redn_lib.identity import UNKNOWN
from redn_lib.rednet import Preset
from redn_lib.training.stages import BoxNoise, Stage


class Batch(NamedTuple):
    """patches: (B, 3, P, P) uint8; points: (B, 68, 2) float32 in patch pixels; crop: (B, 2, 3) float32 first crop to
    patch pixels; person: (B,) int64 number of the person for f_CLS. Of clips: patches (B, T, 3, P, P), points (B, T,
    68, 2), crop of the first frame.
    """

    patches: Tensor
    points: Tensor
    crop: Tensor
    person: Tensor


def cut_patch(face: Face) -> Face:
    """The face's patch with its points: what the network is handed, around the tight box of the points."""
    crop = Crop.around(face.box)
    return Face(crop.take(face.image), crop.to_crop(face.points).astype(np.float32), face.person, face.name)


def disturbed_crop(box: np.ndarray, box_noise: BoxNoise, preset: Preset, rng: np.random.Generator) -> np.ndarray:
    """First crop around a box (4,) in patch pixels that was disturbed: (2, 3) crop pixels to patch pixels."""
    side = (box[2:] - box[:2]).max()
    scale = np.exp(rng.uniform(-1, 1) * np.log1p(box_noise.scale))
    shift = rng.uniform(-box_noise.shift, box_noise.shift, 2) * side
    turn = rng.uniform(-box_noise.turn, box_noise.turn)
    moved = box + np.r_[shift, shift]
    return Crop.around(moved, margin=preset.first_margin * scale, size=preset.size, turn=turn).matrix.astype(np.float32)


class ProceduralFaces:
    """Endless procedural stills by number, `group` of each person in a row; seeds below 1000 share no person in their
    first million.

    people: so many people come again and again, and f_CLS knows them; None: always new ones, whom it does not know.
    """

    def __init__(self, seed: int, group: int = 1, people: int | None = None):
        self.first, self.group, self.count = seed * 1_000_000, group, people

    def __getitem__(self, i: int) -> Face:
        person = i // self.group
        return render(factors(self.first + i, person=self.first + (person % self.count if self.count else person)))

    @property
    def people(self) -> list[str]:
        """Names of those who come again."""
        return [identity(self.first + n).name for n in range(self.count or 0)]


class StillBatches(Dataset):
    """Map-style dataset whose item i is the batch of iteration i: real faces epoch by epoch, procedural ones always
    new.

    faces: patches of real faces (see `cut_patch`), may be empty when stage.procedural is 1; procedural: or None where
    the stage wants none. Raises ValueError where either is missing, or a batch does not hold whole groups.
    """

    def __init__(self, faces: Sequence[Face], stage: Stage, preset: Preset, procedural: ProceduralFaces | None = None):
        self.n_made = round(stage.procedural * stage.batch / stage.group) * stage.group
        self.n_real = stage.batch - self.n_made
        if self.n_real and not faces:
            raise ValueError("no real faces to train on: name a folder with --data, or train on procedural faces alone")
        if self.n_made and procedural is None:
            raise ValueError(
                f"the stage asks for {self.n_made} procedural faces a batch, but no procedural faces were given"
            )
        if stage.batch % stage.group:
            raise ValueError(f"a batch of {stage.batch} does not hold whole groups of {stage.group} frames a person")
        self.faces, self.stage, self.preset, self.procedural = faces, stage, preset, procedural
        self.people = numbered([face.person for face in faces], procedural.people if self.n_made else [])

    def __len__(self) -> int:
        return self.stage.iterations

    def __getitem__(self, i: int) -> Batch:
        rng = np.random.default_rng((self.stage.seed, i))
        chosen = self.chosen(i)
        kept = len(chosen) if self.stage.augment_synthetic else self.n_real
        chosen = [augment(face, rng) for face in chosen[:kept]] + chosen[kept:]
        crops = [disturbed_crop(face.box, self.stage.box_noise, self.preset, rng) for face in chosen]
        patches = torch.from_numpy(np.stack([face.image for face in chosen])).permute(0, 3, 1, 2)
        points = torch.from_numpy(np.stack([f.points for f in chosen]))
        return Batch(patches, points, torch.from_numpy(np.stack(crops)), person_numbers(chosen, self.people))

    def chosen(self, i: int) -> list[Face]:
        """The patches of batch i before augmentation, real ones first."""
        made = [cut_patch(self.procedural[i * self.n_made + j]) for j in range(self.n_made)]
        return [self.faces[j] for j in self.real_indices(i)] + made

    def real_indices(self, i: int) -> list[int]:
        """Which real faces batch i holds: a new order each time all have been seen."""
        units = self.n_real // self.stage.group
        found: list[list[int]] = []
        epoch, start = divmod(i * units, self._groups) if units else (0, 0)
        while len(found) < units:
            found += self._order(epoch)[start : start + units - len(found)]
            epoch, start = epoch + 1, 0
        return [j for group in found for j in group]

    @cached_property
    def _by_person(self) -> list[list[int]]:
        """Places of each person's faces."""
        places: dict[str, list[int]] = {}
        for j, face in enumerate(self.faces):
            places.setdefault(face.person, []).append(j)
        return list(places.values())

    @cached_property
    def _groups(self) -> int:
        """Groups in an epoch."""
        return len(self._order(0))

    def _order(self, epoch: int) -> list[list[int]]:
        """The groups of an epoch: frames of one person each, in a new order. A person's last group is filled up."""
        rng, size = np.random.default_rng((self.stage.seed, 1, epoch)), self.stage.group
        if size == 1:
            return [[int(j)] for j in rng.permutation(len(self.faces))]
        groups = []
        for places in self._by_person:
            mine = rng.permutation(places)
            count = -(-len(mine) // size)
            groups += np.resize(mine, (count, size)).tolist()
        return [groups[j] for j in rng.permutation(len(groups))]


def numbered(real: Iterable[str], made: Iterable[str] = ()) -> dict[str, int]:
    """A number for each person by name, in the order of names, real people first."""
    return {person: n for n, person in enumerate([*sorted(set(real)), *made])}


def person_numbers(faces: Sequence[Face], people: Mapping[str, int]) -> Tensor:
    """(B,) int64 numbers of the people shown, UNKNOWN where they are not among `people`."""
    return torch.tensor([people.get(face.person, UNKNOWN) for face in faces])
