"""The only place that knows ipywidgets: a picture that is drawn again whenever a control moves.

A widget's state is a frozen dataclass whose fields, made by `setting`, describe its controls. Every drawing is one JPEG
in one `ipywidgets.Image`: no flicker, no outputs that pile up. A bug in the first drawing fails the cell, in a later
one it is shown in red; with the environment variable REDN_CI the ends of all controls are drawn, and errors raised.
"""

import html
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, field, fields, replace
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import cv2
import ipywidgets as widgets
import numpy as np
import traitlets
from IPython.display import Image

from redn_lib.landmarks import N_POINTS
from redn_lib.widgets.style import WRONG

ALL = "all 68"
POINTS = (ALL, *range(N_POINTS))  # what a control that chooses a point takes


class Drawing(NamedTuple):
    """What a draw function returns."""

    picture: np.ndarray  # (H, W, 3) uint8 RGB
    about: str  # what the picture shows, in words
    numbers: Sequence[Sequence[str]]  # lines of words and numbers, shown under the controls
    time: str = ""  # how long it took, shown in the first line, but no part of the alt text

    @property
    def still(self) -> Image:
        """The picture as the output of a cell, with its alt text."""
        return still(self.picture, "; ".join([self.about, *(", ".join(words) for words in self.numbers)]))

    @property
    def line(self) -> str:
        """The lines under the controls."""
        first, *others = self.numbers
        return "\n".join(" · ".join(words) for words in ([*first, *[self.time] * bool(self.time)], *others))


def setting(default, label, help, span=None, *, step=1, form="", options=(), on_release=False, wide=False) -> Any:
    """A field of a state: the value of a control at the beginning, and how the control is shown.

    True or False is a checkbox, `options` a slider over them, a number a slider over `span` (low, high) by `step`,
    shown as `form`. help: its tooltip. on_release: it draws where the drag ends. wide: it takes a row of its own.
    """
    metadata = {"label": label, "help": help, "range": options or span, "options": bool(options)}
    return field(default=default, metadata=metadata | dict(step=step, form=form, on_release=on_release, wide=wide))


class Scene:
    """A widget before it is shown.

    draw: from a state to its `Drawing`; kind: the state's class; start: values of the first state; ranges: span or
    options that depend on the data. Raises TypeError for an unknown name, ValueError for a value out of range.
    """

    def __init__(self, draw: Callable[[Any], Drawing], kind: type, start=None, ranges=None):
        self.draw, self.kind, self.start = draw, kind, start or {}
        self.ranges = {f.name: f.metadata["range"] for f in fields(kind)} | (ranges or {})
        for name in self.start:
            if name not in self.ranges:
                raise TypeError(f"there is no control {name!r}; there are {', '.join(self.ranges)}")
        for f in fields(kind):
            value, allowed = self.start.get(f.name, f.default), self.ranges[f.name]
            if f.metadata["options"] and value not in allowed:
                raise ValueError(f"{f.name} must be one of {', '.join(map(str, allowed))}, got {value!r}")
            if isinstance(f.default, int | float) and allowed and not allowed[0] <= value <= allowed[1]:
                raise ValueError(f"{f.name} must be {allowed[0]} to {allowed[1]}, got {value}")

    def still(self) -> Image:
        """The first picture with its alt text, for pages where no widget runs."""
        return self.draw(self.kind(**self.start)).still


def widget(**layout):
    """Decorate a function that returns a `Scene`: it returns the `Live` in this layout, and its attribute `figure`, of
    the same arguments, the first picture as an image with alt text, for pages where no widget runs. Keyword arguments
    are where controls begin, by the names of the state. Raises as `Scene`.
    """

    def decorate(scene_of: Callable[..., Scene]) -> Callable[..., Live]:
        @wraps(scene_of)
        def live(*args, **start):
            return Live(scene_of(*args, **start), **layout)

        live.figure = lambda *args, **start: scene_of(*args, **start).still()
        return live

    return decorate


