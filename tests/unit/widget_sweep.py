"""A live widget swept over the ends of its controls."""

import cv2
import numpy as np

from redn_lib.widgets.live import Live, ends


def pixels(live: Live) -> np.ndarray:
    """The picture that is shown, (H, W, 3)."""
    return cv2.imdecode(np.frombuffer(live.image.value, np.uint8), cv2.IMREAD_COLOR)


def assert_every_control_moves_it_and_comes_back(live: Live) -> None:
    """At each end of each control another picture and no error; put back, the first picture again."""
    begin, first = live.values(), pixels(live)
    for name, control in live.controls.items():
        away = [value for value in ends(control) if value != begin[name]]
        assert away, name
        for value in away:
            control.value = value
            moved = pixels(live)
            assert moved.shape == first.shape and (moved != first).any(), f"{name} = {value}"
            assert "--jp-error" not in live.line.value
        control.value = begin[name]
        assert (pixels(live) == first).all(), name
