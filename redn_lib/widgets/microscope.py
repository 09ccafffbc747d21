"""The loop microscope: every feedback step of a trained network on a face side by side, to be disturbed by hand.

Its page is microscope.js. What passes between the two, beside what page.js says:

request  {state, probe, inside}; `state` has the fields of `MicroscopeState`; `probe` is None or a cell of a response
         map, {step, point, x, y}; `inside` is None or {step, pool, rank, point}, a step to open.
answer   {arrays, line, home, opened, ms}; arrays as in `disturbed_loop`, and errors: (K, 68)
         float32 over the eye distance; opened: the words of a step that is open.

No state of the page lives in the kernel alone.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
from IPython.display import Image

from redn_lib.landmarks import MEAN_SHAPE, PARTS
from redn_lib.rednet import RedNet
from redn_lib.tracking.align import Fit
from redn_lib.widgets import disturbed_loop as loop
from redn_lib.widgets.disturbed_loop import MicroscopeState, Subject, forms_of
from redn_lib.widgets.draw import colour_map, draw_box, draw_face, draw_response_map, enlarge, turned_box, zoomed
from redn_lib.widgets.panels import fit_into
from redn_lib.widgets.style import BLUE, GREEN, GRID, ORANGE, PURPLE
from redn_lib.widgets.widget import Drawing, Page, Panel, encode_jpeg, face_setup, pack, palette, source

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
        """The answer to a request. Raises ValueError or TypeError for one that makes no sense."""
        began, state = time.perf_counter(), MicroscopeState.read(request["state"])
        subject = self.subjects[state.image]
        fit = self.fit if state == self.state else subject.run(state)
        self.state, self.fit = state, fit
        arrays, opened = loop.step_arrays(fit) | {"errors": subject.errors(fit)}, ""
        if request.get("probe"):
            arrays |= loop.probe_cell(subject.model, fit, state, **request["probe"])
        if request.get("inside"):
            shown, opened = loop.inside_step(subject, fit, state, **request["inside"])
            arrays |= shown
        words = {"line": subject.line(fit, state), "home": subject.home(fit), "opened": opened}
        return {"arrays": arrays, **words, "ms": 1e3 * (time.perf_counter() - began)}

    def changes(self) -> list[dict]:
        """Requests with each control at its ends."""
        first, last, model = self.setup["state"], len(self.subjects) - 1, self.subjects[0].model
        inside = {"step": 1, "pool": len(model.preset.widths), "rank": 1, "point": -1}
        changes = [{"steps": 1}, {"steps": loop.MOST_STEPS}, {"turn": -180.0}, {"memory": False}, {"features": False}]
        changes += [{"form": asdict(form)} for form in forms_of(model)]
        changes += [{"occluder": (*first["box"][:2], 40.0)}, {"edits": [{"kind": "blank", "step": 2}]}]
        changes += [{"image": last, "box": tuple(self.subjects[last].box)}]
        return [{"state": first | change, "inside": inside} for change in changes]


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
        return Drawing(_inside_panels(fit, inside, arrays), about, [[opened], [line]]).still()
    about = (
        "Loop microscope: the image with the first box, the crop and the points of every feedback step; for each step "
        "its crop with the points, the map z given to it, and its response maps"
    )
    words = [line, f"{'' if subject.home(fit) else 'not '}home"]
    return Drawing(_loop_panels(subject, fit, state), about, [words]).still()


def page_setup(subjects: Sequence[Subject]) -> dict:
    """`setup` of the page, but for where it begins; places are in pixels of the images as they were given."""
    model = subjects[0].model
    stages, levels = len(model.preset.widths), model.preset.levels
    setup = face_setup()
    setup["palettes"]["places"] = palette(PLACES)
    return setup | {
        "faces": [
            {"name": s.name, "box": s.box.tolist(), "goal": pack(s.goal), "labelled": s.labelled}
            | {"image": encode_jpeg(enlarge(s.image, min(1, LARGEST / max(s.image.shape))))}
            | {"width": s.image.shape[1], "height": s.image.shape[0]}
            for s in subjects
        ],
        "parts": {name.replace("_", " "): list(part) for name, part in PARTS.items()},
        "shape": MEAN_SHAPE.tolist(),
        "draws": {form.draw: loop.DRAWN[form.draw] for form in forms_of(model)},
        "channels": {pool: model.preset.widths[pool - 1][-1] for pool in range(stages, stages - levels, -1)},
        "most_steps": loop.MOST_STEPS,
    }


def _loop_panels(subject: Subject, fit: Fit, state: MicroscopeState) -> list[list[Panel]]:
    """Crop, z and maps of each step, and the image."""
    side = 160
    zoom, close = side / max(subject.image.shape[:2]), side / fit.crops[0].size
    whole = draw_face(subject.image, fit.points, fit.confidence, subject.goal, zoom=zoom)
    sure = loop.step_arrays(fit)["confidence"]
    image = Panel(draw_box(whole, zoomed(turned_box(state.box, state.turn), zoom)), "Image", "first box")
    crops, zs, maps = [], [], []
    for k, error in enumerate(subject.errors(fit).mean(1)):
        face = draw_face(fit.crop_images[k], fit.crops[k].to_crop(fit.steps[k]), sure[k], zoom=close)
        crops.append(Panel(face, f"Step {k + 1}", f"{error:.1%}"))
        zs.append(Panel(fit_into(colour_map(fit.z[k].max(0), 1), side, side), f"z of step {k + 1}"))
        glow = draw_response_map(fit.crop_images[k], fit.response_maps[k], zoom=close)
        maps.append(Panel(glow, f"Maps of step {k + 1}"))
    return [[*crops, image], zs, maps]


def _inside_panels(fit: Fit, inside: Mapping, arrays: Mapping) -> list[list[Panel]]:
    """Upper row: the way down to the pool; lower row: the way up from it to the maps."""
    k, point, side = inside["step"] - 1, inside["point"], 176
    crop, at, zoom = fit.crop_images[k], fit.crops[k].to_crop(fit.steps[k]), side / fit.crops[k].size
    only = None if point < 0 else [point]
    maps = draw_response_map(crop, fit.response_maps[k][only or slice(None)], zoom=zoom)
    before, pooled, held, back = (colour_map(arrays[name], 255) for name in ("before", "pooled", "held", "back"))
    panels = {"The crop": draw_face(crop, at, zoom=zoom), "Encoder": before, "Pooled": pooled}
    panels |= {"Remembered": PLACES[arrays["places"]], "Decoder": held, "Put back": back}
    panels |= {"Detection": draw_response_map(crop, arrays["detection"], zoom=zoom)}
    panels |= {"Response map": draw_face(maps, zoomed(at, zoom), only=only, lines=False)}
    shown = [Panel(fit_into(panel, side, side), title) for title, panel in panels.items()]
    return [shown[:4], shown[4:]]
