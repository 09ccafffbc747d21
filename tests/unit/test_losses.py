"""Values of the losses, worked out by hand; and descending them moves the points to the truth."""

import math

import pytest
import torch

from redn_lib.feedback import Step
from redn_lib.landmarks import MEAN_SHAPE
from redn_lib.losses import detection_loss, map_loss, motion_loss, prior_loss, regression_loss
from redn_lib.rednet import FrameOutput
from redn_lib.response_maps import decode, gaussian_maps, spatial_softmax
from redn_lib.temporal import Prior
from redn_lib.training.objective import expectation_loss

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


def test_the_prior_loss_is_minus_the_logarithm_of_a_cauchy_density():
    """A prior 5 px away with sigma 5 px: 1.5 log(1 + w) - log w; at the truth: - log w."""
    truth = torch.tensor([[[10.0, 20.0], [30.0, 40.0]]])
    weight = torch.tensor([[4.0, 0.5]])
    away = prior_loss(truth + torch.tensor([3.0, 4.0]), weight, truth, 5.0).item()
    expected = (1.5 * math.log(5) - math.log(4) + 1.5 * math.log(1.5) - math.log(0.5)) / 2
    assert away == pytest.approx(expected, rel=1e-5)
    assert prior_loss(truth, weight, truth, 5.0).item() == pytest.approx(-math.log(2) / 2, rel=1e-5)


def output(crop: torch.Tensor, points: torch.Tensor, prior: Prior | None = None) -> FrameOutput:
    """Of a frame whose last step has these points, (1, 68, 2) in patch pixels."""
    return FrameOutput([Step(crop, *[None] * 5, points, None)], [], prior)


def test_the_expectation_loss_compares_the_prior_with_the_truth_in_the_first_crop_of_each_frame():
    """Crop pixels of half a patch pixel: a prior at the truth, and one 10 crop pixels = 2 sigma away."""
    crop = torch.tensor([[[0.5, 0, 8], [0, 0.5, 4]]])
    places = (TRUTH - torch.tensor([8.0, 4.0])) / 0.5
    weight = torch.full((1, 68), 3.0)
    priors = [Prior(places + torch.tensor([far, 0.0]), weight, weight) for far in (0.0, 10.0)]
    loss = expectation_loss([output(crop, TRUTH, prior) for prior in priors], [TRUTH, TRUTH], 5.0)
    expected = (-math.log(3) + 1.5 * math.log(1 + 3 * 4) - math.log(3)) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_the_motion_loss_forgives_a_constant_error_and_not_a_jump():
    truths = [TRUTH, TRUTH + 2, TRUTH + 4]
    constant = [truth + 9 for truth in truths]
    assert motion_loss(constant, truths).item() == pytest.approx(0, abs=1e-4)
    jumped = [*constant[:2], constant[2] + torch.tensor([3.0, 4.0])]
    assert motion_loss(jumped, truths).item() == pytest.approx(5 / EYES / 2, rel=1e-3)
