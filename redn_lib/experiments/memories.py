"""The networks of the experiments with an LSTM and without one, after all of their course."""

from redn_lib.experiments.curriculum import LOOKS, Course
from redn_lib.experiments.elsewhere import MemoryOnAll, MemoryOnBlindHalf
from redn_lib.experiments.supervision import WHOLE, Supervision
from redn_lib.rednet import RedNet
from redn_lib.training.grow import grown

NO_LSTM, LSTM = "no LSTM", "LSTM on C_pe (paper)"
MEMORIES: dict[str, type[RedNet] | None] = {
    NO_LSTM: None,
    LSTM: RedNet,
    "LSTM on the whole code": MemoryOnAll,
    "LSTM on a blind half": MemoryOnBlindHalf,
}


def remembering(course: Course, memory: str, supervision: Supervision = WHOLE, looks: int = LOOKS) -> RedNet:
    """The network of a seed with one of MEMORIES."""
    kind = MEMORIES[memory]
    start = course.told_apart(supervision, looks)
    model = grown(start, course.seed, kind, hidden=course.setting.hidden) if kind else grown(start, course.seed)
    return course.on_clips(model, supervision, memory)
