"""Which frames of a published set make up a table, and the paper's figures on them."""

from collections.abc import Sequence
from dataclasses import dataclass

from redn_lib.data.dataset import Dataset, Sample
from redn_lib.data.layouts import SETS
from redn_lib.data.layouts.clips import CATEGORIES

NETWORK_LABELS = ("ytf68", "ytf-npz")
"""Sets whose points come from another network."""


def about_labels(samples: Sequence[Sample]) -> list[str]:
    """A sentence where the labels themselves are a network's, to be printed wherever a figure rests on them."""
    told = (
        "labels made by another network, not by hand: an error below some 4 % tells how well its habits are imitated, "
        "which a network trained on such labels has learnt and others have not"
    )
    return [told] if samples[0].dataset.name in NETWORK_LABELS else []


@dataclass(frozen=True)
class Protocol:
    """A table of the field.

    name: as --protocol takes it.
    set: name of the dataset.
    splits: the published splits that make it up.
    about: what they are, for --help.
    """

    name: str
    set: str
    splits: tuple[str, ...]
    about: str

    def samples(self, data: Dataset) -> list[Sample]:
        """Those of a dataset that belong to the protocol. Raises ValueError for another set, or none of the splits."""
        if data.name != self.set:
            raise ValueError(f"--data holds {data.name}, protocol {self.name} is of {self.set}; see --help")
        mine = [sample for sample in data if sample.split in self.splits]
        if not mine:
            wanted, there = ", ".join(self.splits), ", ".join(data.splits)
            raise ValueError(f"--data has nothing of {wanted}, which {self.name} is made of, only {there}")
        return mine

    def gaps(self, samples: Sequence[Sample]) -> list[str]:
        """A sentence on each part of the published test set that is not there, so that figures do not compare."""
        data = samples[0].dataset
        found = [f"{split} is missing whole" for split in self.splits if split not in data.splits]
        found += [told for told in data.wrong_counts() if told.split(":")[0] in self.splits]
        if self.set == "300vw":
            videos = {sample.video for sample in samples}
            gone = [video for split in self.splits for video in CATEGORIES[split].split() if video not in videos]
            found += [f"videos not there: {' '.join(gone)}"] if gone else []
        return [f"not the whole set: {gap}" for gap in found]


_W300 = {
    "common": "554 still images: the test halves of Helen and LFPW",
    "challenging": "135 still images: iBUG",
    "full": "689 still images: common and challenging",
    "private": "600 still images: the indoor and outdoor halves of the challenge",
}
_W300VW = {"cat1": "31 videos, well lit", "cat2": "19 videos, mild", "cat3": "14 videos, hard"}
_ALL = (
    *(Protocol(f"300w-{name}", "300w", tuple(SETS["300w"].groups[name]), about) for name, about in _W300.items()),
    *(Protocol(f"300vw-{name}", "300vw", (name,), about) for name, about in _W300VW.items()),
    Protocol("300vw", "300vw", tuple(_W300VW), "all 64 test videos: categories 1, 2 and 3"),
    Protocol("fm", "fm", ("test",), "Face Movie: six video clips"),
    Protocol("tf", "tf", ("test",), "Talking Face: one man, 5,000 frames"),
    Protocol("ytf68", "ytf68", ("training", "test"), "YouTube Faces, 68 points from another network; choose by person"),
)
PROTOCOLS: dict[str, Protocol] = {p.name: p for p in _ALL}


@dataclass(frozen=True)
class Published:
    """A figure of the paper with its conditions. Nothing is here that was not found.

    set: name of the dataset.
    points: which of `scores.POINT_SETS`.
    who: whose figure.
    nme: in percent of the distance of the outer eye corners; None where the paper gives no figure.
    conditions: what is known of them.
    """

    set: str
    points: str
    who: str
    nme: float | None
    conditions: str


PUBLISHED = (
    Published(
        "300vw",
        "68",
        "RED-Net (paper)",
        5.43,
        "which of the videos, whether tracked or from given boxes, and what it was trained on: not found",
    ),
    Published("300vw", "68", "methods compared in the paper", None, "all worse than RED-Net; their figures: not found"),
    Published(
        "fm",
        "7",
        "RED-Net (paper)",
        3.17,
        "unit taken to be that of 300-VW's figure (our choice); boxes and what it was trained on: not found",
    ),
)


def published(protocol: Protocol | None, normaliser: str) -> list[Published]:
    """Figures on a protocol's set; none where errors are divided by something else, which no table mixes."""
    if protocol is None or normaliser != "outer-eyes":
        return []
    return [p for p in PUBLISHED if p.set == protocol.set]
