"""f_tRNN: a fresh memory changes nothing, its state is its past, and the gradient passes ten frames."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from unit.test_training import FACES, TINY

from redn_lib.crop import Crop
from redn_lib.feedback import box_crop, to_crop, to_patch, upright_crop
from redn_lib.identity import split
from redn_lib.landmarks import tight_box
from redn_lib.rednet import RedNet
from redn_lib.response_maps import decode, gaussian_maps, spatial_softmax
from redn_lib.temporal import CONTEXT, Join, NormedLSTM, Prior, TemporalMemory, crop_motion, fitted
from redn_lib.training import batches as module
from redn_lib.training.batches import Batch, ClipBatches
from redn_lib.training.loop import Trainer
from redn_lib.training.objective import outcome
from redn_lib.training.stages import Stage

STAGE = Stage(iterations=4, batch=2, frames=10, warmup=1, steps=2)
PRESET = replace(TINY, hidden=16)


def tiny() -> RedNet:
    torch.manual_seed(0)
    return RedNet(PRESET)


def clip_of(stage: Stage = STAGE) -> Batch:
    batch = ClipBatches(FACES, stage, PRESET)[0]
    return Batch(batch.patches.float() / 255, *batch[1:])


def similarity(scale, turn, x, y):
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    return torch.tensor([[[c, -s, x], [s, c, y]]], dtype=torch.float64)


similarities = st.builds(similarity, st.floats(0.3, 3), st.floats(-1, 1), st.floats(-50, 50), st.floats(-50, 50))


def test_a_fresh_memory_without_trust_leaves_the_code_as_it_is():
    model, batch = tiny().eval(), clip_of()
    torch.nn.init.constant_(model.memory.trust.bias, -30.0)
    with torch.no_grad():
        remembered = model.frame(batch.patches[:, 0], batch.crop)
        plain = model.frame(batch.patches[:, 0], batch.crop, temporal=False)
    assert plain.state is None and remembered.state is not None
    torch.testing.assert_close(remembered.steps[0].detection, plain.steps[0].detection)


def test_the_state_is_all_that_is_carried():
    model, batch = tiny().eval(), clip_of()
    torch.nn.init.normal_(model.memory.unpool.weight, std=0.3)
    with torch.no_grad():
        first = model.frame(batch.patches[:, 0], batch.crop)
        second = model.frame(batch.patches[:, 1], batch.crop, first.state)
        alone = model.frame(batch.patches[:, 1], batch.crop)
    assert not torch.allclose(second.state.hidden, alone.state.hidden)
    again = model.clip(batch.patches[:, :1], batch.crop)[0]
    assert torch.equal(again.state.hidden, first.state.hidden)


@given(similarities)
def test_a_crop_that_stays_has_no_motion(crop):
    torch.testing.assert_close(crop_motion(crop, crop, 64), torch.zeros(1, 4, dtype=torch.float64), atol=1e-9, rtol=0)


@given(similarities, st.floats(-0.4, 0.4), st.floats(0.7, 1.4), st.floats(-0.6, 0.6))
def test_motion_is_measured_in_the_crop_before(crop, shift, growth, turn):
    size = 64
    own = similarity(growth, turn, 0, 0)
    middle = torch.full((1, 2), (size - 1) / 2, dtype=torch.float64)
    own[..., 2] = middle + torch.tensor([[shift * size, 0]]) - (own[..., :2] @ middle[..., None])[..., 0]
    now = torch.cat([crop[..., :2] @ own[..., :2], crop[..., :2] @ own[..., 2:] + crop[..., 2:]], -1)
    wanted = torch.tensor([[shift, 0, np.log(growth), turn]], dtype=torch.float64)
    torch.testing.assert_close(crop_motion(crop, now, size), wanted, atol=1e-6, rtol=1e-6)


SHAPE = 12 + 40 * torch.rand(1, 68, 2, generator=torch.Generator().manual_seed(0))
"""Where the priors of these tests expect the points, in pixels of a crop of 64."""


def prior_of(spread: float, points: torch.Tensor = SHAPE) -> Prior:
    """A prior that may be off by a share of the crop's side."""
    return Prior(points, torch.full((1, 68), float(np.log(spread))), torch.zeros(1, CONTEXT))


def sharp(points: torch.Tensor) -> torch.Tensor:
    """Logits of maps that are sure of their points."""
    return (100 * gaussian_maps(points, 32, 64, 2.0)).clamp(max=12)


def test_a_fresh_join_trusts_maps_as_far_as_the_prior_is_off():
    join, shown = Join(64), SHAPE + 6.0
    for spread, wanted in ((1.0, shown), (1e-5, SHAPE)):
        joined = join(prior_of(spread), sharp(shown), 2.0)
        found = decode(spatial_softmax(joined.logits), 64)
        assert (found - wanted).abs().mean() < 0.5
        assert joined.share.mean().item() == pytest.approx(float(wanted is SHAPE), abs=0.01)


