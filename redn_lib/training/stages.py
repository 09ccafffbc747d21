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
    """One stage: `iterations` batches of `batch` stills or clips, AdamW with warm-up and cosine to zero, weights
    averaged over time (all our choice).

    steps: K in training; procedural: share of each batch drawn from procedural faces; map_weight, detection_weight:
    beside the regression loss of weight 1; growth: each look's loss weighs so many times that of the look before; ema:
    memory of the averaged weights.
    For f_CLS: group: so many frames of a person come together in a batch; identity_weight: of its loss; swap: share of
    batches in which C_id comes from another frame of the same person.
    For f_tRNN: frames: T, 1 for stills; covered: share of clips in which something passes before the face; memory_rate:
    learning rate of f_tRNN over that of the rest. With clips the statistics of batch norm stay as they are.
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
    group: int = 1
    identity_weight: float = 0.0
    swap: float = 0.0
    frames: int = 1
    covered: float = 0.7
    memory_rate: float = 3.0
    sloppiness: Sloppiness = Sloppiness()
    seed: int = 0
