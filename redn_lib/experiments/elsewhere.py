"""The same parts in other places of the code: controls for where the paper puts f_tRNN and f_CLS (RQ2, RQ4)."""

from torch import Tensor

from redn_lib.identity import split
from redn_lib.rednet import Preset, RedNet
from redn_lib.temporal import MemoryState, Prior, TemporalMemory


class MemoryElsewhere(RedNet):
    """f_tRNN on `channels` of the code, the others by-passing it."""

    channels: slice

    def __init__(self, preset: Preset):
        super().__init__(preset)
        count = len(range(*self.channels.indices(preset.widths[-1][-1])))
        self.memory = TemporalMemory(count, preset.cells, preset.hidden, preset.size, preset.margin)

    def remembered(self, code: Tensor, crop: Tensor, state: MemoryState | None) -> tuple[Tensor, Prior, MemoryState]:
        at = self.channels
        answer, prior, after = self.memory(code[:, at], crop, state)
        return code.slice_scatter(answer, 1, at.start, at.stop, at.step), prior, after


class MemoryOnAll(MemoryElsewhere):
    """f_tRNN on the whole code."""

    channels = slice(0, None, 1)


class MemoryOnBlindHalf(MemoryElsewhere):
    """f_tRNN on every other channel: half of C_id and half of C_pe. Channels of a part are alike before training, so
    that this is a random half.
    """

    channels = slice(0, None, 2)


class ClassifierOnChanging(RedNet):
    """f_CLS on C_pe, the wrong place, and all else that tells the halves apart the wrong way round."""

    def halves(self, code: Tensor) -> tuple[Tensor, Tensor]:
        identity, changing = split(code, self.preset.identity_channels)
        return changing, identity
