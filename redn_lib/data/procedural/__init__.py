"""Procedural faces: a 3D head of our own whose every factor is a known number. (our choice)"""

from redn_lib.data.procedural.camera import Camera
from redn_lib.data.procedural.expression import Expression
from redn_lib.data.procedural.light import Light
from redn_lib.data.procedural.motion import clip
from redn_lib.data.procedural.occluders import Occluder
from redn_lib.data.procedural.people import Person, identity
from redn_lib.data.procedural.render import Factors, render
from redn_lib.data.procedural.scenes import factors, framed, still, stills
from redn_lib.data.procedural.shape import SLIDERS

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
