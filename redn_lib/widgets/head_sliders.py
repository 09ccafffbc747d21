"""Sliders for a procedural face: turn one factor, see the picture and its exact labels follow. (our choice)

head_sliders(person=3)         # in a notebook, with a kernel: controls and a live picture
head_figure(person=3, yaw=40)  # the same picture without widgets
"""

from dataclasses import asdict, dataclass, replace
from functools import lru_cache

import cv2
import ipywidgets as widgets
import numpy as np
from IPython.display import Image

from redn_lib.data.clip import Face
from redn_lib.data.synthetic import Camera, Expression, Factors, Light, Person, SceneOccluder, framed, identity, render
from redn_lib.landmarks import OUTER_EYES
from redn_lib.metrics import eye_distance
from redn_lib.widgets.draw import draw_box, draw_face, enlarge, zoomed
from redn_lib.widgets.live import Drawing, Live, refuse_unknown, rows_of_three, still
from redn_lib.widgets.panels import GAP, caption, card, side_by_side
from redn_lib.widgets.style import GREEN, INK, Colour

PANEL = 480
SIZE = 160
SHARE = 0.5
"""The larger side of the box in the picture, of the person who looks straight ahead."""
OCCLUDERS = ("none", "glasses", "hand", "bar", "microphone", "cup", "mask", "screen")
THICK = 2
"""`Person.traits["glasses"]` of the only glasses that are worn here; nobody else wears any."""


@dataclass(frozen=True)
class HeadState:
    """Where every control stands: person's number; yaw, pitch, roll in degrees; mouth, smile, brows, eyes_shut as in
    `Expression`; lamp: from where it shines, degrees to the picture's right; light: exposure; occluder: its kind;
    labels: whether the points are drawn."""

    person: int = 3
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    mouth: float = 0.0
    smile: float = 0.0
    brows: float = 0.0
    eyes_shut: float = 0.0
    lamp: float = 20.0
    light: float = 0.35
    occluder: str = "none"
    labels: bool = True


def head_factors(state: HeadState) -> Factors:
    """The factors of a state. The camera stands still: it is placed once, by the person's face turned straight to it.

    Raises ValueError for a person below 0 or an unknown occluder.
    """
    person = _person(state.person, THICK if state.occluder == "glasses" else 0)
    start = framed(Factors(person, scene=state.person, size=SIZE), SHARE, np.zeros(2))
    expression = Expression(
        mouth_open=state.mouth, smile=state.smile, brow_raise=state.brows, blink_right=state.eyes_shut,
        blink_left=state.eyes_shut,
    )  # fmt: skip
    hides = None if state.occluder in ("none", "glasses") else SceneOccluder(state.occluder, seed=state.person)
    return Factors(
        person, expression, state.yaw, state.pitch, state.roll, Light(yaw=state.lamp),
        Camera(exposure=state.light, resolution=SIZE), hides, start.scene, start.distance, start.scale, start.x,
        start.y, SIZE,
    )  # fmt: skip


@lru_cache(maxsize=4)  # the same object again, so that its painted skin is found again
def _person(number: int, glasses: int) -> Person:
    someone = identity(number)
    return replace(someone, traits={**someone.traits, "glasses": glasses})


def head_sliders(**start) -> Live:
    """Controls over the factors of one procedural face; picture and labels are made anew when something moves.

    start: where controls begin, by the names of `HeadState`. Raises TypeError for an unknown one.
    """
    state = _state(start)
    return Live(lambda **values: draw_head(HeadState(**values)), _controls(state), _shelf)


def head_figure(**start) -> Image:
    """The sliders' picture as an image with alt text, for pages where no widget runs; arguments as `head_sliders`."""
    drawing = draw_head(_state(start))
    return still(drawing.picture, drawing.alt)


