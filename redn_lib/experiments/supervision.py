"""What tells the halves of the code apart in training, and its controls: absent, in the wrong place, wrong (RQ4)."""

from dataclasses import dataclass, replace

import numpy as np

from redn_lib.data.clip import Face
from redn_lib.experiments.elsewhere import ClassifierOnChanging
from redn_lib.rednet import RedNet
from redn_lib.training.batches import StillBatches
from redn_lib.training.stages import STAGES


class WrongNames(StillBatches):
    """The same names in the same batches over wrong pictures: each frame of a real person is exchanged for another
    one's, once and for all, those of procedural people within a batch.
    """

    def chosen(self, i: int) -> list[Face]:
        named = super().chosen(i)
        drawn = np.random.default_rng((self.stage.seed, 3)).permutation(len(self.faces))
        made = named[self.n_real :]
        mixed = np.random.default_rng((self.stage.seed, 3, i)).permutation(len(made))
        shown = [self.faces[drawn[j]] for j in self.real_indices(i)] + [made[j] for j in mixed]
        return [replace(face, person=name.person) for face, name in zip(shown, named, strict=True)]


@dataclass(frozen=True)
class Supervision:
    """name; weight: of the loss of f_CLS; apart: of what else keeps the halves of the code apart; swap: share of
    batches in which C_id comes from another frame of the same person; kind: where f_CLS sits; batches: who is said to
    be seen.
    """

    name: str
    weight: float = 0.0
    apart: float = 0.0
    swap: float = 0.0
    kind: type[RedNet] = RedNet
    batches: type[StillBatches] = StillBatches


IDENTITY = STAGES["identity"]
WEIGHT, APART, SWAP = 0.03, 0.05, IDENTITY.swap
"""Weights for a training of minutes. Those of the stage `identity`, which begins with a network that is trained to its
end, are twenty times as large: here they would drown the error of the points.
"""

NONE = Supervision("no f_CLS")
WHOLE = Supervision("f_CLS on C_id, kept apart", WEIGHT, APART, SWAP)
SUPERVISIONS = (
    NONE,
    WHOLE,
    Supervision("f_CLS on C_id (paper)", WEIGHT),
    Supervision("f_CLS on C_id (paper), a tenth of the weight", WEIGHT / 10),
    Supervision("kept apart, no f_CLS", 0.0, APART, SWAP),
    Supervision("f_CLS on C_pe, kept apart", WEIGHT, APART, SWAP, ClassifierOnChanging),
    Supervision("f_CLS on C_id, kept apart, shuffled names", WEIGHT, APART, SWAP, batches=WrongNames),
)
"""The paper has the classifier alone; the rest is our choice."""
