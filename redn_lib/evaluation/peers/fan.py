"""face-alignment's 2D-FAN: four stacked hourglasses (Bulat and Tzimiropoulos, ICCV 2017).

Its weights are no part of its package, which fetches them when first used; nothing is fetched here, so they must be
there already. It is given the box as it is: its authors train and measure with the tight box of the points.
"""

from pathlib import Path

import numpy as np
import torch

from redn_lib.evaluation.peers import Peer, Predict


def load() -> dict[str, Predict]:
    """From the given box. Raises FileNotFoundError with the remedy where the weights are not on this machine."""
    import face_alignment
    from face_alignment.api import models_urls

    weights = Path(torch.hub.get_dir(), "checkpoints", Path(models_urls["2DFAN-4"]).name)
    if not weights.is_file():
        raise FileNotFoundError(f"{weights} is missing: fetch it by hand from {models_urls['2DFAN-4']}")
    network = face_alignment.FaceAlignment(
        face_alignment.LandmarksType.TWO_D, device="cpu", face_detector="folder", compile=False
    )

    def given(image: np.ndarray, box: np.ndarray) -> np.ndarray:
        return network.get_landmarks_from_image(image, detected_faces=[box.tolist()])[0].astype(float)

    return {"box given": given}


PEER = Peer("face-alignment", "face_alignment", "300W-LP, made from 300-W", load)
