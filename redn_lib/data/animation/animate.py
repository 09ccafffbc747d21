"""Any annotated still image set in motion: a smooth clip with exact truth, and every parameter. (our choice)

A rough depth from the mean head lets it turn, open its mouth and close its lids. `Motion` tells where every point and
every pixel of the still image goes. The image is bent so that the points come to lie at their places exactly, smoothly
and without tears: the field runs backward, from the new image to the old one, a sum of smooth tents over the new places
plus an affine part.
"""

from typing import Any

import cv2
import numpy as np
from scipy.interpolate import CubicSpline, RBFInterpolator

from redn_lib.data.animation.curves import FPS, MotionStrength, draw_curves
from redn_lib.data.augment import jpeg
from redn_lib.data.clip import Clip, Face
from redn_lib.data.occluder import Occluder, Sprite, fill_polygon, skin_colour_of, visibility
from redn_lib.data.synthetic.head import PIVOT, TABLES, rotation, template
from redn_lib.landmarks import INNER, N_POINTS, OUTER_EYES, PARTS, tight_box

APART = 0.2  # skull and neck places nearer to the 68 points than so many half face widths, or among them, are left out
STEEPEST = 1.5  # most change of depth over change of place: what keeps a turning face from being folded
RINGS = (2.5, 4.0)  # background that stays: so many half face widths from the middle of the face
MOST_YAW, MOST_PITCH = 20.0, 12.0  # degrees beyond which a still image, bent, no longer looks like a turned head
MOST_TURNED = 48.0  # degrees from the front beyond which a head, turned as it is, is hardly turned any further
LID_LEFT = 0.22  # share of the open eye that is left between the points of shut lids
LIPS_LEFT = 0.35  # share of an open mouth that is left when shut, so that lips do not cross
WIDEST = 0.34  # widest mouth, in half face widths
STEP = 7  # pixels between the nodes of the coarse grid on which the field is computed
ROUND = 0.05  # how far the tip of a tent is rounded, in half face widths
STIFF = 1e-4  # smoothing that keeps points that coincide solvable
FACE_SHARE = 0.5  # larger side of the face's tight box over the side of the frame, before zoom: as in a patch
MOUTH = np.array([0.36, 0.24, 0.24])  # colour of an opened mouth, over that of the line between the lips

_JAW_FALL = {i: 1 - (abs(i - 8) / 5.5) ** 2 for i in range(3, 14)} | dict.fromkeys((*range(55, 60), 65, 66, 67), 1.0)
_LIPS = ((61, 67), (62, 66), (63, 65))
_CORNERS = (48, 54, 60, 64)
_LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))
_FINE = [[*PARTS["right_eye"]], [*PARTS["left_eye"]], [*PARTS["outer_mouth"], *PARTS["inner_mouth"]]]


