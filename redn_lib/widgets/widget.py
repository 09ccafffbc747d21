"""The only place that knows ipywidgets: a picture that is drawn again whenever a control moves.

A widget's state is a frozen dataclass whose fields, made by `setting`, describe its controls. Every drawing is one JPEG
in one `ipywidgets.Image`: no flicker, no outputs that pile up. A bug in the first drawing fails the cell, in a later
one it is shown in red; with the environment variable REDN_CI the ends of all controls are drawn, and errors raised.
"""

import base64
import html
import os
from collections.abc import Callable, Sequence
from dataclasses import Field, field, fields, replace
from functools import wraps
from typing import Any, NamedTuple

import cv2
import ipywidgets as widgets
import numpy as np
from IPython.display import Image
from traitlets import Unicode

from redn_lib.landmarks import N_POINTS
from redn_lib.widgets.style import WRONG

ALL = -1
"""A state's `point` for all 68 points at once."""

POINT_OPTIONS = [("all 68", ALL), *((str(i), i) for i in range(N_POINTS))]
"""Words and values of a control that chooses a point."""


class Drawing(NamedTuple):
    """What a draw function returns.

    picture: (H, W, 3) uint8 RGB.
    about: what the picture shows, in words.
    numbers: lines of words and numbers, shown under the controls.
    time: how long it took, shown in the first line, but no part of the alt text.
    """

    picture: np.ndarray
    about: str
    numbers: Sequence[Sequence[str]]
    time: str = ""

    @property
    def alt(self) -> str:
        """The picture in words for those who cannot see it."""
        return "; ".join([self.about, *(", ".join(words) for words in self.numbers)])

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
        self.draw, self.ranges = draw, {f.name: f.metadata["range"] for f in fields(kind)} | (ranges or {})
        unknown = sorted(set(start or {}) - set(self.ranges))
        if unknown:
            raise TypeError(f"there is no control {unknown[0]!r}; there are {', '.join(self.ranges)}")
        self.state = kind(**start or {})
        for f in fields(kind):
            value, allowed = getattr(self.state, f.name), self.ranges[f.name]
            if f.metadata["options"]:
                if value not in _values(allowed):
                    raise ValueError(f"{f.name} must be one of {', '.join(map(str, _values(allowed)))}, got {value!r}")
            elif allowed and isinstance(value, int) and not allowed[0] <= value <= allowed[1]:
                raise ValueError(f"{f.name} must be {allowed[0]} to {allowed[1]}, got {value}")

    def still(self) -> Image:
        """The first picture with its alt text, for pages where no widget runs."""
        drawing = self.draw(self.state)
        return still(drawing.picture, drawing.alt)


