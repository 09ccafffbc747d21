"""The response-map explorer: step through the feedback loop of a trained network on a face, and try to break it.

explorer(model, faces)                     # in a notebook, with a kernel: controls and a live picture
explorer_figure(model, faces, step=2)      # the same picture without widgets
"""

import ipywidgets as widgets
from IPython.display import Image

from redn_lib.rednet import RedNet
from redn_lib.widgets.explorer_picture import compose, in_words
from redn_lib.widgets.explorer_view import POINT_OPTIONS, Explorer, State, describe, to_pictures
from redn_lib.widgets.live import Drawing, Live, refuse_unknown, rows_of_three, still


def explorer(model: RedNet, faces, boxes=None, truths=None, *, steps: int | None = None, **start) -> Live:
    """Controls over every step of `align` on the faces; everything is computed again when something moves.

    faces: a `Face`, several, a `Clip`, or plain (H, W, 3) uint8 RGB images with boxes (N, 4) or truths (N, 68, 2), in
    pixels of each image; steps: K, by default the preset's; start: where controls begin, by the names of `State`, but
    step counted from 1, as on the slider. Raises ValueError for faces and boxes that do not fit, TypeError for an
    unknown control.
    """
    crop, state = _prepare(model, faces, boxes, truths, steps, start)
    controls = _controls(state, len(crop.pictures), crop.steps)
    live = Live(lambda **values: _draw(crop, _state(values)), controls, _shelf)
    live.line.layout.min_height = "4.3em"  # room for the line of a chosen point, so that the picture stays in place
    return live


def explorer_figure(model: RedNet, faces, boxes=None, truths=None, *, steps: int | None = None, **start) -> Image:
    """The explorer's picture as an image with alt text, for pages where no widget runs; arguments as `explorer`."""
    crop, state = _prepare(model, faces, boxes, truths, steps, start)
    drawing = _draw(crop, state)
    return still(drawing.picture, drawing.alt)


def _prepare(model, faces, boxes, truths, steps, start) -> tuple[Explorer, State]:
    refuse_unknown(start, State, "the explorer")
    crop = Explorer(model, to_pictures(faces, boxes, truths), steps or model.preset.steps)
    state = _state({"step": crop.steps, **start})
    if not (0 <= state.step < crop.steps and 0 <= state.picture < len(crop.pictures)):
        raise ValueError(f"step must be 1 to {crop.steps} and picture 0 to {len(crop.pictures) - 1}")
    return crop, state


def _state(values: dict) -> State:
    return State(**{**values, "step": values["step"] - 1})


def _draw(crop: Explorer, state: State) -> Drawing:
    look = crop.look(state)
    return Drawing(compose(look), describe(look), in_words(look))


def _controls(state: State, pictures: int, steps: int) -> dict[str, widgets.Widget]:
    one = pictures == 1

    def slider(name: str, words: str, low: float, high: float, step: float, form: str) -> widgets.FloatSlider:
        value = getattr(state, name)
        return widgets.FloatSlider(value, min=low, max=high, step=step, description=words, readout_format=form)

    return {
        "step": widgets.IntSlider(state.step + 1, min=1, max=steps, description="look"),
        "picture": widgets.IntSlider(state.picture, min=0, max=pictures - 1, description="picture", disabled=one),
        # a slider, because JupyterLab keeps the arrow keys up and down, which a dropdown needs, for itself
        "point": widgets.SelectionSlider(options=POINT_OPTIONS, value=state.point, description="point"),
        "blank_z": widgets.Checkbox(state.blank_z, description="keep z blank"),
        "shift_x": slider("shift_x", "box across", -0.3, 0.3, 0.02, "+.0%"),
        "shift_y": slider("shift_y", "box down", -0.3, 0.3, 0.02, "+.0%"),
        "scale": slider("scale", "box scale", 0.6, 1.6, 0.05, ".2f"),
        "turn": slider("turn", "turn (°)", -60, 60, 5, "+.0f"),
        "occluder": widgets.Checkbox(state.occluder, description="occluder"),
        "occluder_x": slider("occluder_x", "occluder across", -0.6, 0.6, 0.05, "+.0%"),
        "occluder_y": slider("occluder_y", "occluder down", -0.6, 0.6, 0.05, "+.0%"),
        "occluder_size": slider("occluder_size", "occluder size", 0.1, 1.0, 0.05, ".0%"),
    }


_ROWS = (
    ("step", "picture", "point"),
    ("shift_x", "shift_y", "scale"),
    ("turn", "blank_z", "occluder"),
    ("occluder_x", "occluder_y", "occluder_size"),
)


def _shelf(controls: dict[str, widgets.Widget]) -> widgets.Widget:
    return rows_of_three([controls[name] for row in _ROWS for name in row], "8em")
