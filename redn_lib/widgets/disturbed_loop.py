"""The feedback loop on one face, disturbed: box, occluder, form of feedback, changes of the map z, parts switched off.

What the loop microscope computes, without a widget: `Subject(...).run(state)` and what is drawn of it.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
import torch
from torch import Tensor

from redn_lib.data.clip import Face
from redn_lib.feedback import FeedbackForm
from redn_lib.landmarks import N_POINTS
from redn_lib.metrics import point_errors
from redn_lib.rednet import RedNet
from redn_lib.response_maps import confidence
from redn_lib.tracking.align import Fit, align
from redn_lib.widgets.draw import occlude
from redn_lib.widgets.opened_step import open_step

MOST_STEPS = 5
HOME = 0.08
"""A face is home when its NME after the last step is at most this, the limit of the failure rate."""
DRAWS = ("gaussians", "softmax", "nothing", "squares")
KINDS = ("paint", "erase", "blank", "exchange")


@dataclass(frozen=True)
class Edit:
    """A change of the map z that a step is given.

    kind: "paint", "erase", "blank" or "exchange".
    step: 1 to MOST_STEPS; one beyond the last step does nothing.
    channels: those that change, none for all; two for "exchange".
    at: where the brush was, (x, y) each, in cells of z.
    """

    kind: str
    step: int
    channels: tuple[int, ...] = ()
    at: tuple[tuple[float, float], ...] = ()

    def check(self, channels: int) -> None:
        """Raise ValueError where it makes no sense for z of so many channels."""
        if self.kind not in KINDS or not 1 <= self.step <= MOST_STEPS:
            raise ValueError(f"an edit is one of {', '.join(KINDS)} in step 1 to {MOST_STEPS}, got {self}")
        chosen, two = self.channels, self.kind == "exchange"
        if any(c not in range(channels) for c in chosen) or (two and len(chosen) != 2):
            raise ValueError(f"{self.kind} takes channels 0 to {channels - 1}, two to exchange, got {list(chosen)}")
        if np.shape(self.at) not in ((0,), (len(self.at), 2)) or not np.isfinite(self.at).all():
            raise ValueError(f"a brush needs places (x, y), got {self}")

    def apply(self, z: Tensor) -> Tensor:
        """z (B, C, h, w) with the change."""
        z, chosen = z.clone(), list(self.channels) or list(range(z.shape[1]))
        if self.kind == "blank":
            z[:, chosen] = 0
        elif self.kind == "exchange":
            z[:, chosen] = z[:, chosen[::-1]]
        elif self.at:
            x, y = z.new_tensor(self.at).T[..., None, None]  # (N, 1, 1) each
            down, across = (torch.arange(n, device=z.device, dtype=z.dtype) for n in z.shape[2:])
            brush = torch.exp(-((across - x) ** 2 + (down[:, None] - y) ** 2) / 2).amax(0)  # one cell wide
            if self.kind == "paint":
                z[:, chosen] = z[:, chosen].maximum(brush)
            else:
                z[:, chosen] = z[:, chosen].minimum((1 - 1.5 * brush).clamp(min=0))
        return z


@dataclass(frozen=True)
class MicroscopeState:
    """What the page asks for.

    box: (x0, y0, x1, y1) the first box, in pixels of the image.
    image: number of the face.
    turn: of the first crop, degrees clockwise.
    steps: K, 1 to MOST_STEPS.
    occluder: (x, y, side) of a grey square in pixels of the image, x and y of its middle; None without.
    form: what a step hands on to the next.
    edits: of z, in the order in which they are made.
    memory: the decoder puts values back where they were, else upper left in their window.
    features: f_REG gets the encoder's features, else zeros.
    """

    box: tuple[float, float, float, float]
    image: int = 0
    turn: float = 0.0
    steps: int = 3
    occluder: tuple[float, float, float] | None = None
    form: FeedbackForm = field(default_factory=FeedbackForm)
    edits: tuple[Edit, ...] = ()
    memory: bool = True
    features: bool = True

    @classmethod
    def read(cls, values: Mapping) -> "MicroscopeState":
        """A state from the page's values. Raises ValueError for a name that is not known or missing."""
        try:
            form, edits = FeedbackForm(**values["form"]), tuple(Edit(**edit) for edit in values["edits"])
            return cls(**values | {"box": tuple(values["box"]), "form": form, "edits": edits})
        except (TypeError, KeyError) as error:
            raise ValueError(f"no state of the microscope: {error}") from error

    def check(self, model: RedNet) -> None:
        """Raise ValueError, in words for the page, where a value makes no sense for the model."""
        for name, values, count in (("box", self.box, 4), ("turn", [self.turn], 1), ("occluder", self.occluder, 3)):
            if values is not None and (len(values) != count or not np.isfinite(np.asarray(values, float)).all()):
                raise ValueError(f"{name} must be {count} finite numbers, got {values}")
        if not isinstance(self.steps, int) or not 1 <= self.steps <= MOST_STEPS:
            raise ValueError(f"steps must be a whole number from 1 to {MOST_STEPS}, got {self.steps!r}")
        if self.occluder is not None and self.occluder[2] <= 0:
            raise ValueError(f"the occluder's side must be more than 0 pixels, got {self.occluder[2]}")
        if self.form not in forms_of(model):
            raise ValueError(f"these weights cannot run {self.form}; they take z of {_z_shape(model)}")
        for edit in self.edits:
            edit.check(_z_shape(model)[0])


