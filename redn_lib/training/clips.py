"""Stills set in motion, into batches of clips. Batch i is a function of the seed and i alone."""

import numpy as np
import torch

from redn_lib.crop import PATCH_SIZE
from redn_lib.data.animation.animate import animate
from redn_lib.data.animation.curves import MotionStrength
from redn_lib.data.augment import mirror, stretch
from redn_lib.data.clip import Clip, Face
from redn_lib.data.occluder import draw_occluder
from redn_lib.training.batches import Batch, StillBatches, disturbed_crop, person_numbers


class ClipBatches(StillBatches):
    """As `StillBatches`, each still animated for stage.frames frames; in stage.covered of the clips something passes
    before the face.
    """

    def __getitem__(self, i: int) -> Batch:
        rng = np.random.default_rng((self.stage.seed, i))
        clips = [self.moved(face, rng) for face in self.chosen(i)]
        crops = [disturbed_crop(clip[0].box, self.stage.box_noise, self.preset, rng) for clip in clips]
        frames = torch.from_numpy(np.stack([clip.frames for clip in clips])).permute(0, 1, 4, 2, 3)
        points = torch.from_numpy(np.stack([clip.points for clip in clips]))
        return Batch(frames, points, torch.from_numpy(np.stack(crops)), person_numbers(clips, self.people))

    def moved(self, face: Face, rng: np.random.Generator) -> Clip:
        """A clip of the still, mirrored now and then and of other proportions."""
        image, points = stretch(face.image, face.points, rng)
        if rng.random() < 0.5:
            image, points = mirror(image, points)
        face = Face(image, points.astype(np.float32), face.person, face.name)
        seed, frames = int(rng.integers(1 << 30)), self.stage.frames
        stay = (min(5, frames), min(8, frames))
        passing = draw_occluder(seed, frames, lasts=stay) if rng.random() < self.stage.covered else None
        strength = MotionStrength(pace=float(self.stage.haste ** (rng.random() ** 2)))
        return animate(face, seed, frames, PATCH_SIZE, passing, strength)
