"""What tells the halves of the code apart in training, and its controls: absent, in the wrong place, wrong (RQ4)."""

from dataclasses import dataclass, replace

import numpy as np

from redn_lib.data.faces import Face
from redn_lib.experiments.elsewhere import ClassifierOnChanging
from redn_lib.rednet import RedNet
from redn_lib.training.batches import StillBatches

GROUP = 4
"""Frames of a person in a batch, in every variant."""


class WrongNames(StillBatches):
    """The same pictures in the same batches, each under the name of another one drawn once and for all."""

    def chosen(self, i: int) -> list[Face]:
        drawn = np.random.default_rng((self.stage.seed, 3)).permutation(len(self.faces))
        real = [replace(self.faces[j], person=self.faces[drawn[j]].person) for j in self.real_indices(i)]
        return real + super().chosen(i)[len(real) :]


@dataclass(frozen=True)
class Supervision:
    """name; weight: of the loss of f_CLS, 0 without f_CLS; swap: share of batches in which C_id comes from another
    frame of the same person; kind: where f_CLS sits; batches: who is said to be seen.
    """

    name: str
    weight: float = 0.0
    swap: float = 0.0
    kind: type[RedNet] = RedNet
    batches: type[StillBatches] = StillBatches


WEIGHT, SWAP = 0.05, 0.5

NONE = Supervision("no f_CLS")
WHOLE = Supervision("f_CLS on C_id, swap", WEIGHT, SWAP)
SUPERVISIONS = (
    NONE,
    WHOLE,
    Supervision("f_CLS on C_id (paper)", WEIGHT),
    Supervision("swap alone", 0.0, SWAP),
    Supervision("f_CLS on C_pe, swap", WEIGHT, SWAP, ClassifierOnChanging),
    Supervision("f_CLS on C_id, swap, shuffled names", WEIGHT, SWAP, batches=WrongNames),
)
"""The paper has the classifier alone; the swap is our choice."""
