"""The only place that knows ipywidgets: a picture that is drawn anew whenever a control moves.

Every drawing is one JPEG into one `ipywidgets.Image`: no flicker, no outputs that pile up. A bug in the drawing fails
the cell, because it is drawn once before anything is wired; a bug that only some setting meets is shown in red under
the picture. Under the environment variable REDN_CI all controls are moved over their ends at once, and errors raised.
"""

import base64
import html
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import NamedTuple

import cv2
import ipywidgets as widgets
import numpy as np
from IPython.display import Image
from traitlets import Unicode


class Drawing(NamedTuple):
    """What a draw function returns: picture (H, W, 3) uint8 RGB, line of numbers below, alt: the picture in words."""

    picture: np.ndarray
    line: str
    alt: str


def encode_jpeg(picture: np.ndarray, quality: int = 90) -> bytes:
    """A (H, W, 3) uint8 RGB picture as JPEG, colours at full resolution so that small letters stay sharp."""
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, *sampling]
    return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1].tobytes()


def still(picture: np.ndarray, alt: str) -> Image:
    """A picture as the output of a cell, with its alt text; needs no running kernel to be seen."""
    return Image(encode_jpeg(picture), format="jpeg", alt=alt, width=picture.shape[1])


class AltImage(widgets.Image):
    """An image widget whose `tooltip` is its text for those who cannot see it.

    The page takes a tooltip only from a widget that has an (empty) description, which the plain image lacks.
    """

    description = Unicode("").tag(sync=True)


class Live(widgets.VBox):
    """Controls, a button that puts them back, a line of text with the numbers, and a picture that follows them.

    draw(**values) -> Drawing is called with the value of each control by its name. shelf(controls) lays them out, by
    default in one column. Where no widget can run, the first picture stands in.
    Raises whatever draw raises on the first values; under REDN_CI also on the ends of every control.
    """

    def __init__(
        self,
        draw: Callable[..., Drawing],
        controls: Mapping[str, widgets.Widget],
        shelf: Callable[[dict[str, widgets.Widget]], widgets.Widget] | None = None,
    ):
        self.draw, self.controls = draw, dict(controls)
        self.start = self.values()
        first = draw(**self.start)
        self.image = AltImage(format="jpeg", layout=widgets.Layout(width="100%", max_width="1000px"))
        self.line = widgets.HTML(layout=widgets.Layout(flex="1 1 auto", min_height="2.9em"))
        back = widgets.Button(description="start again", tooltip="all controls back to where they began")
        back.layout.flex = "0 0 auto"
        back.on_click(lambda _button: self.reset())
        top = shelf(self.controls) if shelf else widgets.VBox(list(self.controls.values()))
        below = widgets.HBox([back, self.line], layout=widgets.Layout(max_width="1000px", align_items="flex-start"))
        super().__init__([top, below, self.image])
        self._show(first)
        self._stand_in = still(first.picture, first.alt)
        for control in self.controls.values():
            control.observe(self._moved, "value")
        if os.environ.get("REDN_CI"):
            self.sweep()

    def values(self) -> dict:
        """The value of each control by its name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values) -> None:
        """Move several controls and draw once. Raises KeyError for an unknown name."""
        with self.hold_drawing():
            for name, value in values.items():
                self.controls[name].value = value

    def reset(self) -> None:
        """All controls back to where they began."""
        self.set(**self.start)

    def sweep(self) -> None:
        """Move each control to each of its ends and back, drawing every time. Raises what draw raises."""
        for name, control in self.controls.items():
            for value in ends(control):
                self._show(self.draw(**(self.values() | {name: value})))
        self._show(self.draw(**self.values()))

    def hold_drawing(self) -> "_Hold":
        """Within this context moves are collected; at its end the picture is drawn once."""
        return _Hold(self)

    def _moved(self, _change=None) -> None:
        try:
            self._show(self.draw(**self.values()))
        except Exception as error:
            self._say(f"{type(error).__name__}: {error}", "var(--jp-error-color1, #b3261e)")
            if os.environ.get("REDN_CI"):
                raise

    def _show(self, drawing: Drawing) -> None:
        self._say(drawing.line, "inherit")
        self.image.tooltip = drawing.alt
        self.image.value = encode_jpeg(drawing.picture)

    def _say(self, words: str, colour: str) -> None:
        numbers = "font-variant-numeric: tabular-nums; line-height: 1.4"
        text = html.escape(words).replace("\n", "<br>")
        self.line.value = f'<div role="status" aria-live="polite" style="color: {colour}; {numbers}">{text}</div>'

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        data = super()._repr_mimebundle_(**kwargs)
        alt = self._stand_in.alt
        data |= {"text/plain": alt, "image/jpeg": base64.b64encode(self._stand_in.data).decode()}
        return data, {"image/jpeg": {"alt": alt, "width": self._stand_in.width}}


class _Hold:
    def __init__(self, live: Live):
        self.live = live

    def __enter__(self) -> None:
        for control in self.live.controls.values():
            control.unobserve(self.live._moved, "value")

    def __exit__(self, *_error) -> None:
        for control in self.live.controls.values():
            control.observe(self.live._moved, "value")
        self.live._moved()


def refuse_unknown(start: Mapping, state: type, what: str) -> None:
    """Raise TypeError for a name in `start` that is no field of the dataclass `state`, which says where every control
    of a widget stands; what: the widget in words.
    """
    names = [f.name for f in fields(state)]
    if unknown := sorted(set(start) - set(names)):
        raise TypeError(f"{what} has no control {unknown[0]!r}; there are {', '.join(names)}")


def rows_of_three(controls: Sequence[widgets.Widget], words: str) -> widgets.Widget:
    """Controls laid out in rows of three; words: width that their descriptions take, as "7em"."""
    for control in controls:
        control.layout.width = "auto"
        control.style.description_width = words
    columns = widgets.Layout(grid_template_columns="repeat(3, minmax(0, 1fr))", max_width="1000px", grid_gap="0 8px")
    return widgets.GridBox(list(controls), layout=columns)


def ends(control: widgets.Widget) -> tuple:
    """The values at which a control is most likely to break: first and last option, least and most, on and off.

    Raises TypeError for a control that has none of these.
    """
    if hasattr(control, "options"):
        values = [o[1] if isinstance(o, tuple) else o for o in control.options]
        return values[0], values[-1]
    if hasattr(control, "max"):
        return control.min, control.max
    if isinstance(control.value, bool):
        return False, True
    raise TypeError(f"{type(control).__name__} has no ends to try; use a slider, a dropdown or a checkbox")
