"""Annotated faces into patches; patches of still images, or of clips (windows of videos as they are, and animated still
images), into batches with first crops. Batch i is a function of the seed and i alone, so a resumed run has the same.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from redn_lib.crop import PATCH_SIZE, Crop
from redn_lib.data.animation.animate import animate
from redn_lib.data.animation.curves import MotionStrength
from redn_lib.data.augment import augment, mirror, stretch
from redn_lib.data.clip import Clip, Face, Sample
from redn_lib.data.occluder import draw_occluder
from redn_lib.data.synthetic import factors, identity, render
from redn_lib.identity import UNKNOWN
from redn_lib.landmarks import MIRROR, tight_box
from redn_lib.presets import Preset
from redn_lib.training.stages import BoxNoise, Stage

HELD = 20_000
"""So many patches at most are held in memory, 150 kB each; more are read from the disk each time (our choice)."""

FROM_START = 0.2
"""Share of the occluders that are before the face from the first frame on, so that an empty state learns to know
nothing then (our choice).
"""


class Batch(NamedTuple):
    """A batch of still images; one of clips has a dimension T after B in patches, points and visible.

    patches: (B, 3, P, P) uint8.
    points: (B, 68, 2) float32 in patch pixels.
    crop: (B, 2, 3) float32, first crop pixels to patch pixels; of clips that of the first frame.
    person: (B,) int64, number of the person for f_CLS.
    visible: (B, 68) bool.
    """

    patches: Tensor
    points: Tensor
    crop: Tensor
    person: Tensor
    visible: Tensor


def cut_patch(face: Face) -> Face:
    """The face's patch with its points: what the network is given, around the tight box of the points."""
    crop = Crop.around(face.box)
    points = crop.to_crop(face.points).astype(np.float32)
    return Face(crop.take(face.image), points, face.person, face.name, face.visible, lean=face.lean)


def cut_clip(clip: Clip) -> Clip:
    """The same patch of every frame of a clip, around the tight box of all their points."""
    crop = Crop.around(tight_box(clip.points.reshape(-1, 2)))
    frames = np.stack([crop.take(frame) for frame in clip.frames])
    return Clip(
        frames, crop.to_crop(clip.points).astype(np.float32), clip.person, clip.name, clip.visible, lean=clip.lean
    )


class UnreadPatches(Sequence):
    """Patches of samples, each read when it is asked for: of a still image a Face, of a window of a video a Clip."""

    def __init__(self, samples: Sequence[Sample]):
        self.samples, self.people = samples, [sample.person for sample in samples]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, j: int) -> Face | Clip:
        clip = self.samples[j].load()
        return cut_patch(clip[0]) if len(clip) == 1 else cut_clip(clip)


def patches(samples: Sequence[Sample], show: Callable[[Iterable], Iterable] = iter) -> Sequence[Face | Clip]:
    """The patches of samples, held in memory where they are few. show: wraps what is read, e.g. a progress bar."""
    unread = UnreadPatches(samples)
    if sum(max(len(sample.frames), 1) for sample in samples) > HELD:
        return unread
    return [unread[j] for j in show(range(len(unread)))]


def disturbed_crop(box: np.ndarray, box_noise: BoxNoise, preset: Preset, rng: np.random.Generator) -> np.ndarray:
    """First crop around a box (4,) in patch pixels that was disturbed: (2, 3) crop pixels to patch pixels."""
    side = (box[2:] - box[:2]).max()
    scale = np.exp(rng.uniform(-1, 1) * np.log1p(box_noise.scale))
    shift = rng.uniform(-box_noise.shift, box_noise.shift, 2) * side
    turn = rng.uniform(-box_noise.turn, box_noise.turn)
    moved = box + np.r_[shift, shift]
    return Crop.around(moved, margin=preset.first_margin * scale, size=preset.size, turn=turn).matrix.astype(np.float32)


class ProceduralFaces:
    """Endless procedural still images by number, `group` of each person in a row.

    seed: of the images; seeds below 1000 share no image in their first million.
    group: images of a person in a row.
    people: so many people come again and again, and f_CLS knows them; 0: always new ones, whom it does not know.
    people_seed: of those who come again; by default the seed.
    """

    def __init__(self, seed: int, group: int = 1, people: int = 0, people_seed: int | None = None):
        self.first, self.group, self.count = seed * 1_000_000, group, people
        self.first_person = self.first if people_seed is None else people_seed * 1_000_000

    def __getitem__(self, i: int) -> Face:
        person = i // self.group
        person = self.first_person + person % self.count if self.count else self.first + person
        return render(factors(self.first + i, person=person))

    @property
    def people(self) -> list[str]:
        """Names of those who come again."""
        return [identity(self.first_person + n).name for n in range(self.count)]


