"""Procedural faces: a 3D head of our own whose every factor is a known number. (our choice)"""

from redn_lib.data.synthetic.camera import Camera
from redn_lib.data.synthetic.expression import Expression
from redn_lib.data.synthetic.light import Light
from redn_lib.data.synthetic.motion import clip
from redn_lib.data.synthetic.occluders import Occluder
from redn_lib.data.synthetic.people import Person, identity
from redn_lib.data.synthetic.render import Factors, render
from redn_lib.data.synthetic.scenes import factors, framed, still, stills
from redn_lib.data.synthetic.shape import SLIDERS

__all__ = [
    "SLIDERS",
    "Camera",
    "Expression",
    "Factors",
    "Light",
    "Occluder",
    "Person",
    "clip",
    "factors",
    "framed",
    "identity",
    "render",
    "still",
    "stills",
]
