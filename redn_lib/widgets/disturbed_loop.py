"""The feedback loop on one face, disturbed: box, occluder, form of feedback, changes of the map z, parts switched off.
And one step from the inside: what a pool keeps, what the decoder puts back, where a cell of a map comes from.

What the loop microscope computes, without a widget: `Subject.run(state)` and what is drawn of it.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import product
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from redn_lib.data.clip import Face
from redn_lib.encoder_decoder import unpool
from redn_lib.feedback import Change, FeedbackForm
from redn_lib.landmarks import N_POINTS
from redn_lib.metrics import nme, point_errors
from redn_lib.rednet import RedNet
from redn_lib.response_maps import confidence, decode, gaussian_maps, spatial_softmax
from redn_lib.tracking.align import Fit, align
from redn_lib.widgets.draw import occlude, to_bytes, to_peaks

MOST_STEPS = 5
HOME = 0.08  # a face is home when its NME after the last step is at most this, the limit of the failure rate
DRAWN = {"gaussians": "Gaussians", "softmax": "response maps", "nothing": "blank", "squares": "squares"}  # in words
NO_VALUE = 4  # in `inside_step` the place of a window that holds no value


@dataclass(frozen=True)
class Edit:
    """A change of the map z that a step is given."""

    kind: str  # "paint", "erase", "blank" or "exchange"
    step: int  # 1 to MOST_STEPS; one beyond the last step does nothing
    channels: tuple[int, ...] = ()  # those that change, none for all; two for "exchange"
    at: tuple[tuple[float, float], ...] = ()  # where the brush was, (x, y) each, in cells of z

    def apply(self, z: Tensor) -> Tensor:
        """z (B, C, h, h) with the change. Raises ValueError for an unknown kind."""
        z, chosen = z.clone(), list(self.channels) or list(range(z.shape[1]))
        n, at = z.shape[-1], z.new_tensor([self.at])
        brush = gaussian_maps(at, n, n, 1.0).amax(1) if self.at else z.new_zeros(1)  # one cell wide
        if self.kind == "blank":
            z[:, chosen] = 0
        elif self.kind == "exchange":
            z[:, chosen] = z[:, chosen[::-1]]
        elif self.kind == "paint":
            z[:, chosen] = z[:, chosen].maximum(brush)
        elif self.kind == "erase":
            z[:, chosen] = z[:, chosen].minimum((1 - 1.5 * brush).clamp(min=0))
        else:
            raise ValueError(f"no change {self.kind!r} of z")
        return z


@dataclass(frozen=True)
class MicroscopeState:
    """What the page asks for."""

    box: tuple[float, float, float, float]  # x0, y0, x1, y1 of the first box, in pixels of the image
    image: int = 0  # number of the face
    turn: float = 0.0  # of the first crop, degrees clockwise
    steps: int = 3  # K, 1 to MOST_STEPS
    occluder: tuple[float, float, float] | None = None  # middle x, y and side of a grey square, in pixels of the image
    form: FeedbackForm = field(default_factory=FeedbackForm)  # what a step hands on to the next
    edits: tuple[Edit, ...] = ()  # of z, in the order in which they are made
    memory: bool = True  # the decoder puts values back where they were, else upper left in their window
    features: bool = True  # f_REG gets the encoder's features, else zeros

    @classmethod
    def read(cls, values: Mapping) -> "MicroscopeState":
        """A state from the page's values. Raises TypeError for an unknown name."""
        form, edits = FeedbackForm(**values["form"]), tuple(Edit(**edit) for edit in values["edits"])
        return cls(**values | {"box": tuple(values["box"]), "form": form, "edits": edits})


def forms_of(model: RedNet) -> list[FeedbackForm]:
    """The forms of feedback that a model's weights can run: z has as many channels and cells. Its own comes first."""
    own, size = model.preset.form, (model.preset.size, model.preset.maps)
    every = [FeedbackForm(*values) for values in product(DRAWN, (True, False), (True, False))]
    return sorted((f for f in every if f.z_shape(*size) == own.z_shape(*size)), key=lambda form: form != own)


