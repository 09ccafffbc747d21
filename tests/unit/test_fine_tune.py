"""Fine-tuning: a copy learns, what it was copied from and its batch norm stay."""

from dataclasses import replace

import numpy as np
import pytest
from made_steps import small

from redn_lib.data.synthetic import still_image
from redn_lib.metrics import nme
from redn_lib.pretrained import load_pretrained
from redn_lib.tracking.align import align
from redn_lib.training.fine_tune import TUNE, fine_tune


def test_it_learns_the_picture_and_the_given_network_stays():
    model, face = load_pretrained(device="cpu"), still_image(980_500_003)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    tuned = fine_tune(model, [face], replace(TUNE, iterations=8))
    assert all((model.state_dict()[name] == value).all() for name, value in before.items())
    errors = [nme(align(network, face.image, face.box).points, face.points) for network in (model, tuned)]
    assert errors[1] < 0.9 * errors[0]
    norms = [name for name in before if "running_" in name]
    assert norms and all((tuned.state_dict()[name] == before[name]).all() for name in norms)
    assert not tuned.training


def test_it_ends_with_its_batches():
    def first(batches):
        yield next(iter(batches))

    model, face = small(), still_image(1)
    one, two = (fine_tune(model, [face], replace(TUNE, iterations=4), show) for show in (first, iter))
    weights = [network.regression.out.weight.detach().numpy() for network in (model, one, two)]
    assert not np.allclose(weights[0], weights[1]) and not np.allclose(weights[1], weights[2])


def test_without_a_picture_the_remedy_is_named():
    with pytest.raises(ValueError, match="freeze one and correct its points"):
        fine_tune(small(), [])
