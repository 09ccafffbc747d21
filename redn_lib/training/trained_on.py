"""Who was trained on: digests of people and videos that a weight file carries, so that nobody is measured on images
that the weights were trained on (our choice). Where a dataset does not name people, each image or video is a person.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from redn_lib.data.clip import Sample

HEADER_ENTRY = "seen"  # of a weight file's header: {"people": [digest, ...], "videos": [digest, ...]}


def person_of(sample: Sample) -> str:
    """Name of the person, with the dataset's before it where the dataset does not name people."""
    return sample.person if sample.dataset.identities else f"{sample.dataset.name}/{sample.person}"


def video_of(sample: Sample) -> str:
    """Name of the video with the dataset's before it. Images of ytf68 have the name of their video in their own."""
    ytf68 = sample.dataset.name == "ytf68"
    video = re.sub(r"\d\.jpg$", "", sample.name) if ytf68 else sample.video
    return f"{sample.dataset.name}/{video}"


def digest(name: str) -> str:
    """12 hexadecimal digits that stand for a name, which cannot be found from them but by trying names."""
    return sha256(name.encode()).hexdigest()[:12]


def trained_on(samples: Iterable[Sample], start: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Header entries for weights trained on these samples: `HEADER_ENTRY` alone.

    start: header of the weights that they began from. Where it does not say whom those were trained on, no entry.
    """
    before = {"people": (), "videos": ()} if start is None else start.get(HEADER_ENTRY)
    if before is None:
        return {}
    samples = list(samples)
    now = {"people": map(person_of, samples), "videos": map(video_of, samples)}
    return {HEADER_ENTRY: {kind: sorted({*before[kind], *map(digest, set(names))}) for kind, names in now.items()}}