def _z_shape(model: RedNet) -> tuple[int, int, int]:
    return model.preset.form.z_shape(model.preset.size, model.preset.maps)


def forms_of(model: RedNet) -> list[FeedbackForm]:
    """The forms of feedback that a model's weights can run: z has as many channels and cells. Its own comes first."""
    every = [FeedbackForm(*values) for values in product(DRAWS, (True, False), (True, False))]
    fitting = [f for f in every if f.z_shape(model.preset.size, model.preset.maps) == _z_shape(model)]
    return sorted(fitting, key=lambda form: form != model.preset.form)


@dataclass(frozen=True)
class Subject:
    """A model and a face: what stays while the page changes its state.

    image: (H, W, 3) uint8 RGB.
    box: (4,) the box of the face, undisturbed, in pixels.
    goal: (68, 2) labels in pixels, or else the prediction from the box, undisturbed.
    labelled: whether the goal are labels.
    name: of the image, shown with the numbers.
    """

    model: RedNet
    image: np.ndarray
    box: np.ndarray
    goal: np.ndarray
    labelled: bool
    name: str

    @classmethod
    def of(cls, model: RedNet, image: np.ndarray, box, truth=None, name: str = "image 0") -> "Subject":
        """Raises ValueError for an image, box or truth of the wrong form, or a box outside the image."""
        fit = align(model, image, box)
        if truth is not None and (np.shape(truth) != (N_POINTS, 2) or not np.isfinite(truth).all()):
            raise ValueError(f"truth must be ({N_POINTS}, 2) finite pixels of the image, got shape {np.shape(truth)}")
        goal = np.asarray(fit.points if truth is None else truth, np.float32)
        return cls(model, image, np.asarray(box, float), goal, truth is not None, name)

    def run(self, state: MicroscopeState) -> Fit:
        """The loop as the state asks. Raises ValueError for a state that makes no sense."""
        state.check(self.model)
        variant = copy(self.model)  # shares its weights
        variant.preset = replace(self.model.preset, form=state.form)

        def one_step(frame: Tensor, z: Tensor, step: int, change_code=None) -> tuple[Tensor, Tensor]:
            opened = open_step(self.model, frame, z, step, state.memory, state.features, change_code)
            return opened.detection, opened.regression

        variant.one_step = one_step
        image = self.image if state.occluder is None else occlude(self.image, state.occluder[:2], state.occluder[2])

        def change_z(z: Tensor, step: int) -> Tensor:
            for edit in state.edits:
                z = edit.apply(z) if edit.step == step + 1 else z
            return z

        return align(variant, image, np.asarray(state.box, float), state.steps, turn=state.turn, change_z=change_z)

    def errors(self, fit: Fit) -> np.ndarray:
        """Distance of each step's points from the goal over its eye distance, (K, 68)."""
        return point_errors(fit.steps, self.goal).astype(np.float32)

    def line(self, fit: Fit, state: MicroscopeState) -> str:
        """The mean error of each step, in words, and what is switched off."""
        whence = "labels" if self.labelled else "undisturbed prediction"
        steps = " → ".join(f"step {k} {e:.1%}" for k, e in enumerate(self.errors(fit).mean(1), 1))
        off = ", pools forget" * (not state.memory) + ", f_REG sees no features" * (not state.features)
        return f"{self.name}: {steps} of the eye distance from the {whence}{off}"

    def home(self, fit: Fit) -> bool:
        """Whether the last step's points are near the goal."""
        return bool(self.errors(fit)[-1].mean() <= HOME)


