"""The loop microscope: every feedback step of a trained network on a face side by side, to be disturbed by hand.

Its page is microscope.js. What passes between the two, beside what page.js says:

request  {state, probe, inside}; `state` has the fields of `MicroscopeState`; `probe` is None or a cell of a response
         map, {step, point, x, y}; `inside` is None or {step, pool, rank, point}, a step to open.
answer   {arrays, line, home, opened, ms}; arrays as in `disturbed_loop`, opened: the words of a step that is open.

No state of the page lives in the kernel alone.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
from IPython.display import Image

from redn_lib.landmarks import LINES, MEAN_SHAPE, PARTS, POINT_NAMES
from redn_lib.rednet import RedNet
from redn_lib.tracking.align import Fit
from redn_lib.widgets import disturbed_loop as loop
from redn_lib.widgets.disturbed_loop import MicroscopeState, Subject, forms_of
from redn_lib.widgets.draw import colour_map, draw_box, draw_face, draw_response_map, enlarge, turned_box, zoomed
from redn_lib.widgets.panels import board, caption, stack, text_width
from redn_lib.widgets.style import BLUE, GREEN, GRID, ORANGE, PURPLE
from redn_lib.widgets.widget import Page, encode_jpeg, pack, source, still

LARGEST = 1024  # pixels of the larger side of the image that the page shows
PLACES = np.array([BLUE, ORANGE, GREEN, PURPLE, GRID], np.uint8)  # colours of `places`, and of NO_VALUE


class Microscope(Page):
    """The widget. `state` is where the page stands; `fit` is its last computed loop."""

    _esm = source("microscope")

    def __init__(self, subjects: Sequence[Subject], state: MicroscopeState, fit: Fit, inside: Mapping | None):
        self.subjects, self.state, self.fit = subjects, state, fit
        first = {"state": asdict(state), "inside": inside}
        super().__init__(picture(subjects, state, fit, inside), page_setup(subjects) | first)

    def respond(self, request: Mapping) -> dict:
        """The answer to a request, without its number. Raises ValueError or TypeError for one that makes no sense."""
        began, state = time.perf_counter(), MicroscopeState.read(request["state"])
        subject = self.subjects[state.image]
        fit = self.fit if state == self.state else subject.run(state)
        self.state, self.fit = state, fit
        arrays, opened = loop.answer_arrays(subject, fit), ""
        if request.get("probe"):
            arrays |= loop.probe_cell(subject.model, fit, state, **request["probe"])
        if request.get("inside"):
            shown, opened = loop.inside_step(subject, fit, state, **request["inside"])
            arrays |= shown
        packed = {name: pack(values) for name, values in arrays.items()}
        words = {"line": subject.line(fit, state), "home": subject.home(fit), "opened": opened}
        return {"arrays": packed, **words, "ms": 1e3 * (time.perf_counter() - began)}

    def sweep(self) -> None:
        """Answer with each control at its ends, as a page might ask. Raises what an answer raises."""
        first, last, model = asdict(self.state), len(self.subjects) - 1, self.subjects[0].model
        inside = {"step": 1, "pool": len(model.preset.widths), "rank": 1, "point": -1}
        changes = [{"steps": 1}, {"steps": loop.MOST_STEPS}, {"turn": -180.0}, {"memory": False}, {"features": False}]
        changes += [{"form": asdict(form)} for form in forms_of(model)]
        changes += [{"occluder": (*first["box"][:2], 40.0)}, {"edits": [{"kind": "blank", "step": 2}]}]
        for change in [*changes, {"image": last, "box": tuple(self.subjects[last].box)}, {}]:
            self.respond({"state": first | change, "inside": inside})


def microscope(model: RedNet, faces, boxes=None, *, inside: Mapping | None = None, **start) -> Microscope:
    """Every step of the loop on a face, to be disturbed by hand.

    faces: a `Face`, several, a `Clip`, or plain (H, W, 3) uint8 RGB images with boxes (N, 4) in pixels of each image;
        where there are no labels, steps are compared with the prediction from the box, undisturbed.
    inside: begins inside a step: {"step": 1 to K, "pool": ..., "rank": ..., "point": ...}, see `inside_step`.
    start: where it begins, as `first_state` takes it.
    Raises ValueError where one of them makes no sense, TypeError for an unknown one.
    """
    return Microscope(*_begin(model, faces, boxes, inside, **start))


def _begin(model: RedNet, faces, boxes=None, inside=None, **start) -> tuple:
    """Faces, first state, first loop, and the step that is open."""
    subjects = loop.subjects_of(model, faces, boxes)
    state = loop.first_state(subjects, **start)
    return subjects, state, subjects[state.image].run(state), inside


microscope.figure = lambda *args, **start: picture(*_begin(*args, **start))
"""The microscope's first picture with its alt text, for pages where no widget runs; arguments as `microscope`."""


