"""The tools of the experiments: hard clips, probes, filters, variants, the curriculum."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from unit.test_temporal import clip_of
from unit.test_training import FACES, TINY

from redn_lib.experiments.curriculum import (
    FULL,
    IDENTITY,
    LSTM,
    NO_LSTM,
    NONE,
    SUPERVISIONS,
    ClassifierOnChanging,
    Curriculum,
    LstmOnCoordinates,
    MemoryOnAll,
    MemoryOnSplit,
    PreviousMap,
    Setting,
    ShuffledClips,
    ShuffledLabels,
    StackedFrames,
)
from redn_lib.experiments.filters import FILTERS, best_strength, exponential, kalman, one_euro
from redn_lib.experiments.measures import DIFFICULTIES, pairs, people_in_turn, swap_figures, tracks_of, trials
from redn_lib.experiments.probes import r2, who_is_it
from redn_lib.identity import split
from redn_lib.landmarks import MEAN_SHAPE
from redn_lib.metrics import jitter
from redn_lib.rednet import RedNet
from redn_lib.training.batches import ClipBatches, ProceduralFaces, StillBatches
from redn_lib.training.grow import fresh, grown
from redn_lib.training.stages import Stage

PAIRS = [replace(face, person=f"person-{i // 2}") for i, face in enumerate(FACES)]
PRESET = replace(TINY, steps=2)
STAGE = Stage(iterations=1, batch=8, warmup=0)


def setting_in(folder) -> Setting:
    return Setting(STAGE, PAIRS, PAIRS, folder, PRESET, hidden=8, clips=2, frames=12, people=4, images=4)


@pytest.mark.parametrize("kind", DIFFICULTIES)
def test_clips_are_a_function_of_their_arguments_and_say_what_is_hard(kind):
    one, again = ([*trials(PAIRS, kind, 2, 12, PRESET)] for _ in range(2))
    for a, b in zip(one, again, strict=True):
        assert (a.clip.frames == b.clip.frames).all() and (a.crop == b.crop).all() and (a.hard == b.hard).all()
    assert one[0].clip.person != one[1].clip.person
    least, most = {"occluded": (5, 8), "moving": (5, 8), "disturbed": (5, 5)}.get(kind, (12, 12))
    assert all(least <= trial.hard.sum() <= most for trial in one)


def test_occluded_frames_are_those_where_points_are_hidden():
    for trial, plain in zip(
        trials(PAIRS, "occluded", 3, 16, PRESET), trials(PAIRS, "clear", 3, 16, PRESET), strict=True
    ):
        hidden = 1 - trial.clip.visible.mean(1)
        unoccluded = trial.clip.factors["occluded"] == 0
        share = trial.clip.factors["occluded"][trial.hard].mean()
        assert (
            5 <= trial.hard.sum() <= 8
            and 0.55 < share < 0.95
            and not (trial.hard & unoccluded).any()
            and unoccluded.any()
        )
        assert hidden[trial.hard].min() > 0.25 and hidden[trial.hard].mean() > 0.45 > hidden[~trial.hard].mean()
        assert (trial.clip.visible == plain.clip.visible)[unoccluded].all()
        assert (trial.clip.points == plain.clip.points).all()


def test_hard_clips_are_darker_softer_and_begin_worse():
    clips = {kind: next(trials(PAIRS, kind, 1, 12, PRESET)) for kind in DIFFICULTIES}
    pictures = {kind: trial.clip.frames.astype(float) for kind, trial in clips.items()}
    edges = {kind: np.abs(np.diff(p, axis=2)).mean() for kind, p in pictures.items()}
    assert pictures["dark"].mean() < 0.2 * pictures["clear"].mean() and edges["blurred"] < 0.7 * edges["clear"]
    assert np.ptp(clips["turned"].clip.factors["yaw"]) > np.ptp(clips["clear"].clip.factors["yaw"])
    assert not np.allclose(clips["disturbed"].crop, clips["clear"].crop)


def test_as_many_people_as_there_are_come_first():
    assert [face.person for face in people_in_turn(PAIRS, 4)] == ["person-0", "person-1", "person-2", "person-0"]
    assert len({id(face) for face in people_in_turn(PAIRS, 6)}) == 6


def test_probes_find_what_was_planted_and_nothing_in_noise():
    rng = np.random.default_rng(0)
    person, yaw = np.repeat(np.arange(12), 8), rng.normal(size=96)
    code = rng.normal(size=(12, 20))[person] + 0.3 * rng.normal(size=(96, 20))
    code = np.c_[code, yaw[:, None] * rng.normal(size=20) + 0.3 * rng.normal(size=(96, 20))]
    noise = rng.normal(size=code.shape)
    assert who_is_it(code, person) > 0.9 and who_is_it(noise, person) < 0.3
    assert r2(code, yaw, person) > 0.9 and r2(noise, yaw, person) < 0.2


def track(shape: np.ndarray = MEAN_SHAPE, frames: int = 40) -> np.ndarray:
    return np.repeat(100 + 50 * shape[None].astype(float), frames, 0)


@pytest.mark.parametrize("name", FILTERS)
def test_filters_hold_what_stays_follow_a_step_and_shake_less(name):
    smooth, strengths = FILTERS[name]
    rng, still = np.random.default_rng(0), track()
    step = still + 10.0 * (np.arange(40) >= 5)[:, None, None]
    shaking = still + rng.normal(0, 1, still.shape)
    calm = []
    for strength in strengths:
        np.testing.assert_allclose(smooth(still, strength), still, atol=1e-9)
        followed_step = smooth(step, strength)
        assert np.abs(followed_step[:5] - step[:5]).max() < 1e-9 and np.abs(followed_step[-1] - step[-1]).max() < 4
        calm.append(jitter(smooth(shaking, strength)))
    assert calm[0] < jitter(shaking) and (np.diff(calm) < 0).all()
    np.testing.assert_allclose(smooth(shaking, 0.0), shaking, atol=1e-9)


def test_a_filter_of_constant_speed_does_not_lag_behind_one():
    moving = track() + np.arange(40.0)[:, None, None]
    late = {f: np.abs(f(moving, s) - moving)[-1].max() for f, s in ((kalman, 4.0), (exponential, 0.8), (one_euro, 2.0))}
    assert late[kalman] < 0.2 < late[one_euro] and late[exponential] > 3
    assert best_strength(kalman, (4.0, 100.0), [moving], [moving]) == 4.0


@pytest.mark.parametrize("kind, touched", [(MemoryOnAll, slice(None)), (MemoryOnSplit, slice(None, None, 2))])
def test_a_memory_elsewhere_changes_its_channels_alone(kind, touched):
    model, code = fresh(replace(PRESET, hidden=8), 0, kind), torch.rand(2, 8, 1, 1)
    torch.nn.init.normal_(model.memory.unpool.weight)
    crop = torch.eye(2, 3).expand(2, 2, 3)
    answer, _, _ = model.remembered(code, crop, model.memory.first_state(crop))
    changed = (answer != code).all((0, 2, 3))
    assert changed[touched].all() and changed.sum() == len(changed[touched])


def test_a_classifier_in_the_wrong_place_gets_the_wrong_half():
    model, code = fresh(replace(PRESET, people=3), 0, ClassifierOnChanging), torch.rand(2, 8, 1, 1, requires_grad=True)
    model.who(code).sum().backward()
    identity, changing = split(code.grad, 4)
    assert identity.abs().sum() == 0 and (changing != 0).any()


def test_shuffled_labels_are_the_same_names_over_other_images():
    stage = replace(STAGE, batch=8, group=2, procedural=0.5)
    right, wrong, again = (
        kind(PAIRS, stage, PRESET, ProceduralFaces(0, 2, 5)).chosen(0)
        for kind in (StillBatches, ShuffledLabels, ShuffledLabels)
    )
    assert [face.person for face in right] == [face.person for face in wrong]
    assert any((a.image != b.image).any() for a, b in zip(right[:4], wrong[:4], strict=True))
    assert {face.image.tobytes() for face in right[4:]} == {face.image.tobytes() for face in wrong[4:]}
    assert all((a.image == b.image).all() for a, b in zip(wrong, again, strict=True))


@pytest.mark.parametrize("kind", [StackedFrames, PreviousMap, LstmOnCoordinates])
def test_a_baseline_begins_as_the_network_it_grew_from(kind):
    start = fresh(PRESET, 0).eval()
    model = grown(start, 1, kind, hidden=8 if kind is LstmOnCoordinates else 0).eval()
    model = model.widen() if kind is StackedFrames else model
    batch = clip_of(replace(STAGE, batch=2, frames=3))
    with torch.no_grad():
        mine, plain = (m.clip(batch.patches, batch.crop) for m in (model, start))
    near = {"atol": 1.0, "rtol": 0} if kind is LstmOnCoordinates else {}  # a fresh memory changes next to nothing
    torch.testing.assert_close(mine[0].steps[-1].points, plain[0].steps[-1].points, **near)
    if kind is PreviousMap:
        assert mine[0].steps[0].z.abs().sum() == 0 and mine[1].steps[0].z.abs().sum() > 0
        assert plain[1].steps[0].z.abs().sum() == 0
    else:
        torch.testing.assert_close(mine[2].steps[-1].points, plain[2].steps[-1].points, **near)


@pytest.mark.parametrize("kind", [StackedFrames, LstmOnCoordinates])
def test_a_baseline_sees_earlier_frames(kind):
    model = fresh(replace(PRESET, hidden=8), 0, kind)
    if kind is StackedFrames:
        torch.nn.init.normal_(model.widen().encoder.stages[0][0].conv.weight)
    else:
        torch.nn.init.normal_(model.memory.out.weight)
    batch = clip_of(replace(STAGE, batch=2, frames=3))
    patches = batch.patches.clone().requires_grad_()
    model.clip(patches, batch.crop)[-1].steps[-1].points.sum().backward()
    assert patches.grad[:, 1].abs().sum() > 0


def test_shuffled_clips_are_the_same_frames_in_another_order():
    stage = replace(STAGE, batch=1, frames=10)
    plain, mixed = (kind(FACES, stage, PRESET)[0] for kind in (ClipBatches, ShuffledClips))
    order = [int((plain.points[0] == points).all((1, 2)).nonzero()[0, 0]) for points in mixed.points[0]]
    assert sorted(order) == list(range(10)) and order != list(range(10))
    assert torch.equal(plain.patches[0, order], mixed.patches[0])


def test_clips_are_followed_in_closed_loop_whatever_comes_together():
    model, clips = fresh(replace(PRESET, hidden=8), 0).eval(), list(trials(PAIRS, "clear", 2, 12, PRESET))
    both = tracks_of(model, clips)
    np.testing.assert_allclose(both[1], tracks_of(model, clips[1:])[0], atol=0.05)
    assert both[0].shape == (12, 68, 2) and not (tracks_of(model, clips, temporal=False)[0] == both[0]).all()


def test_swaps_need_two_people_with_two_frames():
    assert [face.person for face in pairs(PAIRS)] == [f"person-{i // 2}" for i in range(6)]
    figures = swap_figures(fresh(PRESET, 0).eval(), PAIRS)
    assert set(figures) == {"own", "swap_same", "swap_other", "swap_pe"} and np.isfinite([*figures.values()]).all()
    with pytest.raises(ValueError, match="two people with two frames each, got 1"):
        pairs(PAIRS[:3])


def test_a_curriculum_trains_what_is_shared_once_and_gives_all_variants_the_same_batches(tmp_path, monkeypatch):
    stages = []

    def spy(self, model, batches, name, *others):
        stages.append((name, batches.stage, batches))
        return train(self, model, batches, name, *others)

    train = Curriculum.trained
    monkeypatch.setattr(Curriculum, "trained", spy)
    one = Curriculum(setting_in(tmp_path), 0)
    models = [one.with_memory(memory) for memory in (NO_LSTM, LSTM)]
    assert models[0].memory is None and models[1].memory is not None
    clips = [(stage, batches) for name, stage, batches in stages if stage.frames > 1]
    assert clips[0][0] == clips[1][0] and torch.equal(clips[0][1][0].patches, clips[1][1][0].patches)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(before) == 4
    again = one.with_memory(LSTM)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), models[1].parameters(), strict=True))


def test_every_supervision_has_the_same_images_and_its_own_loss(tmp_path):
    one = Curriculum(setting_in(tmp_path), 0)
    networks = {supervision.name: one.with_identity(supervision) for supervision in SUPERVISIONS}
    assert networks[NONE.name].classifier is None
    assert len(networks[FULL.name].classifier.people) == 3 + IDENTITY.synthetic_people
    assert all(isinstance(network, RedNet) for network in networks.values())
