"""What every widget is: a page in the browser (a `Page`), or controls over pictures (`Live`), which is the shortest.

The state of the latter is a frozen dataclass whose fields, made by `setting`, describe its controls. A bug in the first
drawing fails the cell, in a later one it is shown in red; with the environment variable REDN_CI the ends of all
controls are tried, and errors raised.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from contextlib import suppress
from dataclasses import asdict, field, fields, replace
from functools import wraps
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import anywidget
import cv2
import numpy as np
from IPython.display import Image
from traitlets import Dict

from redn_lib.landmarks import LINES, N_POINTS, POINT_NAMES
from redn_lib.widgets.draw import colour_map
from redn_lib.widgets.figures import curves_over_time, dots_by_row, drawn
from redn_lib.widgets.panels import caption, on_card, side_by_side, stack
from redn_lib.widgets.style import Colour

HERE = Path(__file__).parent
STOP = "stop"  # words of the button while something long runs
MARGIN = 10  # pixels of card around a still picture
ALL = "all 68"
POINTS = (ALL, *range(N_POINTS))  # what a control that chooses a point takes


def encode_jpeg(picture: np.ndarray) -> bytes:
    """A (H, W, 3) uint8 RGB picture as JPEG, colours at full resolution so that small letters stay sharp."""
    options = [cv2.IMWRITE_JPEG_QUALITY, 85]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1].tobytes()


def jpeg_array(picture: np.ndarray) -> np.ndarray:
    """The same as an array of bytes, for an answer."""
    return np.frombuffer(encode_jpeg(picture), np.uint8)


def still(picture: np.ndarray, alt: str) -> Image:
    """A picture as the output of a cell, on a card, with its alt text; needs no running kernel to be seen."""
    picture = on_card(picture, MARGIN, MARGIN, MARGIN, MARGIN)
    return Image(encode_jpeg(picture), format="jpeg", alt=alt, width=picture.shape[1])


def source(page: str) -> str:
    """The ES module of a page: page.js, and the file of this name behind it."""
    return "\n".join((HERE / f"{name}.js").read_text(encoding="utf-8") for name in ("page", page))


def pack(values: np.ndarray) -> dict:
    """An array as it goes to the page."""
    return {"shape": list(values.shape), "type": values.dtype.name, "data": np.ascontiguousarray(values).tobytes()}


def face_setup() -> dict:
    """What pages that draw a face know of one, and the colours of maps, opaque and glowing."""
    lines = [[list(indices), closed] for indices, closed in LINES]
    shades, colours = np.arange(256), colour_map(np.arange(256)[None], 255)[0]
    palettes = {"map": palette(colours), "glow": palette(colours, 230 * np.sqrt(shades / 255))}
    return {"names": list(POINT_NAMES), "lines": lines, "palettes": palettes}


def palette(colours: np.ndarray, opacity: np.ndarray | int = 255) -> dict:
    """Colours (n, 3) of the numbers from 0 on, with their opacity 0 to 255, as a page takes them."""
    return pack(np.uint8(np.c_[colours, np.broadcast_to(opacity, len(colours))]))


class Page(anywidget.AnyWidget):
    """A widget that its page draws; what passes between the two stands at the head of page.js.

    A kind of page has `_esm`, by `source`; respond(request) to the answer, its arrays those of numpy; and changes(),
    what a sweep asks for one after the other. One with something long, begun by `press`, has run(), too, which takes
    its batches through `until_stopped`; `ended`: how often that came to its end. `stand_in` is the picture that is
    shown where no widget can run.

    told: kernel to page, of what is long: {words, wrong, share, press: words of the button, done: how often it ended}
    """

    _css = HERE / "page.css"
    setup = Dict().tag(sync=True)
    told = Dict().tag(sync=True)

    def __init__(self, stand_in: Image, setup: Mapping):
        self.stand_in, self.stopping, self.ended, self._runner = stand_in, False, 0, None
        super().__init__(setup={**setup, "still": stand_in.data, "about": stand_in.alt})
        if os.environ.get("REDN_CI"):
            self.sweep()

    def sweep(self) -> None:
        """Answer with each control at its ends, as a page might ask. Raises what an answer raises."""
        for change in [*self.changes(), {}]:
            self.respond({"state": self.setup["state"]} | change)

    @anywidget.experimental.command
    def reply(self, request: Mapping, buffers: Sequence) -> tuple[dict, list[bytes]]:
        """The answer to a request of the page, with its arrays as plain bytes beside it; a mistake is told there.

        buffers: the bytes of a picture, or none. Nothing of all this is a trait, which a notebook might store.
        """
        try:
            given = request | ({"image": bytes(buffers[0])} if buffers else {})
            answer = self.press() if request.get("press") else self.respond(given)
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}, []
        arrays = [{"name": name, **pack(values)} for name, values in answer["arrays"].items()]
        data = [packed.pop("data") for packed in arrays]
        return answer | {"arrays": arrays}, data

    def press(self) -> dict:
        """Begin `run` in a thread of its own, or ask it to stop; returns the answer to the request."""
        if self._runner and self._runner.is_alive():
            self.stopping = True
            self.say("stopping")
        else:
            self.stopping, self._runner = False, Thread(target=self._try, daemon=True)
            self._runner.start()
        return {"arrays": {}}

    def say(self, words: str, *, share: float = 0.0, wrong: bool = False, press: str = STOP) -> None:
        """Tell the page how far `run` is."""
        self.told = {"words": words, "share": share, "wrong": wrong, "press": press, "done": self.ended}

    def until_stopped(self, batches: Sized) -> Iterator:
        """Yield the batches until it is asked to stop, and tell the page how far they are."""
        began = time.monotonic()
        for n, batch in enumerate(batches):
            if self.stopping:
                return
            left = (time.monotonic() - began) / max(n, 1) * (len(batches) - n)
            self.say(f"batch {n + 1} of {len(batches)}" + f", {left:.0f} s left" * (n > 0), share=n / len(batches))
            yield batch

    def _try(self) -> None:
        with suppress(Exception, KeyboardInterrupt):  # the page shows it
            self.run()

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        (shown, _), (picture, about) = super()._repr_mimebundle_(**kwargs), self.stand_in._repr_mimebundle_()
        return shown | picture | {"text/plain": self.stand_in.alt}, about


class Row(NamedTuple):
    """A dot with its interval in a panel of numbers."""

    name: str
    mean: float
    low: float
    high: float  # low and high are NaN where there is no interval
    note: str = ""  # to the right
    colour: Colour | None = None  # by default that of the letters
    hollow: bool = False
    chosen: bool = False  # the row lies on a coloured ground
    others: Sequence[float] = ()  # short strokes beside the dot


class Panel(NamedTuple):
    """A picture of a drawing, or rows of numbers."""

    picture: np.ndarray | None  # (H, W, 3) uint8 RGB
    title: str
    note: str = ""  # beside the title
    rows: Sequence[Row] = ()

    def still(self) -> np.ndarray:
        """As a picture (H, W, 3) uint8 RGB with its caption."""
        if not self.rows:
            return caption(self.picture, self.title, self.note)
        found = {
            r.name: (r.mean, min(r.low, r.mean), max(r.high, r.mean)) for r in self.rows
        }  # the dot may lie outside
        words = self.note.partition(";")[0]  # what follows is of the page: colours, strokes
        return drawn(dots_by_row({f"{self.title}, {words}": {"": found}}, alt=self.title))

    def packed(self) -> dict:
        """As it goes to the page, without its picture."""
        width = 0 if self.rows else self.picture.shape[1]
        return {"title": self.title, "note": self.note, "rows": [row._asdict() for row in self.rows], "width": width}


class Drawing(NamedTuple):
    """What a draw function returns."""

    rows: Sequence[Sequence[Panel]]
    about: str  # what the pictures show, in words
    numbers: Sequence[Sequence[str]]  # lines of words and numbers, shown below
    curves: Mapping[str, np.ndarray] = {}  # (T,) by name, over the frames of a clip, NaN where not known

    def still(self) -> Image:
        """All as the output of a cell, with its alt text."""
        pictures = [[panel.still() for panel in row if not panel.rows] for row in self.rows]
        rows = [side_by_side(row) for row in pictures if row]
        rows += [panel.still() for row in self.rows for panel in row if panel.rows]
        if self.curves:
            panels = {name: {name: values} for name, values in self.curves.items()}
            rows.append(drawn(curves_over_time(panels, alt=self.about)))
        return still(stack(rows), "; ".join([self.about, *(", ".join(words) for words in self.numbers)]))


def setting(default, label, help, span=None, *, step=1, form="", options=(), on_release=False) -> Any:
    """A field of a state: the value of a control at the beginning, and how the control is shown.

    True or False is a checkbox, `options` a list of them, a number a slider over `span` (low, high) by `step`; form "%"
    shows it in percent. help: its tooltip. on_release: it draws where the drag ends.
    """
    kind = "options" if options else "tick" if isinstance(default, bool) else "number"
    metadata = {"label": label, "help": help, "range": options or span or (False, True), "kind": kind}
    return field(default=default, metadata=metadata | dict(step=step, form=form, slow=on_release))


class Scene:
    """A widget before it is shown.

    draw: from a state to its `Drawing`; start: the first state; ranges: span or options that depend on the data, by
    name. Raises ValueError for a value out of range.
    """

    def __init__(self, draw: Callable[[Any], Drawing], start: Any, **ranges: Sequence):
        self.draw, self.start, self.controls = draw, start, {}
        for f in fields(start):
            value, kind, allowed = getattr(start, f.name), f.metadata["kind"], ranges.get(f.name, f.metadata["range"])
            self.controls[f.name] = {**f.metadata, "name": f.name, "range": allowed}
            if kind == "options" and value not in allowed:
                raise ValueError(f"{f.name} must be one of {', '.join(map(str, allowed))}, got {value!r}")
            if kind == "number" and not allowed[0] <= value <= allowed[-1]:
                raise ValueError(f"{f.name} must be {allowed[0]} to {allowed[1]}, got {value}")

    def still(self) -> Image:
        """The first picture with its alt text, for pages where no widget runs."""
        return self.draw(self.start).still()


class Live(Page):
    """The controls of a scene, and the pictures that follow them. `state` is what the controls last showed.

    request  {state}; answer: {rows: rows of panels, see `Panel.packed`; about, line; curves: their names; arrays: the
             curves, and the pictures as JPEG by the number of their panel}
    last: of the frames, for a play button; button: words of one that sends {press}.
    """

    _esm = source("controls")

    def __init__(self, scene: Scene, **setup: Any):
        self.scene, self.state = scene, scene.start
        setup |= {"controls": list(scene.controls.values()), "state": asdict(scene.start)}
        super().__init__(scene.still(), setup)

    def respond(self, request: Mapping) -> dict:
        """The answer to a request. Raises what drawing raises, TypeError for an unknown name."""
        state = replace(self.scene.start, **request["state"])
        drawing = self.scene.draw(state)
        self.state = state
        rows = [[panel.packed() for panel in row] for row in drawing.rows]
        arrays = {name: np.float32(values) for name, values in drawing.curves.items()}
        line = "\n".join(" · ".join(words) for words in drawing.numbers)
        answer = {"rows": rows, "about": drawing.about, "line": line, "curves": list(arrays)}
        panels = enumerate(panel for row in drawing.rows for panel in row)
        arrays |= {str(i): jpeg_array(panel.picture) for i, panel in panels if not panel.rows}
        return answer | {"arrays": arrays}

    def changes(self) -> list[dict]:
        """Requests with each control at each of its ends."""
        start, controls = self.setup["state"], self.scene.controls.items()
        return [{"state": start | {name: control["range"][end]}} for name, control in controls for end in (0, -1)]


def widget(scene_of: Callable[..., Scene]) -> Callable[..., Live]:
    """Decorate a function that returns a `Scene`: it returns the `Live`, and its attribute `figure`, of the same
    arguments, the first picture as an image with alt text, for pages where no widget runs. Keyword arguments are where
    controls begin, by the names of the state. Raises as `Scene`, TypeError for an unknown name.
    """

    @wraps(scene_of)
    def live(*args, **start):
        scene = scene_of(*args, **start)
        last = scene.controls["frame"]["range"][1] if "frame" in scene.controls else 0
        return Live(scene, last=last)

    live.figure = lambda *args, **start: scene_of(*args, **start).still()
    return live


def chosen(point: int | str) -> tuple[list[int] | None, str]:
    """The points that a state's `point` draws, None for all, and what they are called."""
    return (None, "all points") if point == ALL else ([point], f"point {point}")