class StillBatches(Dataset):
    """Map-style dataset whose item i is the batch of iteration i: real faces epoch by epoch, procedural ones always
    new.

    faces: patches of real faces (see `cut_patch`), may be empty when stage.procedural is 1.
    procedural: None where the stage has no procedural faces.
    Its `people`: number of each person for f_CLS by name, first real people with several images; all others are
    UNKNOWN.
    Raises ValueError where either is missing.
    """

    def __init__(self, faces: Sequence[Face], stage: Stage, preset: Preset, procedural: ProceduralFaces | None = None):
        self.n_synthetic = round(stage.procedural * stage.batch / stage.group) * stage.group
        self.n_real = stage.batch - self.n_synthetic
        if (self.n_real and not faces) or (self.n_synthetic and procedural is None):
            wanted = f"{self.n_real} real and {self.n_synthetic} procedural faces"
            raise ValueError(f"a batch wants {wanted}, but there are none: name --data, or take --procedural 1")
        self.faces, self.stage, self.preset, self.procedural = faces, stage, preset, procedural
        self.by_person: dict[str, list[int]] = {}
        for j, person in enumerate(faces.people if isinstance(faces, UnreadPatches) else [f.person for f in faces]):
            self.by_person.setdefault(person, []).append(j)
        self.groups = sum(-(-len(indices) // stage.group) for indices in self.by_person.values())  # in an epoch
        recurring = procedural.people if self.n_synthetic else []
        often = sorted(person for person, indices in self.by_person.items() if len(indices) > 1)
        self.people = {person: number for number, person in enumerate([*often, *recurring])}

    def __len__(self) -> int:
        return self.stage.iterations

    def __getitem__(self, i: int) -> Batch:
        rng = np.random.default_rng((self.stage.seed, i))
        chosen = self.chosen(i)
        kept = len(chosen) if self.stage.augment_synthetic else self.n_real
        chosen = [self.changed(face, rng) for face in chosen[:kept]] + chosen[kept:]
        return self.batch(chosen, rng)

    def changed(self, face: Face, rng: np.random.Generator) -> Face:
        """The face augmented, mirrored or as it is, by the stage's share."""
        if self.stage.augmented == 1 or rng.random() < self.stage.augmented:
            return augment(face, rng)
        return mirrored(face, rng)

    def batch(self, chosen: Sequence[Face | Clip], rng: np.random.Generator) -> Batch:
        """The tensors of faces or clips, around disturbed boxes of their (first) frames."""
        images = [one.frames if isinstance(one, Clip) else one.image for one in chosen]
        boxes = [one[0].box if isinstance(one, Clip) else one.box for one in chosen]
        crops = [disturbed_crop(box, self.stage.box_noise, self.preset, rng) for box in boxes]
        return Batch(
            patches=torch.from_numpy(np.stack(images)).movedim(-1, -3),
            points=torch.from_numpy(np.stack([one.points for one in chosen])),
            crop=torch.from_numpy(np.stack(crops)),
            person=torch.tensor([self.people.get(one.person, UNKNOWN) for one in chosen]),
            visible=torch.from_numpy(np.stack([one.visible for one in chosen])),
        )

    def chosen(self, i: int) -> list[Face]:
        """The patches of batch i before augmentation, real ones first."""
        synthetic = [cut_patch(self.procedural[i * self.n_synthetic + j]) for j in range(self.n_synthetic)]
        return [self.faces[j] for j in self.real_indices(i)] + synthetic

    def real_indices(self, i: int) -> list[int]:
        """Which real faces batch i holds: a new order each time all have been used."""
        units = self.n_real // self.stage.group
        epoch, start = divmod(i * units, self.groups) if units else (0, 0)
        found: list[list[int]] = []
        while len(found) < units:
            found += self.order(epoch)[start : start + units - len(found)]
            epoch, start = epoch + 1, 0
        return [j for group in found for j in group]

    def order(self, epoch: int) -> list[list[int]]:
        """The groups of an epoch: images of one person each, in a new order. A person's last group is filled up."""
        rng, size = np.random.default_rng((self.stage.seed, 1, epoch)), self.stage.group
        if size == 1:
            return [[int(j)] for j in rng.permutation(len(self.faces))]
        groups = []
        for indices in self.by_person.values():
            count = -(-len(indices) // size)
            groups += np.resize(rng.permutation(indices), (count, size)).tolist()
        return [groups[j] for j in rng.permutation(len(groups))]


class ClipBatches(StillBatches):
    """As `StillBatches`, of clips of stage.frames frames. A Clip among the faces (see `cut_clip`) stays a real one,
    mirrored in half of the cases; a Face is animated, and an occluder passes before stage.occluded of them.
    """

    def __getitem__(self, i: int) -> Batch:
        rng = np.random.default_rng((self.stage.seed, i))
        clips = [mirrored(one, rng) if isinstance(one, Clip) else self.moved(one, rng) for one in self.chosen(i)]
        return self.batch(clips, rng)

    def moved(self, face: Face, rng: np.random.Generator) -> Clip:
        """A clip of the still image with other proportions, mirrored in half of the cases."""
        image, points = stretch(face.image, face.points, rng)
        visible = face.visible
        if rng.random() < 0.5:
            image, points = mirror(image, points, face.lean)
            visible = visible[MIRROR]
        face = Face(image, points.astype(np.float32), face.person, face.name, visible)
        seed, frames = int(rng.integers(1 << 30)), self.stage.frames
        stay = (min(5, frames), min(max(8, frames * 3 // 4), frames))
        occluder = draw_occluder(seed, frames, lasts=stay) if rng.random() < self.stage.occluded else None
        if occluder and rng.random() < FROM_START:
            occluder = replace(occluder, enters=0)
        strength = MotionStrength(pace=float(self.stage.pace ** (rng.random() ** 2)))
        return animate(face, seed, frames, PATCH_SIZE, occluder, strength)


class Together(Dataset):
    """Item i: a batch of each part of a stage. people: as of `StillBatches`, of the part with the most."""

    def __init__(self, parts: Sequence[StillBatches]):
        self.parts = parts
        self.people = max((part.people for part in parts), key=len)
        for part in parts:
            part.people = self.people

    def __getitem__(self, i: int) -> list[Batch]:
        return [part[i] for part in self.parts]


def mirrored(one: Face | Clip, rng: np.random.Generator) -> Face | Clip:
    """It, in half of the cases flipped left to right."""
    if rng.random() < 0.5:
        return one
    pixels = "image" if isinstance(one, Face) else "frames"
    flipped, points = mirror(getattr(one, pixels), one.points, one.lean)
    return replace(one, **{pixels: flipped}, points=points.astype(np.float32), visible=one.visible[..., MIRROR])
