"""Who was trained on: digests of people and videos that a weight file carries, so that nobody is measured on what it
has learnt by heart. (our choice)

A person has the same digest in every set that tells who is shown; a still or video of any other set counts as a person
of that set.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from redn_lib.data.store import StoredRow
from redn_lib.data.ytf import YtfRow

SEEN = "seen"
"""The entry of a weight file's header: {"people": [digest, ...], "videos": [digest, ...]}."""


def person_of(row: YtfRow | StoredRow) -> str:
    """Name of the person shown, with the set's name before it where the set does not tell who is who."""
    known = isinstance(row, YtfRow) or row.store.identities
    return row.person if known else f"{row.store.set}/{row.person}"


def video_of(row: YtfRow | StoredRow) -> str:
    """Name of the video with the set's before it. Frames of ytf68 are named for their video, which is not stored."""
    set_name = "ytf68" if isinstance(row, YtfRow) else row.store.set
    video = re.sub(r"\d\.jpg$", "", row.name) if set_name == "ytf68" else row.video
    return f"{set_name}/{video}"


def digest(name: str) -> str:
    """12 hexadecimal digits that stand for a name, from which it cannot be read off but by trying names."""
    return sha256(name.encode()).hexdigest()[:12]


def seen(rows: Iterable[YtfRow | StoredRow], start: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Header entries for weights trained on these rows, `SEEN` alone; none where they began from weights (start: their
    header) that do not say whom they were trained on.
    """
    before = {"people": (), "videos": ()} if start is None else start.get(SEEN)
    if before is None:
        return {}
    rows = list(rows)
    now = {"people": map(person_of, rows), "videos": map(video_of, rows)}
    return {SEEN: {kind: sorted({*before[kind], *map(digest, set(names))}) for kind, names in now.items()}}
