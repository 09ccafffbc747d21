"""Annotated faces as training wants them: patches, held in memory or read by the processes that prepare batches."""

from collections.abc import Callable, Iterable, Sequence

from redn_lib.data.clip import Clip, Face
from redn_lib.data.records import Sample
from redn_lib.training.batches import cut_clip, cut_patch

HELD = 20_000
"""So many patches at most are held in memory, 150 kB each; more are read from the disk each time (our choice)."""


class UnreadPatches(Sequence):
    """Patches of samples, each read when it is asked for and not kept.

    people: name of the person of each.
    """

    def __init__(self, samples: Sequence[Sample]):
        self.samples, self.people = samples, [sample.person for sample in samples]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, j: int) -> Face | Clip:
        return patch_of(self.samples[j])


def patches(samples: Sequence[Sample], show: Callable[[Iterable], Iterable] = iter) -> Sequence[Face | Clip]:
    """The patch of each still image, the patches of each window of a video, held in memory where they are few.

    show: wraps the samples that are read, e.g. a progress bar.
    """
    if sum(max(len(sample.frames), 1) for sample in samples) > HELD:
        return UnreadPatches(samples)
    return [patch_of(sample) for sample in show(samples)]


def patch_of(sample: Sample) -> Face | Clip:
    """The patch of a still image as a Face; those of a window as a Clip."""
    clip = sample.load()
    return cut_patch(clip[0]) if len(clip) == 1 else cut_clip(clip)