def subjects_of(model: RedNet, faces, boxes=None) -> list[Subject]:
    """A `Face`, a sequence of them, a `Clip`, or one or more images (H, W, 3) with boxes (N, 4).

    Raises ValueError where they do not fit.
    """
    if isinstance(faces, Face) or getattr(faces, "ndim", 0) == 3:
        faces, boxes = [faces], None if boxes is None else np.reshape(boxes, (1, -1))
    if not len(faces):
        raise ValueError("there is no image; give at least one")
    if boxes is not None and len(boxes) != len(faces):
        raise ValueError(f"{len(boxes)} boxes for {len(faces)} images; give one each")
    subjects = []
    for i, face in enumerate(faces):
        name, labelled = f"image {i}", isinstance(face, Face)
        if not labelled and boxes is None:
            raise ValueError(f"{name} has no box; give boxes= (x0, y0, x1, y1 of the points)")
        box = face.box if boxes is None else boxes[i]
        image, truth, name = (face.image, face.points, face.name or name) if labelled else (face, None, name)
        subjects.append(Subject.of(model, image, box, truth, name))
    return subjects


def first_state(subjects: Sequence[Subject], *, image=0, shift=0.0, scale=1.0, turn=0.0, **others) -> MicroscopeState:
    """The state with which a page begins.

    image: number of the face.
    shift, scale, turn: the first box moved to the right (in box widths, the larger side), enlarged (times), and turned
        (degrees clockwise).
    others: fields of `MicroscopeState`; by default the model's own form and steps, nothing changed.
    Raises ValueError for an image that is not there, TypeError for an unknown field.
    """
    if not 0 <= image < len(subjects):
        raise ValueError(f"image must be 0 to {len(subjects) - 1}, got {image}")
    low, high = np.split(subjects[image].box, 2)
    middle, half = (low + high) / 2 + [shift * (high - low).max(), 0], scale * (high - low) / 2
    p = subjects[image].model.preset
    own = {"steps": min(p.steps, MOST_STEPS), "form": p.form} | others
    return MicroscopeState(tuple(np.r_[middle - half, middle + half].tolist()), image, turn, **own)


def answer_arrays(subject: Subject, fit: Fit) -> dict[str, np.ndarray]:
    """What the page draws of K steps.

    crops: (K, S, S, 3) uint8 RGB.
    matrices: (K, 2, 3) float32, crop pixels to pixels of the image.
    z: (K, Cz, s, s) uint8, 0 to 255 for 0 to 1.
    maps: (K, 68, m, m) uint8, each map scaled to its own peak.
    points: (K, 68, 2) float32 pixels of the image; errors: (K, 68) float32 over the eye distance.
    confidence: (K, 68) float32 in [0, 1].
    """
    maps, size = fit.response_maps, fit.crops[0].size
    at = np.stack([crop.to_crop(points) for crop, points in zip(fit.crops, fit.steps, strict=True)])
    sure = confidence(torch.from_numpy(maps), torch.as_tensor(at, dtype=torch.float32), size)
    peaks = maps.max((2, 3), keepdims=True)
    return {
        "crops": fit.crop_images,
        "matrices": np.stack([crop.matrix for crop in fit.crops]).astype(np.float32),
        "z": np.uint8(fit.z.clip(0, 1) * 255),
        "maps": np.uint8(np.divide(maps, peaks, out=np.zeros_like(maps), where=peaks > 0) * 255),
        "points": fit.steps,
        "errors": subject.errors(fit),
        "confidence": sure.numpy(),
    }
