"""Annotated still images set in motion, with occluders: clips with exact truth."""
