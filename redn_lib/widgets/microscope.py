"""The loop microscope: every feedback step of a trained network on a face side by side, to be disturbed by hand.

microscope(model, image, box)         # in a notebook, with a kernel
microscope_figure(model, image, box)  # its first picture, for pages where no widget runs

The page is `microscope.js` beside this file. What passes between the two is three traits:

setup    kernel to page, once: the image, the points' names, what may be chosen, the first state.
request  page to kernel: {number, state, probe}; `state` has the fields of `MicroscopeState`, `probe` is None or a cell
         of a response map, {step, point, x, y}. The page waits for an answer before it sends the next request.
answer   kernel to page: {number, arrays, line, home, ms}, or {number, error}; arrays as in `disturbed_loop`.
An array is {shape, type, data}: plain bytes in C order. No state of the page lives in the kernel alone.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import anywidget
import cv2
import numpy as np
from IPython.display import Image
from traitlets import Dict

from redn_lib.landmarks import LINES, MEAN_SHAPE, POINT_NAMES
from redn_lib.rednet import RedNet
from redn_lib.tracking.align import Fit
from redn_lib.widgets.disturbed_loop import MOST_STEPS, MicroscopeState, Subject, answer_arrays, forms_of, probe_cell
from redn_lib.widgets.draw import colour_map, draw_box, draw_face, draw_response_map, zoomed
from redn_lib.widgets.explorer import turned_box
from redn_lib.widgets.panels import board, caption, stack
from redn_lib.widgets.widget import encode_jpeg, still

HERE = Path(__file__).parent
DRAWN = {"gaussians": "Gaussians", "softmax": "response maps", "nothing": "nothing", "squares": "squares"}
LARGEST = 1024  # pixels of the larger side of the image that the page shows
ABOUT = (
    "Loop microscope: the image with the first box, the crop and the points of every feedback step; for each step its "
    "crop with the points, the map z given to it, and its response maps"
)


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
    """`setup` of the page. The image is shrunk to LARGEST to be seen; coordinates are in pixels of the one given."""
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
