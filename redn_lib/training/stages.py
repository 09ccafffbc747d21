"""A stage of training is data: how long, how fast, on what boxes, with which losses. Which faces it learns from is told
by --data and --split of `redn train`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class BoxNoise:
    """How wrong the first box may be, drawn uniformly up to these values in both directions.

    shift: share of the box's side.
    scale: share of the box's side, uniform in the logarithm.
    turn: degrees.
    """

    shift: float = 0.12
    scale: float = 0.25
    turn: float = 30.0


@dataclass(frozen=True)
class Stage:
    """One stage of training with warm-up and a cosine to zero, its weights averaged over time (our choice).

    iterations: number of batches; of a part those of its stage.
    batch: images or clips in a batch, of all processes together.
    rate: highest learning rate.
    warmup: iterations until the highest learning rate.
    steps: K; `redn train` sets it, by --steps or the preset's trained_steps.
    procedural: share of each batch that is synthetic faces.
    map_weight: weight of the map loss beside the regression loss, which has weight 1.
    detection_weight: weight of the detection loss.
    growth: the loss of a feedback step weighs so many times that of the step before.
    ema: memory of the averaged weights, per iteration.
    invisible_weight: weight of a point that is not visible in the regression and map losses; a visible one has 1.
    group: images of one person that stand together in a batch, for f_CLS.
    identity_weight: weight of the loss of f_CLS.
    apart: weight of the other losses that keep C_id and C_pe apart.
    swap: share of batches in which C_id comes from another image of the same person.
    frames: T of a clip; 1 for still images.
    occluded: share of the animated clips in which an occluder passes before the face.
    forgotten: share of the batches of clips in which f_tRNN starts from nothing at some frame, as a tracker does with
        a face that it has lost: an empty state, and points that are nowhere near the face.
    pace: an animated head is up to so many times as fast as usual, in most clips far less.
    memory_rate: learning rate of f_tRNN over that of the rest.
    spread_weight: weight of the losses of what f_tRNN holds to be possible.
    motion_weight: weight of the loss of the motion of the points.
    box_noise: of the first box.
    seed: of batches and augmentation.
    accumulate: pieces in which a batch passes before the weights change; batch norm sees one piece at a time.
    only: parts of `RedNet` that learn, as beginnings of parameter names such as "memory"; empty: all.
    synthetic_people: number of synthetic people who come again and again, so that f_CLS knows them; 0: always new ones.
    augmented: share of the still images that are augmented; others stay as they are, or are mirrored, by equal chance.
    augment_synthetic: False leaves synthetic faces as they were rendered.
    labels: where some datasets were labelled by people and some by another network, "all": of both; "people": only the
        former; "renewed": both, the latter labelled again by the network that begins the stage, of a recipe the first
        such stage (`relabel.renewed`).
    parts: stages each of which gives a batch to every iteration; their losses are added, and batch norm stays. Of this
        stage itself, what is said of losses and batches does not count then. Empty: it is a stage of its own.
    share: weight of the losses of a part in the sum.
    """

    iterations: int = 0
    batch: int = 32
    rate: float = 2e-3
    warmup: int = 200
    steps: int = 2
    procedural: float = 0.0
    map_weight: float = 0.01
    detection_weight: float = 0.02
    growth: float = 1.0
    ema: float = 0.998
    invisible_weight: float = 0.5
    group: int = 1
    identity_weight: float = 0.0
    apart: float = 0.0
    swap: float = 0.0
    frames: int = 1
    occluded: float = 0.7
    forgotten: float = 0.0
    pace: float = 1.0
    memory_rate: float = 2.0
    spread_weight: float = 0.1
    motion_weight: float = 0.0
    box_noise: BoxNoise = BoxNoise()
    seed: int = 0
    accumulate: int = 1
    only: tuple[str, ...] = ()
    synthetic_people: int = 0
    augmented: float = 1.0
    augment_synthetic: bool = True
    labels: str = "all"
    parts: tuple["Stage", ...] = ()
    share: float = 1.0

    @property
    def each(self) -> tuple["Stage", ...]:
        """Its parts; the stage alone where it has none."""
        return self.parts or (self,)

    @property
    def has_clips(self) -> bool:
        """Whether a part of it learns from clips."""
        return any(one.frames > 1 for one in self.each)

    @property
    def names_people(self) -> bool:
        """Whether f_CLS learns people in a part of it."""
        return any(one.identity_weight for one in self.each)


ON_CLIPS = {"frames": 10, "map_weight": 0.06, "invisible_weight": 1.0}
"""Values of every stage on clips (our choice). The map loss counts six times as much as on still images, so that the
network does not rely on the prior instead of the image; occluded points count fully, because f_tRNN must know them.
"""

STEADY = ON_CLIPS | {"steps": 3, "batch": 4, "pace": 8.0, "motion_weight": 4.0}
"""Those, and values that teach f_tRNN when to steady the points and when not to trust its prior (our choice)."""

LONGER = {"frames": 16}
"""Longer clips, with longer occlusions (our choice)."""

GENTLE = {"augmented": 0.35, "box_noise": BoxNoise(0.08, 0.15, 15.0)}
"""Values of the late stages on still images, which are nearer to what the network will see (our choice)."""

DECOUPLING = {"synthetic_people": 400, "augment_synthetic": False, "identity_weight": 0.6, "apart": 1.0}
"""Values that teach f_CLS and keep C_id and C_pe apart (our choice). Of synthetic people, as rendered, both the person
and the pose vary widely and are known.
"""

BESIDE = {"identity_weight": 0.003, "apart": 0.005}
"""Weights of these losses in a stage that also learns from clips: there their gradients, which are hundreds of times
larger, would be all that counts (our choice).
"""

LATE = ("encoder.stages.3", "encoder.stages.4", "decoder", "detection", "regression", "classifier", "reader")
"""All parts but the first three stages of the encoder, whose features are edges and not people (our choice)."""

READING = ("decoder", "detection", "regression")
"""What makes maps of a code (our choice)."""

PEOPLE = {"growth": 2.0, "labels": "people", **GENTLE}
"""A part on still images that people labelled (our choice)."""

STAGES = {
    "faces": Stage(1500),
    "spatial": Stage(5500, growth=2.0, labels="people", seed=125),
    "identity": Stage(
        1500,
        64,
        rate=1e-3,
        growth=2.0,
        procedural=0.5,
        group=4,
        swap=0.25,
        only=LATE,
        seed=250,
        labels="renewed",
        **DECOUPLING,
    ),
    "mild": Stage(1500, rate=5e-4, seed=875, **PEOPLE),
    "temporal": Stage(
        1600,
        rate=5e-4,
        parts=(Stage(seed=500, growth=2.0, labels="renewed", **STEADY), Stage(seed=510, **PEOPLE)),
    ),
    "joint": Stage(
        1000,
        rate=5e-4,
        only=(*LATE, "memory"),
        parts=(
            Stage(seed=750, growth=2.0, labels="renewed", share=0.5, forgotten=0.5, **STEADY | LONGER),
            Stage(seed=760, **PEOPLE),
            Stage(seed=770, growth=2.0, labels="renewed", procedural=0.5, group=4, swap=0.25, **DECOUPLING | BESIDE),
        ),
    ),
    "polish": Stage(
        500,
        rate=3e-4,
        only=("memory", *READING),
        parts=(
            Stage(seed=1125, **PEOPLE),
            Stage(seed=1130, **PEOPLE | {"labels": "renewed"}),
            Stage(seed=1140, growth=2.0, labels="people", **STEADY),
        ),
    ),
}
"""Stages of training, each starting from the weights of the one before (our choice; the paper's order: not found).

faces: still images of all sets as they are labelled. spatial: still images, labelled by people. identity: groups of
still images of a person, of all sets, labelled as by people, with f_CLS. mild: labelled by people, most of them not
augmented. temporal: clips; f_tRNN and all that finds points learn together. joint: longer clips, still images and
groups, all losses at once and all parts but the first of the encoder, end to end. polish: as mild and of all sets, and
clips beside them, the encoder as it is.
The seeds differ so that no stage has the batches of another.
"""

RECIPES = {"compact": tuple(STAGES)}
"""By weight file, the stages that make it from nothing."""
