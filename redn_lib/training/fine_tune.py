"""Fine-tuning: a trained network learns a few corrected pictures, while its batch norm stays as it is. (our choice)"""

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy

from redn_lib.data.clip import Face
from redn_lib.rednet import RedNet
from redn_lib.training.batches import StillBatches, Together, cut_patch
from redn_lib.training.loop import Trainer
from redn_lib.training.stages import GENTLE, READING, Stage

COPIES = Stage(batch=4, growth=2.0, **GENTLE | {"augmented": 1.0})
TUNE = Stage(30, rate=3e-4, warmup=5, ema=0.9, only=READING, parts=(COPIES,))
"""How the widget tunes: on batches of augmented copies, only what makes maps of the code. A stage of parts leaves the
batch norm as it is.
"""


def fine_tune(
    model: RedNet, faces: Sequence[Face], stage: Stage = TUNE, show: Callable[[Iterable], Iterable] = iter
) -> RedNet:
    """A copy of the network, tuned on faces, in eval mode on the same device; `model` stays as it is.

    show: wraps the batches, e.g. a progress bar; where it ends early, the tuning does. Raises ValueError without faces.
    """
    if not faces:
        raise ValueError("there is no picture to learn from: freeze one and correct its points, or tick “learn”")
    patches = [cut_patch(face) for face in faces]
    each = [StillBatches(patches, part, model.preset) for part in stage.each]
    batches = Together(each) if stage.parts else each[0]
    return Trainer(deepcopy(model), stage, batches, device=next(model.parameters()).device).run(show)
