"""Which frames of a published set make up a table: the protocols, by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from redn_lib.data.layouts.w300 import GROUPS
from redn_lib.data.layouts.w300vw import CATEGORIES
from redn_lib.data.store import StoredRow
from redn_lib.data.store_report import wrong_counts
from redn_lib.data.ytf import YtfRow

Rows = Sequence[YtfRow] | Sequence[StoredRow]


MADE_LABELS = ("ytf68", "ytf-npz")
"""Sets whose points come from another network."""


def about_labels(rows: Rows) -> list[str]:
    """A sentence where the labels themselves are a network's, to be said wherever a figure rests on them."""
    name = rows[0].store.set if isinstance(rows[0], StoredRow) else "ytf68"
    told = (
        "labels made by another network, not by hand: an error below some 4 % tells how well its habits are imitated, "
        "which a network trained on such labels has learnt and others have not"
    )
    return [told] if name in MADE_LABELS else []


@dataclass(frozen=True)
class Protocol:
    """A table of the field: set (name in `layouts.SETS`), its splits, and what they are."""

    name: str
    set: str
    splits: tuple[str, ...]
    about: str

    def rows(self, folder: Path, rows: Rows) -> Rows:
        """Those of the rows of a data folder that belong to the protocol.

        Raises ValueError, naming the folder and the remedy, where it holds another set or none of the splits.
        """
        if not isinstance(rows[0], StoredRow):
            return rows  # the one layout that is read without being converted, and `check_folder` let it pass
        store = rows[0].store
        if store.set != self.set:
            raise ValueError(f"{folder} holds {store.set}, protocol {self.name} is of {self.set}; see --help")
        mine = [row for row in rows if row.split in self.splits]
        if not mine:
            wanted, there = ", ".join(self.splits), ", ".join(store.splits)
            raise ValueError(f"{folder} has nothing of {wanted}, which {self.name} is made of, only {there}")
        return mine

    def check_folder(self, folder: Path) -> None:
        """Raise ValueError where a folder must be converted first."""
        if self.set != "ytf68" and not (folder / "parts").is_dir():
            raise ValueError(
                f"{folder} is no converted data set; run `python data_scripts/get.py {self.set} {folder} --out DIR` "
                "and name DIR with --data"
            )

    def gaps(self, rows: Rows) -> list[str]:
        """A sentence on each part of the published test set that is not there, so that figures do not compare."""
        if not isinstance(rows[0], StoredRow):
            return []
        store = rows[0].store
        found = [f"{split} is missing whole" for split in self.splits if split not in store.splits]
        found += [told for told in wrong_counts(store) if told.split(":")[0] in self.splits]
        if self.set == "300vw":
            there = {row.video for row in rows}
            gone = [video for split in self.splits for video in CATEGORIES[split].split() if video not in there]
            found += [f"videos not there: {' '.join(gone)}"] if gone else []
        return found


_W300 = {
    "common": "554 stills: the test halves of Helen and LFPW",
    "challenging": "135 stills: iBUG",
    "full": "689 stills: common and challenging",
    "private": "600 stills: the indoor and outdoor halves of the challenge",
}
_W300VW = {"cat1": "31 videos, well lit", "cat2": "19 videos, mild", "cat3": "14 videos, hard"}
_ALL = (
    *(Protocol(f"300w-{name}", "300w", GROUPS[name], about) for name, about in _W300.items()),
    *(Protocol(f"300vw-{name}", "300vw", (name,), about) for name, about in _W300VW.items()),
    Protocol("300vw", "300vw", tuple(_W300VW), "all 64 test videos: categories 1, 2 and 3"),
    Protocol("fm", "fm", ("test",), "Face Movie: six video clips"),
    Protocol("tf", "tf", ("test",), "Talking Face: one man, 5,000 frames"),
    Protocol(
        "ytf68", "ytf68", ("training", "test"), "YouTube Faces with 68 points from another network; choose by person"
    ),
)
PROTOCOLS: dict[str, Protocol] = {p.name: p for p in _ALL}
