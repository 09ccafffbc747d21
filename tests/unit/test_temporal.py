"""f_tRNN: a fresh memory changes nothing, its state is its past, and the gradient passes ten frames."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from unit.test_training import FACES, TINY

from redn_lib.crop import Crop
from redn_lib.feedback import box_crop, to_crop, to_patch
from redn_lib.identity import split
from redn_lib.landmarks import tight_box
from redn_lib.rednet import RedNet
from redn_lib.response_maps import decode, gaussian_maps, spatial_softmax
from redn_lib.temporal import UNCERTAIN, Prior, TemporalMemory, crop_motion, prior_height, prior_logits
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


def test_a_fresh_memory_leaves_the_code_as_it_is():
    model, batch = tiny().eval(), clip_of()
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


PLACE = torch.tensor([[[20.0, 41.0]]])
"""Where the priors of these tests expect the one point, in pixels of a crop of 64."""


def prior_of(weight: float, height: float) -> Prior:
    return Prior(PLACE, torch.full((1, 1), weight), torch.full((1, 1), height))


def sharp(points: torch.Tensor) -> torch.Tensor:
    """Logits of maps that are sure of their points."""
    return (100 * gaussian_maps(points, 32, 64, 2.0)).clamp(max=12)


def test_the_logits_of_a_prior_are_those_of_its_formula():
    own, prior = sharp(PLACE), prior_of(3.0, 2.0)
    logits, height = prior_logits(prior, own, 64, 2.0), prior_height(prior, own, 64, 2.0).item() + 1e-3
    x, y = 2 * 12 + 0.5, 2 * 17 + 0.5  # the centre of cell (12, 17)
    penalty = 1.5 * np.log1p(3.0 * ((x - 20) ** 2 + (y - 41) ** 2) / 2.0**2)
    assert logits[0, 0, 17, 12].item() == pytest.approx(height * np.expm1(-penalty / height), rel=1e-4)


@pytest.mark.parametrize("height", [0.01, 0.06])
def test_the_height_of_a_prior_is_its_largest_bonus(height):
    flat = torch.zeros(1, 1, 32, 32)
    logits = prior_logits(prior_of(1.0, height), flat, 64, 2.0)
    largest = height * (1 / UNCERTAIN) ** 4
    assert 0.7 * largest < logits.max() - logits.min() < 1.01 * largest


def test_a_prior_counts_most_where_the_maps_are_uncertain_and_least_where_they_are_sure_of_another_place():
    uncertain, agreeing, elsewhere = torch.zeros(1, 1, 32, 32), sharp(PLACE), sharp(PLACE + 12)
    heights = [prior_height(prior_of(1.0, 2.0), own, 64, 2.0).item() for own in (uncertain, agreeing, elsewhere)]
    assert heights[0] > 20 and heights[1] == pytest.approx(2.0, rel=0.2) and heights[2] < 0.05


def test_a_narrow_prior_pulls_flat_maps_to_its_place_and_one_without_weight_does_not():
    flat = torch.zeros(1, 1, 32, 32)
    for weight, wanted, near in ((50.0, PLACE, 0.6), (0.0, torch.full((1, 1, 2), 31.5), 1e-3)):
        found = decode(spatial_softmax(prior_logits(prior_of(weight, 100.0), flat, 64, 2.0)), 64)
        assert (found - wanted).abs().max() < near


@pytest.mark.parametrize("sure, jumped", [(1.0, True), (0.03, False)], ids=["in plain sight", "occluded"])
def test_a_point_in_plain_sight_outweighs_the_prior_and_an_occluded_one_does_not(sure, jumped):
    shown = torch.tensor([[[34.0, 30.0]]])
    own, prior = sure * sharp(shown), prior_of(4.0, 5.0)
    found = decode(spatial_softmax(own + prior_logits(prior, own, 64, 2.0)), 64)
    assert (found - (shown if jumped else PLACE)).norm() < 2


def test_a_face_that_hardly_moves_is_steadied():
    shown = 12 + 40 * torch.rand(1, 5, 2, generator=torch.Generator().manual_seed(0))
    for distance, steadied in ((0.5, True), (8.0, False)):
        prior, own = Prior(shown + distance, torch.full((1, 5), 2.0), torch.full((1, 5), 3.0)), sharp(shown)
        before, after = (decode(spatial_softmax(x), 64) for x in (own, own + prior_logits(prior, own, 64, 2.0)))
        moved = (after - before).mean() / distance
        assert moved > 0.2 if steadied else moved < 0.05


def test_the_memory_gets_c_pe_alone_and_c_id_by_passes_it():
    model = tiny()
    torch.nn.init.normal_(model.memory.unpool.weight)
    channels = PRESET.identity_channels
    code, crop = torch.rand(1, 2 * channels, PRESET.cells, PRESET.cells), torch.eye(2, 3)[None]
    other = code.clone()
    other[:, :channels] += 1
    out, _, state = model.remembered(code, crop, None)
    out_other, _, state_other = model.remembered(other, crop, None)
    assert torch.equal(state.hidden, state_other.hidden)
    assert torch.equal(split(out, channels)[0], split(code, channels)[0])
    assert torch.equal(split(out, channels)[1], split(out_other, channels)[1])
    assert not torch.equal(split(out, channels)[1], split(code, channels)[1])


def test_the_prior_is_added_to_the_maps_of_every_step_at_its_place_in_the_frame():
    model, batch = tiny().eval(), clip_of()
    torch.nn.init.normal_(model.memory.prior.weight)
    with torch.no_grad():
        first = model.frame(batch.patches[:, 0], batch.crop)
        output = model.frame(batch.patches[:, 1], batch.crop, first.state, 3)
    assert torch.allclose(to_patch(output.prior.points, batch.crop), first.state.points, atol=1e-3)
    for step in output.steps:
        moved = output.prior._replace(points=to_crop(first.state.points, step.crop))
        wanted = spatial_softmax(step.regression + prior_logits(moved, step.regression, PRESET.size, PRESET.sigma))
        torch.testing.assert_close(step.response_maps, wanted, atol=1e-4, rtol=1e-3)


def test_the_next_crop_is_the_trackers():
    points = torch.from_numpy(FACES[0].points)[None]
    crop = box_crop(points, torch.tensor([[[3.0, 0, 0], [0, 3, 0]]]), 64, 1.5)
    wanted = Crop.around(tight_box(FACES[0].points), margin=1.5, size=64).matrix
    np.testing.assert_allclose(crop[0].numpy(), wanted, rtol=1e-5, atol=1e-4)


def test_the_gradient_of_the_last_frame_reaches_the_first_through_the_memory():
    model, batch = tiny(), clip_of()
    torch.nn.init.normal_(model.memory.unpool.weight, std=0.3)
    patches = batch.patches.clone().requires_grad_()
    model.clip(patches, batch.crop, 2)[-1].steps[-2].points.sum().backward()
    assert patches.grad[:, 0].abs().sum() > 0 and model.encoder.stages[0][0].conv.weight.grad.abs().sum() > 0
    patches.grad = None
    model.clip(patches, batch.crop, 2, temporal=False)[-1].steps[-2].points.sum().backward()
    assert patches.grad[:, 0].abs().sum() == 0, "without a memory nothing is carried"


def test_training_on_clips_moves_the_memory_and_leaves_the_statistics():
    model = tiny()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    Trainer(model, STAGE, ClipBatches(FACES, STAGE, PRESET)).run()
    after = model.state_dict()
    assert all(torch.equal(after[n], before[n]) for n in after if "running" in n)
    assert all(not torch.equal(after[n], before[n]) for n in after if n.startswith("memory.lstm"))


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


def test_a_memory_has_the_shapes_of_its_code():
    memory = TemporalMemory(6, 2, 8, 64, 1.25)
    code, crop = torch.rand(3, 6, 2, 2), torch.eye(2, 3).expand(3, 2, 3)
    remembered, prior, state = memory(code, crop, None)
    assert torch.equal(remembered, code) and prior.points.shape == (3, 68, 2) and prior.weight.shape == (3, 68)
    assert state.hidden.shape == (3, 8) and prior.weight.max() < 0.05


def test_points_are_expected_where_they_were_though_the_crop_moved():
    memory = TemporalMemory(6, 2, 8, 64, 1.25)
    torch.nn.init.normal_(memory.prior.weight)
    before, now = similarity(1.0, 0.0, 3, 5).float(), similarity(1.3, 0.2, -4, 7).float()
    code, points = torch.rand(1, 6, 2, 2), 64 * torch.rand(1, 68, 2)
    _, _, state = memory(code, before, None)
    _, prior, _ = memory(code, now, state._replace(points=points))
    torch.testing.assert_close(to_patch(prior.points, now), points, atol=1e-3, rtol=0)


def test_a_tracker_that_cuts_patches_elsewhere_expects_the_points_at_the_same_place_of_the_frame():
    model, batch = tiny().eval(), clip_of()
    place = similarity(2.0, 0.0, 100, 50).float().expand(2, 2, 3)
    with torch.no_grad():
        output = model.frame(batch.patches[:, 0], batch.crop, place=place)
    torch.testing.assert_close(output.state.points, to_patch(output.steps[-1].points, place))
