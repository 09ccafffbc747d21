"""Training: it learns, it can be killed at any moment, and it never takes a damaged checkpoint for a whole one."""

import random
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from redn_lib.data.augment import augment
from redn_lib.data.synthetic import still_image
from redn_lib.feedback import FeedbackForm
from redn_lib.rednet import COMPACT, RedNet
from redn_lib.training import checkpoint
from redn_lib.training.batches import ProceduralFaces, StillBatches, cut_patch
from redn_lib.training.loop import Trainer, learning_rate
from redn_lib.training.stages import Stage

TINY = replace(COMPACT, widths=((4, 8), (8, 8), (8, 8), (8, 8)), regression_width=8, size=32, sigma=2.0)
STAGE = Stage(iterations=14, batch=2, warmup=2)
FACES = [cut_patch(still_image(i)) for i in range(6)]


def tiny(seed: int = 0) -> RedNet:
    torch.manual_seed(seed)
    return RedNet(TINY)


def test_a_small_network_learns_eight_faces_by_heart():
    faces = [cut_patch(still_image(i)) for i in range(8)]
    stage = Stage(iterations=80, batch=8, warmup=5, rate=4e-3)
    torch.manual_seed(0)
    model = RedNet(replace(TINY, widths=((8, 16), (24, 24), (32, 32), (48, 48)), regression_width=32, size=64))
    trainer = Trainer(model, stage, StillBatches(faces, stage, model.preset))
    trainer.run()
    losses = np.array(trainer.losses)
    assert (losses[-10:].mean(0) < 0.65 * losses[:5].mean(0)).all(), losses[::20]


def test_gradient_reaches_every_weight_through_two_steps():
    trainer = Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY))
    trainer.learn(trainer.batches[0])
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in trainer.model.parameters())


def test_batches_are_a_function_of_seed_and_number_and_cover_every_face():
    batches = StillBatches(FACES, STAGE, TINY)
    for a, b in zip(batches[3], batches[3], strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(batches[3].patches, batches[4].patches)
    assert sorted(batches.real_indices(0) + batches.real_indices(1) + batches.real_indices(2)) == list(range(6))


def test_procedural_share_fills_the_batch_with_new_faces():
    stage = replace(STAGE, procedural=1.0)
    batches = StillBatches([], stage, TINY, ProceduralFaces(3))
    assert batches[0].patches.shape == (2, 3, 224, 224) and not torch.equal(batches[0].points, batches[1].points)
    with pytest.raises(ValueError, match="no real faces"):
        StillBatches([], STAGE, TINY)


def test_augmented_points_stay_on_their_face():
    rng = np.random.default_rng(0)
    for _ in range(20):
        face = augment(FACES[0], rng)
        assert face.image.shape == FACES[0].image.shape and face.image.dtype == np.uint8
        centre = face.points[[36, 45]].mean(0) - face.points[[48, 54]].mean(0)
        assert centre[1] < 0 and face.points[36, 0] < face.points[45, 0]


def test_the_rate_warms_up_and_falls_to_zero():
    rates = [learning_rate(STAGE, i) for i in range(14)]
    assert rates[0] < rates[1] and np.diff(rates[2:]).max() < 0 and rates[-1] < 0.05 * STAGE.rate


def test_a_run_stopped_and_resumed_ends_with_the_same_weights(tmp_path):
    undisturbed = Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY)).run()

    class Stopped(StillBatches):
        def __getitem__(self, i):
            if i == 9:
                raise KeyboardInterrupt
            return super().__getitem__(i)

    path = tmp_path / "run" / "checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        Trainer(tiny(), STAGE, Stopped(FACES, STAGE, TINY), path=path, every=100).run()
    assert checkpoint.load(path)["iteration"] == 9
    resumed = Trainer(tiny(7), STAGE, StillBatches(FACES, STAGE, TINY), path=path).run()
    assert_same(undisturbed.state_dict(), resumed.state_dict())


KILLED = """
    import sys, torch
    from tests.unit.test_training import *
    torch.set_num_threads(1)
    trainer = Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY), path=Path(sys.argv[1]), every=1)
    def show(loader):
        for batch in loader:
            print("ready", flush=True)
            yield batch
    torch.save(trainer.run(show).state_dict(), sys.argv[2])
"""


def test_a_run_killed_ten_times_ends_with_the_same_weights(tmp_path):
    """SIGKILL leaves no chance to tidy up: only what was renamed into place counts."""
    torch.set_num_threads(1)
    undisturbed = Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY)).run()
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / "c.pt"), str(tmp_path / "end.pt")]
    root = Path(__file__).parents[2]
    chance = random.Random(0)
    for _ in range(10):
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(chance.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "end.pt").exists(), "the run ended before it had been killed ten times"
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
    assert_same(undisturbed.state_dict(), torch.load(tmp_path / "end.pt", weights_only=True))


def test_a_damaged_checkpoint_is_named_and_left_alone(tmp_path):
    path = tmp_path / "checkpoint.pt"
    Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY), path=path).save()
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"not a checkpoint"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"checkpoint\.pt is damaged.*delete it"):
            Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY), path=path)
        assert path.read_bytes() == damaged


def test_a_checkpoint_of_another_stage_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY), path=path).save()
    other = replace(STAGE, rate=1e-4)
    with pytest.raises(ValueError, match="another stage"):
        Trainer(tiny(), other, StillBatches(FACES, other, TINY), path=path)


def test_a_write_that_fails_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, {"iteration": 1})

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match=r"checkpoint\.pt.*No space left"):
        checkpoint.save(path, {"iteration": 2})
    assert checkpoint.load(path) == {"iteration": 1} and [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_loss_that_is_no_number_stops_with_the_remedy():
    trainer = Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY))
    batch = trainer.batches[0]
    with pytest.raises(ValueError, match="lower the learning rate or check the points"):
        trainer.learn(batch._replace(points=batch.points * float("nan")))


def test_every_form_of_feedback_trains():
    for draw in ("squares", "softmax", "nothing"):
        torch.manual_seed(0)
        model = RedNet(replace(TINY, form=FeedbackForm(draw)))
        trainer = Trainer(model, STAGE, StillBatches(FACES, STAGE, TINY))
        assert len(trainer.learn(trainer.batches[0])) == 2


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)
