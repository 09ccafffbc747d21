"""The one door to annotated faces: `open` a folder or the synthetic faces, whatever layout they come in.

    dataset = open("300W-converted", split="train")
    dataset[0].points                 # nothing but labels is read yet
    dataset[0].load()                 # a Clip of one frame
    dataset.windows(8)[0].load()      # a Clip of 8 frames of a video

A folder converted by `data_scripts/get.py` holds:

    store.json        written last: the dataset, its parts and what each must weigh
    parts/*.npz       the labels
    parts/*.bin       the images, JPEG after JPEG
"""

import copy
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np

from redn_lib.data.clip import Layout, Sample
from redn_lib.data.layouts import SETS
from redn_lib.files import naming, unsealed

RUN_AGAIN = "run the same data_scripts/get.py command again: it goes on where it stopped"
PLACE = attrgetter("split", "video", "number")


class Dataset(list[Sample]):
    """Every frame of a dataset as a still image: in the layout's order, of a converted one by split, video and number.

    name: of the dataset, such as "300w".
    identities: whether it says who is shown; else each image or video counts as a person of its own.
    problems: a sentence, with its remedy, on each thing that was left out or is odd.
    """

    def __init__(self, layout: Layout, samples: Iterable[Sample], problems: Sequence[str] = ()):
        super().__init__(samples)
        self.name, self.identities, self.layout = layout.name, layout.identities, layout
        self.problems = list(problems)
        for sample in self:
            sample.dataset, sample.lean = self, layout.lean
        self._counts = Counter(sample.split for sample in self)

    @property
    def people(self) -> list[str]:
        """Names of the people shown, sorted."""
        return sorted({sample.person for sample in self})

    @property
    def splits(self) -> list[str]:
        """The published splits that are there, sorted."""
        return sorted({sample.split for sample in self})

    def windows(self, length: int) -> list[Sample]:
        """All stretches of `length` consecutive frames of a video, none overlapping another; where frames are missing
        a new stretch begins. Real motion; none for a dataset of still images.
        """
        found, ordered = [], enumerate(sorted(self, key=PLACE))
        for _, run in groupby(ordered, lambda entry: (entry[1].video, entry[1].number - entry[0])):
            samples = [sample for _, sample in run]
            for start in range(0, len(samples) - length + 1, length):
                window = copy.copy(samples[start])
                window.name = f"{window.video}[{window.number}:{window.number + length}]"
                window.frames = tuple(samples[start : start + length])
                found.append(window)
        return found

    def wrong_counts(self) -> list[str]:
        """A sentence for each split that is there with another number of frames than the dataset published."""
        return [
            f"{split}: {self._counts[split]} frames, the set has {count}; get the rest, or mind it when you compare"
            for split, count in self.layout.expected.items()
            if split in self.splits and self._counts[split] != count
        ]

    def of_split(self, name: str) -> "Dataset":
        """The frames of a published split or group of splits. Raises ValueError where there is none of that name."""
        splits = self.layout.groups.get(name, (name,))
        if not set(splits) & set(self.splits):
            among = ", ".join([*self.splits, *(f"{group} (a group)" for group in self.layout.groups)])
            raise ValueError(f"{self.name} has no split {name!r} here; it has {among}")
        return self._with(sample for sample in self if sample.split in splits)

    def _with(self, samples: Iterable[Sample]) -> "Dataset":
        chosen = copy.copy(self)
        chosen[:] = samples
        return chosen


def of_people(
    datasets: Sequence[Dataset], people: Collection[str] | None = None, without: Collection[str] | None = None
) -> list[Dataset]:
    """What the datasets hold of `people`, by default of all, but of nobody in `without`; upper and lower case are the
    same. Raises ValueError listing the names that match nobody in any of them, and where nobody is left.
    """
    known = {person.casefold() for data in datasets for person in data.people}
    unknown = sorted(name for name in [*(people or ()), *(without or ())] if name.casefold() not in known)
    where = " and ".join(data.name for data in datasets)
    if unknown:
        example = datasets[0].people[0]
        told = f"nobody in {where} is named {', '.join(unknown)}; mend or delete these names"
        raise ValueError(f"{told} (people are named as {example!r})")
    taken = known if people is None else {name.casefold() for name in people}
    taken = taken - {name.casefold() for name in without or ()}
    chosen = [data._with(sample for sample in data if sample.person.casefold() in taken) for data in datasets]
    if not any(chosen):
        raise ValueError(f"{where}: nobody is left; mend split, people or without")
    return [data for data in chosen if data]


