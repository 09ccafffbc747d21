"""Procedural faces: a 3D head of our own whose every factor is a known number. (our choice)"""
# ruff: noqa: F401

from redn_lib.data.synthetic.people import SLIDERS, Expression, Person, identity
from redn_lib.data.synthetic.render import Factors, clip, factors, framed, project_points, render, still_image
from redn_lib.data.synthetic.scene import Camera, Light, SceneOccluder
