"""Each loss is lowest at the truth, and pushes the points toward it."""

import pytest
import torch

from redn_lib.landmarks import MEAN_SHAPE
from redn_lib.losses import detection_loss, map_loss, regression_loss
from redn_lib.response_maps import decode, gaussian_maps, spatial_softmax

TRUTH = torch.from_numpy(MEAN_SHAPE)[None] * 45 + 63.5


def test_regression_loss_is_nme():
    eyes = (TRUTH[0, 36] - TRUTH[0, 45]).norm()
    moved = TRUTH + torch.tensor([3.0, 4.0])
    assert regression_loss(moved, TRUTH).item() == pytest.approx(5 / eyes.item(), rel=1e-3)


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


def test_points_far_outside_the_view_leave_the_map_loss_finite():
    assert torch.isfinite(map_loss(torch.zeros(1, 68, 32, 32), TRUTH + 1000, 128, 4.0))
