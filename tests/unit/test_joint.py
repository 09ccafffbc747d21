"""In stages or all at once: the same batches in another order, each with its own losses; a run that can be stopped."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_folder import write_pairs
from unit.test_experiments import PRESET, STAGE, setting_in
from unit.test_training import TINY

from redn_lib.cli import main
from redn_lib.commands import experiment
from redn_lib.data.synthetic import factors, render
from redn_lib.experiments import curriculum as course
from redn_lib.experiments import following
from redn_lib.experiments.curriculum import Course
from redn_lib.experiments.joint import AT_ONCE, STAGED, Mixed, MixedTrainer, at_once
from redn_lib.experiments.supervision import WHOLE
from redn_lib.experiments.tables import read_table
from redn_lib.training.grow import fresh


@pytest.fixture
def one(tmp_path, monkeypatch):
    monkeypatch.setitem(course.ON_CLIPS, "frames", 3)
    return Course(replace(setting_in(tmp_path), stage=replace(STAGE, iterations=2)), 0)


def parts_of(one):
    return [one.stills(), one.groups(WHOLE), one.clips(WHOLE, PRESET)]


def test_every_batch_of_every_stage_comes_once_with_its_losses(one):
    parts = parts_of(one)
    mixed = Mixed(parts, 0)
    assert len(mixed) == 2 + 2 + 1 and Counter(mixed.order) == Counter((p, i) for p in parts for i in range(len(p)))
    for n, (part, i) in enumerate(mixed.order):
        assert torch.equal(mixed[n].patches, part[i].patches)
        assert mixed.stage(n) == replace(part.stage, iterations=5)
    assert [Mixed(parts, seed).order for seed in range(6)].count(mixed.order) < 6


def test_a_batch_teaches_what_its_stage_would(one):
    parts = parts_of(one)
    preset = replace(PRESET, people=len(parts[1].people), hidden=8)
    model, start = fresh(preset, 0), fresh(preset, 0)
    trainer = MixedTrainer(model, replace(parts[2].stage, iterations=5), Mixed(parts, 0))
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
        assert statistics.any() == (part is parts[0]), "batch norm's statistics are those of single stills"


def test_stopped_it_goes_on_as_if_nothing_had_happened(one, tmp_path):
    def stop(batches):
        for n, batch in enumerate(batches):
            if n == 2:
                raise KeyboardInterrupt
            yield batch

    other = replace(one, setting=replace(one.setting, folder=tmp_path / "other", show=stop))
    with pytest.raises(KeyboardInterrupt):
        at_once(other)
    resumed = at_once(replace(other, setting=replace(other.setting, show=iter)))
    whole = at_once(one)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))
    assert whole.memory is not None and whole.classifier is not None


def test_the_command_writes_both_ways_and_their_difference(tmp_path, monkeypatch):
    (tmp_path / "ytf").mkdir()
    folder = write_pairs(tmp_path / "ytf", (render(factors(i, 128, person=i // 2)) for i in range(24)))
    monkeypatch.setattr(experiment, "QUICK", {"preset": TINY, "hidden": 8, "clips": 1, "frames": 12})
    monkeypatch.setattr(following, "KINDS", ("clear",))
    monkeypatch.setitem(course.ON_CLIPS, "frames", 3)
    out = tmp_path / "joint.csv"
    command = ["experiment", "joint", "--data", str(folder), "--run", str(tmp_path / "run"), "--out", str(out)]
    assert main([*command, "--quick", "--iterations", "1"]) == 0
    rows = read_table(out)
    assert [row["variant"] for row in rows] == [STAGED, AT_ONCE]
    assert all(np.isfinite(float(row["clear"])) for row in rows) and rows[0]["kparams"] == rows[1]["kparams"]
    effects = read_table(tmp_path / "joint_effects.csv")
    assert {row["effect"] for row in effects} == {f"{AT_ONCE} - {STAGED}"}
