"""Values of the losses, worked out by hand; and descending them moves the points to the truth."""

import itertools
import math

import pytest
import torch

from redn_lib.feedback import Step
from redn_lib.landmarks import MEAN_SHAPE
from redn_lib.losses import detection_loss, map_loss, motion_loss, regression_loss, spread_loss
from redn_lib.rednet import FrameOutput
from redn_lib.response_maps import decode, gaussian_maps, spatial_softmax
from redn_lib.temporal import Joined, Prior
from redn_lib.training.objective import spread_losses

TRUTH = torch.from_numpy(MEAN_SHAPE)[None].float() * 45 + 63.5
EYES = (TRUTH[0, 36] - TRUTH[0, 45]).norm().item()


def test_regression_loss_is_nme():
    moved = TRUTH + torch.tensor([3.0, 4.0])
    assert regression_loss(moved, TRUTH).item() == pytest.approx(5 / EYES, rel=1e-3)


def test_the_regression_loss_weighs_points():
    moved, weight = TRUTH.clone(), torch.ones(1, 68)
    moved[0, 3] += torch.tensor([3.0, 4.0])
    weight[0, 3] = 0.25
    one = (regression_loss(moved, TRUTH) - regression_loss(TRUTH, TRUTH)).item()
    assert one == pytest.approx(5 / 68 / EYES, rel=1e-3)
    weighted = (regression_loss(moved, TRUTH, weight) - regression_loss(TRUTH, TRUTH, weight)).item()
    assert weighted == pytest.approx(0.25 * one, rel=1e-3)


def test_map_losses_of_flat_maps_are_the_logarithm_of_the_number_of_classes():
    flat = torch.zeros(1, 69, 32, 32)
    assert map_loss(flat[:, 1:], TRUTH, 128, 4.0).item() == pytest.approx(math.log(32 * 32), rel=1e-4)
    assert detection_loss(flat, TRUTH, 128, 4.0).item() == pytest.approx(math.log(69), rel=1e-4)


def test_the_map_loss_weighs_points():
    logits, weight = torch.zeros(1, 68, 32, 32), torch.ones(1, 68)
    logits[0, 3] = gaussian_maps(TRUTH, 32, 128, 4.0)[0, 3] * 9
    weight[0, 3] = 0.0
    expected = 67 / 68 * math.log(32 * 32)
    assert map_loss(logits, TRUTH, 128, 4.0, weight).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("loss, maps", [(map_loss, 68), (detection_loss, 69)])
def test_map_losses_are_lower_at_the_truth_than_beside_it(loss, maps):
    logits = torch.zeros(1, maps, 32, 32)
    logits[:, maps - 68 :] = gaussian_maps(TRUTH, 32, 128, 4.0) * 6
    if maps == 69:
        logits[:, 0] = 2
    assert loss(logits, TRUTH, 128, 4.0) < loss(logits, TRUTH + 8, 128, 4.0)


def test_descending_the_losses_moves_maps_to_the_points():
    logits = torch.zeros(1, 68, 32, 32, requires_grad=True)
    optimiser = torch.optim.Adam([logits], 0.3)
    for _ in range(120):
        optimiser.zero_grad()
        points = decode(spatial_softmax(logits), 128)
        (regression_loss(points, TRUTH) + 0.1 * map_loss(logits, TRUTH, 128, 4.0)).backward()
        optimiser.step()
    assert (points - TRUTH).norm(dim=-1).max() < 1.0


def test_points_far_outside_the_crop_count_nothing_in_the_map_loss():
    assert map_loss(torch.randn(1, 68, 32, 32), TRUTH + 1000, 128, 4.0).item() == pytest.approx(0, abs=1e-6)


def test_the_spread_loss_is_minus_the_logarithm_of_a_cauchy_density():
    """Points 5 px away in a crop of 100 px, a twentieth of its side: 1.5 log(1 + 0.05^2 / spread^2) + 2 log spread."""
    truth = torch.tensor([[[10.0, 20.0], [30.0, 40.0]]])
    spread = torch.tensor([[0.05, 0.1]])
    away = spread_loss(truth + torch.tensor([3.0, 4.0]), spread.log(), truth, 100).item()
    expected = (1.5 * math.log(2) + 2 * math.log(0.05) + 1.5 * math.log(1.25) + 2 * math.log(0.1)) / 2
    assert away == pytest.approx(expected, rel=1e-5)
    assert spread_loss(truth, spread.log(), truth, 100).item() == pytest.approx(
        math.log(0.05) + math.log(0.1), rel=1e-5
    )


def test_the_spread_losses_compare_prior_maps_and_moved_prior_with_the_truth_in_their_crops():
    """Crop pixels of half a patch pixel; each in turn is a tenth of the crop off, where it says that it may be."""
    crop = torch.tensor([[[0.5, 0, 8], [0, 0.5, 4]]])
    places, spread = (TRUTH - torch.tensor([8.0, 4.0])) / 0.5, torch.full((1, 68), math.log(0.1))
    losses = []
    for far in itertools.product((0.0, 10.0), repeat=3):
        prior, own, expected = (places + torch.tensor([x, 0.0]) for x in far)
        joined = Joined(None, own, spread, expected, spread, None)
        frame = FrameOutput([Step(crop, *[None] * 5, TRUTH, None)], [], Prior(prior, spread, None), joined=[joined])
        losses.append(spread_losses([frame], [TRUTH], 100).item())
    wanted = [6 * math.log(0.1) + 1.5 * math.log(2) * sum(far) for far in itertools.product((0, 1), repeat=3)]
    assert losses == pytest.approx(wanted, rel=1e-4)


def test_the_motion_loss_forgives_a_constant_error_and_not_a_jump():
    truths = [TRUTH, TRUTH + 2, TRUTH + 4]
    constant = [truth + 9 for truth in truths]
    assert motion_loss(constant, truths).item() == pytest.approx(0, abs=1e-4)
    jumped = [*constant[:2], constant[2] + torch.tensor([3.0, 4.0])]
    assert motion_loss(jumped, truths).item() == pytest.approx(5 / EYES / 2, rel=1e-3)
