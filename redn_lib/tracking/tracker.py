"""Video in, points out: finds a face, follows it from frame to frame, notices a loss and finds the face again.

A landmark network finds points on any wall, so every fit is tested for being a face, and every few frames the detector
checks that there is one. All of it is our choice, numbers by `benchmarks/measure_tracking.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from torch import Tensor

from redn_lib.crop import Crop, cut_around
from redn_lib.feedback import Step
from redn_lib.folded import fast
from redn_lib.landmarks import MEAN_SHAPE, N_POINTS, fit_similarity, tight_box
from redn_lib.rednet import RedNet
from redn_lib.response_maps import confidence
from redn_lib.temporal import MemoryState
from redn_lib.tracking.align import Fit, align
from redn_lib.tracking.detector import DEFAULT, Detector, Faces, overlap
from redn_lib.tracking.video import Frames, Source, frames

LOST_CONFIDENCE = 0.3  # the face is lost where the mean confidence of its points is below
SURE = 0.65  # below this mean confidence the detector checks at once; training faces lie above
STANDS = 0.0025  # a sure step that moves the points by less, as a mean share of the crop's side, is the last
FOLLOWS = 0.02  # the same of the first step of a frame after another, which is the last, too, where it is not sure
FOUND = 1.3  # least sum of detector's score and mean confidence of a new face; up to 1.25 were seen without a face
MAX_MISFIT = 0.45  # largest `misfit` of a face; turned faces reach 0.38
MIN_INSIDE = 0.5  # least share of a face's box inside the frame
MAX_GROWTH = 1.5  # largest factor by which the box may grow or shrink from one frame to the next
STILL = 0.8  # a fit whose box overlaps the given box by less is repeated from its own box: the face has moved
SAME_FACE = 0.4  # least overlap of the box of the points and the detector's box of the same face
CHECK_EVERY = 5  # the detector checks the surroundings of the face every so many frames,
CHECK_SIDE = 160  # in an image of this size in pixels
MAX_UNSEEN = 3  # a face that the detector misses is checked in every frame, and given up after so many misses in a row
TURNED = 45.0  # a face that is turned by more degrees gets its first crop turned, too
TRIES = 3  # so often at most a turned face is detected again where it should stand upright
MAX_TURN = 60.0  # by so many degrees at most the points and the detector may differ on how a face is turned
SAME_AFTER = 25  # frames after which a face that is found again in its place counts as another one, too
CUT = 20.0  # from this mean difference (grey levels) of their thumbnails on, two frames are different scenes


@dataclass(frozen=True)
class TrackedFrame:
    """One frame and the face in it. Where the face is lost, points and box are NaN and the confidence is 0.

    index: 0-based number of the frame.
    time: in seconds.
    image: (H, W, 3) uint8 RGB.
    points: (68, 2) float32, 0-based pixels of the frame.
    confidence: (68,) in [0, 1].
    box: (4,) tight box of the points, in pixels.
    lost: whether no face was found.
    face: number of the face, from 1 on; counts up where it may be another one, elsewhere, after a cut or a long loss.
    state: of the tracker after it.
    """

    index: int
    time: float
    image: np.ndarray
    points: np.ndarray
    confidence: np.ndarray
    box: np.ndarray
    lost: bool
    face: int = 0
    state: "State | None" = None


class Followed(NamedTuple):
    """The face that is tracked."""

    fit: Fit  # where it is in the last frame
    age: int = 0  # frames since it was found
    unseen: int = 0  # checks in a row in which the detector missed it

    @property
    def is_due(self) -> bool:
        """Whether the detector should check it in this frame."""
        return self.unseen > 0 or self.age % CHECK_EVERY == 0 or self.fit.confidence.mean() < SURE


class State(NamedTuple):
    """What the tracker knows of the face, from frame to frame."""

    face: Followed | None = None  # None: lost
    number: int = 0  # of the face, as of a TrackedFrame
    box: np.ndarray | None = None  # where it was last
    last_index: int = -SAME_AFTER  # of the frame in which it was


class Tracker:
    """Tracks one face, the largest one where there are several.

    model: copied, so later changes of it do not count.
    steps: K feedback steps; by default at most the model's own, and fewer where these are `enough`.
    temporal: f_tRNN remembers from frame to frame, where the model has it; after a loss it starts again.
    detector: of faces, by default the `DEFAULT` of detector.py.
    Its `fit`: of the last frame, with the feedback steps and their maps; None where the face is lost.
    """

    fit: Fit | None = None

    def __init__(
        self, model: RedNet, steps: int | None = None, temporal: bool = True, detector: Detector | None = None
    ) -> None:
        self.model, self.steps, self.temporal = fast(model), steps, temporal
        self.detector = DEFAULT() if detector is None else detector

    def track(self, source: Source | Frames, after: TrackedFrame | None = None) -> Iterator[TrackedFrame]:
        """Every frame of a source, as `Frames` opens it; each call starts again, without a face.

        after: goes on after that frame, as if it had not stopped there.
        """
        state, before = after.state if after else State(), None  # before: the thumbnail of the last frame
        source = frames(source)
        for index, seconds, image in source:
            if after and index < after.index:
                continue
            now = thumbnail(image)
            if after and index == after.index:
                before = now
                continue
            is_cut = before is None or index in source.skipped or np.abs(now - before).mean() >= CUT
            before, face = now, None if is_cut else state.face
            if face:
                face = self._follow(image, face)
            followed = face.fit if face else None
            if face and face.is_due:
                face = self._check(image, face)
            if face is None:
                face = self._find(image)
            if is_cut:
                state = state._replace(last_index=-SAME_AFTER)
            self.fit, is_new = face.fit if face else None, face is not None and face.fit is not followed
            if face:  # frames may be kept by the hundred: not with the maps of all steps
                face = face._replace(fit=replace(face.fit, done=()))
            state = numbered(state, face, index, is_new)
            points = face.fit.points if face else np.full((N_POINTS, 2), np.nan, np.float32)
            confidence = face.fit.confidence if face else np.zeros(N_POINTS, np.float32)
            known = points, confidence, tight_box(points), face is None, state.number, state
            yield TrackedFrame(index, seconds, image, *known)

    def _find(self, image: np.ndarray) -> Followed | None:
        """The largest face of the frame that the network confirms."""
        found = zip(*(values[:3] for values in self.detector.detect(image)), strict=True)
        fits = (self._confirm(image, *face) for face in found)
        return next((Followed(fit) for fit in fits if fit), None)

    def _confirm(self, image: np.ndarray, box: np.ndarray, score: float, turn: float) -> Fit | None:
        """The face in a box of the detector; None where the network finds none there, or one turned otherwise. A turned
        face is detected again where it stands upright, which tells better how it is turned.
        """
        for _ in range(TRIES if abs(turn) > TURNED else 0):
            boxes, scores, turns = self._detect_around(image, box, turn)
            if not len(boxes):
                return None
            nearest = overlap(boxes, box).argmax()
            left, score = angle(turns[nearest], turn), (score + scores[nearest]) / 2
            box, turn = boxes[nearest], turns[nearest]
            if left <= TURNED / 2:
                break
        fit = self._fit(image, box, turn)
        is_sure = fit and score + fit.confidence.mean() >= FOUND
        is_there = is_sure and overlap(tight_box(fit.points), box) >= SAME_FACE
        return fit if is_there and angle(turn_of(fit.points), turn) < MAX_TURN else None

    def _follow(self, image: np.ndarray, last: Followed) -> Followed | None:
        """The face of the last frame in this one; None where it is lost."""
        fit = self._fit(image, tight_box(last.fit.points), turn_of(last.fit.points), last.fit.state)
        growth = np.ptp(fit.points, 0).max() / np.ptp(last.fit.points, 0).max() if fit else np.inf
        return last._replace(fit=fit, age=last.age + 1) if 1 / MAX_GROWTH <= growth <= MAX_GROWTH else None

    def _fit(self, image: np.ndarray, box: np.ndarray, turn: float, state: MemoryState | None = None) -> Fit | None:
        """Align from a box, and again from the result where the face has moved; None where that is no face."""
        options = {"temporal": self.temporal, "state": state, "turn": turn if abs(turn) > TURNED else 0.0}
        options["enough"] = enough if self.steps is None else None
        fit = align(self.model, image, box, self.steps, **options)
        if is_face(fit, image) and overlap(tight_box(fit.points), box) < STILL:
            if state:
                options["state"] = state._replace(points=fit.state.points)
            fit = align(self.model, image, tight_box(fit.points), self.steps, **options)
        return fit if is_face(fit, image) else None

    def _check(self, image: np.ndarray, face: Followed) -> Followed | None:
        """The face, or the one that the detector finds near by; None where it is none or was missed too often."""
        fit, box = face.fit, tight_box(face.fit.points)
        boxes, scores, turns = self._detect_around(image, box, turn_of(fit.points))
        if not len(boxes):
            return face._replace(unseen=face.unseen + 1) if face.unseen + 1 < MAX_UNSEEN else None
        nearest = overlap(boxes, box).argmax()
        is_same = overlap(boxes[nearest], box) >= SAME_FACE
        if not is_same or angle(turn_of(fit.points), turns[nearest]) > MAX_TURN:
            other = self._confirm(image, boxes[nearest], scores[nearest], turns[nearest])
            if not is_same or (other and other.confidence.mean() > fit.confidence.mean()):
                fit = other
        return face._replace(fit=fit, unseen=0) if fit else None

    def _detect_around(self, image: np.ndarray, box: np.ndarray, turn: float) -> Faces:
        """The faces around a box, found where a face that is turned by `turn` degrees stands upright."""
        if abs(turn) <= TURNED:
            around, low = cut_around(image, box)
            found = self.detector.detect(around, (CHECK_SIDE,))
            return found._replace(boxes=found.boxes + np.tile(low, 2))
        upright = Crop.around(box, turn=turn)
        found = self.detector.detect(upright.take(image), (CHECK_SIDE,))
        middles = upright.to_frame((found.boxes[:, :2] + found.boxes[:, 2:]) / 2)
        half = (found.boxes[:, 2:] - found.boxes[:, :2]).max(1, initial=0)[:, None] / 2 * upright.scale
        return found._replace(boxes=np.hstack([middles - half, middles + half]), turns=found.turns + turn)


def enough(before: Tensor, done: list[Step]) -> bool:
    """Whether a further feedback step would not help: the last one hardly moved the points and is sure of them; or it
    is the first of a frame after another and not sure of them.

    before: (1, 68, 2) points before the last step, in patch pixels.
    """
    last = done[-1]
    size = last.frame.shape[-1]
    moved = (last.points - before).norm(dim=-1).mean() / (size * last.crop[..., 0].norm())
    is_sure = bool(confidence(last.response_maps, last.crop_points, size).mean() >= SURE)
    if len(done) == 1:  # of a frame after another
        return bool(moved < FOLLOWS) or not is_sure
    return bool(moved < STANDS) and is_sure


def numbered(state: State, face: Followed | None, index: int, is_new: bool) -> State:
    """The state after a frame with that face; is_new: it was found in this frame, not followed from the last."""
    if face is None:
        return state._replace(face=None)
    box = tight_box(face.fit.points)
    is_same = not is_new or (index - state.last_index < SAME_AFTER and overlap(state.box, box) >= SAME_FACE)
    return State(face, state.number + (not is_same), box, index)


def is_face(fit: Fit, image: np.ndarray) -> bool:
    """Whether a fit can be a face: finite, confident, of a face's shape, and inside the image."""
    if not np.isfinite(fit.points).all() or fit.confidence.mean() < LOST_CONFIDENCE or misfit(fit.points) > MAX_MISFIT:
        return False
    box = tight_box(fit.points)
    frame = np.array([-0.5, -0.5, image.shape[1] - 0.5, image.shape[0] - 0.5])
    inside = (np.minimum(box[2:], frame[2:]) - np.maximum(box[:2], frame[:2])).clip(0).prod()
    return bool(inside >= MIN_INSIDE * (box[2:] - box[:2]).prod())


def thumbnail(image: np.ndarray) -> np.ndarray:
    """The image at 32x32 pixels, to notice a new scene by: (32, 32, 3) float32."""
    return cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)


def turn_of(points: np.ndarray) -> float:
    """By how many degrees clockwise a face, points (68, 2), is turned from upright: -180 to 180."""
    linear, _ = fit_similarity(MEAN_SHAPE, points)
    return float(np.degrees(np.arctan2(linear[1, 0], linear[0, 0])))


def angle(one: float, other: float) -> float:
    """How far two directions are from each other, both in degrees: 0 to 180."""
    return abs((one - other + 180) % 360 - 180)


def misfit(points: np.ndarray) -> float:
    """RMS distance of points (68, 2) from the mean shape fitted to them by a similarity / RMS radius of that shape."""
    linear, translation = fit_similarity(MEAN_SHAPE, points)
    fitted = MEAN_SHAPE @ linear.T + translation
    radius = np.linalg.norm(fitted - fitted.mean(0))
    return float(np.linalg.norm(points - fitted) / radius) if radius > 0 else np.inf
