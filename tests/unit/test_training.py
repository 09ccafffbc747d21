"""Training: it learns, it can be killed at any moment, and it never takes a damaged checkpoint for a whole one."""

import random
import time
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch

from redn_lib.data.augment import augment, mirror
from redn_lib.data.clip import Clip
from redn_lib.data.synthetic import factors, render, still_image
from redn_lib.device import fast_bfloat16
from redn_lib.feedback import FeedbackForm
from redn_lib.presets import COMPACT
from redn_lib.rednet import RedNet
from redn_lib.training.batches import ClipBatches, ProceduralFaces, StillBatches, cut_clip, cut_patch
from redn_lib.training.grow import begun, fresh
from redn_lib.training.loop import Trainer, learning_rate
from redn_lib.training.objective import outcome, point_weights
from redn_lib.training.stages import STAGES, Stage

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
    assert (losses[-10:].mean(0) < 0.75 * losses[:5].mean(0)).all(), losses[::20]


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
    with pytest.raises(ValueError, match="wants 2 real and 0 procedural faces"):
        StillBatches([], STAGE, TINY)


def test_synthetic_faces_of_two_stages_differ_but_not_the_people_whom_f_cls_knows():
    spatial, identity, other = (
        begun(tiny(), replace(stage, batch=4, procedural=1.0), [[]], seed=0)[1]
        for stage in (STAGES["spatial"], STAGES["identity"], replace(STAGES["identity"], seed=1))
    )
    faces = [batches.procedural[3] for batches in (spatial, identity, other)]
    assert not np.array_equal(faces[0].points, faces[1].points) and not np.array_equal(faces[1].points, faces[2].points)
    np.testing.assert_array_equal(faces[0].points, ProceduralFaces(STAGES["spatial"].seed)[3].points)
    assert identity.people == other.people and len(other.people) == STAGES["identity"].synthetic_people


def test_augmented_points_stay_on_their_face():
    rng = np.random.default_rng(0)
    faces = [augment(replace(FACES[0], visible=np.arange(68) < 17), rng) for _ in range(20)]
    for face in faces:
        assert face.image.shape == FACES[0].image.shape and face.image.dtype == np.uint8
        centre = face.points[[36, 45]].mean(0) - face.points[[48, 54]].mean(0)
        assert centre[1] < 0 and face.points[36, 0] < face.points[45, 0]
    visible = [replace(face, visible=np.arange(68) == 36) for face in FACES]
    mirrored = {tuple(np.flatnonzero(augment(face, rng).visible)) for face in visible * 3}
    assert mirrored == {(36,), (45,)}, "a visible corner of an eye is that of the other eye in the mirror"


def test_the_rate_warms_up_and_falls_to_zero():
    rates = [learning_rate(STAGE, i) for i in range(14)]
    assert rates[0] < rates[1] and np.diff(rates[2:]).max() < 0 and rates[-1] < 0.05 * STAGE.rate


def test_frozen_parts_keep_their_weights_and_learn_again_after_the_stage():
    stage = replace(STAGE, iterations=3, only=("decoder",))
    trained = Trainer(tiny(), stage, StillBatches(FACES, stage, TINY)).run()
    assert torch.equal(trained.encoder.stages[0][0].conv.weight, tiny().encoder.stages[0][0].conv.weight)
    assert not torch.equal(trained.decoder.stages[0][0].conv.weight, tiny().decoder.stages[0][0].conv.weight)
    assert all(p.requires_grad for p in trained.parameters())


@pytest.mark.parametrize("kind, bfloat16", [("cuda", True), ("mps", False), ("cpu", None)])
def test_training_is_in_bfloat16_where_the_processor_has_it(kind, bfloat16, monkeypatch):
    if bfloat16 is None:
        for supported in (True, False):
            monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda answer=supported: answer)
            assert fast_bfloat16(torch.device("cpu")) == supported
    else:
        assert fast_bfloat16(torch.device(kind)) == bfloat16


