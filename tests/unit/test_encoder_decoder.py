"""Shapes, the remembered places, and the paper preset's size."""

import pytest
import torch
from torch.nn import functional as F

from redn_lib.encoder_decoder import StepNorm, unpool
from redn_lib.rednet import COMPACT, PAPER, RedNet


def test_unpool_puts_values_back_where_they_were_and_equals_torch():
    x = torch.rand(2, 3, 8, 8)
    pooled, where = F.max_pool2d(x, 2, return_indices=True)
    back = unpool(pooled, where)
    torch.testing.assert_close(back, F.max_unpool2d(pooled, where, 2))
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
    said = model(torch.rand(2, 3, 224, 224), crop, 2)
    assert said[0].detection.shape == (2, 69, 128, 128) and said[0].response_maps.shape == (2, 68, 64, 64)
    assert said[1].z.shape == (2, 1, 128, 128)
    said[-1].points.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize("name, most", [("compact", 2e6)])
def test_compact_is_small(name, most):
    assert sum(p.numel() for p in RedNet.from_preset(name).parameters()) < most
    assert COMPACT.maps == 32


def test_every_step_keeps_statistics_of_its_own():
    norm = StepNorm(2, steps=2).train()
    norm(torch.full((4, 2, 3, 3), 5.0), 0)
    norm(torch.full((4, 2, 3, 3), -5.0), 7)
    assert (norm.running_mean[0] > 0).all() and (norm.running_mean[1] < 0).all()


def test_an_unknown_preset_is_named():
    with pytest.raises(ValueError, match=r"'huge'.*compact"):
        RedNet.from_preset("huge")