def widget(**layout):
    """Decorate a function that returns a `Scene`: it returns the `Live` in this layout, and its attribute
    `figure`, of the same arguments, the first picture as an image with alt text, for pages where no widget runs.
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


class AltImage(widgets.Image):
    """An image widget whose `tooltip` is its alt text, which the page takes only where there is a description."""

    description = Unicode("").tag(sync=True)


class Live(widgets.VBox):
    """The controls of a scene, a button that puts them back, a line of numbers, and the picture that follows them.

    label_width: of the controls' labels, as "7em"; lines: room for so many lines of numbers; play: name of the setting
    that a play button moves through. Where no widget can run, the first picture stands in.
    """

    def __init__(self, scene: Scene, *, label_width: str = "8em", lines: int = 3, play: str = ""):
        self.draw, self.state = scene.draw, scene.state
        self.controls = {f.name: _control(f, getattr(self.state, f.name), scene) for f in fields(self.state)}
        self.start, self._held = self.values(), False
        first = self.draw(self.state)
        self.image = AltImage(format="jpeg", layout={"width": "100%", "max_width": "1000px"})
        self.line = widgets.HTML(layout={"flex": "1 1 auto", "min_height": f"{1.45 * lines}em"})
        back = button("start again", "all controls back to where they began", self.reset)
        below = widgets.HBox([back, self.line], layout={"max_width": "1000px", "align_items": "flex-start"})
        super().__init__([self._grid(label_width, play), below, self.image])
        self._show(first)
        self._stand_in = still(first.picture, first.alt)
        for control in self.controls.values():
            control.observe(self._moved, "value")
        if os.environ.get("REDN_CI"):
            self.sweep()

    def _grid(self, label_width: str, play: str) -> widgets.Widget:
        """The controls in rows of three; the play button moves its slider in the page itself."""
        for f in fields(self.state):
            control = self.controls[f.name]
            control.layout.width = "auto"
            control.style.description_width = label_width
            if f.metadata["wide"]:
                control.layout.grid_column = "1 / -1"
        shown = list(self.controls.values())
        if play:
            slider = self.controls[play]
            button = widgets.Play(slider.value, min=slider.min, max=slider.max, interval=120, description="play")
            widgets.jslink((button, "value"), (slider, "value"))
            shown.append(button)
        rows = {"grid_template_columns": "repeat(3, minmax(0, 1fr))", "grid_gap": "0 8px", "max_width": "1000px"}
        return widgets.GridBox(shown, layout=rows)

    def values(self) -> dict:
        """The value of each control by its name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values) -> None:
        """Move several controls and draw once. Raises KeyError for an unknown name."""
        self._held = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self._held = False
        self._moved()

    def reset(self) -> None:
        """All controls back to where they began."""
        self.set(**self.start)

    def sweep(self) -> None:
        """Draw with each control at each of its ends. With REDN_CI raises what draw raises."""
        for name, control in self.controls.items():
            for value in ends(control):
                self._moved(**{name: value})
        self._moved()

    def _state(self, **changes) -> Any:
        return replace(self.state, **self.values() | changes)

    def _moved(self, _change=None, **changes) -> None:
        if self._held:
            return
        try:
            self._show(self.draw(self._state(**changes)))
        except Exception as error:
            self.line.value = status(f"{type(error).__name__}: {error}", wrong=True)
            if os.environ.get("REDN_CI"):
                raise

    def _show(self, drawing: Drawing) -> None:
        self.line.value = status(drawing.line)
        self.image.tooltip = drawing.alt
        self.image.value = encode_jpeg(drawing.picture)

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        data = super()._repr_mimebundle_(**kwargs)
        alt = self._stand_in.alt
        data |= {"text/plain": alt, "image/jpeg": base64.b64encode(self._stand_in.data).decode()}
        return data, {"image/jpeg": {"alt": alt, "width": self._stand_in.width}}


def button(words: str, help: str, press: Callable[[], None]) -> widgets.Button:
    """A button and what pressing it does."""
    made = widgets.Button(description=words, tooltip=help, layout={"flex": "0 0 auto"})
    made.on_click(lambda _button: press())
    return made


def _control(f: Field, value: Any, scene: Scene) -> widgets.Widget:
    """The control of a setting, at its value."""
    m, allowed = f.metadata, scene.ranges[f.name]
    words = {"description": m["label"], "tooltip": m["help"]}
    if isinstance(value, bool):
        return widgets.Checkbox(value, **words)
    words["continuous_update"] = not m["on_release"]
    if m["options"]:  # no dropdown: JupyterLab keeps the arrow keys, which it needs, for itself
        return widgets.SelectionSlider(options=allowed, value=value, **words)
    low, high = allowed
    if isinstance(f.default, int):
        return widgets.IntSlider(value, min=low, max=high, step=m["step"], disabled=low == high, **words)
    return widgets.FloatSlider(value, min=low, max=high, step=m["step"], readout_format=m["form"], **words)


def chosen(point: int) -> tuple[list[int] | None, str]:
    """The points that a state's `point` draws, None for all, and what they are called."""
    return (None, "all points") if point == ALL else ([point], f"point {point}")


def _values(options: Sequence) -> list:
    return [option[1] if isinstance(option, tuple) else option for option in options]


def status(words: str, *, wrong: bool = False) -> str:
    """Words as HTML that a screen reader reads out when they change; in red where something went wrong."""
    colour = f"var(--jp-error-color1, rgb{WRONG})" if wrong else "inherit"
    style = f"color: {colour}; font-variant-numeric: tabular-nums; line-height: 1.4"
    text = html.escape(words).replace("\n", "<br>")
    return f'<div role="status" aria-live="polite" style="{style}">{text}</div>'


def ends(control: widgets.Widget) -> tuple:
    """The values at which a control is most likely to break: first and last option, least and most, on and off."""
    if hasattr(control, "options"):
        values = _values(control.options)
        return values[0], values[-1]
    if hasattr(control, "max"):
        return control.min, control.max
    return False, True
