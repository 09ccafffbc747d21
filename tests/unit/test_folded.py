"""The folded network computes what the network computes, and the tracker's steps stop where they change nothing."""

import numpy as np
import pytest
import torch
from test_golden import BOXES, TINY, image, tiny, tiny_input

from redn_lib.device import has_bfloat16
from redn_lib.encoder_decoder import Conv
from redn_lib.feedback import Step
from redn_lib.folded import fast, folded
from redn_lib.pretrained import load_pretrained
from redn_lib.response_maps import gaussian_maps
from redn_lib.tracking.align import align
from redn_lib.tracking.tracker import FOLLOWS, STANDS, enough


@pytest.mark.parametrize("steps", [1, 3])
def test_a_folded_network_gives_the_same_points(steps):
    net = tiny(TINY)
    same = folded(net)
    assert not any(isinstance(module, Conv) for module in same.modules())
    with torch.inference_mode():
        want, got = (model.clip(*tiny_input(), steps)[-1].steps[-1].points for model in (net, same))
    np.testing.assert_allclose(got, want, atol=1e-3)


def test_folding_leaves_the_network_as_it_was():
    net = tiny(TINY).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    folded(net)
    assert net.training and all(value.requires_grad for value in net.parameters())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_the_fast_network_gives_the_points_in_whatever_precision_the_processor_has():
    model, box = load_pretrained(device="cpu"), np.array(BOXES["astronaut"])
    quick = fast(model)
    precision = torch.bfloat16 if has_bfloat16(torch.device("cpu")) else torch.float32
    assert {value.dtype for value in quick.decoder.parameters()} == {precision}
    assert quick.memory.pool.weight.dtype == torch.float32
    want, got = (align(net, image("astronaut"), box).points for net in (model, quick))
    off = np.linalg.norm(got - want, axis=-1) / np.linalg.norm(want[36] - want[45])
    assert off.mean() < 0.002 and off.max() < 0.01


def step(shift: float, sigma: float = 2.0) -> Step:
    """A step over a crop that is half as fine as the patch; its points are moved by `shift` crop pixels."""
    points = torch.full((1, 68, 2), 60.0) + torch.tensor([shift, 0.0])
    maps = gaussian_maps(points, 32, 128, sigma)
    maps = maps / maps.sum((-2, -1), keepdim=True)
    crop = torch.tensor([[[2.0, 0.0, 5.0], [0.0, 2.0, 5.0]]])
    return Step(crop, torch.zeros(1, 3, 128, 128), maps, maps, maps, maps, 2 * points + 5, points)


def test_a_sure_step_that_moves_nothing_is_the_last():
    little, far = 0.9 * STANDS * 128, 1.1 * STANDS * 128
    before = step(0).points
    assert enough(before, [step(0), step(little)]) and enough(before, [step(-50), step(0), step(little)])
    assert not enough(before, [step(0), step(far)])
    assert not enough(before, [step(0), step(little, sigma=30.0)]), "unsure"


def test_the_first_step_of_a_frame_after_another_is_the_last_where_the_face_hardly_moved_or_is_not_seen():
    before = step(0).points
    assert enough(before, [step(0.9 * FOLLOWS * 128)])
    assert not enough(before, [step(1.1 * FOLLOWS * 128)])
    assert enough(before, [step(1.1 * FOLLOWS * 128, sigma=30.0)]), "unsure"


def test_a_loop_that_stops_early_gives_the_steps_so_far():
    model, box = load_pretrained(device="cpu"), np.array(BOXES["astronaut"])
    whole = align(model, image("astronaut"), box)
    part = align(model, image("astronaut"), box, enough=lambda before, done: len(done) == 2)
    np.testing.assert_array_equal(part.steps, whole.steps[:2])
    np.testing.assert_array_equal(part.points, whole.steps[1])
