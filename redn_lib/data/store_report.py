"""What was converted and what was not, in words."""

import numpy as np

from redn_lib.data.store import Store
from redn_lib.landmarks import OUTER_EYES


def wrong_counts(store: Store) -> list[str]:
    """A sentence for each split that is there with another number of frames than the set published."""
    splits = np.array(store.splits)[store.column("split")]
    return [
        f"{split}: {(splits == split).sum()} frames, the set has {count}; get the rest, or mind it when you compare"
        for split, count in store.expected.items()
        if 0 < (splits == split).sum() != count
    ]


def report(store: Store, most: int = 20) -> str:
    """The report to print: counts, sizes, what is odd, what was left out (the first `most` of each)."""
    split, person, video = (store.column(name) for name in ("split", "person", "video"))
    people = "people" if store.identities else "people (each still or video its own)"
    lines = [f"{store.set}: {len(store)} frames, {len(store.videos)} videos or stills, {len(store.people)} {people}"]
    for i, name in enumerate(store.splits):
        mine = split == i
        counts = f"{mine.sum()} frames, {len(np.unique(video[mine]))} videos or stills"
        lines.append(f"  {name:14s}{counts}, {len(np.unique(person[mine]))} people")
    points, size = np.asarray(store.points), store.column("size")
    known = np.isfinite(points).all(-1)
    eyes = np.linalg.norm(points[:, OUTER_EYES[0]] - points[:, OUTER_EYES[1]], axis=1)
    lines += [
        f"points     {_spread(known.sum(1))} of 68",
        f"width      {_spread(size[:, 0])} px",
        f"height     {_spread(size[:, 1])} px",
        f"eyes       {_spread(eyes[np.isfinite(eyes)])} px between the outer corners",
    ]
    off = (((points < -0.5) | (points > size[:, None] - 0.5)).any(-1) & known).sum(1)
    names = store.column("name")
    lines += _listed("frames with points outside", [f"{names[i]} ({off[i]} points)" for i in off.nonzero()[0]], most)
    lines += _listed("wrong counts", wrong_counts(store), most)
    lines += _listed("left out or odd", store.problems, most)
    return "\n".join(lines)


def _spread(values: np.ndarray) -> str:
    if not len(values):
        return "unknown"
    low, middle, high = np.percentile(values, [5, 50, 95])
    return f"{middle:.0f} ({low:.0f} to {high:.0f} for 9 of 10)"


def _listed(title: str, entries: list[str], most: int) -> list[str]:
    more = [f"  ... and {len(entries) - most} more, see report.txt"] if len(entries) > most else []
    return [f"{title}: {len(entries)}", *(f"  {e}" for e in entries[:most]), *more]
