"""The feedback loop on one face, disturbed: box, occluder, form of feedback, and changes of the map z.

What the loop microscope computes, without a widget: `Subject(...).run(state)` and what is drawn of it.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import product

import cv2
import numpy as np
import torch
from torch import Tensor

from redn_lib.encoder_decoder import unpool
from redn_lib.feedback import FeedbackForm
from redn_lib.landmarks import N_POINTS
from redn_lib.metrics import point_errors
from redn_lib.rednet import RedNet
from redn_lib.response_maps import confidence
from redn_lib.tracking.align import Fit, align
from redn_lib.widgets.draw import occlude

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
    radius: standard deviation of the brush, in cells of z.
    """

    kind: str
    step: int
    channels: tuple[int, ...] = ()
    at: tuple[tuple[float, float], ...] = ()
    radius: float = 1.0

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
            brush = torch.exp(-((across - x) ** 2 + (down[:, None] - y) ** 2) / (2 * self.radius**2)).amax(0)
            paint = self.kind == "paint"
            z[:, chosen] = (
                z[:, chosen].maximum(brush) if paint else z[:, chosen].minimum((1 - 1.5 * brush).clamp(min=0))
            )
        return z


@dataclass(frozen=True)
class MicroscopeState:
    """What the page asks for.

    box: (x0, y0, x1, y1) the first box, in pixels of the image.
    turn: of the first crop, degrees clockwise.
    steps: K, 1 to MOST_STEPS.
    occluder: (x, y, side) of a grey square in pixels of the image, x and y of its middle; None without.
    form: what a step hands on to the next.
    edits: of z, in the order in which they are made.
    """

    box: tuple[float, float, float, float]
    turn: float = 0.0
    steps: int = 3
    occluder: tuple[float, float, float] | None = None
    form: FeedbackForm = field(default_factory=FeedbackForm)
    edits: tuple[Edit, ...] = ()

    @classmethod
    def read(cls, values: Mapping) -> "MicroscopeState":
        """A state from the page's values. Raises ValueError for a name that is not known or missing."""
        try:
            state = cls(**values)
            form = state.form if isinstance(state.form, FeedbackForm) else FeedbackForm(**state.form)
            edits = tuple(edit if isinstance(edit, Edit) else Edit(**edit) for edit in state.edits)
        except TypeError as error:
            raise ValueError(f"no state of the microscope: {error}") from error
        return replace(state, form=form, edits=edits)

    def check(self, model: RedNet) -> None:
        """Raise ValueError, in words for the page, where a value makes no sense for the model."""
        channels, _, side = _z_shape(model)
        for name, values, count in (("box", self.box, 4), ("turn", [self.turn], 1), ("occluder", self.occluder, 3)):
            if values is not None and (len(values) != count or not np.isfinite(np.asarray(values, float)).all()):
                raise ValueError(f"{name} must be {count} finite numbers, got {values}")
        if not isinstance(self.steps, int) or not 1 <= self.steps <= MOST_STEPS:
            raise ValueError(f"steps must be a whole number from 1 to {MOST_STEPS}, got {self.steps!r}")
        if self.occluder is not None and self.occluder[2] <= 0:
            raise ValueError(f"the occluder's side must be more than 0 pixels, got {self.occluder[2]}")
        if self.form not in forms_of(model):
            raise ValueError(f"these weights cannot run {self.form}; they take z of {_z_shape(model)}")
        for e in self.edits:
            if e.kind not in KINDS or not 1 <= e.step <= MOST_STEPS:
                raise ValueError(
                    f"an edit is one of {', '.join(KINDS)} in step 1 to {MOST_STEPS}, got {e.kind} in {e.step}"
                )
            if any(c not in range(channels) for c in e.channels) or (e.kind == "exchange" and len(e.channels) != 2):
                raise ValueError(
                    f"{e.kind} takes channels 0 to {channels - 1}, two to exchange, got {list(e.channels)}"
                )
            if np.shape(e.at) not in ((0,), (len(e.at), 2)) or not np.isfinite(e.at).all() or not 0 < e.radius <= side:
                raise ValueError(
                    f"a brush needs places (x, y) and a radius of 0 to {side} cells, got radius {e.radius}"
                )


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
    """

    model: RedNet
    image: np.ndarray
    box: np.ndarray
    goal: np.ndarray
    labelled: bool

    @classmethod
    def of(cls, model: RedNet, image: np.ndarray, box, truth=None) -> "Subject":
        """Raises ValueError for an image, box or truth of the wrong form, or a box outside the image."""
        fit = align(model, image, box)
        if truth is not None and (np.shape(truth) != (N_POINTS, 2) or not np.isfinite(truth).all()):
            raise ValueError(f"truth must be ({N_POINTS}, 2) finite pixels of the image, got shape {np.shape(truth)}")
        goal = np.asarray(fit.points if truth is None else truth, np.float32)
        return cls(model, image, np.asarray(box, float), goal, truth is not None)

    def run(self, state: MicroscopeState) -> Fit:
        """The loop as the state asks. Raises ValueError for a state that makes no sense."""
        state.check(self.model)
        variant = copy(self.model)  # shares its weights
        variant.preset = replace(self.model.preset, form=state.form)
        image = self.image if state.occluder is None else occlude(self.image, state.occluder[:2], state.occluder[2])

        def change_z(z: Tensor, step: int) -> Tensor:
            for edit in state.edits:
                z = edit.apply(z) if edit.step == step + 1 else z
            return z

        return align(variant, image, np.asarray(state.box, float), state.steps, turn=state.turn, change_z=change_z)

    def errors(self, fit: Fit) -> np.ndarray:
        """Distance of each step's points from the goal over its eye distance, (K, 68)."""
        return point_errors(fit.steps, self.goal).astype(np.float32)

    def line(self, fit: Fit) -> str:
        """The mean error of each step, in words."""
        whence = "labels" if self.labelled else "undisturbed prediction"
        steps = " → ".join(f"step {k} {e:.1%}" for k, e in enumerate(self.errors(fit).mean(1), 1))
        return f"{steps} of the eye distance from the {whence}"

    def home(self, fit: Fit) -> bool:
        """Whether the last step's points are near the goal."""
        return bool(self.errors(fit)[-1].mean() <= HOME)


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


