"""Mixed codes: what a network cannot use cannot carry the pose; the measure says so."""

import pytest
import torch
from unit.test_training import TINY

from redn_lib.experiments.mixes import blended, decoded, encode, mix_figures, way
from redn_lib.experiments.probes import probe_faces
from redn_lib.rednet import RedNet

PEOPLE, IMAGES = 3, 2


@pytest.fixture
def model():
    torch.manual_seed(5)
    net = RedNet(TINY).eval()
    torch.nn.init.normal_(net.regression.out.weight, std=2.0)  # untrained maps are flat; these have peaks
    return net


def silence(weight, inputs=slice(None)):
    with torch.no_grad():
        weight[:, inputs] = 0


def test_a_code_that_the_decoder_ignores_carries_nothing(model):
    silence(model.decoder.stages[0][0].conv.weight)
    figures = mix_figures(model, PEOPLE, IMAGES)
    for name in ("alone_id", "alone_pe", "alone_code", "left_id", "left_pe", "left_code"):
        assert figures[name] == pytest.approx(0, abs=1e-3), name
    assert figures["to_id_a"] == pytest.approx(figures["error"])
    assert figures["to_pe_b"] == pytest.approx(figures["error"], abs=1e-5)


def test_a_half_that_the_decoder_ignores_leaves_it_to_the_other(model):
    silence(model.decoder.stages[0][0].conv.weight, slice(0, model.preset.identity_channels))
    figures = mix_figures(model, PEOPLE, IMAGES)
    assert figures["alone_id"] == pytest.approx(0, abs=1e-3) and figures["third_id"] == pytest.approx(0, abs=1e-3)
    assert figures["third_pe"] == pytest.approx(100, abs=1e-3)
    assert figures["alone_pe"] == pytest.approx(figures["alone_code"], abs=1e-3)


def test_what_alone_is_used_carries_all(model):
    silence(model.regression.mix.conv.weight, slice(0, 69))  # f_REG without detection maps: features alone
    figures = mix_figures(model, PEOPLE, IMAGES)
    assert figures["alone_features"] == figures["left_features"] == pytest.approx(100)
    assert figures["alone_places"] == pytest.approx(0, abs=1e-3) and figures["alone_code"] == pytest.approx(0, abs=1e-3)


def test_two_people_are_too_few(model):
    with pytest.raises(ValueError, match="three people or more, got 2"):
        mix_figures(model, 2, 2)


def test_unmixed_it_is_the_models_own_step(model):
    faces = probe_faces(PEOPLE, IMAGES)
    parts = encode(model, faces)
    output = decoded(model, parts.code, parts.places, parts.features)
    assert output.maps.sum((-2, -1)).sub(1).abs().max() < 1e-4 and output.detection.sum(1).sub(1).abs().max() < 1e-4
    assert output.points.shape == (len(faces), 68, 2) and parts.frames.shape[-1] == TINY.size


def test_a_blend_takes_the_share_of_each_half():
    one, other = torch.zeros(1, 4, 2, 2), torch.ones(1, 4, 2, 2)
    mix = blended(one, other, 3, 0.25, 1.0)
    assert mix[0, :, 0, 0].tolist() == [0.25, 0.25, 0.25, 1.0] and (one == 0).all()


def test_the_way_is_zero_at_the_start_and_one_at_the_end():
    start, end = torch.tensor([[0.0, 0], [1, 1]]), torch.tensor([[2.0, 0], [1, 2]])
    assert [way(x, start, end) for x in (start, end, start.lerp(end, 0.25))] == [0, 1, 0.25]
    assert way(start + torch.tensor([[0.0, 5], [0, 0]]), start, end) == 0  # aside is no way
    assert way(end, start, start) == 0
