"""A still set in motion: where every point and every pixel of it goes, frame by frame. (our choice)"""

from dataclasses import dataclass

import cv2
import numpy as np

from redn_lib.data.animation.curves import Curves
from redn_lib.data.animation.turning import MOST_PITCH, Head
from redn_lib.data.animation.warp import Bend, extended, field
from redn_lib.data.clip import Face
from redn_lib.landmarks import PARTS, tight_box

FACE_SHARE = 0.5
"""Larger side of the face's tight box over the side of the frame, before zoom: as in a patch."""

_SEEN = 1.7
"""The part of the still that is kept: a square of so many larger sides of the box around its middle, both ways."""

_FINE = tuple(list(PARTS[part]) for part in ("right_eye", "left_eye")) + (
    [*PARTS["outer_mouth"], *PARTS["inner_mouth"]],
)


@dataclass(frozen=True)
class Motion:
    """How the still moves, one frame more on either side.

    still: (S, S, 3) uint8, its face about as large as in the frames; rest: (68, 2) its points; points: (T + 2, 68, 2)
    pixels of the frames; back: (T + 2, 2, 3) frame pixels to those of the still where the camera alone moves; bend:
    what the head moves besides; yaw, pitch: (T + 2,) degrees; shift: (T + 2, 2) pixels; size: pixels a side.
    """

    still: np.ndarray
    rest: np.ndarray
    points: np.ndarray
    back: np.ndarray
    bend: Bend
    yaw: np.ndarray
    pitch: np.ndarray
    shift: np.ndarray
    size: int

    @classmethod
    def of(cls, face: Face, curves: Curves, size: int) -> "Motion":
        """The curves laid upon this face."""
        still, points = _kept(face, size)
        head = Head.on(points)
        box = tight_box(points).astype(float)
        middle, side = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).max()
        pitch = MOST_PITCH * np.tanh(curves.pitch / MOST_PITCH)
        yaw = head.possible(curves.yaw)
        bent = head.moved(yaw, pitch, curves.mouth, curves.lids)
        shift = FACE_SHARE * size * np.c_[curves.shift_x, curves.shift_y]
        fit = FACE_SHARE * size / side

        def similarity(share: float) -> np.ndarray:
            """From the still to the frame, as far as a share of the motion goes: (T + 2, 2, 3)."""
            angle, scale = np.radians(share * curves.turn), fit * curves.zoom**share
            c, s = scale * np.cos(angle), scale * np.sin(angle)
            linear = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
            return np.concatenate([linear, ((size - 1) / 2 + share * shift - linear @ middle)[..., None]], -1)

        whole, camera = similarity(1.0), similarity(curves.camera)
        back = np.stack([cv2.invertAffineTransform(m) for m in camera])
        own = _through(back, _through(whole, bent))
        new = np.where(head.follows[:, None] > 0, own, bent)
        bend = Bend(head.controls, new, head.unit)
        return cls(still, points, _through(camera, new[:, :68]), back, bend, yaw, pitch, shift, size)

    def map(self, t: int) -> np.ndarray:
        """Where frame t takes its pixels from: (size, size, 2) float32 pixels of the still."""
        fine = [self.points[t, group] for group in _FINE]
        return field(self.bend, t, self.back[t], self.size, fine)


def _kept(face: Face, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Square around the face, shrunk where its face is larger than in the frames, and the points in it."""
    box = face.box.astype(float)
    middle, side = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).max()
    if side < 4:
        raise ValueError(f"face {face.name or face.person!r} is {side:.1f} pixels large; at least 4 are needed")
    image, factor = face.image, np.ones(2)
    wanted = 1.15 * FACE_SHARE * size / side
    if wanted < 0.8:
        sides = np.maximum(np.round(wanted * np.array(image.shape[1::-1])), 8).astype(int)
        factor = sides / image.shape[1::-1]
        image = cv2.resize(image, tuple(sides.tolist()), interpolation=cv2.INTER_AREA)
    points = (face.points.astype(float) + 0.5) * factor - 0.5
    half = _SEEN * side * factor.max()
    low = np.floor((middle + 0.5) * factor - 0.5 - half).astype(int)
    return extended(image, low, int(2 * half) + 2), points - low


def _through(matrices: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (T, N, 2) through affine matrices (T, 2, 3)."""
    return points @ matrices[..., :2].transpose(0, 2, 1) + matrices[:, None, :, 2]
