"""The time scrubber: a clip followed with memory and without, and something that you push before the face. (our choice)

scrubber(model, clips)                    # in a notebook, with a kernel: controls and a live picture
scrubber_figure(model, clips, share=0.3)  # the same picture without widgets
"""

from collections.abc import Sequence

import ipywidgets as widgets
from IPython.display import Image

from redn_lib.data.clip import Clip
from redn_lib.rednet import RedNet
from redn_lib.widgets.explorer_view import POINT_OPTIONS
from redn_lib.widgets.live import Drawing, Live, refuse_unknown, rows_of_three, still
from redn_lib.widgets.scrubber_picture import compose, in_words
from redn_lib.widgets.scrubber_view import BASELINES, OCCLUDERS, Scrubber, ScrubState, describe

SHARES = (0.1, 0.9)


def scrubber(model: RedNet, clips: Clip | Sequence[Clip], **start) -> Live:
    """Controls over the frame shown and over what passes before the face; the clip is followed again, with f_tRNN and
    without, from the first frame that changed.

    clips: one or several `Clip`, equally long, frames of any size; their points are what errors are measured against.
    start: where controls begin, by the names of `ScrubState`. Raises TypeError for an unknown one, ValueError for clips
    that do not fit, a start outside the controls, or a model without f_tRNN.
    """
    crop, state = _prepare(model, clips, start)
    live = Live(lambda **values: _draw(crop, ScrubState(**values)), _controls(state, crop), _shelf)
    live.line.layout.min_height = "4.3em"  # room for three lines, so that the picture stays in place
    return live


def scrubber_figure(model: RedNet, clips: Clip | Sequence[Clip], **start) -> Image:
    """The scrubber's picture as an image with alt text, for pages where no widget runs; arguments as `scrubber`."""
    crop, state = _prepare(model, clips, start)
    drawing = _draw(crop, state)
    return still(drawing.picture, drawing.alt)


def _prepare(model: RedNet, clips: Clip | Sequence[Clip], start: dict) -> tuple[Scrubber, ScrubState]:
    refuse_unknown(start, ScrubState, "the scrubber")
    crop = Scrubber(model, [clips] if isinstance(clips, Clip) else clips)
    state = ScrubState(**{"looks": model.preset.steps, **start})
    last = len(crop.clips[0]) - 1
    if not (
        0 <= state.clip < len(crop.clips) and all(0 <= t <= last for t in (state.frame, state.enters, state.forget))
    ):
        raise ValueError(f"clip must be 0 to {len(crop.clips) - 1}, frame, enters and forget 0 to {last}")
    return crop, state


def _draw(crop: Scrubber, state: ScrubState) -> Drawing:
    scrubbed = crop.look(state)
    return Drawing(compose(scrubbed), describe(scrubbed), in_words(scrubbed))


def _controls(state: ScrubState, crop: Scrubber) -> dict[str, widgets.Widget]:
    last, one = len(crop.clips[0]) - 1, len(crop.clips) == 1

    def slider(name: str, words: str, low: int, high: int, **more) -> widgets.IntSlider:
        return widgets.IntSlider(getattr(state, name), min=low, max=high, description=words, **more)

    def choice(name: str, words: str, options: Sequence) -> widgets.SelectionSlider:
        # a slider, because JupyterLab keeps the arrow keys up and down, which a dropdown needs, for itself
        return widgets.SelectionSlider(options=options, value=getattr(state, name), description=words)

    controls = {
        "frame": slider("frame", "frame", 0, last),
        "clip": slider("clip", "clip", 0, len(crop.clips) - 1, disabled=one),
        "point": choice("point", "point", POINT_OPTIONS),
        "occluder": choice("occluder", "occluder", OCCLUDERS),
        "enters": slider("enters", "from frame", 0, last),
        "lasts": slider("lasts", "frames long", 1, last + 1),
        "share": widgets.FloatSlider(
            state.share, min=SHARES[0], max=SHARES[1], step=0.05, description="covers", readout_format=".0%"
        ),
        "direction": slider("direction", "moves (°)", -180, 180, step=15),
        "forget": slider("forget", "forget before", 0, last),
        "looks": slider("looks", "looks", 1, crop.model.preset.steps),
        "baseline": choice("baseline", "filter", BASELINES),
    }
    for name in ("clip", "occluder", "enters", "lasts", "share", "direction", "forget", "looks"):
        controls[name].continuous_update = False  # these follow the clip anew: once, where the drag ends
    return controls


def _shelf(controls: dict[str, widgets.Widget]) -> widgets.Widget:
    """The controls in rows of three, a play button in the last place; it moves the frame in the page itself."""
    frame = controls["frame"]
    play = widgets.Play(frame.value, min=frame.min, max=frame.max, interval=150, description="play")
    widgets.jslink((play, "value"), (frame, "value"))
    return rows_of_three([*controls.values(), play], "8em")
