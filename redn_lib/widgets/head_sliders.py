"""Sliders for a procedural face: turn one factor, see the picture and its exact labels follow. (our choice)"""

from dataclasses import asdict, dataclass, replace
from functools import lru_cache

import numpy as np

from redn_lib.data.synthetic import Camera, Expression, Factors, Light, Person, SceneOccluder, framed, identity, render
from redn_lib.data.synthetic.scene import SCENE_KINDS
from redn_lib.landmarks import OUTER_EYES
from redn_lib.metrics import eye_distance
from redn_lib.widgets.draw import draw_box, draw_face, enlarge, polyline, zoomed
from redn_lib.widgets.style import GREEN, INK
from redn_lib.widgets.widget import Drawing, Panel, Scene, setting, widget

PANEL = 432
SIZE = 160
SHARE = 0.5  # of the picture that the larger side of the box takes, of the person who looks straight ahead
OCCLUDERS = ("none", "glasses", *SCENE_KINDS)
THICK = 2  # `Person.traits["glasses"]` of the only glasses that are worn here; nobody else wears any


@dataclass(frozen=True)
class HeadState:
    """Where every control stands."""

    person: int = setting(3, "person", "number of the synthetic person", (0, 99))
    yaw: float = setting(0.0, "yaw (°)", "turn of the head", (-75, 75), step=5)
    pitch: float = setting(0.0, "pitch (°)", "nod of the head", (-40, 40), step=5)
    roll: float = setting(0.0, "roll (°)", "tilt of the head", (-40, 40), step=5)
    mouth: float = setting(0.0, "mouth open", "1 is wide open", (0, 1), step=0.1)
    smile: float = setting(0.0, "smile", "below 0: corners of the mouth down", (-0.6, 1), step=0.1)
    brows: float = setting(0.0, "brows up", "below 0: brows down", (-0.7, 1), step=0.1)
    eyes_shut: float = setting(0.0, "eyes shut", "1 is shut", (0, 1), step=0.1)
    lamp: float = setting(20.0, "lamp at (°)", "direction of the light", (-110, 110), step=10)
    light: float = setting(0.35, "brightness", "exposure of the camera", (0.05, 1), step=0.05)
    occluder: str = setting("none", "occluder", "occluder before the face", options=OCCLUDERS)
    labels: bool = setting(True, "show labels", "draws the 68 points, the box and the eye distance")


def head_factors(state: HeadState) -> Factors:
    """The factors of a state. The camera stands still: it is placed once, by the person's face turned straight to it.

    Raises ValueError for a person below 0 or an unknown occluder.
    """
    person = _person(state.person, THICK if state.occluder == "glasses" else 0)
    start = framed(Factors(person, scene=state.person, size=SIZE), SHARE, np.zeros(2))
    eyes = {"blink_right": state.eyes_shut, "blink_left": state.eyes_shut}
    expression = Expression(mouth_open=state.mouth, smile=state.smile, brow_raise=state.brows, **eyes)
    head = {"expression": expression, "yaw": state.yaw, "pitch": state.pitch, "roll": state.roll}
    hides = None if state.occluder in ("none", "glasses") else SceneOccluder(state.occluder, seed=state.person)
    camera = Camera(exposure=state.light, resolution=SIZE)
    return replace(start, light=Light(yaw=state.lamp), camera=camera, occluder=hides, **head)


@lru_cache(maxsize=4)  # the same object again, so that its painted skin is found again
def _person(number: int, glasses: int) -> Person:
    someone = identity(number)
    return replace(someone, traits={**someone.traits, "glasses": glasses})


@widget
def head_sliders(**start) -> Scene:
    """Controls over the factors of one procedural face; picture and labels are rendered again when something moves."""
    return Scene(draw_head, HeadState(**start))


def draw_head(state: HeadState) -> Drawing:
    """The image beside the image with its labels, what the labels measure, and what was changed."""
    face, zoom = render(head_factors(state)), PANEL / SIZE
    plain = labelled = enlarge(face.image, zoom)
    if state.labels:
        labelled, at = draw_box(face.image, face.box, zoom=zoom), zoomed(face.points, zoom)
        for colour, width in ((INK, 4), (GREEN, 2)):
            polyline(labelled, at[list(OUTER_EYES)], False, colour, width)
        labelled = draw_face(labelled, at, face.visible.astype(float))
    moved = [f"{k.replace('_', ' ')} {v}" for k, v in asdict(state).items() if v != getattr(HeadState, k)]
    changes = f", changed: {', '.join(moved)}" if moved else ""
    labels = "with its 68 labels and their box" if state.labels else "without labels"
    about = f"Procedural face number {state.person}{changes}; beside it the same {labels}"
    eyes, (width, height) = float(eye_distance(face.points)), face.box[2:] - face.box[:2]
    measures = [f"eye distance {eyes:.1f} px", f"box {width:.0f} x {height:.0f} px"]
    measures.append(f"{int(face.visible.sum())} of {len(face.visible)} points visible")
    error = f"an error of 1 px at every point is an NME of {1 / eyes:.2%}"
    note = "hollow: hidden · green: eye distance · frame: box" * state.labels
    panels = [Panel(plain, "The image", f"{SIZE} px a side"), Panel(labelled, "Its labels", note)]
    return Drawing([panels], about, [measures, [error]])