class Head:
    """The mean head laid into the 68 points (68, 2) of a still image, seen from far away; `unit`: half a face width."""

    def __init__(self, points: np.ndarray):
        solid = np.asarray(template().controls[:N_POINTS], float) - PIVOT
        inner = np.asarray(INNER)
        fit = np.linalg.lstsq(np.c_[solid[inner], np.ones(len(inner))], points[inner].astype(float), rcond=None)[0]
        u, sizes, v = np.linalg.svd(fit[:3].T, full_matrices=False)
        self.axis, self.unit, across = fit[3], sizes.mean(), u @ v
        turn = np.vstack([across, np.cross(*across)])
        self.yaw = np.degrees(np.arctan2(-turn[2, 0], turn[2, 2]))
        self.roll = np.degrees(np.arctan2(-turn[0, 1], turn[1, 1]))
        skull, neck = np.array(TABLES["skull"]), np.array(TABLES["neck"])
        beside = np.concatenate([skull, neck]) - PIVOT
        flat = self.unit * beside @ across.T + self.axis
        outline = cv2.convexHull(points.astype(np.float32))
        free = [cv2.pointPolygonTest(outline, place.tolist(), True) < -APART * self.unit for place in flat]
        head = np.concatenate([points, flat[free]])
        depth = self.unit * np.concatenate([solid, beside[free]]) @ turn[2]
        room = STEEPEST * np.linalg.norm(head[:, None] - head[None], axis=-1)
        depth = ((depth + room).min(1) + (depth - room).max(1)) / 2
        side = np.linspace(-1, 1, 4)[:-1]
        edge, quarter = np.c_[side, np.full(3, -1.0)], np.array([[0.0, 1], [-1, 0]])
        border = np.concatenate([edge @ np.linalg.matrix_power(quarter, k) for k in range(4)])
        middle = (points.min(0) + points.max(0)) / 2
        rings = np.concatenate([middle + self.unit * r * border for r in RINGS])
        self.controls = np.concatenate([head, rings])  # (C, 2) pixels, the 68 first, background last
        self.depth = np.r_[depth, np.zeros(len(rings))]  # (C,) pixels to the viewer from the axis it turns about
        partly = np.r_[np.ones(len(skull)), np.full(len(neck), 0.35)][free]
        self.follows = np.r_[np.ones(N_POINTS), partly, np.zeros(len(rings))]  # (C,) share of the head's turning

    def possible(self, yaw: np.ndarray) -> np.ndarray:
        """Degrees of yaw wished (T,), limited to what this still image can bear: less the further it is turned."""
        side = np.sign(self.yaw) or 1.0
        further = np.clip(MOST_TURNED - abs(self.yaw), 2, MOST_YAW)
        limit = np.where(side * yaw > 0, further, MOST_YAW)
        return limit * np.tanh(yaw / limit)

    def moved(self, yaw: np.ndarray, pitch: np.ndarray, mouth: np.ndarray, lids: np.ndarray) -> np.ndarray:
        """Where the controls lie in T frames, (T, C, 2) pixels of the still image, by curves (T,) of `draw_curves`."""
        solid = np.zeros((len(yaw), len(self.controls), 3))
        solid[..., :2] = self.controls - self.axis
        solid[..., 2] = self.depth
        # the jaw falls, or rises as far as the lips of the still image are open
        down = np.array([-np.sin(np.radians(self.roll)), np.cos(np.radians(self.roll))])
        gaps = {low: max(float((self.controls[low] - self.controls[up]) @ down), 0.0) for up, low in _LIPS}
        gap, rest = gaps[66], 0.06 * self.unit
        opens = np.log(max(WIDEST * self.unit + rest, 1.1 * (gap + rest)) / (gap + rest))
        shuts = np.log((gap + rest) / (LIPS_LEFT * gap + rest)) + 1e-6
        limit = np.where(mouth > 0, opens, shuts)
        fall = ((gap + rest) * (np.exp(limit * np.tanh(mouth / limit)) - 1))[:, None]
        for i, share in _JAW_FALL.items():
            rises = min(gaps[i] / (gap + 1e-6), 1) if i in gaps else share
            solid[:, i, :2] += np.where(fall > 0, share, rises) * fall * down
        middle = self.controls[[62, 66]].mean(0)
        for i in _CORNERS:
            inward = middle - self.controls[i]
            solid[:, i, :2] += fall * (0.35 * down + 0.12 * inward / (np.linalg.norm(inward) + 1e-6))
        for upper, lower in _LIDS:
            way = self.controls[lower] - self.controls[upper]
            solid[:, upper, :2] += 0.88 * (1 - LID_LEFT) * lids[:, None] * way
            solid[:, lower, :2] -= 0.12 * (1 - LID_LEFT) * lids[:, None] * way
        upright = rotation(0, 0, self.roll)
        turns = np.stack([upright @ rotation(y, p, 0) @ upright.T for y, p in zip(yaw, pitch, strict=True)])
        turned = np.einsum("tij,tcj->tci", turns, solid)
        return self.axis + (solid + self.follows[:, None] * (turned - solid))[..., :2]


