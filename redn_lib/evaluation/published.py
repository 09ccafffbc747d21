"""The figures of the paper that may stand beside ours, each with its conditions. Nothing is here that was not found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """NME in percent of the distance of the outer eye corners. set: as in `layouts.SETS`; points: as in `POINT_SETS`;
    who: whose figure; nme: None where the paper says how others compare, and we found no figure of theirs.
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


def published(set_name: str | None, normaliser: str) -> list[Published]:
    """Figures of a set; none where errors are divided by something else, which no table mixes."""
    return [p for p in PUBLISHED if p.set == set_name] if normaliser == "outer-eyes" else []
