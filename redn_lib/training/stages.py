"""A stage of training is data: how long, how fast, on what boxes, with which losses."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sloppiness:
    """How wrong the first box may be: shift and scale as shares of its side, turn in degrees, all uniform up to +-
    (scale: log-uniform).
    """

    shift: float = 0.12
    scale: float = 0.25
    turn: float = 30.0


@dataclass(frozen=True)
class Stage:
    """One stage: `iterations` batches of `batch` stills, AdamW with warm-up and cosine to zero, weights averaged over
    time (all our choice).

    steps: K in training; procedural: share of each batch drawn from procedural faces; map_weight, detection_weight:
    beside the
    regression loss of weight 1; growth: each look's loss weighs so many times that of the look before; ema: memory of
    the averaged weights.
    """

    iterations: int
    batch: int = 32
    rate: float = 2e-3
    warmup: int = 200
    weight_decay: float = 1e-2
    steps: int = 2
    procedural: float = 0.0
    map_weight: float = 0.01
    detection_weight: float = 0.02
    growth: float = 1.0
    ema: float = 0.998
    sloppiness: Sloppiness = Sloppiness()
    seed: int = 0
