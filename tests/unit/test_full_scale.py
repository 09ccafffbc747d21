"""What training at full scale needs beyond the loop: the paper's preset, pieces of a batch, faces left on the disk."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_folder import write_pairs
from unit.test_training import FACES, STAGE, TINY, tiny

from redn_lib.data import dataset
from redn_lib.data.synthetic import still_image
from redn_lib.presets import PAPER
from redn_lib.training import batches
from redn_lib.training.batches import ClipBatches, StillBatches
from redn_lib.training.grow import fresh
from redn_lib.training.loop import Trainer
from redn_lib.training.stages import BoxNoise, Stage


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_paper_s_network_learns_on_a_cpu():
    stage = Stage(iterations=20, batch=1, warmup=2, rate=1e-3, steps=3, box_noise=BoxNoise(0, 0, 0))
    torch.set_num_threads(1)
    trainer = Trainer(fresh(PAPER, 0), stage, StillBatches(FACES[:1], stage, PAPER), device="cpu")
    trainer.run()
    losses = np.array(trainer.losses)
    assert (losses[-5:].mean(0) < 0.75 * losses[:3].mean(0)).all(), losses


def test_pieces_of_a_batch_teach_what_the_batch_teaches(monkeypatch):
    """Of clips, where batch norm does not depend on the batch."""
    monkeypatch.setattr(torch, "autocast", lambda *args, **kwargs: nullcontext())
    stage = Stage(iterations=1, batch=4, frames=2, warmup=0)
    trainers = []
    for accumulate in (1, 2):
        mine = replace(stage, accumulate=accumulate)
        trainers.append(Trainer(tiny(), mine, ClipBatches(FACES, mine, TINY)))
        trainers[-1].run()
    one, two = trainers
    np.testing.assert_allclose(two.losses, one.losses, rtol=1e-5)
    whole, pieces = (torch.cat([p.grad.flatten() for p in t.model.parameters()]) for t in trainers)
    assert (pieces - whole).norm() < 1e-3 * whole.norm()


def test_faces_left_on_the_disk_make_the_same_batches(tmp_path, monkeypatch):
    rows = dataset.open(write_pairs(tmp_path, map(still_image, range(6))))
    held = batches.patches(rows)
    monkeypatch.setattr(batches, "HELD", 5)
    unread = batches.patches(rows)
    assert isinstance(held, list) and len(unread) == 6 and not isinstance(unread, list)
    for kind, stage in ((StillBatches, replace(STAGE, group=2)), (ClipBatches, replace(STAGE, frames=2))):
        for one, other in zip(kind(held, stage, TINY)[1], kind(unread, stage, TINY)[1], strict=True):
            assert torch.equal(one, other)


def test_faces_left_on_the_disk_are_read_by_the_processes_that_prepare_batches(tmp_path, monkeypatch):
    rows = dataset.open(write_pairs(tmp_path, map(still_image, range(6))))
    monkeypatch.setattr(batches, "HELD", 0)
    stage = replace(STAGE, iterations=2)
    trainer = Trainer(tiny(), stage, StillBatches(batches.patches(rows), stage, TINY), workers=2)
    trainer.run()
    assert trainer.iteration == 2
