"""What a stage begins with: a network, fresh or trained and grown by a part, and batches."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from redn_lib.data.clip import Face
from redn_lib.rednet import Preset, RedNet
from redn_lib.training.batches import ProceduralFaces, StillBatches
from redn_lib.training.clips import ClipBatches
from redn_lib.training.stages import Stage

HIDDEN = 256
"""Units of f_tRNN (our choice: plausible, but not found)."""


def fresh(preset: Preset, seed: int, kind: type[RedNet] = RedNet) -> RedNet:
    """A network with the seed's weights."""
    torch.manual_seed(seed)
    return kind(preset)


def grown(start: RedNet, seed: int, kind: type[RedNet] = RedNet, **parts: int) -> RedNet:
    """A trained network with the fields `parts` of its preset changed, so that it has parts more or less, or parts of
    another size; what is new is fresh.
    """
    model = fresh(replace(start.preset, **parts), seed, kind)
    state, known = model.state_dict(), start.state_dict()
    kept = {name: known[name] for name in known.keys() & state.keys() if known[name].shape == state[name].shape}
    model.load_state_dict(state | kept)
    return model


def begun(
    start: RedNet, stage: Stage, faces: Sequence[Face], *, seed: int, hidden: int | None = None
) -> tuple[RedNet, StillBatches]:
    """The network with which a stage begins, which has f_CLS and f_tRNN where the stage wants them, and its batches.

    faces: patches of real faces; seed: of what is fresh, and of procedural faces; hidden: units of f_tRNN, by default
    those that it has, HIDDEN where it has none.
    """
    made = ProceduralFaces(seed, stage.group, stage.made_people or None) if stage.procedural else None
    batches = (ClipBatches if stage.frames > 1 else StillBatches)(faces, stage, start.preset, made)
    parts = {}
    if stage.identity_weight:
        parts["people"] = len(batches.people)
    if stage.frames > 1:
        parts["hidden"] = hidden or start.preset.hidden or HIDDEN
    return grown(start, seed, **parts), batches
