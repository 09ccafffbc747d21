"""In stages or all at once: the same batches in another order, each with its own losses; a run that can be stopped."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from unit.test_experiments import PRESET, STAGE, setting_in

from redn_lib.experiments import curriculum
from redn_lib.experiments.curriculum import FULL, Curriculum, MixedBatches, MixedTrainer
from redn_lib.training.grow import fresh


@pytest.fixture
def one(tmp_path, monkeypatch):
    monkeypatch.setitem(curriculum.ON_CLIPS, "frames", 3)
    return Curriculum(replace(setting_in(tmp_path), stage=replace(STAGE, iterations=2)), 0)


def parts_of(one):
    return [one.still_batches(), one.group_batches(FULL), one.clip_batches(FULL, PRESET)]


def test_every_batch_of_every_stage_comes_once_with_its_losses(one):
    parts = parts_of(one)
    mixed = MixedBatches(parts, 0)
    assert len(mixed.order) == 2 + 2 + 1 and Counter(mixed.order) == Counter(
        (p, i) for p in parts for i in range(len(p))
    )
    for n, (part, i) in enumerate(mixed.order):
        assert torch.equal(mixed[n].patches, part[i].patches)
        assert mixed.stage_of(n) == replace(part.stage, iterations=5)
    assert [MixedBatches(parts, seed).order for seed in range(6)].count(mixed.order) < 6


def test_a_batch_teaches_what_its_stage_would(one):
    parts = parts_of(one)
    preset = replace(PRESET, people=len(parts[1].people), hidden=8)
    model, start = fresh(preset, 0), fresh(preset, 0)
    trainer = MixedTrainer(model, replace(parts[2].stage, iterations=5), MixedBatches(parts, 0))
    for part, taught in zip(
        parts, ({"encoder"}, {"encoder", "classifier"}, {"encoder", "classifier", "memory"}), strict=True
    ):
        trainer.iteration = next(n for n, (of, _) in enumerate(trainer.batches.order) if of is part)
        trainer.model.load_state_dict(start.state_dict())
        trainer.optimiser.state.clear()
        trainer.learn(part[0])
        moved = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
        assert moved & {"encoder", "classifier", "memory"} == taught
        statistics = model.encoder.stages[0][0].norm.running_mean
        assert statistics.any() == (part is parts[0]), "batch norm's statistics are those of single still images"


def test_stopped_it_goes_on_as_if_nothing_had_happened(one, tmp_path):
    def stop(batches):
        for n, batch in enumerate(batches):
            if n == 2:
                raise KeyboardInterrupt
            yield batch

    other = replace(one, setting=replace(one.setting, folder=tmp_path / "other", show=stop))
    with pytest.raises(KeyboardInterrupt):
        other.all_at_once()
    resumed = replace(other, setting=replace(other.setting, show=iter)).all_at_once()
    whole = one.all_at_once()
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))
    assert whole.memory is not None and whole.classifier is not None
