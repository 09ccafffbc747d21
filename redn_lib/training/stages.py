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
    For f_CLS: group: so many frames of a person come together in a batch; identity_weight: of its loss; apart: weight
    of what else keeps the halves of the code apart; swap: share of batches in which C_id comes from another frame of
    the same person.
    For f_tRNN: frames: T, 1 for stills; covered: share of clips in which something passes before the face; memory_rate:
    learning rate of f_tRNN over that of the rest; recall_weight: of the loss on what it expects. With clips the
    statistics of batch norm stay as they are.
    accumulate: so many pieces of a batch pass one after another before the weights move; batch norm sees a piece at a
    time. only: the one part of `RedNet` that learns, such as "memory"; "" for all. made_people: so many procedural
    people come again and again, for f_CLS to know; 0: always new ones.
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
    apart: float = 0.0
    swap: float = 0.0
    frames: int = 1
    covered: float = 0.7
    memory_rate: float = 3.0
    recall_weight: float = 0.02
    sloppiness: Sloppiness = Sloppiness()
    seed: int = 0
    accumulate: int = 1
    only: str = ""
    made_people: int = 0


KEPT_APART = {"identity_weight": 0.1, "apart": 0.3, "made_people": 200}

STAGES = {
    "spatial": Stage(iterations=6000),
    "identity": Stage(iterations=3000, rate=1e-3, group=4, swap=0.25, seed=250, **KEPT_APART),
    "temporal": Stage(iterations=1500, batch=4, rate=1e-3, frames=10, only="memory", seed=500),
    "joint": Stage(iterations=3000, batch=4, rate=5e-4, frames=10, seed=750, **KEPT_APART),
}
"""The paper's network in four stages, each after the one before (our choice; the paper's order: not found). spatial: on
stills; identity: stills in groups of a person, with f_CLS; temporal: f_tRNN alone, on clips; joint: all losses and all
parts together, on clips. Seeds lie apart so that no stage sees the batches of another.
"""
