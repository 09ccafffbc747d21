"""Tables of longer runs as a notebook reads them."""

import pytest

from redn_lib.experiments.effects import differences, write_contrasts
from redn_lib.experiments.reading import effects, load, shown
from redn_lib.experiments.tables import write_table


def test_a_table_is_read_with_what_it_is_about_and_its_effects(tmp_path, capsys):
    found = [
        {"variant": v, "seed": s, "last": e + s, "minutes": 1.0} for v, e in (("a", 5.0), ("b", 3.0)) for s in (0, 1)
    ]
    words = {"command": "redn experiment toy", "about": "a toy; two seeds"}
    write_table(found, tmp_path / "toy.csv", **words)
    write_contrasts(differences(found), tmp_path / "toy_effects.csv", **words)
    assert load(tmp_path / "toy.csv")["b"]["last"] == 3.5
    printed = capsys.readouterr().out
    assert "a toy;" in printed and "redn experiment toy" in printed
    assert effects(tmp_path / "toy_effects.csv", "last") == {"b - a": (-2.0, -2.0, -2.0)}
    assert effects(tmp_path / "toy_effects.csv", "first") == {}


def test_a_missing_table_says_how_it_is_made_and_stops_nothing(tmp_path, capsys):
    assert load(tmp_path / "rq9.csv") == {} and effects(tmp_path / "rq9_effects.csv", "last") == {}
    assert "redn experiment rq9" in capsys.readouterr().out


@pytest.mark.parametrize("low, high, counts", [(0.1, 2, True), (-2, -0.1, True), (-1, 2, False), (0, 2, False)])
def test_a_difference_counts_where_its_interval_leaves_out_0(low, high, counts):
    assert ("no difference" not in shown((low + high) / 2, low, high)) == counts
