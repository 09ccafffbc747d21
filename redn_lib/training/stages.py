"""A stage of training is data: how long, how fast, on what boxes, with which losses."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BoxNoise:
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
    For f_tRNN: frames: T, 1 for stills; covered: share of clips in which something passes before the face; haste: a
    head is up to so many times as fast as usual, in most clips far less; memory_rate: learning rate of f_tRNN over that
    of the rest; prior_loss_weight: of the loss on what it expects; motion_weight: of the
    loss on how the answers move. With groups and clips the statistics of batch norm stay as they are, such batches are
    not like single pictures.
    accumulate: so many pieces of a batch pass one after another before the weights move; batch norm sees a piece at a
    time. only: the parts of `RedNet` that learn, by how their parameters' names begin, such as "memory"; empty for
    all. made_people: so many procedural people come again and again, for f_CLS to know; 0: always new ones.
    augment_synthetic: False leaves procedural faces as they were rendered.
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
    haste: float = 1.0
    memory_rate: float = 3.0
    prior_loss_weight: float = 0.01
    motion_weight: float = 0.0
    box_noise: BoxNoise = BoxNoise()
    seed: int = 0
    accumulate: int = 1
    only: tuple[str, ...] = ()
    made_people: int = 0
    augment_synthetic: bool = True

    @property
    def plain(self) -> bool:
        """Whether batches are of single pictures, neither groups nor clips."""
        return self.group == self.frames == 1


ON_CLIPS = {"frames": 10, "map_weight": 0.06}
"""How clips are taught. The maps of a look count six times as much as on stills: what f_tRNN expects must not relieve
the network from seeing for itself (our choice).
"""

STEADY = {"haste": 8.0, "motion_weight": 4.0}
"""What teaches f_tRNN when to steady the points and when not to trust what it expects (our choice)."""

KEPT_APART = {
    "procedural": 0.5,
    "made_people": 400,
    "augment_synthetic": False,
    "identity_weight": 0.6,
    "apart": 1.0,
    "swap": 0.25,
    "group": 4,
}
"""How f_CLS and what keeps the halves of the code apart are taught. Procedural people, as rendered: of them both the
person and the pose vary widely and are known (our choice).
"""

LATE = ("encoder.stages.3", "encoder.stages.4", "decoder", "detection", "regression", "classifier", "reader")
"""All but the first three stages of the encoder, which see edges and not people (our choice)."""

STAGES = {
    "spatial": Stage(iterations=6000),
    "identity": Stage(iterations=1500, batch=64, rate=1e-3, growth=2.0, only=LATE, seed=250, **KEPT_APART),
    "temporal": Stage(iterations=1500, batch=4, rate=1e-3, growth=2.0, only=("memory",), seed=500, **ON_CLIPS | STEADY),
    "joint": Stage(
        iterations=3000,
        batch=4,
        rate=5e-4,
        growth=2.0,
        seed=750,
        **ON_CLIPS | STEADY,
        **KEPT_APART | {"procedural": 0.25, "group": 1, "swap": 0.0},
    ),
}
"""The paper's network in four stages, each after the one before (our choice; the paper's order: not found). spatial: on
stills; identity: stills in groups of a person, with f_CLS; temporal: f_tRNN alone, on clips; joint: all losses and all
parts together, on clips. Seeds lie apart so that no stage sees the batches of another.
"""
