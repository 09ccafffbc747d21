"""Stills into batches of patches and first views. Batch i is a function of the seed and i alone, so a resumed run sees
the same ones.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from redn_lib.crop import Crop
from redn_lib.data.augment import augment
from redn_lib.data.faces import Face
from redn_lib.data.procedural.scenes import still
from redn_lib.rednet import Preset
from redn_lib.training.stages import Sloppiness, Stage


class Batch(NamedTuple):
    """patches: (B, 3, P, P) uint8; points: (B, 68, 2) float32 in patch pixels; view: (B, 2, 3) float32 first view to
    patch pixels.
    """

    patches: Tensor
    points: Tensor
    view: Tensor


def cut_patch(face: Face) -> Face:
    """The face's patch with its points: what the network is handed, around the tight box of the points."""
    crop = Crop.around(face.box)
    return Face(crop.take(face.image), crop.to_crop(face.points).astype(np.float32), face.person, face.name)


def sloppy_view(box: np.ndarray, sloppiness: Sloppiness, preset: Preset, rng: np.random.Generator) -> np.ndarray:
    """First view around a box (4,) in patch pixels that was disturbed: (2, 3) view pixels to patch pixels."""
    side = (box[2:] - box[:2]).max()
    scale = np.exp(rng.uniform(-1, 1) * np.log1p(sloppiness.scale))
    shift = rng.uniform(-sloppiness.shift, sloppiness.shift, 2) * side
    turn = rng.uniform(-sloppiness.turn, sloppiness.turn)
    moved = box + np.r_[shift, shift]
    return Crop.around(moved, margin=preset.first_margin * scale, size=preset.size, turn=turn).matrix.astype(np.float32)


class ProceduralFaces:
    """Endless procedural stills by number, each of another person; seeds below 1000 share no person in their first
    million.
    """

    def __init__(self, seed: int):
        self.first = seed * 1_000_000

    def __getitem__(self, i: int) -> Face:
        return still(self.first + i)


class StillBatches(Dataset):
    """Map-style dataset whose item i is the batch of iteration i: real faces epoch by epoch, procedural ones always
    new.

    faces: patches of real faces (see `cut_patch`), may be empty when stage.procedural is 1; procedural: or None where
    the stage wants none.
    """

    def __init__(self, faces: Sequence[Face], stage: Stage, preset: Preset, procedural: ProceduralFaces | None = None):
        self.n_made = round(stage.procedural * stage.batch)
        self.n_real = stage.batch - self.n_made
        if self.n_real and not faces:
            raise ValueError("no real faces to train on: name a folder with --data, or train on procedural faces alone")
        if self.n_made and procedural is None:
            raise ValueError(
                f"the stage asks for {self.n_made} procedural faces a batch, but no procedural faces were given"
            )
        self.faces, self.stage, self.preset, self.procedural = faces, stage, preset, procedural

    def __len__(self) -> int:
        return self.stage.iterations

    def __getitem__(self, i: int) -> Batch:
        rng = np.random.default_rng((self.stage.seed, i))
        chosen = [self.faces[j] for j in self.real_indices(i)]
        chosen += [cut_patch(self.procedural[i * self.n_made + j]) for j in range(self.n_made)]
        chosen = [augment(face, rng) for face in chosen]
        views = [sloppy_view(face.box, self.stage.sloppiness, self.preset, rng) for face in chosen]
        patches = torch.from_numpy(np.stack([face.image for face in chosen])).permute(0, 3, 1, 2)
        return Batch(patches, torch.from_numpy(np.stack([f.points for f in chosen])), torch.from_numpy(np.stack(views)))

    def real_indices(self, i: int) -> list[int]:
        """Which real faces batch i holds: a new permutation each time all have been seen."""
        n = len(self.faces)
        places = range(i * self.n_real, (i + 1) * self.n_real)
        orders = (
            {e: np.random.default_rng((self.stage.seed, 1, e)).permutation(n) for e in {p // n for p in places}}
            if n
            else {}
        )
        return [int(orders[p // n][p % n]) for p in places]