def train_to_the_end(checkpoint: Path, end: Path, ready) -> None:
    """Train with a checkpoint after every iteration, and write the weights; ready: is set at the first iteration."""

    def show(loader):
        for batch in loader:
            ready.set()
            yield batch

    trainer = Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY), path=checkpoint, every=1)
    torch.save(trainer.run(show).state_dict(), end)


def test_a_run_killed_ten_times_ends_with_the_same_weights(tmp_path):
    """SIGKILL leaves no chance to tidy up: only what was renamed into place counts."""
    torch.set_num_threads(1)
    undisturbed = Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY)).run()
    forked, end = get_context("fork"), tmp_path / "end.pt"
    chance = random.Random(0)
    for _ in range(10):
        ready = forked.Event()
        process = forked.Process(target=train_to_the_end, args=(tmp_path / "c.pt", end, ready))
        process.start()
        ready.wait()
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        process.join()
    assert not end.exists(), "the run ended before it had been killed ten times"
    train_to_the_end(tmp_path / "c.pt", end, forked.Event())
    assert_same(undisturbed.state_dict(), torch.load(end, weights_only=True))


def test_a_damaged_checkpoint_is_named_and_left_alone(tmp_path):
    path = tmp_path / "checkpoint.pt"
    Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY), path=path).save()
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"not a checkpoint"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"checkpoint\.pt is damaged.*delete it"):
            Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY), path=path)
        assert path.read_bytes() == damaged


@pytest.mark.parametrize(
    "change, says",
    [
        ({"iterations": 20}, "iterations 14, now 20"),
        ({"rate": 1e-4}, "rate 0.002, now 0.0001"),
    ],
)
def test_a_checkpoint_of_another_stage_is_refused(tmp_path, change, says):
    path = tmp_path / "checkpoint.pt"
    Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY), path=path).save()
    other = replace(STAGE, **change)
    with pytest.raises(ValueError, match=f"was begun with {says}: repeat"):
        Trainer(tiny(), other, StillBatches(FACES, other, TINY), path=path)


def test_a_checkpoint_of_other_options_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    batches = StillBatches(FACES, STAGE, TINY)
    Trainer(tiny(), STAGE, batches, path=path, options={"--data": "a", "--split": None}).save()
    Trainer(tiny(), STAGE, batches, path=path, options={"--data": "a", "--split": None})
    with pytest.raises(ValueError, match="was begun with --split None, now 'train': repeat"):
        Trainer(tiny(), STAGE, batches, path=path, options={"--data": "a", "--split": "train"})


def test_a_write_that_fails_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    trainer = Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY), path=tmp_path / "checkpoint.pt")
    trainer.save()
    before = trainer.path.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match=r"checkpoint\.pt.*No space left"):
        trainer.save()
    assert trainer.path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


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


@pytest.mark.parametrize("kind, frames", [(StillBatches, 1), (ClipBatches, 2)])
def test_points_that_are_not_visible_count_less(kind, frames):
    stage = replace(STAGE, frames=frames, occluded=0.0, iterations=1)
    model = fresh(replace(TINY, hidden=8), 0).eval()

    def loss(stage, first_visible):
        visible = np.arange(68) >= first_visible
        batch = kind([replace(face, visible=visible) for face in FACES], stage, TINY)[0]
        with torch.no_grad():
            return outcome(model, batch._replace(patches=batch.patches / 255), stage).steps

    full = replace(stage, invisible_weight=1.0)
    torch.testing.assert_close(loss(full, 0), loss(stage, 0), rtol=0, atol=0)
    torch.testing.assert_close(loss(full, 17), loss(full, 0), rtol=0, atol=0)
    assert (loss(stage, 17) - loss(stage, 0)).abs().min() > 1e-4


