"""Nobody is measured on what was trained on: digests in a weight file's header against the samples."""

from collections.abc import Mapping, Sequence
from typing import Any

from redn_lib.data.dataset import Sample
from redn_lib.training.trained_on import HEADER_ENTRY, digest, person_of, video_of


def disjointness(weights: str, about: Mapping[str, Any], samples: Sequence[Sample], *, refuse: bool) -> str:
    """A sentence on whether weights (their file name and header) were trained on people or videos of the samples.

    Raises ValueError with the same sentence where they were, if `refuse`. Weights whose header names nobody get a
    sentence that says so.
    """
    known = about.get(HEADER_ENTRY)
    here = {
        "people": {person_of(sample) for sample in samples},
        "videos": {video_of(sample) for sample in samples},
    }
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
