"""A clip, and something that passes before the face in it. (our choice)"""

from dataclasses import replace

import numpy as np

from redn_lib.data.animation.animate import seen, skin_of
from redn_lib.data.animation.occluder import Occluder, Sprite, lay_over
from redn_lib.data.clip import Clip

SHUTTER = 0.5
"""Share of a frame's time that the shutter is open."""


def covered(clip: Clip, passing: Occluder, seed: int = 0) -> Clip:
    """The clip with something passing before its face; seed: of its looks. Same arguments, same frames bit for bit.

    Points behind it are not visible; factors["occluded"]: (T,), the share of the tight box that it covers. Raises
    ValueError for frames that are not square, or something that comes after the end.
    """
    count, height, width = clip.frames.shape[:3]
    if height != width:
        raise ValueError(f"frames must be square, got {width}x{height}: cut a square with redn_lib.crop first")
    if passing.enters + passing.lasts > count:
        last = passing.enters + passing.lasts
        raise ValueError(f"the occluder covers the face until frame {last}, the clip has {count} frames")
    sprite = Sprite(passing, clip.points, clip.frames[0], skin_of(clip[0]), np.random.default_rng([seed, 15]))
    layers = [sprite.laid(t, SHUTTER, width) for t in range(count)]
    frames = [f if layer is None else lay_over(f, layer) for f, layer in zip(clip.frames, layers, strict=True)]
    visible, occluded = seen(clip.points, [None if layer is None else layer[..., 3] for layer in layers], width)
    if clip.visible is not None:
        visible &= clip.visible
    factors = dict(clip.factors or {}) | {"occluded": occluded}
    return replace(clip, frames=np.stack(frames), visible=visible, factors=factors)
