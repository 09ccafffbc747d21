"""The loop: what it hands on, what it cuts, and its geometry."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from redn_lib.feedback import (
    FAR,
    FeedbackForm,
    averaged,
    feedback_loop,
    resample_maps,
    take_crop,
    to_crop,
    to_patch,
    upright_crop,
)
from redn_lib.landmarks import MEAN_SHAPE
from redn_lib.rednet import COMPACT, RedNet
from redn_lib.response_maps import decode, gaussian_maps

STRAIGHT = torch.tensor([[[1.0, 0, 48], [0, 1, 48]]])


def similarity(scale, turn, x, y):
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    return torch.tensor([[[c, -s, x], [s, c, y]]], dtype=torch.float32)


similarities = st.builds(similarity, st.floats(35, 95), st.floats(-3, 3), st.floats(-50, 200), st.floats(-50, 200))


@given(similarities)
def test_to_view_undoes_to_patch(crop):
    points = torch.rand(1, 68, 2)
    torch.testing.assert_close(to_crop(to_patch(points, crop), crop), points, atol=1e-4, rtol=1e-4)


@given(similarities)
def test_the_upright_view_shows_any_turned_mean_shape_upright_centred_and_at_its_size(pose):
    points = to_patch(torch.from_numpy(MEAN_SHAPE)[None], pose)
    seen = to_crop(points, upright_crop(points, STRAIGHT, 128, margin=1.25))
    wanted = torch.from_numpy(MEAN_SHAPE)[None] * (127 / 2 / 1.25) + 63.5
    torch.testing.assert_close(seen, wanted, atol=2e-2, rtol=1e-4)


@settings(max_examples=25)
@given(st.floats(0.8, 1.3), st.floats(-0.5, 0.5), st.floats(-10, 10))
def test_maps_taken_into_a_new_view_keep_their_points(scale, turn, shift):
    old, new = STRAIGHT, similarity(scale, turn, 0, 0)
    new[..., 2] = 112 + shift - new[..., :2].sum(-1) * 64
    point = to_patch(torch.full((1, 1, 2), 64.0), new)
    maps = gaussian_maps(to_crop(point, old), 32, 128, sigma=8.0)
    moved = resample_maps(maps, old, new, 128)
    back = decode(moved / moved.sum((-2, -1), keepdim=True), 128)
    assert (back - 64).abs().max() < 1.0


def test_take_view_reads_the_pixel_it_names_and_is_black_outside():
    patch = torch.zeros(1, 3, 100, 100)
    patch[0, 0, 30, 20] = 1
    crop = take_crop(patch, torch.tensor([[[1.0, 0, 15], [0, 1, 10]]]), 32)
    assert crop[0, 0, 20, 5] == pytest.approx(1, abs=1e-4) and crop.sum() == pytest.approx(1, abs=1e-3)
    assert take_crop(patch + 1, torch.tensor([[[1.0, 0, 500], [0, 1, 500]]]), 32).sum() == 0


@given(similarities)
def test_geometry_is_exact_where_training_computes_in_bfloat16(crop):
    patch, points = torch.rand(1, 3, 224, 224), torch.rand(1, 68, 2) * 128

    def geometry():
        seen = to_patch(points, crop)
        return take_crop(patch, crop, 64), seen, to_crop(seen, crop), upright_crop(seen, crop, 128, 1.25)

    exact = geometry()
    with torch.autocast("cpu", torch.bfloat16):
        rounded = geometry()
    for a, b in zip(exact, rounded, strict=True):
        torch.testing.assert_close(a, b, atol=0, rtol=0)


@pytest.mark.parametrize("draw", ["gaussians", "squares", "softmax", "nothing"])
@pytest.mark.parametrize("recrop", [True, False])
def test_every_form_of_feedback_runs_with_the_same_weights_and_cuts_the_gradient(draw, recrop):
    torch.manual_seed(0)
    model = RedNet(replace(COMPACT, form=FeedbackForm(draw, recrop))).train()
    patches = torch.rand(2, 3, 224, 224)
    said = model(patches, STRAIGHT.expand(2, 2, 3), 3)
    assert len(said) == 3 and said[0].z.abs().sum() == 0
    assert (said[1].z.abs().sum() > 0) == (draw != "nothing") or draw == "squares"
    assert torch.equal(said[0].crop, said[1].crop) != recrop
    assert not said[1].z.requires_grad and not said[1].crop.requires_grad


def test_change_z_replaces_what_is_fed_back():
    torch.manual_seed(0)
    model = RedNet.from_preset("compact").eval()
    patches = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        as_is = model(patches, STRAIGHT, 2)
        blank = model(patches, STRAIGHT, 2, change_z=lambda z, step: torch.zeros_like(z))
    assert torch.equal(as_is[0].points, blank[0].points) and not torch.equal(as_is[1].points, blank[1].points)
    assert blank[1].z.abs().sum() == 0


def test_points_that_are_no_face_do_not_collapse_the_view():
    for points in (torch.full((1, 68, 2), 60.0), torch.from_numpy(MEAN_SHAPE)[None] * 5000):
        crop = upright_crop(points, STRAIGHT, 128, margin=1.25)
        assert torch.isfinite(crop).all() and 0.4 < crop[0, :, 0].norm() < 2.1


def test_a_loop_over_a_look_that_knows_the_answer_converges_in_the_patch():
    truth = to_patch(torch.from_numpy(MEAN_SHAPE)[None], similarity(40.0, 0.4, 120, 110))
    crops = []

    def look(frame, z, step):
        crop = crops[-1] if crops else STRAIGHT
        maps = gaussian_maps(to_crop(truth, crop), 32, 128, 4.0)
        crops.append(upright_crop(truth, STRAIGHT, 128, 1.25))
        return torch.zeros(1, 69, 32, 32), (maps + 1e-9).log()

    said = feedback_loop(
        look,
        torch.zeros(1, 3, 224, 224),
        STRAIGHT,
        form=FeedbackForm(),
        steps=2,
        size=128,
        margin=1.25,
        sigma=4.0,
        maps=32,
    )
    assert (said[-1].points - truth).abs().max() < 0.5


def test_answers_that_agree_are_averaged_and_one_that_moves_far_counts_alone():
    before, said = torch.full((1, 68, 2), 60.0), torch.full((1, 68, 2), 60.0)
    said[..., 0] += 0.01
    for step in (1, 2):
        share = (averaged(said, before, step, 128) - before)[..., 0] / 0.01
        torch.testing.assert_close(share, torch.full((1, 68), 1 / (step + 1)), atol=0.01, rtol=0)
    said[..., 0] += FAR * 128
    torch.testing.assert_close(averaged(said, before, 2, 128), said)