@dataclass(frozen=True)
class Subject:
    """A model and a face: what stays while the page changes its state."""

    model: RedNet
    image: np.ndarray  # (H, W, 3) uint8 RGB
    box: np.ndarray  # (4,) the box of the face, undisturbed, in pixels
    goal: np.ndarray  # (68, 2) labels in pixels, or else the prediction from the box, undisturbed
    labelled: bool  # whether the goal are labels
    name: str  # of the image, shown with the numbers

    def run(self, state: MicroscopeState) -> Fit:
        """The loop as the state asks. Raises ValueError for a state that makes no sense."""
        if state.steps not in range(1, MOST_STEPS + 1):
            raise ValueError(f"steps must be a whole number from 1 to {MOST_STEPS}, got {state.steps!r}")
        if state.form not in forms_of(self.model):
            raise ValueError(f"these weights cannot run {state.form}; they can run forms like {self.model.preset.form}")
        variant = copy(self.model)  # shares its weights
        variant.preset = replace(self.model.preset, form=state.form)

        def one_step(*given, change_code: Change | None = None) -> tuple[Tensor, Tensor]:
            return open_step(self.model, *given, state.memory, state.features, change_code)[-2:]

        def change_z(z: Tensor, step: int) -> Tensor:
            for edit in state.edits:
                z = edit.apply(z) if edit.step == step + 1 else z
            return z

        variant.one_step = one_step
        image = self.image if state.occluder is None else occlude(self.image, state.occluder[:2], state.occluder[2])
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

    Raises ValueError where they do not fit, or for an image or box that `align` does not take.
    """
    if isinstance(faces, Face) or getattr(faces, "ndim", 0) == 3:
        faces, boxes = [faces], None if boxes is None else [boxes]
    boxes = [getattr(face, "box", None) for face in faces] if boxes is None else boxes
    if not len(faces) or len(boxes) != len(faces):
        raise ValueError(f"{len(boxes)} boxes for {len(faces)} images; give one image or more, and a box for each")
    subjects = []
    for i, (face, box) in enumerate(zip(faces, boxes, strict=True)):
        if box is None:
            raise ValueError(f"image {i} has no box; give boxes= (x0, y0, x1, y1 of the points)")
        labelled, image, box = isinstance(face, Face), getattr(face, "image", face), np.asarray(box, float)
        goal = face.points if labelled else align(model, image, box).points
        if not np.isfinite(goal).all():
            raise ValueError(f"image {i}: not all of the 68 points are marked")
        name = getattr(face, "name", "") or f"image {i}"
        subjects.append(Subject(model, image, box, np.float32(goal), labelled, name))
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


def step_arrays(fit: Fit) -> dict[str, np.ndarray]:
    """What a page draws of K steps.

    crops: (K, S, S, 3) uint8 RGB.
    matrices: (K, 2, 3) float32, crop pixels to pixels of the image.
    z: (K, Cz, s, s) uint8, 0 to 255 for 0 to 1.
    maps: (K, 68, m, m) uint8, each map scaled to its own peak.
    points: (K, 68, 2) float32 pixels of the image.
    confidence: (K, 68) float32 in [0, 1].
    """
    at = np.stack([crop.to_crop(points) for crop, points in zip(fit.crops, fit.steps, strict=True)])
    maps, at = torch.from_numpy(fit.response_maps), torch.as_tensor(at, dtype=torch.float32)
    return {
        "crops": fit.crop_images,
        "matrices": np.stack([crop.matrix for crop in fit.crops]).astype(np.float32),
        "z": to_bytes(fit.z, 1),
        "maps": to_bytes(to_peaks(fit.response_maps), 1),
        "points": fit.steps,
        "confidence": confidence(maps, at, fit.crops[0].size).numpy(),
    }


class Opened(NamedTuple):
    """One step of the network."""

    before: list[Tensor]  # features of each stage before its pool, (B, C, h, w)
    where: list[Tensor]  # flat index of each maximum that a pool remembers, (B, C, h/2, w/2)
    held: dict[int, Tensor]  # by stage (0-based), what the decoder holds before its unpooling, (B, C, h/2, w/2)
    back: dict[int, Tensor]  # and after it, (B, C, h, w)
    detection: Tensor  # logits, as of `RedNet.one_step`
    regression: Tensor


def open_step(
    model: RedNet, frame: Tensor, z: Tensor, step: int, memory=True, features=True, change_code: Change | None = None
) -> Opened:
    """`RedNet.one_step` with all that it computes on the way.

    memory: values go back where they were, else upper left in their window.
    features: f_REG gets the encoder's features, else zeros.
    """
    x, before, where = model.encoder(frame - 0.5, z, step)
    x, held, back = x if change_code is None else change_code(x, step), {}, {}
    corner = x.new_tensor([[1, 0], [0, 0]])
    for s, stage in zip(range(len(where) - 1, -1, -1), model.decoder.stages, strict=False):
        held[s], back[s] = x, unpool(x, where[s]) if memory else torch.kron(x.contiguous(), corner)
        x = stage(back[s], step)
    detection = model.detection(x)
    regression = model.regression(detection, before[1] * features, before[3] * features, step)
    return Opened(before, where, held, back, detection, regression)


def first_of(batch: Tensor) -> np.ndarray:
    """The first of a batch as an array."""
    return batch[0].cpu().numpy()


def places(where: Tensor) -> Tensor:
    """The place that each window of a pool remembers: 0 upper left, 1 upper right, 2 lower left, 3 lower right."""
    return 2 * (where // (2 * where.shape[-1]) % 2) + where % 2


def inputs(model: RedNet, fit: Fit, k: int) -> tuple[Tensor, Tensor, int]:
    """Frame, z and number of step k (0-based) of a fit; the crop goes in as 8 bits, so `align` differs a little."""
    device = next(model.parameters()).device
    frame = torch.from_numpy(fit.crop_images[k]).to(device).permute(2, 0, 1)[None].float() / 255
    return frame, torch.from_numpy(fit.z[k : k + 1]).to(device), k


@torch.inference_mode()
def inside_step(subject, fit: Fit, state, step: int, pool: int, rank: int, point: int) -> tuple[dict, str]:
    """One channel on its way down to a pool and up from it, and the detection map, of a step of `Subject.run(state)`.

    step: 1 to K; pool: 1 to the number of stages, one that the decoder undoes.
    rank: 1 for the channel in which the decoder's largest value is, all parts on.
    point: whose detection map, -1 for the largest of all.
    The arrays are before and back (h, h), pooled and held (h/2, h/2), detection (d, d), all uint8 with peak 255, and
    places (h/2, h/2) uint8 as `places`, or NO_VALUE. With them a line of numbers.
    Raises ValueError for what is not there.
    """
    model, given = subject.model, inputs(subject.model, fit, step - 1)
    whole, here = open_step(model, *given), open_step(model, *given, state.memory, state.features)
    s = pool - 1
    if s not in whole.held or not 1 <= rank <= whole.held[s].shape[1]:
        pools = ", ".join(str(n + 1) for n in whole.held)
        raise ValueError(f"pool must be one of {pools}, rank 1 to its channels, got {pool} and {rank}")
    channel = int(whole.held[s][0].amax((1, 2)).sort(descending=True, stable=True).indices[rank - 1])
    before, where, held, back = (kept[s][0, channel] for kept in (here.before, here.where, here.held, here.back))
    pooled, detection = F.max_pool2d(before[None], 2)[0], here.detection[0].softmax(0)[1:]
    full = pooled > 0
    shown = {"before": before, "pooled": pooled, "held": held, "back": back}
    shown["detection"] = detection[point] if point >= 0 else detection.amax(0)
    arrays = {name: to_bytes(values.cpu().numpy()) for name, values in shown.items()}
    arrays["places"] = np.uint8(torch.where(full, places(where), NO_VALUE).cpu().numpy())

    def error(opened: Opened) -> float:
        points = first_of(decode(spatial_softmax(opened.regression), model.preset.size))
        return float(nme(fit.crops[step - 1].to_frame(points), subject.goal))

    words = [
        f"pool {pool} keeps {here.where[s].numel():,} of {here.before[s].numel():,} values, and a place for each",
        f"rank {rank} is channel {channel}: {full.sum()} of {full.numel()} windows hold a value",
        f"the maps of step {step} alone: {error(here):.1%}, with all parts on {error(whole):.1%}",
    ]
    return arrays, " · ".join(words)


def probe_cell(model: RedNet, fit: Fit, state, step: int, point: int, x: int, y: int) -> Mapping[str, np.ndarray]:
    """Where a cell (x, y) of a response map comes from.

    state: that of the fit; step: 1 to K; point: -1 for that which is strongest there.

    saliency: (S, S) uint8, how much each pixel of the crop moves the cell's logit (its gradient, blurred), peak 255.
    chosen: (1,) int32, the point.
    pools: (P, 4) float32, deepest first: of the decoder's values in the 2x2 window over the cell, the share that the
    indices put upper left, upper right, lower left, lower right; zeros where there are none.
    own: (P,) int32, the place of the window in which the cell lies.
    stages: (P,) int32, the stage of the encoder that each pool ends, 1-based.
    Raises ValueError for a cell that is not there.
    """
    k, size = step - 1, fit.response_maps.shape[-1]
    if not (1 <= step <= len(fit.steps) and -1 <= point < N_POINTS and 0 <= x < size and 0 <= y < size):
        raise ValueError(f"no cell ({x}, {y}) of point {point} in step {step}")
    if point < 0:
        point = int(to_peaks(fit.response_maps[k])[:, y, x].argmax())
    frame, z, _ = inputs(model, fit, k)
    frame.requires_grad_(True)
    opened = open_step(model, frame, z, k, state.memory, state.features)
    slope = torch.autograd.grad(opened.regression[0, point, y, x], frame)[0][0].abs().sum(0).cpu().numpy()
    pools, own = [], []
    for s, held in opened.held.items():
        side = 2 * held.shape[-1]  # of the maps that pool s takes
        column, row = (c * side // size for c in (x, y))
        values, where = (t[0, :, row // 2, column // 2] for t in (held.detach().clamp(min=0), places(opened.where[s])))
        share = values.new_zeros(4).index_add(0, where, values) / values.sum().clamp(min=1e-9)
        pools.append(share.cpu().numpy())
        own.append(2 * (row % 2) + column % 2)
    stages = [s + 1 for s in opened.held]
    values = {"saliency": to_bytes(cv2.GaussianBlur(slope, None, size / 16)), "chosen": np.int32([point])}
    return values | {"pools": np.float32(pools), "own": np.int32(own), "stages": np.int32(stages)}
