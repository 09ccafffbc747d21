"""The code mixer: the identity code of one face beside the pose/expression code of another, decoded live. (our choice)

code_mixer(model, faces)                    # in a notebook, with a kernel: controls and a live picture
code_mixer_figure(model, faces, places="B")  # the same picture without widgets
"""

from collections.abc import Sequence

import ipywidgets as widgets
from IPython.display import Image

from redn_lib.data.clip import Face
from redn_lib.rednet import RedNet
from redn_lib.widgets.explorer_view import POINT_OPTIONS
from redn_lib.widgets.live import Drawing, Live, refuse_unknown, rows_of_three, still
from redn_lib.widgets.mixer_picture import compose, in_words
from redn_lib.widgets.mixer_view import ROLES, Mixer, MixState, describe


def code_mixer(model: RedNet, faces: Sequence[Face], **start) -> Live:
    """Controls over which of the faces are A, B and C, and what of each is decoded by the model's first look.

    start: where controls begin, by the names of `MixState`. Raises TypeError for an unknown one, ValueError for fewer
    than two faces or a start that no control can take.
    """
    mixer, state = _prepare(model, faces, start)
    live = Live(lambda **values: _draw(mixer, MixState(**values)), _controls(state, len(faces)), _shelf)
    live.line.layout.min_height = "5.7em"  # room for a line that wraps, so that the picture stays in place
    return live


def code_mixer_figure(model: RedNet, faces: Sequence[Face], **start) -> Image:
    """The mixer's picture as an image with alt text, for pages where no widget runs; arguments as `code_mixer`."""
    drawing = _draw(*_prepare(model, faces, start))
    return still(drawing.picture, drawing.alt)


def _prepare(model: RedNet, faces: Sequence[Face], start: dict) -> tuple[Mixer, MixState]:
    refuse_unknown(start, MixState, "the code mixer")
    mixer, state = Mixer(model, faces), MixState(**{"c": min(2, len(faces) - 1), **start})
    if not all(0 <= number < len(faces) for number in (state.a, state.b, state.c)):
        raise ValueError(f"a, b and c must be 0 to {len(faces) - 1}, got {state.a}, {state.b}, {state.c}")
    for name in ("places", "features"):
        if getattr(state, name) not in ROLES:
            raise ValueError(f"{name} must be one of {', '.join(ROLES)}, got {getattr(state, name)!r}")
    return mixer, state


def _draw(mixer: Mixer, state: MixState) -> Drawing:
    mix = mixer.mix(state)
    return Drawing(compose(mix), describe(mix), in_words(mix))


def _controls(state: MixState, faces: int) -> dict[str, widgets.Widget]:

    def face(name: str) -> widgets.IntSlider:
        return widgets.IntSlider(getattr(state, name), min=0, max=faces - 1, description=f"face {name.upper()}")

    def share(name: str, words: str) -> widgets.FloatSlider:
        value = getattr(state, name)
        return widgets.FloatSlider(value, min=0, max=1, step=0.1, description=words, readout_format=".0%")

    def donor(name: str) -> widgets.SelectionSlider:  # no dropdown: JupyterLab keeps the arrow keys up and down
        return widgets.SelectionSlider(options=list(ROLES), value=getattr(state, name), description=f"{name} of")

    return {
        "a": face("a"),
        "b": face("b"),
        "c": face("c"),
        "identity": share("identity", "C_id from B"),
        "changing": share("changing", "C_pe from B"),
        "point": widgets.SelectionSlider(options=POINT_OPTIONS, value=state.point, description="point"),
        "places": donor("places"),
        "features": donor("features"),
    }


def _shelf(controls: dict[str, widgets.Widget]) -> widgets.Widget:
    return rows_of_three(list(controls.values()), "7em")