def draw_head(state: HeadState) -> Drawing:
    """The picture alone beside the picture with its labels, a line with what they measure, and both in words."""
    face, zoom = render(head_factors(state)), PANEL / SIZE
    marked = _labelled(face, zoom) if state.labels else enlarge(face.image, zoom)
    panels = [
        caption(enlarge(face.image, zoom), "The picture", f"{SIZE} px a side"),
        caption(marked, "Its labels", "hollow: hidden · green: eye distance · frame: box" * state.labels),
    ]
    inside = side_by_side(panels)
    out = card(inside.shape[0] + GAP, inside.shape[1] + 2 * GAP)
    out[: inside.shape[0], GAP:-GAP] = inside
    return Drawing(out, describe(face), _in_words(state, face))


def describe(face: Face) -> str:
    """What the labels measure, and what one pixel of error weighs in the face's NME."""
    eyes, (width, height) = float(eye_distance(face.points)), face.box[2:] - face.box[:2]
    return (
        f"eye distance {eyes:.1f} px · box {width:.0f} x {height:.0f} px · "
        f"{int(face.visible.sum())} of {len(face.visible)} points in sight\n"
        f"an error of 1 px at every point is an NME of {1 / eyes:.2%}"
    )


def _in_words(state: HeadState, face: Face) -> str:
    moved = [f"{k.replace('_', ' ')} {v}" for k, v in asdict(state).items() if v != getattr(HeadState, k)]
    changes = f", changed: {', '.join(moved)}" if moved else ""
    labels = "the same picture with its 68 labels and their box" if state.labels else "the same picture without labels"
    return (
        f"Procedural face number {state.person}{changes}; beside it {labels}; "
        f"eye distance {float(eye_distance(face.points)):.1f} pixels"
    )


def _labelled(face: Face, zoom: float) -> np.ndarray:
    out, at = draw_box(face.image, face.box, zoom=zoom), zoomed(face.points, zoom)
    right, left = at[list(OUTER_EYES)]
    _line(out, right, left, INK, 4)
    _line(out, right, left, GREEN, 2)
    return draw_face(out, at, face.visible.astype(float))


def _line(out: np.ndarray, start: np.ndarray, end: np.ndarray, colour: Colour, width: int) -> None:
    a, b = (tuple(int(v) for v in np.rint(p * 16)) for p in (start, end))
    cv2.line(out, a, b, colour, width, cv2.LINE_AA, 4)


def _state(start: dict) -> HeadState:
    refuse_unknown(start, HeadState, "the head")
    return HeadState(**start)


def _controls(state: HeadState) -> dict[str, widgets.Widget]:
    def slider(name: str, words: str, low: float, high: float, step: float, form: str) -> widgets.FloatSlider:
        value = getattr(state, name)
        return widgets.FloatSlider(value, min=low, max=high, step=step, description=words, readout_format=form)

    return {
        "person": widgets.IntSlider(state.person, min=0, max=99, description="person"),
        "yaw": slider("yaw", "yaw (°)", -75, 75, 5, "+.0f"),
        "pitch": slider("pitch", "pitch (°)", -40, 40, 5, "+.0f"),
        "roll": slider("roll", "roll (°)", -40, 40, 5, "+.0f"),
        "mouth": slider("mouth", "mouth open", 0, 1, 0.1, ".1f"),
        "smile": slider("smile", "smile", -0.6, 1, 0.1, "+.1f"),
        "brows": slider("brows", "brows up", -0.7, 1, 0.1, "+.1f"),
        "eyes_shut": slider("eyes_shut", "eyes shut", 0, 1, 0.1, ".1f"),
        "lamp": slider("lamp", "lamp at (°)", -110, 110, 10, "+.0f"),
        "light": slider("light", "brightness", 0.05, 1, 0.05, ".2f"),
        # a slider, because JupyterLab keeps the arrow keys up and down, which a dropdown needs, for itself
        "occluder": widgets.SelectionSlider(options=OCCLUDERS, value=state.occluder, description="occluder"),
        "labels": widgets.Checkbox(state.labels, description="show labels"),
    }


def _shelf(controls: dict[str, widgets.Widget]) -> widgets.Widget:
    return rows_of_three(list(controls.values()), "7em")