def picture(subjects: Sequence[Subject], state: MicroscopeState, fit: Fit, inside: Mapping | None) -> Image:
    """The microscope's picture with its alt text."""
    subject = subjects[state.image]
    line = subject.line(fit, state)
    if inside:
        about = (
            "Loop microscope, inside one step. Above: the crop with its points, a channel before the pool, its maxima, "
            "the remembered places. Below: what the decoder holds, the same put back, the detection and the response "
            "maps"
        )
        arrays, opened = loop.inside_step(subject, fit, state, **inside)
        return still(_inside_picture(fit, state, inside, arrays), f"{about}; {opened}; {line}")
    about = (
        "Loop microscope: the image with the first box, the crop and the points of every feedback step; for each step "
        "its crop with the points, the map z given to it, and its response maps"
    )
    return still(_loop_picture(subject, fit, state), f"{about}; {line}, {'' if subject.home(fit) else 'not '}home")


def page_setup(subjects: Sequence[Subject]) -> dict:
    """`setup` of the page, but for where it begins; places are in pixels of the images as they were given."""
    model = subjects[0].model
    stages, levels = len(model.preset.widths), model.preset.levels
    return {
        "faces": [
            {"name": s.name, "box": s.box.tolist(), "goal": pack(s.goal), "labelled": s.labelled}
            | {"image": encode_jpeg(enlarge(s.image, min(1, LARGEST / max(s.image.shape))))}
            | {"width": s.image.shape[1], "height": s.image.shape[0]}
            for s in subjects
        ],
        "names": list(POINT_NAMES),
        "parts": {name.replace("_", " "): list(part) for name, part in PARTS.items()},
        "lines": [[list(indices), closed] for indices, closed in LINES],
        "shape": MEAN_SHAPE.tolist(),
        "colours": pack(colour_map(np.arange(256)[None], 255)[0]),
        "places": PLACES.tolist(),
        "draws": {form.draw: loop.DRAWN[form.draw] for form in forms_of(model)},
        "channels": {pool: model.preset.widths[pool - 1][-1] for pool in range(stages, stages - levels, -1)},
        "most_steps": loop.MOST_STEPS,
    }


def _loop_picture(subject: Subject, fit: Fit, state: MicroscopeState) -> np.ndarray:
    """The image, then a column for each step."""
    side = 132
    zoom, close = (3 * side + 72) / max(subject.image.shape[:2]), side / fit.crops[0].size
    whole = draw_face(subject.image, fit.points, truth=subject.goal, zoom=zoom)
    columns = [caption(draw_box(whole, zoomed(turned_box(state.box, state.turn), zoom)), "Image", "first box, points")]
    for k, error in enumerate(subject.errors(fit).mean(1)):
        face = draw_face(fit.crop_images[k], fit.crops[k].to_crop(fit.steps[k]), zoom=close)
        maps = draw_response_map(fit.crop_images[k], fit.response_maps[k], zoom=close)
        z = colour_map(fit.z[k].max(0), 1)
        parts = [(face, f"Step {k + 1}", f"{error:.1%}"), (z, "z", "given"), (maps, "Maps", "all points")]
        columns.append(stack([caption(*part, side) for part in parts]))
    return board([columns])


def _inside_picture(fit: Fit, state: MicroscopeState, inside: Mapping, arrays: Mapping) -> np.ndarray:
    """Upper row: the way down to the pool; lower row: the way up from it to the maps."""
    k, point, side = inside["step"] - 1, inside["point"], 176
    crop, at, zoom = fit.crop_images[k], fit.crops[k].to_crop(fit.steps[k]), side / fit.crops[k].size
    before, pooled, held, back = (colour_map(arrays[name], 255) for name in ("before", "pooled", "held", "back"))
    maps = fit.response_maps[k] if point < 0 else fit.response_maps[k][point]
    of, only = ("all points", None) if point < 0 else (f"point {point}", [point])
    response = draw_face(draw_response_map(crop, maps, zoom=zoom), zoomed(at, zoom), only=only, lines=False)
    size = "{0.shape[1]}x{0.shape[0]}".format
    panels = [
        (draw_face(crop, at, zoom=zoom), "The crop", f"step {k + 1}"),
        (before, "Encoder", f"stage {inside['pool']}, {size(before)}"),
        (pooled, "Pooled", f"maxima, {size(pooled)}"),
        (PLACES[arrays["places"]], "Remembered", "        grey: none"),
        (held, "Decoder", f"holds, {size(held)}"),
        (back, "Put back", "where it was" if state.memory else "upper left"),
        (draw_response_map(crop, arrays["detection"], zoom=zoom), "Detection", of),
        (response, "Response map", of),
    ]
    panels = [caption(*panel, side) for panel in panels]
    key = PLACES[:4].reshape(2, 2, 3).repeat(9, 0).repeat(9, 1)  # one window, its places in their colours
    x = text_width("Remembered", bold=True) + 8
    panels[3][2:20, x : x + 18] = key
    return board([panels[:4], panels[4:]])