class Motion:
    """How the still image of a face moves along curves of T + 2 frames (`draw_curves`): one more on either side.

    `image`, the square around its face with the points `rest`, is about as large as in the frames, which have `points`.
    """

    def __init__(self, face: Face, curves: dict[str, Any], size: int):
        self.size = size
        self.image, self.rest = _square_around(face, size)
        head = Head(self.rest)
        box = tight_box(self.rest).astype(float)
        middle, fit = (box[:2] + box[2:]) / 2, FACE_SHARE * size / (box[2:] - box[:2]).max()
        self.pitch = MOST_PITCH * np.tanh(curves["pitch"] / MOST_PITCH)
        self.yaw = head.possible(curves["yaw"])
        self.shift = FACE_SHARE * size * np.c_[curves["shift_x"], curves["shift_y"]]

        def similarity(share: float) -> np.ndarray:
            """From the still image to the frame, as far as a share of the motion goes: (T + 2, 2, 3)."""
            angle, scale = np.radians(share * curves["turn"]), fit * curves["zoom"] ** share
            c, s = scale * np.cos(angle), scale * np.sin(angle)
            linear = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
            return np.concatenate([linear, ((size - 1) / 2 + share * self.shift - linear @ middle)[..., None]], -1)

        whole, camera = similarity(1.0), similarity(curves["camera"])
        self.back = np.stack([cv2.invertAffineTransform(m) for m in camera])
        bent = head.moved(self.yaw, self.pitch, curves["mouth"], curves["lids"])
        own = _through(self.back, _through(whole, bent))
        new = np.where(head.follows[:, None] > 0, own, bent)
        self.middle, self.unit = head.controls.mean(0), head.unit
        # scipy's multiquadric is sqrt(1 + (epsilon r)^2): tents of slope 1 / ROUND, rounded over ROUND
        form = {"kernel": "multiquadric", "epsilon": 1 / ROUND, "smoothing": STIFF / ROUND, "degree": 1}
        self.fields = [RBFInterpolator((p - self.middle) / self.unit, head.controls - p, **form) for p in new]
        self.points = _through(camera, new[:, :N_POINTS])
        self.nodes = np.linspace(0, size - 1, int(np.ceil((size - 1) / STEP)) + 1)  # of the coarse grid along a side
        self.spread = CubicSpline(self.nodes, np.eye(len(self.nodes)))(np.arange(size)).astype(np.float32)

    def map(self, t: int) -> np.ndarray:
        """Where frame t takes its pixels from: (size, size, 2) float32 pixels of the still image."""
        back, size = self.back[t], self.size

        def bent(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            """How far from the places of a grid of frame pixels the content is taken, (len(y), len(x), 2) float32."""
            grid = np.stack(np.broadcast_arrays(x[None], y[:, None]), -1).reshape(-1, 2)
            places = grid @ back[:, :2].T + back[:, 2]
            return self.fields[t]((places - self.middle) / self.unit).astype(np.float32).reshape(len(y), len(x), 2)

        coarse, spread = bent(self.nodes, self.nodes), self.spread
        field = cv2.merge([spread @ np.ascontiguousarray(coarse[..., k]) @ spread.T for k in range(2)])
        pixels = np.arange(size, dtype=np.float32)
        for group in _FINE:  # eyes and mouth, where it changes fast: at every pixel
            low = np.clip(np.floor(self.points[t, group].min(0)) - 5, 0, size).astype(int)
            high = np.clip(np.ceil(self.points[t, group].max(0)) + 6, 0, size).astype(int)
            if (high > low).all():
                rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
                field[rows, columns] = bent(pixels[columns], pixels[rows])
        back = back.astype(np.float32)
        return pixels[None, :, None] * back[:, 0] + (pixels[:, None, None] * back[:, 1] + back[:, 2]) + field


def _square_around(face: Face, size: int) -> tuple[np.ndarray, np.ndarray]:
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
    half = 1.7 * side * factor.max()
    low = np.floor((middle + 0.5) * factor - 0.5 - half).astype(int)
    return extended(image, low, int(2 * half) + 2), points - low


def extended(image: np.ndarray, low: np.ndarray, size: int) -> np.ndarray:
    """Square of the image from pixel `low` (2,) on; where the image ends, its colours run on, ever more blurred."""
    start, end = np.maximum(low, 0), np.minimum(low + size, image.shape[1::-1])
    rows, columns = slice(start[1] - low[1], end[1] - low[1]), slice(start[0] - low[0], end[0] - low[0])
    colours = np.zeros((size, size, 3), np.float32)
    known = np.zeros((size, size), np.float32)
    colours[rows, columns] = image[start[1] : end[1], start[0] : end[0]]
    known[rows, columns] = 1
    filled = _run_on(colours, known)
    filled[rows, columns] = colours[rows, columns]
    return filled.round().astype(np.uint8)


def _run_on(colours: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Unknown places filled from ever smaller copies of the image; colours are 0 where unknown."""
    share = np.minimum(3 * known, 1)[..., None]
    whole = colours / np.maximum(known, 1e-6)[..., None]
    if min(known.shape) < 4 or known.min() >= 1:
        return whole
    less = _run_on(cv2.pyrDown(colours), cv2.pyrDown(known))
    return share * whole + (1 - share) * cv2.pyrUp(less, dstsize=known.shape[::-1])


def _through(matrices: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (T, N, 2) through affine matrices (T, 2, 3)."""
    return points @ matrices[..., :2].transpose(0, 2, 1) + matrices[:, None, :, 2]


def animate(
    face: Face,
    seed: int,
    frames: int = 10,
    size: int = 224,
    occluder: Occluder | None = None,
    strength: MotionStrength | None = None,
) -> Clip:
    """The still image moved, talking and blinking for `frames` frames of `size` pixels a side, 25 a second.

    The points go where the image's content goes, to a fraction of a pixel. occluder: passes before the face once
    (`draw_occluder`); points behind it, outside the frame or invisible on the still image are not visible. strength:
    of each change. Same arguments, same clip bit for bit.

    factors, arrays (T,): yaw and pitch beyond those of the still image, and turn clockwise, in degrees; zoom; shift_x
    and shift_y in pixels; mouth, the gap of the inner lips over the distance of the outer eye corners; lids, 1 shut;
    gain, gamma and warmth of the light; blur in pixels; noise in grey levels; JPEG quality; occluded, as `visibility`.
    Raises ValueError for no frames, frames below 32 pixels, or an occluder that comes after the end.
    """
    if frames < 1 or size < 32:
        raise ValueError(f"a clip needs at least one frame of at least 32 pixels a side, got {frames} of {size} pixels")
    rng = np.random.default_rng([seed, 11])
    curves = draw_curves(rng, frames + 2, strength or MotionStrength())
    motion = Motion(face, curves, size)
    points, sprite = motion.points[1:-1], None
    if occluder is not None:
        sprite = Sprite(occluder, points, motion.image, skin_colour_of(face), np.random.default_rng([seed, 12]))
    images, masks = _render(motion, curves, sprite, rng)
    visible, occluded = visibility(points, masks)
    gap, eyes = (np.linalg.norm(points[:, a] - points[:, b], axis=1) for a, b in ((66, 62), OUTER_EYES))
    speed = np.linalg.norm(motion.points[2:] - motion.points[:-2], axis=-1).mean(1) / 2
    factors = {name: curves[name][1:-1] for name in ("turn", "zoom", "lids", "gain", "gamma", "warmth")}
    factors |= {"yaw": motion.yaw[1:-1], "pitch": motion.pitch[1:-1], "mouth": gap / eyes, "occluded": occluded}
    factors |= {"shift_x": motion.shift[1:-1, 0], "shift_y": motion.shift[1:-1, 1], "blur": curves["shutter"] * speed}
    factors |= {name: np.full(frames, curves[name]) for name in ("noise", "quality")}
    name, points = f"{face.name or face.person}-animated-{seed}", points.astype(np.float32)
    return Clip(np.stack(images), points, face.person, name, visible & face.visible, factors, FPS)


def _render(motion: Motion, curves: dict, sprite: Sprite | None, rng: np.random.Generator) -> tuple[list, list]:
    """Frames (size, size, 3) uint8 and the occluder's mask in each, (size, size) uint8."""
    size, noise, shutter, quality = motion.size, curves["noise"], curves["shutter"], curves["quality"]
    grain = rng.normal(0, noise, (size + 64, size + 64, 3)).round().astype(np.int16) if noise else None
    maps, images, masks = [motion.map(0), motion.map(1)], [], []
    for t in range(1, len(motion.points) - 1):
        maps = [*maps[-2:], motion.map(t + 1)]
        travel = np.linalg.norm(motion.points[t + 1] - motion.points[t - 1], axis=-1).max() / 2
        image = _motion_blurred(motion.image, maps, shutter, travel)
        image = _with_dark_mouth(image, motion.points[t], motion.rest)
        masks.append(np.zeros((size, size), np.uint8))
        if sprite:
            image, masks[-1] = sprite.before(image, t - 1, shutter)
        warmth, ramp = curves["warmth"][t], (np.arange(256) / 255) ** curves["gamma"][t] * curves["gain"][t]
        light = np.clip(ramp[:, None] * np.array([warmth, 1.0, 1 / warmth]) * 255, 0, 255).astype(np.uint8)
        image = cv2.LUT(image, light[None])
        if grain is not None:
            x, y = rng.integers(0, 65, 2)
            image = cv2.add(image, grain[y : y + size, x : x + size], dtype=cv2.CV_8U)
        images.append(jpeg(image, quality) if quality < 100 else image)
    return images, masks


def _motion_blurred(image: np.ndarray, maps: list[np.ndarray], shutter: float, travel: float) -> np.ndarray:
    """The mean of up to 8 images at times at which the shutter was open."""
    before, now, after = maps
    count = int(np.clip(np.ceil(shutter * travel / 1.2), 1, 8))
    total = np.zeros((*now.shape[:2], 3), np.float32)
    for late in shutter * ((np.arange(count) + 0.5) / count - 0.5):
        places = cv2.addWeighted(now, 1 - abs(late), after if late > 0 else before, abs(late), 0)
        cv2.accumulate(cv2.remap(image, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), total)
    return cv2.convertScaleAbs(total, alpha=1 / count)


def _with_dark_mouth(image: np.ndarray, points: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Darkens the inside of a mouth that is further open than on the still image, which has nothing to show there."""
    right, up, left, low = (np.array([points[i], rest[i]]) for i in (60, 62, 64, 66))
    wide = np.linalg.norm(left - right, axis=1)
    here, was = np.linalg.norm(low - up, axis=1) / (wide + 1e-6)
    cover = min(1.3 * (here - was) / (here + 0.1), 0.85)
    lips = points[list(PARTS["inner_mouth"])]
    soft = float(np.clip(wide[0] / (wide[1] + 1e-6), 1, 4))
    first = np.maximum(np.floor(lips.min(0) - 3 * soft).astype(int), 0)
    last = np.minimum(np.ceil(lips.max(0) + 3 * soft).astype(int) + 1, image.shape[1::-1])
    if cover <= 0 or (last - first < 3).any():
        return image
    image = image.copy()
    window = image[first[1] : last[1], first[0] : last[0]]
    mask = np.zeros(window.shape[:2], np.uint8)
    fill_polygon(mask, lips - first)
    if (mask > 127).any():
        shade = cover * cv2.GaussianBlur(mask, (0, 0), soft)[..., None] / 255.0
        window[:] = window * (1 - shade) + shade * MOUTH * np.median(window[mask > 127], 0)
    return image
