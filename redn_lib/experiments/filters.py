"""Smoothing that learns nothing: causal filters on tracks of points (T, 68, 2) in pixels, each coordinate alone."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.signal import lfilter

from redn_lib.data.animation.curves import FPS
from redn_lib.landmarks import tight_box
from redn_lib.metrics import nme

Filter = Callable[[np.ndarray, float], np.ndarray]
"""Track and strength, 0 or more, to the smoothed track; 0 leaves it as it is."""


def exponential(track: np.ndarray, strength: float) -> np.ndarray:
    """Exponential smoothing: strength, below 1, is the share of the last output that is kept."""
    return lfilter([1 - strength], [1, -strength], track, axis=0, zi=strength * track[:1])[0]


def one_euro(track: np.ndarray, strength: float) -> np.ndarray:
    """One-euro filter (Casiez, Roussel and Vogel 2012): smooths what is slow, lets through what is fast.

    strength: 1 / the least cut-off in Hz; it grows by 2 Hz with each face side a second.
    """

    def share(cutoff: np.ndarray | float) -> np.ndarray | float:  # of the new value that a low-pass takes
        return 1 / (1 + FPS / (2 * np.pi * cutoff))

    if strength == 0:
        return track.copy()
    x0, y0, x1, y1 = tight_box(track[0])
    side = max(x1 - x0, y1 - y0)
    out, speed = [track[0]], np.zeros_like(track[0])
    for before, now in zip(track[:-1], track[1:], strict=True):
        speed = speed + share(1.0) * ((now - before) / side * FPS - speed)
        out.append(out[-1] + share(1 / strength + 2 * np.abs(speed)) * (now - out[-1]))
    return np.stack(out)


def kalman(track: np.ndarray, strength: float) -> np.ndarray:
    """Kalman filter of points that keep their speed. strength: spread of measurements over that of speed changes."""
    step, pull = np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[0.25, 0.5], [0.5, 1.0]])
    state, uncertainty = np.stack([track[0], np.zeros_like(track[0])]), np.diag([strength**2, 1.0])
    out = [track[0]]
    for now in track[1:]:
        state, uncertainty = np.tensordot(step, state, 1), step @ uncertainty @ step.T + pull
        gain = uncertainty[:, 0] / (uncertainty[0, 0] + strength**2)
        state = state + gain[:, None, None] * (now - state[0])
        uncertainty = uncertainty - np.outer(gain, uncertainty[0])
        out.append(state[0])
    return np.stack(out)


FILTERS: dict[str, tuple[Filter, tuple[float, ...]]] = {
    "exponential": (exponential, (0.1, 0.2, 0.3, 0.5, 0.7, 0.85)),
    "one-euro": (one_euro, (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)),
    "Kalman": (kalman, (0.3, 1.0, 2.0, 4.0, 8.0, 16.0)),
}
"""Each filter and the strengths that are tried. None of them is 0: a filter that is chosen has to filter."""


def best_strength(
    smooth: Filter, strengths: Sequence[float], tracks: Sequence[np.ndarray], truths: Sequence[np.ndarray]
) -> float:
    """The strength with the least NME on tracks whose truth is known."""
    errors = [np.mean([nme(smooth(t, s), truth) for t, truth in zip(tracks, truths, strict=True)]) for s in strengths]
    return strengths[int(np.argmin(errors))]