def encode_jpeg(picture: np.ndarray) -> bytes:
    """A (H, W, 3) uint8 RGB picture as JPEG, colours at full resolution so that small letters stay sharp."""
    options = [cv2.IMWRITE_JPEG_QUALITY, 85]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1].tobytes()


def still(picture: np.ndarray, alt: str) -> Image:
    """A picture as the output of a cell, with its alt text; needs no running kernel to be seen."""
    return Image(encode_jpeg(picture), format="jpeg", alt=alt, width=picture.shape[1])


class StandIn:
    """A widget in whose place a picture with alt text, `stand_in`, is shown where no widget can run."""

    stand_in: Image

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        shown, (picture, about) = super()._repr_mimebundle_(**kwargs), self.stand_in._repr_mimebundle_()
        shown = shown[0] if isinstance(shown, tuple) else shown  # anywidget's has metadata
        return shown | picture | {"text/plain": self.stand_in.alt}, about


HERE = Path(__file__).parent


def source(page: str) -> str:
    """The ES module of a page: page.js, and the file of this name behind it."""
    return "\n".join((HERE / f"{name}.js").read_text(encoding="utf-8") for name in ("page", page))


def pack(values: np.ndarray) -> dict:
    """An array as it goes to the page."""
    return {"shape": list(values.shape), "type": values.dtype.name, "data": np.ascontiguousarray(values).tobytes()}


class Page(StandIn, anywidget.AnyWidget):
    """A widget that its page draws; what passes between the two stands at the head of page.js.

    Of a kind of page are `_esm`, by `source`; respond(request), the answer without its number; and sweep(), which
    answers with each control at its ends. With the environment variable REDN_CI this is done at the beginning, and
    errors are raised.
    """

    _css = HERE / "page.css"
    setup = traitlets.Dict().tag(sync=True)
    request = traitlets.Dict().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)

    def __init__(self, stand_in: Image, setup: Mapping):
        self.stand_in = stand_in
        super().__init__(setup={**setup, "still": stand_in.data, "about": stand_in.alt})
        self.observe(self._answer, "request")
        if os.environ.get("REDN_CI"):
            self.sweep()

    def _answer(self, change) -> None:
        number = change.new.get("number")
        try:
            self.answer = {"number": number} | self.respond(change.new)
        except Exception as error:  # a mistake in the page's request is told there, and nothing hangs
            self.answer = {"number": number, "error": f"{type(error).__name__}: {error}"}
            if os.environ.get("REDN_CI"):
                raise


class AltImage(widgets.Image):
    """An image widget whose `tooltip` is its alt text, which the page takes only where there is a description."""

    description = traitlets.Unicode("").tag(sync=True)


