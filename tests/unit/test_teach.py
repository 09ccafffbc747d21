"""Two results compared: the same within a tolerance, or where and how far they differ."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from redn_lib.teach.same import same, take_weights


class Pair(NamedTuple):
    maps: torch.Tensor
    points: torch.Tensor


@dataclass
class Result:
    maps: torch.Tensor
    name: str = "a"


ONE = torch.arange(6.0).view(2, 3)


@pytest.mark.parametrize(
    "value", [ONE, ONE.numpy(), 3.5, (ONE, 2), {"a": [ONE]}, Pair(ONE, ONE), Result(ONE), [], torch.zeros(0), True, "x"]
)
def test_equal_results_are_the_same(value):
    words = same(value, value, tolerance=0)
    assert words == "same: exactly" and repr(words) == words


@given(st.floats(1e-9, 4e-5))
def test_results_within_the_tolerance_are_the_same_and_the_words_do_not_depend_on_the_processor(gap):
    assert same(ONE.double() + gap, ONE.double()) == "same: within 1e-05"  # the largest number is 5
    with pytest.raises(AssertionError, match="largest difference"):
        same(ONE.double() + gap, ONE.double(), tolerance=0)


def test_the_tolerance_is_relative_to_large_numbers_but_not_to_counts():
    big = torch.full((3,), 1e6)
    assert same(big + 1, big)
    with pytest.raises(AssertionError, match="largest difference 1 "):
        same(big + 1, big, tolerance=1e-7)
    with pytest.raises(AssertionError, match="yours 1e\\+06, expected 1e\\+06"):
        same(1_000_001, 1_000_000)


@pytest.mark.parametrize(
    ("mine", "reference", "words"),
    [
        (ONE + torch.eye(2, 3), ONE, r"largest difference 1 at \(0, 0\): yours 1, expected 0"),
        (ONE.T, ONE, r"shape \(3, 2\), expected \(2, 3\); yours is its transpose"),
        (ONE[0], ONE, r"shape \(3,\)"),
        ((ONE,), (ONE, ONE), r"the result has \[0\], \[1\], yours \[0\]"),
        (ONE.sum(), (ONE, ONE), "yours a Tensor"),
        ((ONE, ONE), (ONE, ONE + 1), r"\[1\]: largest difference"),
        ({"a": ONE}, {"b": ONE}, r"has \['b'\], yours \['a'\]"),
        ({"a": ONE}, {"a": -ONE}, r"\['a'\]: largest difference 10"),
        (ONE, Result(ONE), r"has .maps, .name, yours \[0\], \[1\]"),
        (Result(ONE, "b"), Result(ONE), r"\.name: yours is 'b'"),
        ("text", ONE, "yours is a str"),
        (None, ONE, "not the same"),
        (torch.full((2, 3), torch.nan), ONE, "yours nan"),
        (1, True, "yours is 1, expected True"),
        ("0.5", 0.5, "yours is a str, expected a float"),
    ],
)
def test_differences_are_named(mine, reference, words):
    with pytest.raises(AssertionError, match=words):
        same(mine, reference)


@pytest.mark.parametrize("mine", [[ONE[0], ONE[1]], ONE.tolist(), (ONE.numpy()[0], ONE[1]), [list(ONE[0]), ONE[1]]])
def test_lists_of_tensors_and_arrays_are_arrays(mine):
    assert same(mine, ONE, tolerance=0) and same(mine, ONE.numpy(), tolerance=0)


def test_one_number_in_an_array_is_a_number():
    assert same(np.array([[0.5]]), 0.5) and same(torch.tensor([2]), 2)


def test_nan_in_both_places_is_the_same():
    assert same(torch.tensor([np.nan, np.inf]), torch.tensor([np.nan, np.inf]), tolerance=0)


class Mine(nn.Module):
    """Other names than the reference, the same order."""

    def __init__(self, width=4):
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, width, 3), nn.BatchNorm2d(width)

    def forward(self, x):
        return self.norm(self.first(x))


def test_weights_are_copied_in_order_with_statistics_and_modules_compared_on_inputs():
    torch.manual_seed(0)
    reference, mine, x = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), Mine(), torch.rand(2, 3, 8, 8)
    reference(x)
    with pytest.raises(AssertionError, match="largest difference"):
        same(mine.eval(), reference.eval(), x)
    take_weights(mine, reference)
    assert same(mine, reference, x, tolerance=0)
    mine.first.weight.data.zero_()
    assert (reference[0].weight != 0).any(), "a copy, not the same tensors"


def test_weights_that_do_not_fit_are_named():
    reference, mine = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), Mine(5)
    before = mine.first.weight.clone()
    with pytest.raises(RuntimeError, match=r"first.weight.*\[4, 3, 3, 3\].*\[5, 3, 3, 3\]"):
        take_weights(mine, reference)
    assert (mine.first.weight == before).all()
    with pytest.raises(AssertionError, match="yours has 7 tensors, the library's 2"):
        take_weights(Mine(), nn.Sequential(nn.Conv2d(3, 4, 3)))
