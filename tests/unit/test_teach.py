"""What students are told: the same or not, not attempted, wrong because, right; their predictions."""

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
def test_equal_results_are_exactly_the_same(value):
    words = same(value, value)
    assert words == "same: exactly" and repr(words) == words


@given(st.floats(1e-9, 9e-6))
def test_close_results_are_called_close_with_a_bound(gap):
    words = same(ONE.double() + gap, ONE.double())
    bound = float(words.split()[-1])
    assert words.startswith("same: close") and gap * 0.999 <= bound <= gap * 10.01


def test_close_is_relative_to_large_numbers():
    big = torch.full((3,), 1e6)
    assert "close" in same(big + 1, big)
    with pytest.raises(AssertionError, match="largest difference 1 "):
        same(big + 1, big, tolerance=1e-7)


@pytest.mark.parametrize(
    ("mine", "reference", "words"),
    [
        (ONE + torch.eye(2, 3), ONE, r"largest difference 1 at \(0, 0\): yours 1, the library's 0"),
        (ONE.T, ONE, r"shape \(3, 2\), the library's \(2, 3\); yours is its transpose"),
        (ONE[0], ONE, r"shape \(3,\)"),
        ((ONE,), (ONE, ONE), "2 results are due, yours gives 1"),
        (ONE.sum(), (ONE, ONE), "yours gives a Tensor"),
        ((ONE, ONE), (ONE, ONE + 1), r"\[1\]: largest difference"),
        ({"a": ONE}, {"b": ONE}, "must have the keys"),
        ({"a": ONE}, {"a": -ONE}, r"\['a'\]: largest difference 10"),
        (ONE, Result(ONE), "no field 'maps'"),
        (Result(ONE, "b"), Result(ONE), r"\.name: yours is 'b'"),
        ("text", ONE, "yours is a str"),
        (None, ONE, "not the same"),
        (torch.full((2, 3), torch.nan), ONE, "yours nan"),
        (1, True, "yours is 1, the library's True"),
    ],
)
def test_differences_are_named(mine, reference, words):
    with pytest.raises(AssertionError, match=words):
        same(mine, reference)


def test_nan_in_both_places_is_the_same():
    assert same(torch.tensor([np.nan, np.inf]), torch.tensor([np.nan, np.inf])) == "same: exactly"


def test_modules_are_compared_on_their_inputs():
    torch.manual_seed(0)
    mine, reference = nn.Linear(3, 2), nn.Linear(3, 2)
    with pytest.raises(AssertionError, match="largest difference"):
        same(mine, reference, ONE)
    take_weights(mine, reference)
    assert same(mine, reference, ONE) == "same: exactly"
    assert same(lambda a, b: a + b, torch.add, ONE, ONE) == "same: exactly"


class Mine(nn.Module):
    """Other names than the reference, the same order."""

    def __init__(self, width=4):
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, width, 3), nn.BatchNorm2d(width)

    def forward(self, x):
        return self.norm(self.first(x))


def test_weights_go_over_in_order_with_statistics():
    torch.manual_seed(0)
    reference = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    reference(torch.rand(2, 3, 8, 8))
    mine = Mine()
    take_weights(mine, reference)
    x = torch.rand(2, 3, 8, 8)
    assert same(mine.eval(), reference.eval(), x) == "same: exactly"
    mine.first.weight.data.zero_()
    assert (reference[0].weight != 0).any(), "a copy, not the same tensors"


def test_weights_that_do_not_fit_are_named():
    reference = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    mine = Mine(5)
    before = mine.first.weight.clone()
    with pytest.raises(AssertionError, match=r"'first.weight' is \(5, 3, 3, 3\), the library's '0.weight'"):
        take_weights(mine, reference)
    assert (mine.first.weight == before).all()
    with pytest.raises(AssertionError, match="yours has 7 tensors, the library's 2"):
        take_weights(Mine(), nn.Sequential(nn.Conv2d(3, 4, 3)))


def mean(values):
    return sum(values) / len(values)


INPUTS = [([1.0, 2.0, 6.0],), ([4.0],)]
MISTAKES = {"you took the middle value": lambda v: sorted(v)[len(v) // 2], "the sum is not divided": sum}


def stub(values): ...  # your code here


def half_a_stub(values):
    total = ...
    return total / len(values)


def says_so(values):
    raise NotImplementedError


@pytest.mark.parametrize("attempt", [stub, half_a_stub, says_so, lambda v: ..., lambda v: None, ...])
def test_a_stub_is_not_attempted(attempt):
    verdict = check(attempt, mean, INPUTS, MISTAKES)
    assert verdict.startswith("○ not attempted") and not verdict.attempted and not verdict.right


def test_right_and_wrong_because():
    assert check(mean, mean, INPUTS, MISTAKES) == "✓ right"
    assert check(lambda v: np.mean(v), mean, INPUTS).right
    middle = check(lambda v: sorted(v)[len(v) // 2], mean, INPUTS, MISTAKES)
    assert middle == "✗ wrong because you took the middle value" and middle.attempted and not middle.right
    assert check(sum, mean, INPUTS, MISTAKES) == "✗ wrong because the sum is not divided"


def test_other_errors_show_the_case_and_the_numbers():
    verdict = check(lambda v: 7.0, mean, INPUTS, MISTAKES)
    assert verdict == "✗ wrong for ([1.0, 2.0, 6.0]): largest difference 4: yours 7, the right one 3"
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
    assert "yours 5, the right one 4" in check((4, 5, 512), (4, 4, 512))
    assert not check("many", 24).right


def test_predictions_are_kept_and_shown_beside_the_result():
    options = ["step 1 to 2", "step 2 to 3"]
    asked = Prediction("Which gains more?", options)
    assert "a) step 1 to 2" in repr(asked) and "put your letter" in repr(asked)
    assert asked.beside("a") == "you made no prediction; it is a) step 1 to 2"
    kept = Prediction("Which gains more?", options, "b")
    assert "> b) step 2 to 3" in repr(kept)
    assert kept.beside("a", "0.9 % against 0.1 %").startswith("✗ you said b) step 2 to 3; it is a) step 1 to 2 (0.9 %")
    assert kept.beside("b").startswith("✓")
    for wrong in ("c", "", "A"):
        with pytest.raises(ValueError, match="choose one of a, b"):
            Prediction("Which?", options, wrong)
        with pytest.raises(ValueError, match="choose one of a, b"):
            kept.beside(wrong)
