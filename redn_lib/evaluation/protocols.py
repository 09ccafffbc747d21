"""Which frames of a published set make up a table, the paper's figures on them, and whether weights saw them."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from redn_lib.data.dataset import Dataset, Sample
from redn_lib.data.layouts import SETS
from redn_lib.training.trained_on import HEADER_ENTRY, digest, person_of, video_of


def about_labels(samples: Sequence[Sample]) -> list[str]:
    """A sentence where the labels themselves are a network's, to be printed wherever a figure rests on them."""
    told = (
        "labels made by another network, not by hand: an error below some 4 % tells how well its habits are imitated, "
        "which a network trained on such labels has learnt and others have not"
    )
    return [told] if samples[0].dataset.layout.labels == "network" else []


class Protocol(NamedTuple):
    """A table of the field, a row of protocols.csv: the published split of a dataset, or a group, that makes it up."""

    name: str
    set: str
    split: str
    about: str

    @property
    def splits(self) -> Sequence[str]:
        """The splits of the group."""
        return SETS[self.set].groups.get(self.split, (self.split,))

    def samples(self, data: Dataset) -> Dataset:
        """Those of a dataset that belong to the protocol. Raises ValueError for another set, or none of the splits."""
        if data.name != self.set:
            raise ValueError(f"--data holds {data.name}, protocol {self.name} is of {self.set}; see --help")
        return data.of_split(self.split)

    def gaps(self, samples: Sequence[Sample]) -> list[str]:
        """A sentence on each part of the published test set that is not there, so that figures do not compare."""
        data, layout = samples[0].dataset, SETS[self.set]
        found = [f"{split} is missing whole" for split in self.splits if split not in data.splits]
        found += [told for told in data.wrong_counts() if told.split(":")[0] in self.splits]
        here = {sample.video for sample in samples}
        gone = [video for split in self.splits for video in layout.videos.get(split, "").split() if video not in here]
        found += [f"videos not there: {' '.join(gone)}"] if gone else []
        return [f"not the whole set: {gap}" for gap in found]


FOLDER = Path(__file__).parent
with (FOLDER / "protocols.csv").open(encoding="utf-8", newline="") as file:
    PROTOCOLS = {row[0]: Protocol(*row) for row in list(csv.reader(file))[1:]}


def published(protocol: Protocol | None, normaliser: str) -> list[dict[str, Any]]:
    """Rows with the paper's figures on a protocol's set; none where errors are divided by something else."""
    if protocol is None or normaliser != "outer-eyes":
        return []
    import pandas as pd  # here, since the commands that only read PROTOCOLS do without

    rows = pd.read_csv(FOLDER / "published.csv", comment="#", dtype={"points": str})
    return rows[rows["set"] == protocol.set].drop(columns="set").to_dict("records")


def disjointness(weights: str, about: Mapping[str, Any], samples: Sequence[Sample], *, refuse: bool) -> str:
    """A sentence on whether weights, by their header, were trained on the samples; ValueError if so and `refuse`."""
    known = about.get(HEADER_ENTRY)
    here = {"people": set(map(person_of, samples)), "videos": set(map(video_of, samples))}
    counted = f"these {len(here['people'])} people and {len(here['videos'])} videos"
    if known is None:
        return f"{weights} does not say whom it was trained on: that it never saw {counted} cannot be checked"
    if not known["people"]:
        return f"{weights} was trained on no real people"
    for kind, names in here.items():
        shared = sorted(name for name in names if digest(name) in known[kind])
        if shared:
            named = ", ".join(shared[:5]) + (f" and {len(shared) - 5} more" if len(shared) > 5 else "")
            told = f"{weights} was trained on {len(shared)} of these {len(names)} {kind}: {named}"
            if refuse:
                raise ValueError(f"{told}; leave them out with --people or --without, or take other weights")
            return f"{told}; these are no figures of unseen faces"
    trained_on = f"{len(known['people'])} people and {len(known['videos'])} videos"
    return f"none of {counted} is among the {trained_on} that {weights} was trained on"
