"""The feedback loop: what a step hands on to the next, where gradients stop, and the geometry of crops."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from redn_lib.feedback import (
    FAR,
    SQUARES,
    FeedbackForm,
    averaged,
    feedback_loop,
    resample_maps,
    take_crop,
    to_crop,
    to_patch,
    upright_crop,
)
from redn_lib.landmarks import MEAN_SHAPE, fit_similarity
from redn_lib.presets import COMPACT
from redn_lib.rednet import RedNet
from redn_lib.response_maps import decode, gaussian_maps

STRAIGHT = torch.tensor([[[1.0, 0, 48], [0, 1, 48]]])


def similarity(scale, turn, x, y):
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    return torch.tensor([[[c, -s, x], [s, c, y]]], dtype=torch.float32)


similarities = st.builds(similarity, st.floats(35, 95), st.floats(-3, 3), st.floats(-50, 200), st.floats(-50, 200))


@given(similarities)
def test_to_crop_undoes_to_patch(crop):
    points = torch.rand(1, 68, 2)
    torch.testing.assert_close(to_crop(to_patch(points, crop), crop), points, atol=1e-4, rtol=1e-4)


@given(similarities)
def test_the_upright_crop_shows_any_turned_mean_shape_upright_centred_and_at_its_size(pose):
    points = to_patch(torch.from_numpy(MEAN_SHAPE)[None], pose)
    upright = to_crop(points, upright_crop(points, STRAIGHT, 128, margin=1.25))
    wanted = torch.from_numpy(MEAN_SHAPE)[None] * (127 / 2 / 1.25) + 63.5
    torch.testing.assert_close(upright, wanted, atol=2e-2, rtol=1e-4)


def test_the_upright_crop_is_the_similarity_fit_of_landmarks():
    rng = np.random.default_rng(0)
    points = (MEAN_SHAPE * 50 + 110 + rng.normal(0, 4, (68, 2))).astype(np.float32)
    crop = upright_crop(torch.from_numpy(points)[None], STRAIGHT, 128, margin=1.25)[0].numpy()
    linear, translation = fit_similarity(MEAN_SHAPE, points)
    np.testing.assert_allclose(crop[:, :2], linear * 2 * 1.25 / 127, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(crop[:, :2] @ [63.5, 63.5] + crop[:, 2], translation, rtol=1e-4)


@settings(max_examples=25)
@given(st.floats(0.8, 1.3), st.floats(-0.5, 0.5), st.floats(-10, 10))
def test_maps_resampled_over_a_new_crop_keep_their_points(scale, turn, shift):
    old, new = STRAIGHT, similarity(scale, turn, 0, 0)
    new[..., 2] = 112 + shift - new[..., :2].sum(-1) * 64
    point = to_patch(torch.full((1, 1, 2), 64.0), new)
    maps = gaussian_maps(to_crop(point, old), 32, 128, sigma=8.0)
    moved = resample_maps(maps, old, new, 128)
    back = decode(moved / moved.sum((-2, -1), keepdim=True), 128)
    assert (back - 64).abs().max() < 1.0


def test_take_crop_reads_the_pixel_it_names_and_is_black_outside():
    patch = torch.zeros(1, 3, 100, 100)
    patch[0, 0, 30, 20] = 1
    crop = take_crop(patch, torch.tensor([[[1.0, 0, 15], [0, 1, 10]]]), 32)
    assert crop[0, 0, 20, 5] == pytest.approx(1, abs=1e-4) and crop.sum() == pytest.approx(1, abs=1e-3)
    assert take_crop(patch + 1, torch.tensor([[[1.0, 0, 500], [0, 1, 500]]]), 32).sum() == 0


@given(similarities)
def test_geometry_is_exact_where_training_computes_in_bfloat16(crop):
    patch, points = torch.rand(1, 3, 224, 224), torch.rand(1, 68, 2) * 128

    def geometry():
        placed = to_patch(points, crop)
        return take_crop(patch, crop, 64), placed, to_crop(placed, crop), upright_crop(placed, crop, 128, 1.25)

    exact = geometry()
    with torch.autocast("cpu", torch.bfloat16):
        rounded = geometry()
    for a, b in zip(exact, rounded, strict=True):
        torch.testing.assert_close(a, b, atol=0, rtol=0)


DRAWN = ("gaussians", "squares", "softmax", "nothing")
FORMS = [FeedbackForm(*form) for form in product(DRAWN, (True, False), (True, False))]
FACE = MEAN_SHAPE[None] * 40 + np.float32([118, 104])
"""The points that the first step of `run_toy` finds, in patch pixels; each later step finds them 3 pixels further."""


def run_toy(form: FeedbackForm, steps: int = 3):
    """(steps, the weight of each): the loop over a stand-in for the network whose maps show FACE."""
    weights = torch.ones(steps, requires_grad=True)
    crops = []

    def run_step(frame, z, k):
        crop = upright_crop(place(k - 1), crops[-1], 128, 1.25) if k and form.recrop else STRAIGHT
        crops.append(crop)
        maps = gaussian_maps(to_crop(place(k), crop), 32, 128, 4.0)
        scale = weights[k] + z.mean() + frame.mean()
        detection = torch.cat([torch.full((1, 1, 32, 32), 0.3), maps], 1) * scale
        return detection, (maps + 1e-9).log() * scale

    def place(k):
        return torch.from_numpy(FACE + np.float32([3 * k, 0]))

    patches = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 0.01
    return feedback_loop(run_step, patches, STRAIGHT, replace(COMPACT, form=form), steps), weights


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_no_gradient_passes_from_a_step_to_the_one_before(form):
    steps, weights = run_toy(form)
    assert steps[0].z.abs().sum() == 0
    assert (steps[2].z.abs().sum() > 0) == (form.draw != "nothing")
    assert torch.equal(steps[0].crop, steps[2].crop) != form.recrop
    last = steps[2]
    (last.points.sum() + last.detection.sum() + last.regression.sum()).backward()
    assert weights.grad[:2].abs().sum() == 0 and weights.grad[2] != 0


@pytest.mark.parametrize("recrop", [True, False])
@pytest.mark.parametrize("draw, near", [("gaussians", 0.2), ("softmax", 1.5), ("squares", 3.0)])
def test_z_shows_the_last_steps_points_in_the_new_crop(draw, near, recrop):
    steps, _ = run_toy(FeedbackForm(draw, recrop, average=False))
    for before, step in zip(steps, steps[1:], strict=False):
        if draw == "squares":
            labels = torch.arange(1, 69) / 68
            z = (step.z == labels.view(1, 68, 1, 1)).float()
        else:
            z = step.z
        drawn = to_patch(decode(z / z.sum((-2, -1), keepdim=True), 128), step.crop)
        error = (drawn - before.points)[drawn.isfinite().all(-1)].abs()
        assert error.median() < near and len(error) > 40


def test_gaussians_have_the_sigma_of_the_preset_and_squares_shrink():
    steps, _ = run_toy(FeedbackForm("gaussians"))
    wanted = gaussian_maps(to_crop(steps[1].points, steps[2].crop), 32, 128, 4.0)
    torch.testing.assert_close(steps[2].z, wanted)
    steps, _ = run_toy(FeedbackForm("squares", recrop=False, average=False), 5)
    sides = [(step.z == 1).sum().item() ** 0.5 for step in steps[1:]]  # the last label is drawn on top
    assert sides == [SQUARES[0], SQUARES[1], SQUARES[2], SQUARES[2]]


def test_change_z_replaces_what_is_fed_back():
    torch.manual_seed(0)
    model = RedNet.from_preset("compact").eval()
    patches = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        as_is = model(patches, STRAIGHT, 2)
        blank = model(patches, STRAIGHT, 2, change_z=lambda z, step: torch.zeros_like(z))
    assert torch.equal(as_is[0].points, blank[0].points) and not torch.equal(as_is[1].points, blank[1].points)
    assert blank[1].z.abs().sum() == 0


def test_points_that_are_no_face_do_not_collapse_the_crop():
    for points in (torch.full((1, 68, 2), 60.0), torch.from_numpy(MEAN_SHAPE)[None] * 5000):
        crop = upright_crop(points, STRAIGHT, 128, margin=1.25)
        assert torch.isfinite(crop).all() and 0.4 < crop[0, :, 0].norm() < 2.1


@pytest.mark.parametrize("form", [f for f in FORMS if not f.average], ids=str)
def test_a_loop_over_a_network_that_finds_the_face_gives_its_points(form):
    steps, _ = run_toy(form)
    for k, step in enumerate(steps):
        assert (step.points - torch.from_numpy(FACE + np.float32([3 * k, 0]))).abs().max() < 0.5


def test_predictions_that_agree_are_averaged_and_one_that_moves_far_counts_alone():
    before, points = torch.full((1, 68, 2), 60.0), torch.full((1, 68, 2), 60.0)
    points[..., 0] += 0.01
    for step in (1, 2):
        share = (averaged(points, before, step, 128) - before)[..., 0] / 0.01
        torch.testing.assert_close(share, torch.full((1, 68), 1 / (step + 1)), atol=0.01, rtol=0)
    points[..., 0] += FAR * 128
    torch.testing.assert_close(averaged(points, before, 2, 128), points)
