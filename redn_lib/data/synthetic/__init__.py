"""Procedural faces: a 3D head of our own whose every factor is a known number. (our choice)"""

from redn_lib.data.synthetic.clips import clip, factors, framed, still_image
from redn_lib.data.synthetic.expression import Expression
from redn_lib.data.synthetic.people import SLIDERS, Person, identity
from redn_lib.data.synthetic.render import Factors, project_points, render
from redn_lib.data.synthetic.scene import Camera, Light, SceneOccluder

__all__ = [
    "SLIDERS",
    "Camera",
    "Expression",
    "Factors",
    "Light",
    "Person",
    "SceneOccluder",
    "clip",
    "factors",
    "framed",
    "identity",
    "project_points",
    "render",
    "still_image",
]
