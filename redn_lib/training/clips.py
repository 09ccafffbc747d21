"""Clips into batches: windows of labelled videos as they are, and animated still images."""

from dataclasses import replace

import numpy as np

from redn_lib.crop import PATCH_SIZE
from redn_lib.data.animation.animate import animate
from redn_lib.data.animation.curves import MotionStrength
from redn_lib.data.augment import mirror, stretch
from redn_lib.data.clip import Clip, Face
from redn_lib.data.occluder import draw_occluder
from redn_lib.landmarks import MIRROR, mirror_points
from redn_lib.training.batches import Batch, StillBatches, disturbed_crop


class ClipBatches(StillBatches):
    """As `StillBatches`, of clips of stage.frames frames. A Clip among the faces (see `cut_clip`) stays a real one,
    mirrored in half of the cases; a Face is animated, and an occluder passes before stage.occluded of them.
    """

    def __getitem__(self, i: int) -> Batch:
        rng = np.random.default_rng((self.stage.seed, i))
        clips = [mirrored(one, rng) if isinstance(one, Clip) else self.moved(one, rng) for one in self.chosen(i)]
        crops = [disturbed_crop(clip[0].box, self.stage.box_noise, self.preset, rng) for clip in clips]
        return self.batch([clip.frames for clip in clips], clips, crops)

    def moved(self, face: Face, rng: np.random.Generator) -> Clip:
        """A clip of the still image with other proportions, mirrored in half of the cases."""
        image, points = stretch(face.image, face.points, rng)
        visible = face.visible
        if rng.random() < 0.5:
            image, points = mirror(image, points)
            visible = visible[MIRROR]
        face = Face(image, points.astype(np.float32), face.person, face.name, visible)
        seed, frames = int(rng.integers(1 << 30)), self.stage.frames
        stay = (min(5, frames), min(8, frames))
        occluder = draw_occluder(seed, frames, lasts=stay) if rng.random() < self.stage.occluded else None
        strength = MotionStrength(pace=float(self.stage.pace ** (rng.random() ** 2)))
        return animate(face, seed, frames, PATCH_SIZE, occluder, strength)


def mirrored(clip: Clip, rng: np.random.Generator) -> Clip:
    """The clip, in half of the cases flipped left to right."""
    if rng.random() < 0.5:
        return clip
    frames = np.ascontiguousarray(clip.frames[:, :, ::-1])
    points = mirror_points(clip.points, frames.shape[2])
    return replace(clip, frames=frames, points=points, visible=clip.visible[:, MIRROR])
