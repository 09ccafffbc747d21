"""Points to maps and back, and the paper's squares."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from redn_lib.response_maps import confidence, decode, draw_squares, gaussian_maps, label_centres, spatial_softmax

inside = st.floats(20, 107, width=32)


@given(inside, inside, st.sampled_from([16, 32, 64, 128]))
def test_a_drawn_point_comes_back_with_sub_pixel_accuracy(x, y, cells):
    point = torch.tensor([[[x, y]]])
    maps = gaussian_maps(point, cells, 128, sigma=max(4.0, 128 / cells))
    back = decode(maps / maps.sum((-2, -1), keepdim=True), 128)
    assert (back - point).abs().max() < 0.1


@given(st.integers(0, 31), st.integers(0, 31))
def test_a_single_hot_cell_decodes_to_its_centre(row, column):
    maps = torch.zeros(1, 1, 32, 32)
    maps[0, 0, row, column] = 1
    assert decode(maps, 128)[0, 0].tolist() == pytest.approx([4 * column + 1.5, 4 * row + 1.5])


def test_spatial_softmax_sums_to_one_and_confidence_counts_what_is_near():
    maps = spatial_softmax(torch.randn(2, 5, 8, 8))
    torch.testing.assert_close(maps.sum((-2, -1)), torch.ones(2, 5))
    sharp = torch.zeros(1, 1, 32, 32)
    sharp[0, 0, 10, 10], sharp[0, 0, 30, 30] = 0.75, 0.25
    at = torch.tensor([[[41.5, 41.5]]])
    assert confidence(sharp, at, 128).item() == pytest.approx(0.75)


@pytest.mark.parametrize("side", [7, 5, 3])
def test_squares_have_the_papers_sides_labels_and_places(side):
    points = torch.tensor([[[30.0, 40.0], [90.0, 100.0]]])
    z = draw_squares(points, torch.tensor([[True, True]]), side, 128)
    assert z.shape == (1, 1, 128, 128)
    assert (z == 0.5).sum() == side**2 and (z == 1.0).sum() == side**2
    assert (
        z[0, 0, 40, 30] == 0.5
        and z[0, 0, 40 + side // 2, 30 - side // 2] == 0.5
        and z[0, 0, 40 + side // 2 + 1, 30] == 0
    )


def test_a_landmark_without_a_pixel_is_not_found_and_not_drawn():
    maps = torch.zeros(1, 3, 16, 16)
    maps[0, 0] = 1.0
    maps[0, 1, 4, 8] = 2.0
    centres, found = label_centres(maps, 128)
    assert found.tolist() == [[True, False]]
    assert centres[0, 0].tolist() == pytest.approx([8.5 * 8 - 0.5, 4.5 * 8 - 0.5])
    assert set(draw_squares(centres, found, 3, 128).unique().tolist()) == {0.0, 0.5}


def test_no_gaussian_holds_a_number_on_which_processors_are_slow():
    maps = gaussian_maps(torch.tensor([[[10.3, 64.1], [-300.0, 5.0]]]), 32, 128, 4.0)
    assert ((maps == 0) | (maps > torch.finfo(torch.float32).tiny)).all()
    assert maps[0, 0].max() > 0.9 and (maps[0, 1] == 0).all()
