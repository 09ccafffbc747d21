"""What a stage begins with: a network, fresh or trained and grown by a part, and batches."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from redn_lib.data.clip import Clip, Face
from redn_lib.presets import Preset
from redn_lib.rednet import RedNet
from redn_lib.temporal import HIDDEN
from redn_lib.training.batches import ClipBatches, ProceduralFaces, StillBatches, Together
from redn_lib.training.stages import Stage
from redn_lib.training.trained_on import digest


def fresh(preset: Preset, seed: int, kind: type[RedNet] = RedNet) -> RedNet:
    """A network with the seed's weights."""
    torch.manual_seed(seed)
    return kind(preset)


def grown(start: RedNet, seed: int, kind: type[RedNet] = RedNet, **parts: int) -> RedNet:
    """A trained network with fields of its preset changed to `parts`; what is new or of another size is fresh."""
    model = fresh(replace(start.preset, **parts), seed, kind)
    state, known = model.state_dict(), start.state_dict()
    kept = {name: known[name] for name in known.keys() & state.keys() if known[name].shape == state[name].shape}
    model.load_state_dict(state | kept)
    return model.to(next(start.parameters()).device)


def begun(
    start: RedNet,
    stage: Stage,
    faces: Sequence[Sequence[Face | Clip]],
    *,
    seed: int,
    hidden: int | None = None,
    known: Sequence[str] = (),
    processes: int = 1,
) -> tuple[RedNet, StillBatches | Together]:
    """The network with which a stage begins, which has f_CLS and f_tRNN where the stage wants them, and its batches.

    faces: patches of real faces, for each part of the stage.
    seed: of what is fresh, and of the synthetic people whom f_CLS knows.
    hidden: units of f_tRNN, by default those that it has, HIDDEN where it has none.
    known: digests of the people whom f_CLS of `start` knows, in its order (see `digests`). Their rows are kept, those
        of other people are fresh.
    processes: how many share each batch; the batches returned are those of one of them.
    Raises ValueError where f_CLS would know nobody.
    """
    each = []
    for one, them in zip(stage.each, faces, strict=True):
        synthetic = None
        if one.procedural:
            synthetic = ProceduralFaces(one.seed, one.group, one.synthetic_people, people_seed=seed)
        kind = ClipBatches if one.frames > 1 else StillBatches
        each.append(kind(them, replace(one, batch=one.batch // processes), start.preset, synthetic))
    batches = Together(each) if stage.parts else each[0]
    if stage.names_people and not batches.people:
        raise ValueError("f_CLS needs people with several images: name a dataset that has them, or take --procedural 1")
    parts = {"people": len(batches.people)} if stage.names_people else {}
    if stage.has_clips:
        parts["hidden"] = hidden or start.preset.hidden or HIDDEN
    model = grown(start, seed, **parts)
    if stage.names_people:
        before = dict(zip(known, start.classifier.people, strict=True)) if known else {}
        new = fresh(model.preset, seed).to(next(model.parameters()).device).classifier.people
        rows = [before.get(person, row) for person, row in zip(digests(batches), new, strict=True)]
        model.classifier.people.data = torch.stack(rows).detach()
    return model, batches


def digests(batches: StillBatches | Together) -> list[str]:
    """Digests of the people whom f_CLS tells apart in these batches, in the order of its rows."""
    return [digest(person) for person in batches.people]
