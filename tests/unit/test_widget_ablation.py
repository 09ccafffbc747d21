"""The ablation board: every control moves it, its numbers are the table's, the chosen cell can be run and stopped."""

from dataclasses import asdict, replace

import pytest
from unit.made_grid import write_tables
from unit.test_experiments import STAGE, setting_in

from redn_lib.experiments import curriculum, measures
from redn_lib.experiments.curriculum import LSTM, Curriculum
from redn_lib.experiments.measures import clip_figures
from redn_lib.widgets.ablation import CELLS, MEASURED, AblationBoard, BoardState, read_grid


@pytest.fixture
def table(tmp_path):
    return write_tables(tmp_path)


@pytest.fixture
def setting(tmp_path, monkeypatch):
    """The smallest curriculum that can be run."""
    monkeypatch.setitem(curriculum.ON_CLIPS, "frames", 3)
    monkeypatch.setattr(measures, "DIFFICULTIES", tuple(k for k in MEASURED if k != "unoccluded" and k != "jitter"))
    small = setting_in(tmp_path / "networks")
    return replace(small, stage=replace(STAGE, iterations=2), clips=1)


def test_every_cell_and_kind_can_be_seen_and_differs_from_the_others(table):
    live, shown = AblationBoard(table), set()
    seen = {(state, "clear") for state in CELLS} | {(CELLS[-1], kind) for kind in MEASURED}
    for state, kind in seen:
        live.set(feedback=state.feedback, memory=state.memory, identity=state.identity, kind=kind)
        assert "--jp-error" not in live.line.value
        shown.add(live.image.value)
    assert len(shown) == len(seen)


def test_the_line_says_the_tables_numbers(table):
    grid, live = read_grid(table), AblationBoard(table, memory=False, identity=False, kind="dark")
    mean, spread = grid.table.loc["spatial", ["dark", "dark_sd"]]
    assert f"{mean:.2f} ± {spread:.2f} % (3 seeds)" in live.line.value
    assert f"without feedback {grid.table.loc['none', 'dark'] - mean:+.2f}, with memory" in live.line.value
    mean, low, high = grid.effects["dark"]["feedback"]
    assert f"feedback {mean:+.2f} ({low:+.2f} to {high:+.2f})" in live.line.value
    assert "dark" in live.image.tooltip and "; feedback, dark: " in live.image.tooltip


def test_an_interval_that_holds_zero_is_not_significant(table):
    effects = read_grid(table).effects
    assert len(effects["clear"]) == 7 and effects["clear"]["feedback"][2] < 0
    open_ones = [kind for kind, found in effects.items() if found["identity"][1] <= 0 <= found["identity"][2]]
    assert open_ones
    assert "not significant" in AblationBoard(table, kind=open_ones[0]).line.value


def test_the_best_and_the_worst_are_found(table):
    ranked = sorted(CELLS, key=lambda state: read_grid(table).table.loc[state.cell, "clear"])
    for state, words in ((ranked[0], "lowest of 8"), (ranked[-1], "7 lower of 8")):
        assert words in AblationBoard(table, **asdict(replace(state, kind="clear"))).line.value


def test_one_seed_has_no_spread_and_no_interval(tmp_path):
    live = AblationBoard(write_tables(tmp_path, seeds=1, kinds=("clear", "occluded")))
    live.sweep()
    assert "(1 seed)" in live.line.value and "one seed: no interval" in live.line.value and "±" not in live.line.value


def test_wrong_input_is_named(table, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no .*missing.csv: make it with redn experiment rq5"):
        AblationBoard(tmp_path / "missing.csv")
    with pytest.raises(ValueError, match="kind must be one of clear, .*, got 'foggy'"):
        AblationBoard(table, kind="foggy")
    table.write_text(table.read_text().replace("\nnone,", "\nnothing,"))
    with pytest.raises(ValueError, match="no row 'none'"):
        AblationBoard(table)


def test_the_chosen_cell_is_run_and_stands_on_the_board(table, setting):
    live = AblationBoard(table, setting, feedback=False, identity=True)
    before = live.image.value
    figures = live.run()
    same = Curriculum(setting, 0).with_memory(LSTM, steps=1)
    again = clip_figures(same, setting)
    assert figures == pytest.approx(again, abs=0.02, nan_ok=True), "what is shared is trained once"
    assert f"short run here: {figures['occluded']:.1f} %" in live.line.value and live.image.value != before
    assert "done" in live.progress.value and not live.button.disabled
    live.set(memory=False)
    assert "short run" not in live.line.value


def test_the_button_runs_it_aside_and_stops_it(table, setting):
    live = AblationBoard(table, replace(setting, stage=replace(STAGE, iterations=10_000)), memory=False)
    live.button.click()
    assert live.button.description == "stop"
    live.button.click()
    live.wait()
    assert live.button.description == "train this network" and not live.figures
    assert "stopped: feedback + identity goes on from here" in live.progress.value
    live.setting = replace(setting, folder=setting.folder / "another")
    live.button.click()
    live.wait()
    assert set(live.figures) == {"spatial + identity"} and live.bar.value == live.bar.max


def test_a_failing_run_is_seen(table, setting):
    live = AblationBoard(table, replace(setting, faces=[]))
    with pytest.raises(ValueError):
        live.run()
    assert "ValueError" in live.progress.value and "error-color" in live.progress.value
    live.button.click()
    live.wait()
    assert "ValueError" in live.progress.value and live.button.description == "train this network"


def test_without_a_setting_there_is_nothing_to_run(table):
    live = AblationBoard(table)
    assert live.button not in [w for row in live.children for w in getattr(row, "children", ())]
    assert BoardState(feedback=False, memory=False, identity=False).cell == "none"