def open(
    source: str | Path,
    split: str | None = None,
    people: Collection[str] | None = None,
    without: Collection[str] | None = None,
) -> Dataset:
    """The annotated faces of a folder.

    source: a folder converted by data_scripts/get.py; or one of still images in a published layout; or "synthetic".
    split: a published split ("helen-test"), or a group of splits of the dataset ("train", "test", "common").
    people: names of the only people to take. without: names of people to leave out. Upper and lower case are the same.

    Raises FileNotFoundError or ValueError, naming file and remedy, where the folder is none of these or is damaged;
    ValueError where a name matches nobody, the split is unknown, or nothing is left.
    """
    folder = Path(source)
    if str(source) == "synthetic":
        from redn_lib.data.layouts import synthetic  # here, since the renderer is large

        whole = Dataset(synthetic.SYNTHETIC, synthetic.samples())
    elif (folder / "parts").is_dir():
        whole = _converted(folder)
    else:
        whole = _published(folder)
    return of_people([whole if split is None else whole.of_split(split)], people, without)[0]


def split_by_person(samples: Collection[Sample], share: float, seed: int = 0) -> tuple[list[Sample], list[Sample]]:
    """(rest, held out): `share` of the people, in (0, 1), drawn by `seed`; nobody is on both sides.

    Where a dataset does not name people, each video counts as one. The draw depends on the people alone, not on the
    order or number of samples. Raises ValueError where a side would be empty.
    """
    person = {sample: sample.person if sample.dataset.identities else sample.video for sample in samples}
    people = sorted(set(person.values()))
    if not 0 < share < 1 or len(people) < 2:
        raise ValueError(f"cannot hold out {share} of {len(people)} people: give 0 < share < 1 and at least two people")
    n = min(max(round(share * len(people)), 1), len(people) - 1)
    held = {people[i] for i in np.random.default_rng(seed).permutation(len(people))[:n]}
    return [s for s in samples if person[s] not in held], [s for s in samples if person[s] in held]


def read_names(path: str | Path) -> set[str]:
    """Names in a text file: one a line, or separated by blanks or commas. Raises ValueError for an empty file."""
    with naming(path, "save it as text in UTF-8"):
        text = Path(path).read_text(encoding="utf-8-sig")
    names = {name for name in re.split(r"[\s,]+", text) if name}
    if not names:
        raise ValueError(f"{path} names nobody; write one name a line, as in Person_Name")
    return names


def listed(problems: Sequence[str], most: int) -> str:
    """The first `most` sentences, each on a line of its own."""
    more = [f"... and {len(problems) - most} more"] if len(problems) > most else []
    return "".join(f"\n  {told}" for told in [*problems[:most], *more])


def _published(folder: Path) -> Dataset:
    """A folder of still images in a published layout: the first of `SETS` that fits the names of its files."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; name a folder of annotated faces, or 'synthetic'")
    files = [f"{folder.name}/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*")]
    fits = [s for s in SETS.values() if any(re.search(s.sign, file, re.IGNORECASE) for file in files)]
    if not fits:
        raise ValueError(f"{folder}: no dataset of a known layout; `python data_scripts/get.py` lists them")
    layout, problems, samples = fits[0], [], []
    if layout.is_videos:
        problems.append("it holds videos, which must be converted first")
    else:
        samples = [sample for unit in layout.units([folder], problems) for sample in unit.read(problems)]
    if problems or not samples:
        raise ValueError(
            f"{folder} cannot be read as {layout.title}; mend it, or convert what is whole by "
            f"`python data_scripts/get.py {layout.name} {folder} --out DIR`, then name DIR:{listed(problems, 20)}"
        )
    return Dataset(layout, samples)


def _converted(folder: Path) -> Dataset:
    """A folder made by `convert`; one of an older version has the same files and more."""
    told = folder / "store.json"
    if not told.is_file():
        raise FileNotFoundError(f"{folder}: conversion did not finish; {RUN_AGAIN}")
    with naming(folder, f"delete {told.name} and the damaged part, and {RUN_AGAIN}"):
        about = json.loads(told.read_text(encoding="utf-8"))
        layout = SETS[about["set"]]
        samples = [sample for part in about["parts"] for sample in _of_part(folder / "parts", **part)]
        return Dataset(layout, sorted(samples, key=PLACE), about["problems"])


def _of_part(parts: Path, name: str, bytes: int, **_) -> Iterator[Sample]:
    """The samples of one part of a converted dataset. Raises ValueError, OSError and others where it is damaged."""
    path = parts / f"{name}.bin"
    if path.name != f"{name}.bin" or path.is_symlink():
        raise ValueError(f"{name} is no part of this folder")
    if not path.is_file() or path.stat().st_size != bytes:
        raise ValueError(f"{path.name} is not of {bytes} bytes")
    with np.load(unsealed(parts / f"{name}.npz")) as file:
        table = dict(file)
    names = ("name", "person", "video", "split", "number", "offset", "bytes", "fps")
    points = table["points"].astype(np.float32)
    sums = table["crc"].tolist() if "crc" in table else [None] * len(points)
    columns = [table[key].tolist() for key in names]
    for *about, offset, count, fps, place, crc in zip(*columns, points, sums, strict=True):
        yield Sample(*about, place, path, fps, offset, count, crc)
