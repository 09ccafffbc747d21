"""The loop microscope: every feedback step of a trained network on a face side by side, to be disturbed by hand.

microscope(model, image, box)         # in a notebook, with a kernel
microscope_figure(model, image, box)  # its first picture, for pages where no widget runs

The page is `microscope.js` beside this file. What passes between the two is three traits:

setup    kernel to page, once: the image, the points' names, what may be chosen, the first state.
request  page to kernel: {number, state, probe}; `state` has the fields of `MicroscopeState`, `probe` is None or a cell
         of a response map, {step, point, x, y}. The page waits for an answer before it sends the next request.
answer   kernel to page: {number, arrays, line, home, ms} with the arrays of `answer_arrays`, or {number, error}.
An array is {shape, type, data}: plain bytes in C order. No state of the page lives in the kernel alone.
"""

import os
import time
from collections.abc import Mapping
from copy import copy
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path

import anywidget
import cv2
import numpy as np
import torch
from IPython.display import Image
from torch import Tensor
from traitlets import Dict

from redn_lib.encoder_decoder import unpool
from redn_lib.feedback import FeedbackForm
from redn_lib.landmarks import LINES, MEAN_SHAPE, N_POINTS, POINT_NAMES
from redn_lib.metrics import point_errors
from redn_lib.rednet import RedNet
from redn_lib.response_maps import confidence
from redn_lib.tracking.align import Fit, align
from redn_lib.widgets.draw import colour_map, draw_box, draw_face, draw_response_map, occlude, zoomed
from redn_lib.widgets.explorer import turned_box
from redn_lib.widgets.live import encode_jpeg, still
from redn_lib.widgets.panels import board, caption, stack