class Live(StandIn, widgets.VBox):
    """The controls of a scene, a button that puts them back, a line of numbers, and the picture that follows them.

    label_width: of the controls' labels, as "7em"; lines: room for so many lines of numbers; play: name of the setting
    that a play button moves through. The trait `state` is what the controls show.
    """

    state = traitlets.Any()

    def __init__(self, scene: Scene, *, label_width: str = "8em", lines: int = 3, play: str = ""):
        self.draw, self.start = scene.draw, scene.kind(**scene.start)
        self.controls = {f.name: _control(f, scene, label_width) for f in fields(scene.kind)}
        self.image = AltImage(format="jpeg", layout={"width": "100%", "max_width": "1000px"})
        self.line = widgets.HTML(layout={"flex": "1 1 auto", "min_height": f"{1.45 * lines}em"})
        self.stand_in, self.state = self._show(self.start), self.start
        shown = list(self.controls.values())
        if play:  # moves its slider in the page itself
            slider = self.controls[play]
            shown.append(widgets.Play(slider.value, min=slider.min, max=slider.max, interval=120, description="play"))
            widgets.jslink((shown[-1], "value"), (slider, "value"))
        rows = {"grid_template_columns": "repeat(3, minmax(0, 1fr))", "grid_gap": "0 8px", "max_width": "1000px"}
        back = button("start again", "all controls back to where they began", self.reset)
        below = widgets.HBox([back, self.line], layout={"max_width": "1000px", "align_items": "flex-start"})
        super().__init__([widgets.GridBox(shown, layout=rows), below, self.image])
        for name, control in self.controls.items():
            control.observe(lambda change, name=name: self.set(**{name: change.new}), "value")
        self.observe(self._moved, "state")
        if os.environ.get("REDN_CI"):
            self.sweep()

    def set(self, **values) -> None:
        """Move several controls and draw once. Raises TypeError for an unknown name."""
        self.state = replace(self.state, **values)

    def reset(self) -> None:
        """All controls back to where they began."""
        self.state = self.start

    def sweep(self) -> None:
        """Draw with each control at each of its ends. With REDN_CI raises what draw raises."""
        changes = [{name: value} for name, control in self.controls.items() for value in ends(control)]
        for change in [*changes, {}]:
            self._try(replace(self.state, **change))

    def _moved(self, _change=None) -> None:
        for name, control in self.controls.items():
            control.value = getattr(self.state, name)
        self._try(self.state)

    def _try(self, state: Any) -> None:
        """Show a state, or what is wrong."""
        try:
            self._show(state)
        except Exception as error:
            self.line.value = status(f"{type(error).__name__}: {error}", wrong=True)
            if os.environ.get("REDN_CI"):
                raise

    def _show(self, state: Any) -> Image:
        """A state as picture and line of numbers; returns the picture."""
        drawing = self.draw(state)
        image = drawing.still
        self.line.value, self.image.tooltip, self.image.value = status(drawing.line), image.alt, image.data
        return image


def button(words: str, help: str, press: Callable[[], None]) -> widgets.Button:
    """A button and what pressing it does."""
    made = widgets.Button(description=words, tooltip=help, layout={"flex": "0 0 auto"})
    made.on_click(lambda _button: press())
    return made


def _control(f: Field, scene: Scene, label_width: str) -> widgets.Widget:
    """The control of a setting, where it begins."""
    m, allowed = f.metadata, scene.ranges[f.name]
    words = {"description": m["label"], "tooltip": m["help"], "value": scene.start.get(f.name, f.default)}
    words |= {"style": {"description_width": label_width}, "layout": {"width": "auto"}}
    if m["wide"]:
        words["layout"]["grid_column"] = "1 / -1"
    if isinstance(f.default, bool):
        return widgets.Checkbox(**words)
    words["continuous_update"] = not m["on_release"]
    if m["options"]:  # no dropdown: JupyterLab keeps the arrow keys, which it needs, for itself
        return widgets.SelectionSlider(options=allowed, **words)
    words |= dict(zip(("min", "max"), allowed, strict=True), step=m["step"])
    if isinstance(f.default, int):
        return widgets.IntSlider(disabled=allowed[0] == allowed[1], **words)
    return widgets.FloatSlider(readout_format=m["form"], **words)


def chosen(point: int | str) -> tuple[list[int] | None, str]:
    """The points that a state's `point` draws, None for all, and what they are called."""
    return (None, "all points") if point == ALL else ([point], f"point {point}")


def status(words: str, *, wrong: bool = False) -> str:
    """Words as HTML that a screen reader reads out when they change; in red where something went wrong."""
    colour = f"var(--jp-error-color1, rgb{WRONG})" if wrong else "inherit"
    style = f"color: {colour}; font-variant-numeric: tabular-nums; line-height: 1.4"
    text = html.escape(words).replace("\n", "<br>")
    return f'<div role="status" aria-live="polite" style="{style}">{text}</div>'


def ends(control: widgets.Widget) -> tuple:
    """The values at which a control is most likely to break: first and last option, least and most, on and off."""
    if hasattr(control, "options"):
        return control.options[0], control.options[-1]
    return (control.min, control.max) if hasattr(control, "max") else (False, True)
