"""The part of an error that is only another mark-up: one constant offset a point, fitted on other people.

Programs trained on other labels put, say, the chin a little lower, always. Such a habit is no misfit, so each program
is measured as it is and with its habit taken out, fitted on the people in the other folds (cross-fitted by person, our
choice): nobody's own labels correct their predictions, and it is the same for all programs.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from redn_lib.landmarks import OUTER_EYES

FOLDS = 10


def without_offset(
    predictions: np.ndarray, labels: np.ndarray, people: Sequence[str], folds: int = FOLDS
) -> np.ndarray:
    """Predictions (N, 68, 2) less their offset from the labels (N, 68, 2), both in pixels; NaN stays NaN.

    people: who is shown in each frame; ValueError for a single person. The offset is the median over frames, in units
    of the vector between the outer eye corners of the prediction, so that it turns and grows with the face.
    """
    names = sorted(set(people))
    if len(names) < 2:
        raise ValueError(f"the offset of {names[0]} must be fitted on other people, and there are none; take more data")
    fold_of = {name: i % min(folds, len(names)) for i, name in enumerate(names)}
    fold = np.array([fold_of[name] for name in people])
    predicted, true = (points.astype(float) @ [1, 1j] for points in (predictions, labels))
    eyes = (predicted[:, OUTER_EYES[1]] - predicted[:, OUTER_EYES[0]])[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        habit = (true - predicted) / eyes
    habit = np.where(np.isfinite(habit), habit, np.nan)
    corrected = predicted.copy()
    for k in np.unique(fold):
        fit = habit[fold != k]
        x, y = (pd.DataFrame(part).median().fillna(0).to_numpy() for part in (fit.real, fit.imag))
        corrected[fold == k] += eyes[fold == k] * (x + 1j * y)
    return np.stack([corrected.real, corrected.imag], -1)