HERE = Path(__file__).parent
MOST_STEPS = 5
HOME = 0.08
"""A face is home when its NME after the last step is at most this, the limit of the failure rate."""
DRAWN = {
    "gaussians": "Gaussians at the points",
    "softmax": "the response maps",
    "nothing": "nothing",
    "squares": "squares",
}
KINDS = ("paint", "erase", "blank", "exchange")
LARGEST = 1024  # pixels of the larger side of the image that the page shows
ABOUT = (
    "Loop microscope: the image with the first box, the crop and the points of every feedback step; for each step its "
    "crop with the points, the map z given to it, and its response maps"
)


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
    every = [FeedbackForm(*values) for values in product(DRAWN, (True, False), (True, False))]
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
    """Where a cell of a response map comes from. step: 1 to K; point: ALL (-1) for that which is strongest there.

    saliency: (S, S) uint8, how much each pixel of the crop moves the cell's logit (its gradient, blurred), peak 255.
    chosen: (1,) int32, the point.
    pools: (P, 4) float32, deepest first: of the decoder's values in the window over the cell, the share that the pooling
    indices put upper left, upper right, lower left, lower right; zeros where there are none.
    own: (P,) int32, the place of the window in which the cell lies.
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
        pools, own = [], []
        for s, stage in zip(range(len(where) - 1, -1, -1), model.decoder.stages, strict=False):
            side = 2 * where[s].shape[-1]  # of the maps that pool s takes
            column, row = (c * side // size for c in (x, y))
            held, index = code[0, :, row // 2, column // 2].clamp(min=0), where[s][0, :, row // 2, column // 2]
            place = 2 * (index // side % 2) + index % 2
            share = torch.zeros(4, device=device).index_add(0, place, held) / held.sum().clamp(min=1e-9)
            pools.append(share.cpu().numpy())
            own.append(2 * (row % 2) + column % 2)
            code = stage(unpool(code, where[s]), k)
    peak = max(float(slope.max()), 1e-12)
    values = {"saliency": np.uint8(slope / peak * 255), "chosen": np.int32([point])}
    return values | {"pools": np.float32(pools), "own": np.int32(own)}


class Microscope(anywidget.AnyWidget):
    """The widget. `state` is where the page stands; `fit` is its last computed loop."""

    _esm = HERE / "microscope.js"
    _css = HERE / "microscope.css"
    setup = Dict().tag(sync=True)
    request = Dict().tag(sync=True)
    answer = Dict().tag(sync=True)

    def __init__(self, subject: Subject, state: MicroscopeState):
        self.subject, self.state = subject, state
        self.fit = subject.run(state)
        self._still = figure(subject, self.fit, state)
        super().__init__(setup=page_setup(subject, state) | {"still": self._still.data, "about": self._still.alt})
        self.observe(self._answer, "request")

    def _answer(self, change) -> None:
        number = change.new.get("number")
        try:
            self.answer = {"number": number} | self.respond(change.new)
        except Exception as error:  # a mistake in the page's request is told there, and nothing hangs
            self.answer = {"number": number, "error": f"{type(error).__name__}: {error}"}
            if os.environ.get("REDN_CI"):
                raise

    def respond(self, request: Mapping) -> dict:
        """The answer to a request, without its number. Raises ValueError for one that makes no sense."""
        began, state = time.perf_counter(), MicroscopeState.read(request["state"])
        fit = self.fit if state == self.state else self.subject.run(state)
        self.state, self.fit = state, fit
        arrays = answer_arrays(self.subject, fit)
        if request.get("probe"):
            arrays |= probe_cell(self.subject.model, fit, **request["probe"])
        packed = {name: pack(values) for name, values in arrays.items()}
        done = {"line": self.subject.line(fit), "home": self.subject.home(fit)}
        return {"arrays": packed, **done, "ms": 1e3 * (time.perf_counter() - began)}

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        data, about = super()._repr_mimebundle_(**kwargs) or ({}, {})
        picture, shown = self._still._repr_mimebundle_()
        return data | picture | {"text/plain": self._still.alt}, about | shown


def pack(values: np.ndarray) -> dict:
    """An array as it goes to the page."""
    return {"shape": list(values.shape), "type": values.dtype.name, "data": np.ascontiguousarray(values).tobytes()}


def page_setup(subject: Subject, state: MicroscopeState) -> dict:
    """`setup` of the page; its image is shrunk to LARGEST and is there to be seen, all coordinates are in its pixels."""
    height, width = subject.image.shape[:2]
    shrink = min(1, LARGEST / max(height, width))
    picture = subject.image if shrink == 1 else cv2.resize(subject.image, None, fx=shrink, fy=shrink, interpolation=3)
    p = subject.model.preset
    return {
        "image": encode_jpeg(picture),
        "width": width,
        "height": height,
        "box": subject.box.tolist(),
        "goal": subject.goal.tolist(),
        "labelled": subject.labelled,
        "names": list(POINT_NAMES),
        "lines": [[list(indices), closed] for indices, closed in LINES],
        "shape": MEAN_SHAPE.tolist(),
        "colours": pack(colour_map(np.arange(256)[None], 255)[0]),
        "draws": {form.draw: DRAWN[form.draw] for form in forms_of(subject.model)},
        "first_margin": p.first_margin,
        "most_steps": MOST_STEPS,
        "state": asdict(state),
    }


def figure(subject: Subject, fit: Fit, state: MicroscopeState, side: int = 176) -> Image:
    """The microscope's picture with its alt text: the image, then a column for each step."""
    zoom = (3 * side + 72) / max(subject.image.shape[:2])
    whole = draw_face(subject.image, fit.points, zoom=zoom)
    whole = draw_box(whole, zoomed(turned_box(np.asarray(state.box), state.turn), zoom))
    columns, close = [], side / fit.crops[0].size
    for k, error in enumerate(subject.errors(fit).mean(1)):
        face = draw_face(fit.crop_images[k], fit.crops[k].to_crop(fit.steps[k]), zoom=close)
        z, glow = (
            colour_map(fit.z[k].max(0), 1),
            draw_response_map(fit.crop_images[k], fit.response_maps[k], zoom=close),
        )
        parts = [(face, f"Step {k + 1}", f"{error:.1%}"), (z, "z", "given"), (glow, "Maps", "all points")]
        columns.append(stack([caption(*part, side) for part in parts]))
    verdict = "home" if subject.home(fit) else "not home"
    return still(
        board([[caption(whole, "Image", "first box, points"), *columns]]), f"{ABOUT}; {subject.line(fit)}, {verdict}"
    )


def microscope(model: RedNet, image: np.ndarray, box, truth=None, start: MicroscopeState | None = None) -> Microscope:
    """Every step of the loop on one face, to be disturbed by hand.

    image: (H, W, 3) uint8 RGB.
    box: (x0, y0, x1, y1) of the points, in pixels.
    truth: (68, 2) labels in pixels; without them steps are compared with the prediction from `box`, undisturbed.
    start: the first state, by default the box and the model's own form and steps.
    Raises ValueError where one of them makes no sense.
    """
    subject = Subject.of(model, image, box, truth)
    return Microscope(subject, first_state(subject) if start is None else start)


def microscope_figure(model: RedNet, image, box, truth=None, start: MicroscopeState | None = None) -> Image:
    """The microscope's first picture with its alt text, for pages where no widget runs; arguments as `microscope`."""
    subject = Subject.of(model, image, box, truth)
    state = first_state(subject) if start is None else start
    return figure(subject, subject.run(state), state)


def first_state(subject: Subject) -> MicroscopeState:
    """Nothing disturbed."""
    p = subject.model.preset
    return MicroscopeState(tuple(subject.box.tolist()), steps=min(p.steps, MOST_STEPS), form=p.form)
