"""Nobody is measured on what was trained on: the digests in a weight file's header against the rows to be measured."""

from collections.abc import Mapping
from typing import Any

from redn_lib.evaluation.protocols import Rows
from redn_lib.training.seen import SEEN, digest, person_of, video_of


def disjointness(weights: str, about: Mapping[str, Any], rows: Rows, *, refuse: bool) -> str:
    """A sentence on whether weights (their name and header) were trained on people or videos of the rows.

    Raises ValueError with the same sentence where they were, if `refuse`. Weights whose header names nobody get a
    sentence that says so.
    """
    known = about.get(SEEN)
    people, videos = ({name(row) for row in rows} for name in (person_of, video_of))
    if known is None:
        return (
            f"{weights} does not say whom it was trained on: that it never saw these {len(people)} people and "
            f"{len(videos)} videos cannot be checked"
        )
    if not known["people"]:
        return f"{weights} was trained on no real people"
    shared = {
        kind: sorted(name for name in names if digest(name) in known[kind])
        for kind, names in (("people", people), ("videos", videos))
    }
    for kind, names in shared.items():
        if names:
            of = len(people if kind == "people" else videos)
            named = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            told = f"{weights} was trained on {len(names)} of these {of} {kind}: {named}"
            if refuse:
                raise ValueError(f"{told}; leave them out with --people or --without, or take other weights")
            return f"{told}; these are no figures of unseen faces"
    return (
        f"none of these {len(people)} people and {len(videos)} videos is among the {len(known['people'])} people and "
        f"{len(known['videos'])} videos that {weights} was trained on"
    )
