"""Encoder and decoder: shapes, remembered places, statistics of each step, and the size of the presets."""

import pytest
import torch
from torch.nn import functional as F

from redn_lib.encoder_decoder import StepNorm, unpool
from redn_lib.presets import COMPACT, PAPER
from redn_lib.rednet import RedNet


def test_unpool_puts_values_back_where_they_were_and_equals_torch():
    x = torch.rand(2, 3, 8, 8)
    pooled, indices = F.max_pool2d(x, 2, return_indices=True)
    back = unpool(pooled, indices)
    torch.testing.assert_close(back, F.max_unpool2d(pooled, indices, 2))
    assert (back[back > 0] == x[back > 0]).all() and (back > 0).sum() == pooled.numel()


def test_the_paper_preset_has_vgg_16s_encoder():
    encoder = RedNet(PAPER).encoder
    convs = [m for m in encoder.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [c.out_channels for c in convs] == [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    n = sum(p.numel() for p in encoder.parameters())
    assert 14.65e6 < n < 14.85e6
    assert convs[0].in_channels == 4


def test_the_paper_preset_runs_a_training_step_with_its_shapes():
    torch.manual_seed(0)
    model = RedNet(PAPER).train()
    frame, z = torch.rand(2, 3, 128, 128), torch.zeros(2, 1, 128, 128)
    code, features, indices = model.encoder(frame, z, 0)
    assert code.shape == (2, 512, 4, 4) and [f.shape[-1] for f in features] == [128, 64, 32, 16, 8]
    crop = torch.tensor([[1.0, 0, 40], [0, 1, 40]]).expand(2, 2, 3)
    steps = model(torch.rand(2, 3, 224, 224), crop, 2)
    assert steps[0].detection.shape == (2, 69, 128, 128) and steps[0].response_maps.shape == (2, 68, 64, 64)
    assert steps[1].z.shape == (2, 1, 128, 128)
    steps[-1].points.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_compact_is_small():
    assert sum(p.numel() for p in RedNet.from_preset("compact").parameters()) < 2e6
    assert COMPACT.maps == 32


def test_every_step_has_statistics_of_its_own_in_training_and_after():
    norm = StepNorm(2, steps=2).train()
    norm(torch.full((4, 2, 3, 3), 5.0), 0)
    norm(torch.full((4, 2, 3, 3), -5.0), 7)  # a step beyond the last one with statistics counts as the last
    torch.testing.assert_close(norm.running_mean, torch.tensor([[0.5, 0.5], [-0.5, -0.5]]))
    x = torch.zeros(1, 2, 1, 1)
    first, second, third = (norm.eval()(x, step).mean().item() for step in range(3))
    assert first < 0 < second == third


def test_the_encoder_gets_the_image_centred_and_a_frame_starts_as_one_step():
    torch.manual_seed(0)
    model, given = RedNet.from_preset("compact").eval(), []
    model.encoder.register_forward_pre_hook(lambda _, args: given.append(args[0]))
    patches, crop = torch.rand(1, 3, 224, 224), torch.tensor([[[1.0, 0, 48], [0, 1, 48]]])
    with torch.inference_mode():
        step = model(patches, crop, 1)[0]
        detection, regression = model.one_step(step.frame, step.z, 0)
    torch.testing.assert_close(given[0], step.frame - 0.5)
    assert torch.equal(detection, step.detection) and torch.equal(regression, step.regression)


def test_an_unknown_preset_is_named():
    with pytest.raises(ValueError, match=r"'huge'.*compact"):
        RedNet.from_preset("huge")