def test_weights_of_points_have_a_mean_of_1():
    visible = torch.tensor([[True, True, False, False], [True] * 4, [False] * 4])
    weights = point_weights(visible, replace(STAGE, invisible_weight=0.5))
    expected = torch.tensor([[4 / 3, 4 / 3, 2 / 3, 2 / 3], [1.0] * 4, [1.0] * 4])
    torch.testing.assert_close(weights, expected)


def test_a_window_of_a_video_stays_a_clip():
    frames = [render(factors(7, 160, person=7))] * 2
    points = np.stack([frames[0].points, frames[0].points + [3, 0]]).astype(np.float32)
    visible = np.stack([np.arange(68) == 36, np.arange(68) == 48])
    clip = cut_clip(Clip(np.stack([face.image for face in frames]), points, "Ann", visible=visible))
    assert clip.frames.shape == (2, 224, 224, 3)
    stage = replace(STAGE, frames=2, iterations=8)
    batches = ClipBatches([clip], stage, TINY)
    seen = set()
    for i in range(8):
        batch = batches[i]
        moved = (batch.points[:, 1] - batch.points[:, 0])[..., 0].mean(1)
        scale = (clip.points[1] - clip.points[0])[:, 0].mean()
        for one in range(stage.batch):
            is_mirrored = bool(moved[one] < 0)
            assert abs(moved[one]) == pytest.approx(scale, rel=1e-4)
            assert batch.visible[one, 0].nonzero().tolist() == [[45 if is_mirrored else 36]]
            seen.add(is_mirrored)
    assert seen == {True, False}


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_a_full_disk_names_the_checkpoint(tmp_path, full_disk):
    trainer = Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY), path=tmp_path / "checkpoint.pt")
    with full_disk(10_000), pytest.raises(OSError, match=r"could not write .*checkpoint\.pt"):
        trainer.save()
    assert list(tmp_path.iterdir()) == []


def test_another_torch_file_in_place_of_a_checkpoint_is_named(tmp_path):
    for content in ({}, [1], {"options": {}, "stage": {}, "preset": {}}):
        torch.save(content, tmp_path / "checkpoint.pt")
        with pytest.raises(ValueError, match=r"checkpoint\.pt (is damaged|was begun with)"):
            Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY), path=tmp_path / "checkpoint.pt")


def test_one_changed_byte_of_a_checkpoint_is_noticed_and_an_older_one_is_read(tmp_path):
    path, batches = tmp_path / "checkpoint.pt", StillBatches(FACES, STAGE, TINY)
    Trainer(tiny(), STAGE, batches, path=path).save()
    whole = path.read_bytes()
    for at in range(0, len(whole), len(whole) // 11):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ValueError, match=r"checkpoint\.pt is damaged.*delete it"):
            Trainer(tiny(), STAGE, batches, path=path)
    path.write_bytes(whole)
    torch.save(torch.load(path), path)
    Trainer(tiny(), STAGE, batches, path=path)


def test_weights_that_are_not_finite_are_not_kept(tmp_path):
    trainer = Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY), path=tmp_path / "checkpoint.pt")
    torch.nn.init.constant_(trainer.model.detection.bias, torch.inf)
    with pytest.raises(ValueError, match=r"not written: .*checkpoint\.pt.*not finite"):
        trainer.save()
    assert list(tmp_path.iterdir()) == []


def test_faces_that_are_not_augmented_stay_as_they_are_or_are_mirrored():
    batches, rng = StillBatches(FACES, replace(STAGE, augmented=0.0), TINY), np.random.default_rng(0)
    changed = [batches.changed(FACES[0], rng) for _ in range(20)]
    flipped = [np.array_equal(face.image, FACES[0].image[:, ::-1]) for face in changed]
    assert any(flipped) and not all(flipped)
    for face, is_flipped in zip(changed, flipped, strict=True):
        points = mirror(FACES[0].image, FACES[0].points, FACES[0].lean)[1] if is_flipped else FACES[0].points
        np.testing.assert_allclose(face.points, points, atol=1e-4)
