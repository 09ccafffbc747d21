"""Statistics of the experiments: spread over seeds, contrasts with intervals, and their tables."""

import numpy as np
import pandas as pd
import pytest

from redn_lib.evaluation.tables import load, read_table, write_table
from redn_lib.experiments.questions import QUESTIONS
from redn_lib.experiments.statistics import by_variant, differences, effects, factorial, interval, pairwise, shown

HEAD = {"command": "redn experiment toy", "about": "a toy; two seeds"}


def grid(effect) -> pd.DataFrame:
    """Results of the eight cells of parts a, b and c over three seeds: `effect(cell, seed)` is what is measured."""
    cells = [[p for p, on in zip("abc", f"{n:03b}", strict=True) if on == "1"] for n in range(8)]
    rows = [
        {"variant": " + ".join(cell) or "none", "seed": seed, "nme": effect(cell, seed), "minutes": 1.0}
        for seed in range(3)
        for cell in cells
    ]
    return pd.DataFrame(rows)


def toy(**variants: float) -> pd.DataFrame:
    """Two seeds of each variant: its number, and one more."""
    rows = [{"variant": v, "seed": s, "last": x + s, "minutes": 1.0} for v, x in variants.items() for s in (0, 1)]
    return pd.DataFrame(rows)


def test_effects_of_a_grid_are_those_planted():
    results = grid(lambda cell, seed: 10 - 2 * ("a" in cell) + ("b" in cell) * (1 + 4 * ("c" in cell)) + 0.1 * seed)
    found = {row["effect"]: row["mean"] for row in factorial(results, "abc")}
    wanted = {"a": -2, "b": 3, "c": 2, "a x b": 0, "a x c": 0, "b x c": 2, "a x b x c": 0}
    assert found == pytest.approx(wanted, abs=1e-9)
    with pytest.raises(ValueError, match="not all cells of the grid"):
        factorial(results[:-1], "abc")


def test_differences_are_taken_seed_by_seed_and_an_interval_needs_two():
    results = grid(lambda cell, seed: 5.0 + seed - ("a" in cell))
    found = next(row for row in differences(results) if row["effect"] == "a - none")
    assert (found["seeds"], found["mean"], found["low"], found["high"]) == (3, -1, -1, -1)
    assert found["percent"] == pytest.approx(-100 / 6)
    assert interval([1.0, 2.0, 3.0]) == pytest.approx((2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-3)
    assert np.isnan(interval([1.0])).all()


def test_pairwise_compares_each_with_each_before_it():
    found = {row["effect"]: row["mean"] for row in pairwise(toy(a=5.0, b=3.0, c=4.0))}
    assert found == {"b - a": -2, "c - a": -1, "c - b": 1}


def test_a_figure_that_a_variant_lacks_is_left_out_and_the_rest_has_mean_and_spread():
    results = pd.concat([toy(a=4.0, b=5.0), pd.DataFrame([{"variant": "c", "seed": 0, "first": 1.0, "minutes": 2.0}])])
    table = by_variant(results).set_index("variant")
    assert table.loc["a", ["seeds", "last", "last_sd", "minutes"]].tolist() == [2, 4.5, pytest.approx(0.5**0.5), "2.0"]
    assert np.isnan(table.loc["c", "last"]) and {row["figure"] for row in differences(results)} == {"last"}


def test_a_table_is_read_with_its_head_and_its_effects(tmp_path, capsys):
    results = toy(a=5.0, b=3.0)
    write_table(by_variant(results), tmp_path / "toy.csv", **HEAD)
    write_table(differences(results), tmp_path / "toy_effects.csv", **HEAD)
    assert load(tmp_path / "toy.csv")["b"]["last"] == 3.5
    printed = capsys.readouterr().out
    assert "a toy;" in printed and "redn experiment toy" in printed and "commit: " in printed
    assert effects(tmp_path / "toy_effects.csv", "last") == {"b - a": (-2.0, -2.0, -2.0)}
    assert effects(tmp_path / "toy_effects.csv", "first") == {}


def test_a_missing_table_says_how_it_is_made_and_stops_nothing(tmp_path, capsys):
    assert load(tmp_path / "rq9.csv") == {} and effects(tmp_path / "rq9_effects.csv", "last") == {}
    assert "redn experiment rq9" in capsys.readouterr().out


@pytest.mark.parametrize("low, high, significant", [(0.1, 2, True), (-2, -0.1, True), (-1, 2, False), (0, 2, False)])
def test_a_difference_is_significant_where_its_interval_leaves_out_0(low, high, significant):
    assert ("not significant" not in shown((low + high) / 2, low, high)) == significant


@pytest.mark.parametrize("name", QUESTIONS)
def test_committed_tables_have_the_rows_of_their_question(root, name):
    from redn_lib.experiments.questions import QUESTIONS

    later = {"no LSTM, the last sure points held", "no LSTM, the last sure points moved on"}  # than the table of RQ3
    variants = [variant for variant in QUESTIONS[name].variants if variant not in later]
    assert read_table(root / "results" / f"{name}.csv")["variant"].tolist() == variants
    named = {
        part
        for effect in read_table(root / "results" / f"{name}_effects.csv")["effect"]
        for part in effect.split(" - ")
    }
    assert name == "rq5" or named == set(variants)