@pytest.mark.parametrize("spread", [0.05, 0.2])
def test_the_share_of_the_prior_is_that_of_inverse_variances(spread):
    joined = Join(64)(prior_of(spread), sharp(SHAPE), 2.0)
    own = np.exp(-2 * joined.own_spread.detach().numpy())
    wanted = spread**-2 / (spread**-2 + own)
    np.testing.assert_allclose(joined.share.detach().numpy(), wanted, rtol=1e-4)


def test_the_joined_logits_are_a_mixture_of_those_of_the_map_and_of_a_gaussian_at_the_expected_place():
    own, shown = sharp(SHAPE + 6.0), 2.0
    joined = Join(64)(prior_of(0.02), own, shown)
    x, y = 2 * 12 + 0.5, 2 * 17 + 0.5  # the centre of cell (12, 17)
    place, share = joined.expected[0, 5], joined.share[0, 5]
    bell = -((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * shown**2)
    torch.testing.assert_close(joined.logits[0, 5, 17, 12], (1 - share) * own[0, 5, 17, 12] + share * bell)


@given(similarities)
def test_the_prior_is_moved_as_a_whole_to_where_sure_maps_see_the_face(move):
    shape = SHAPE.double()
    weight = torch.ones(1, 68, dtype=torch.float64)
    moved, left = fitted(shape, to_patch(shape, move), weight)
    torch.testing.assert_close(moved, to_patch(shape, move), atol=0.05, rtol=1e-3)
    assert left.item() < 0.05


def test_points_without_weight_do_not_move_the_prior():
    weight = torch.ones(1, 68)
    weight[:, 34:] = 1e-9
    aim = SHAPE + torch.tensor([5.0, -3.0])
    wrong = aim.clone()
    wrong[:, 34:] += 30.0
    torch.testing.assert_close(fitted(SHAPE, wrong, weight)[0], aim, atol=0.05, rtol=0)


def test_a_prior_in_another_crop_is_at_the_same_place_and_as_far_off():
    before, now = similarity(1.0, 0.0, 3, 5).float(), similarity(0.5, 0.3, 9, 7).float()
    prior = prior_of(0.1)
    there = prior.in_crop(before, now)
    torch.testing.assert_close(to_patch(there.points, now), to_patch(prior.points, before), atol=1e-3, rtol=0)
    torch.testing.assert_close(there.spread.exp(), 2 * prior.spread.exp())


def test_the_memory_gets_c_pe_alone_and_c_id_by_passes_it():
    model = tiny()
    torch.nn.init.normal_(model.memory.unpool.weight)
    channels = PRESET.identity_channels
    code, crop = torch.rand(1, 2 * channels, PRESET.cells, PRESET.cells), torch.eye(2, 3)[None]
    other = code.clone()
    other[:, :channels] += 1
    nothing = model.memory.eval().first_state(crop)
    out, _, state = model.remembered(code, crop, nothing)
    out_other, _, state_other = model.remembered(other, crop, nothing)
    assert torch.equal(state.hidden, state_other.hidden)
    assert torch.equal(split(out, channels)[0], split(code, channels)[0])
    assert torch.equal(split(out, channels)[1], split(out_other, channels)[1])
    assert not torch.equal(split(out, channels)[1], split(code, channels)[1])


def test_the_prior_is_joined_with_the_maps_of_every_step_at_its_place_in_the_frame():
    model, batch = tiny().eval(), clip_of()
    with torch.no_grad():
        first = model.frame(batch.patches[:, 0], batch.crop)
        output = model.frame(batch.patches[:, 1], batch.crop, first.state, 3)
    start = output.steps[0].crop
    assert torch.allclose(to_patch(output.prior.points, start), first.state.points, atol=1e-3)
    for step, joined in zip(output.steps, output.joined, strict=True):
        again = model.memory.join(output.prior.in_crop(start, step.crop), step.regression, PRESET.sigma)
        torch.testing.assert_close(step.response_maps, spatial_softmax(again.logits), atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(joined.share, again.share)


def test_z_shows_the_points_of_the_last_frame_as_high_as_the_state_trusts_them():
    model, batch = tiny().eval(), clip_of()
    with torch.no_grad():
        first = model.frame(batch.patches[:, 0], batch.crop)
        assert not first.steps[0].z.any(), "nothing is known before the first frame"
        crop = upright_crop(first.state.points, batch.crop, PRESET.size, PRESET.margin)
        for bias, height in ((0.0, 0.5), (-30.0, 0.0)):
            model.memory.trust.bias.fill_(bias)
            step = model.frame(batch.patches[:, 1], batch.crop, first.state).steps[0]
            torch.testing.assert_close(step.crop, crop)
            drawn = gaussian_maps(to_crop(first.state.points, crop), PRESET.maps, PRESET.size, PRESET.sigma)
            torch.testing.assert_close(step.z, height * drawn)


def test_the_points_of_the_last_frame_stand_for_the_first_step(monkeypatch):
    model, batch = tiny().eval(), clip_of()
    ran = []
    one_step = model.one_step

    def noted(frame, z, step, **others):
        ran.append(step)
        return one_step(frame, z, step, **others)

    monkeypatch.setattr(model, "one_step", noted)
    with torch.no_grad():
        state = None
        for stops, wanted in ((None, [0, 1, 2]), (None, [1, 2]), (lambda *_: True, [1])):
            ran.clear()
            state = model.frame(batch.patches[:, 1], batch.crop, state, 3, enough=stops).state
            assert ran == wanted


def test_in_training_the_first_points_are_far_from_the_face():
    memory = tiny().memory
    crops = torch.cat([similarity(1.0, 0.1, *start).float() for start in ((3.0, 5.0), (9.0, 1.0), (4.0, 8.0))])
    away = memory.train().first_state(crops).points - memory.eval().first_state(crops).points
    others = crops.roll(1, 0) - crops
    torch.testing.assert_close(away, 5 * others[:, None, :, 2].expand_as(away))


def test_the_next_crop_is_the_trackers():
    points = torch.from_numpy(FACES[0].points)[None]
    crop = box_crop(points, torch.tensor([[[3.0, 0, 0], [0, 3, 0]]]), 64, 1.5)
    wanted = Crop.around(tight_box(FACES[0].points), margin=1.5, size=64).matrix
    np.testing.assert_allclose(crop[0].numpy(), wanted, rtol=1e-5, atol=1e-4)


def test_the_gradient_of_the_last_frame_reaches_the_first_through_the_memory():
    model, batch = tiny(), clip_of()
    torch.nn.init.normal_(model.memory.unpool.weight, std=0.3)
    patches = batch.patches.clone().requires_grad_()
    model.clip(patches, batch.crop, 2)[-1].steps[0].points.sum().backward()
    assert patches.grad[:, 0].abs().sum() > 0 and model.encoder.stages[0][0].conv.weight.grad.abs().sum() > 0
    patches.grad = None
    model.clip(patches, batch.crop, 2, temporal=False)[-1].steps[0].points.sum().backward()
    assert patches.grad[:, 0].abs().sum() == 0, "without a memory nothing is carried"


def test_training_on_clips_moves_the_memory_and_leaves_the_statistics():
    model = tiny()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    Trainer(model, STAGE, ClipBatches(FACES, STAGE, PRESET)).run()
    after = model.state_dict()
    assert all(torch.equal(after[n], before[n]) for n in after if "running" in n)
    assert all(not torch.equal(after[n], before[n]) for n in after if n.startswith("memory.lstm"))


def test_the_lstm_is_that_of_the_textbook_with_normalised_sums():
    torch.manual_seed(0)
    lstm = NormedLSTM(7, 5)
    for layer in (lstm.norm_into, lstm.norm_back):
        torch.nn.init.normal_(layer.weight)
    new, hidden, cell = torch.randn(3, 7), torch.randn(3, 5), torch.randn(3, 5)

    def normalised(sums, layer):
        sums = (sums - sums.mean(1, keepdim=True)) / (sums.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        return sums * layer.weight + (0 if layer.bias is None else layer.bias)

    sums = normalised(new @ lstm.into.weight.T, lstm.norm_into) + normalised(
        hidden @ lstm.back.weight.T, lstm.norm_back
    )
    i, f, g, o = sums.chunk(4, 1)
    wanted = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    found = lstm(new, hidden, cell)
    torch.testing.assert_close(found[1], wanted)
    torch.testing.assert_close(found[0], o.sigmoid() * wanted.tanh())


def test_the_gates_of_a_fresh_lstm_stay_between_open_and_closed_for_any_size_of_input():
    torch.manual_seed(0)
    lstm = NormedLSTM(7, 64)
    gates = torch.stack(lstm.gates(1000 * torch.randn(4, 7), torch.zeros(4, 64))).sigmoid()
    assert ((gates > 0.02) & (gates < 0.98)).float().mean() > 0.9


def test_more_occluders_are_there_from_the_first_frame_than_by_chance(monkeypatch):
    def hidden_at_first() -> int:
        clips = ClipBatches(FACES, replace(STAGE, occluded=1.0), PRESET)
        return sum(int((~clips[i].visible[:, 0]).float().mean(1).gt(0.5).sum()) for i in range(8))

    with_share = hidden_at_first()
    monkeypatch.setattr(module, "FROM_START", 0.0)
    assert with_share > hidden_at_first()


def test_clips_are_a_function_of_seed_and_number_and_as_long_as_asked():
    batches = ClipBatches(FACES, replace(STAGE, occluded=1.0), PRESET)
    one, again = batches[3], batches[3]
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert one.patches.shape[:2] == (2, 10) and one.points.shape == (2, 10, 68, 2)


@pytest.mark.parametrize("temporal", [True, False])
def test_losses_of_a_clip_are_a_number_for_each_step(temporal):
    model = tiny() if temporal else RedNet(TINY)
    found = outcome(model, clip_of(), STAGE)
    assert found.steps.shape == (2,) and torch.isfinite(found.total) and found.identity == 0


def test_a_memory_that_begins_anew_in_mid_clip_knows_nothing_of_the_frames_before():
    model, batch = tiny().eval(), clip_of()
    torch.nn.init.normal_(model.memory.unpool.weight, std=0.3)
    with torch.no_grad():
        whole, emptied = model.clip(batch.patches, batch.crop), model.clip(batch.patches, batch.crop, empty_at=4)
        crop = batch.crop
        for output in whole[:4]:
            crop = box_crop(output.steps[-1].points, crop, PRESET.size, PRESET.first_margin)
        alone = model.frame(batch.patches[:, 4], crop)
    torch.testing.assert_close(emptied[3].state.hidden, whole[3].state.hidden)
    torch.testing.assert_close(emptied[4].state.hidden, alone.state.hidden)
    assert not torch.allclose(emptied[4].state.hidden, whole[4].state.hidden)


def test_the_trainer_empties_the_state_in_as_many_batches_as_the_stage_says(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "redn_lib.training.loop.outcome",
        lambda *args, empty_at, **others: seen.append(empty_at) or outcome(*args, empty_at=empty_at, **others),
    )
    stage = replace(STAGE, iterations=6, frames=3, forgotten=1.0)
    Trainer(tiny(), stage, ClipBatches(FACES, stage, PRESET), device="cpu").run()
    stage = replace(stage, forgotten=0.0)
    Trainer(tiny(), stage, ClipBatches(FACES, stage, PRESET), device="cpu").run()
    assert set(seen[:6]) <= {1, 2} and seen[6:] == [None] * 6


def test_a_memory_has_the_shapes_of_its_code():
    memory = TemporalMemory(6, 2, 8, 64, 1.25)
    code, crop = torch.rand(3, 6, 2, 2), torch.eye(2, 3).expand(3, 2, 3)
    remembered, prior, state = memory(code, crop, memory.first_state(crop))
    assert torch.equal(remembered, code) and prior.points.shape == (3, 68, 2) and prior.spread.shape == (3, 68)
    assert state.hidden.shape == (3, 8) and memory.trusted(state).shape == (3, 68)


def test_a_fresh_memory_expects_points_where_they_were_though_the_crop_moved():
    memory = TemporalMemory(6, 2, 8, 64, 1.25)
    before, now = similarity(1.0, 0.0, 3, 5).float(), similarity(1.3, 0.2, -4, 7).float()
    code, points = torch.rand(1, 6, 2, 2), 64 * torch.rand(1, 68, 2)
    _, _, state = memory(code, before, memory.first_state(before))
    _, prior, _ = memory(code, now, state._replace(points=points))
    torch.testing.assert_close(to_patch(prior.points, now), points, atol=1e-3, rtol=0)


@given(st.floats(-0.3, 0.3), st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
def test_the_motion_that_is_read_moves_all_points_together(shift, growth, turn):
    memory, motion = TemporalMemory(6, 2, 8, 64, 1.25), torch.zeros(1, 4 + 2 * 68)
    motion[0, :4] = 10 * torch.tensor([shift, 0, growth, turn])
    moved, middle = memory.moved(SHAPE, motion), SHAPE.mean(1, keepdim=True)
    x, y = (SHAPE - middle).unbind(-1)
    wanted = torch.stack([x + growth * x - turn * y, y + growth * y + turn * x], -1) + middle
    torch.testing.assert_close(moved, wanted + torch.tensor([64 * shift, 0]), atol=1e-3, rtol=1e-4)


def test_a_tracker_that_cuts_patches_elsewhere_expects_the_points_at_the_same_place_of_the_frame():
    model, batch = tiny().eval(), clip_of()
    place = similarity(2.0, 0.0, 100, 50).float().expand(2, 2, 3)
    with torch.no_grad():
        output = model.frame(batch.patches[:, 0], batch.crop, place=place)
    torch.testing.assert_close(output.state.points, to_patch(output.steps[-1].points, place))
