"""Exercises and comparisons: the same or not, not attempted, wrong because, right; predictions."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from redn_lib.teach.check import check
from redn_lib.teach.predict import Prediction
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
    ],
)
def test_differences_are_named(mine, reference, words):
    with pytest.raises(AssertionError, match=words):
        same(mine, reference)


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


def mean(values):
    return sum(values) / len(values)


INPUTS = [([1.0, 2.0, 6.0],), ([4.0],)]
MISTAKES = {"you took the middle value": lambda v: sorted(v)[len(v) // 2], "the sum is not divided": sum}


def stub(values):
    """What it should do."""
    ...


def half_a_stub(values):
    total = ...
    return total / len(values)


def unwritten(values):
    raise NotImplementedError


@pytest.mark.parametrize("attempt", [stub, half_a_stub, unwritten, lambda v: ..., lambda v: None, ...])
def test_a_stub_is_not_attempted(attempt):
    verdict = check(attempt, mean, INPUTS, MISTAKES)
    assert verdict.startswith("○ not attempted") and not verdict.attempted and not verdict.right


def test_a_forgotten_return_is_named():
    def no_return(values):
        sum(values) / len(values)

    verdict = check(no_return, mean, INPUTS, MISTAKES)
    assert "is the `return` missing?" in verdict and verdict.attempted


def test_right_and_wrong_because():
    assert check(mean, mean, INPUTS, MISTAKES) == "✓ right"
    assert check(lambda v: np.mean(v), mean, INPUTS).right
    middle = check(lambda v: sorted(v)[len(v) // 2], mean, INPUTS, MISTAKES)
    assert middle == "✗ wrong because you took the middle value" and middle.attempted and not middle.right
    assert check(sum, mean, INPUTS, MISTAKES) == "✗ wrong because the sum is not divided"


@pytest.mark.parametrize("values", [torch.ones(3), np.ones(3), [1.0, 1.0, 1.0]])
def test_an_attempt_that_changes_its_input_changes_nobody_elses(values):
    def doubled_in_place(v):
        for i in range(len(v)):
            v[i] = 2 * v[i]
        return v

    inputs, doubled = [(values,)], lambda v: [2 * x for x in v]
    assert check(doubled_in_place, doubled, inputs, {"it is unchanged": lambda v: v}).right
    assert not check(doubled_in_place, lambda v: v, inputs).right
    assert values[0] == 1


def test_other_errors_show_the_case_and_the_numbers():
    verdict = check(lambda v: 7.0, mean, INPUTS, MISTAKES)
    assert verdict == "✗ wrong for ([1.0, 2.0, 6.0]): largest difference 4: yours 7, expected 3"
    verdict = check(lambda v: 3.0, mean, INPUTS)
    assert "([4.0])" in verdict, "the first case is right, the second not"
    assert "ZeroDivisionError" in check(lambda v: 1 / 0, mean, INPUTS)
    long = check(lambda v: v * 0, lambda v: v, [(torch.ones(50),)])
    assert long.startswith("✗ wrong: largest difference 1")


def test_values_are_judged_too():
    wrong = {"you counted the biases": 30, "you forgot a layer": 12}
    assert check(..., 24, mistakes=wrong).attempted is False
    assert check(24, 24, mistakes=wrong).right
    assert check(30, 24, mistakes=wrong) == "✗ wrong because you counted the biases"
    assert check((4, 4, 512), (4, 4, 512)).right
    assert "yours 5, expected 4" in check((4, 5, 512), (4, 4, 512))
    assert not check("many", 24).right


def test_predictions_are_kept_and_shown_beside_the_result():
    options = ["step 1 to 2", "step 2 to 3"]
    asked = Prediction("Which gains more?", options)
    assert "a) step 1 to 2" in repr(asked) and "put your letter" in repr(asked)
    assert asked.beside("a") == "you made no prediction; the result is a) step 1 to 2"
    kept = Prediction("Which gains more?", options, "b")
    assert "> b) step 2 to 3" in repr(kept)
    words = "✗ you predicted b) step 2 to 3; the result is a) step 1 to 2 (0.9 %"
    assert kept.beside("a", "0.9 % against 0.1 %").startswith(words)
    assert kept.beside("b").startswith("✓")
    for wrong in ("c", "", "A"):
        with pytest.raises(ValueError, match="choose one of a, b"):
            Prediction("Which?", options, wrong)
        with pytest.raises(ValueError, match="choose one of a, b"):
            kept.beside(wrong)