def probe_cell(model: RedNet, fit: Fit, step: int, point: int, x: int, y: int) -> dict[str, np.ndarray]:
    """Where a cell (x, y) of a response map comes from. step: 1 to K; point: -1 for that which is strongest there.

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
        maps = fit.response_maps[k]
        point = int((maps[:, y, x] / maps.max((1, 2))).argmax())
    device = next(model.parameters()).device
    frame = torch.from_numpy(fit.crop_images[k]).to(device).permute(2, 0, 1)[None].float() / 255
    z = torch.from_numpy(fit.z[k : k + 1]).to(device)
    frame.requires_grad_(True)
    logit = model.one_step(frame, z, k)[1][0, point, y, x]
    slope = torch.autograd.grad(logit, frame)[0][0].abs().sum(0).cpu().numpy()
    slope = cv2.GaussianBlur(slope, None, size / 16)
    with torch.inference_mode():
        code, _, where = model.encoder(frame.detach() - 0.5, z, k)
        pools, own, stages = [], [], []
        for s, stage in zip(range(len(where) - 1, -1, -1), model.decoder.stages, strict=False):
            side = 2 * where[s].shape[-1]  # of the maps that pool s takes
            column, row = (c * side // size for c in (x, y))
            held, index = code[0, :, row // 2, column // 2].clamp(min=0), where[s][0, :, row // 2, column // 2]
            place = 2 * (index // side % 2) + index % 2
            share = torch.zeros(4, device=device).index_add(0, place, held) / held.sum().clamp(min=1e-9)
            pools.append(share.cpu().numpy())
            own.append(2 * (row % 2) + column % 2)
            stages.append(s + 1)
            code = stage(unpool(code, where[s]), k)
    peak = max(float(slope.max()), 1e-12)
    values = {"saliency": np.uint8(slope / peak * 255), "chosen": np.int32([point])}
    return values | {"pools": np.float32(pools), "own": np.int32(own), "stages": np.int32(stages)}
