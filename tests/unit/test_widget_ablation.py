"""The ablation board: every control moves it, its numbers are the table's, the chosen cell can be run and stopped."""

from dataclasses import asdict, replace

import pytest
from made_steps import shown
from unit.made_grid import write_tables
from unit.test_experiments import STAGE, setting_in

from redn_lib.experiments import curriculum, measures
from redn_lib.experiments.curriculum import FULL, LSTM, Curriculum
from redn_lib.experiments.measures import clip_figures
from redn_lib.widgets import ablation as module
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
    live = AblationBoard(table)
    seen = {replace(state, kind="clear") for state in CELLS} | {replace(CELLS[-1], kind=kind) for kind in MEASURED}
    assert len({str(shown(live, **asdict(state))["rows"]) for state in seen}) == len(seen)


def test_the_line_says_the_tables_numbers(table):
    grid, live = read_grid(table), AblationBoard(table, temporal=False, identity=False, kind="dark")
    line, about = (shown(live)[part] for part in ("line", "about"))
    mean, spread = grid.table.loc["spatial", ["dark", "dark_sd"]]
    assert f"{mean:.2f} ± {spread:.2f} % (3 seeds)" in line
    assert f"without spatial {grid.table.loc['none', 'dark'] - mean:+.2f}, with temporal" in line
    mean, low, high = grid.effects["dark"]["spatial"]
    assert f"spatial {mean:+.2f} ({low:+.2f} to {high:+.2f})" in line
    assert "dark" in about and "; spatial, dark: " in live.stand_in.alt


def test_an_interval_that_holds_zero_is_not_significant(table):
    effects = read_grid(table).effects
    assert len(effects["clear"]) == 7 and effects["clear"]["spatial"][2] < 0
    open_ones = [kind for kind, found in effects.items() if found["identity"][1] <= 0 <= found["identity"][2]]
    assert open_ones
    assert "not significant" in shown(AblationBoard(table, kind=open_ones[0]))["line"]


def test_the_best_and_the_worst_are_found(table):
    ranked = sorted(CELLS, key=lambda state: read_grid(table).table.loc[state.cell, "clear"])
    for state, words in ((ranked[0], "lowest of 8"), (ranked[-1], "7 lower of 8")):
        assert words in shown(AblationBoard(table, **asdict(replace(state, kind="clear"))))["line"]


def test_one_seed_has_no_spread_and_no_interval(tmp_path):
    live = AblationBoard(write_tables(tmp_path, seeds=1, kinds=("clear", "occluded")))
    live.sweep()
    line = shown(live)["line"]
    assert "(1 seed)" in line and "one seed: no interval" in line and "±" not in line


def test_wrong_input_is_named(table, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no .*missing.csv: make it with redn experiment rq5"):
        AblationBoard(tmp_path / "missing.csv")
    with pytest.raises(ValueError, match="kind must be one of clear, .*, got 'foggy'"):
        AblationBoard(table, kind="foggy")
    table.write_text(table.read_text().replace("\nnone,", "\nnothing,"))
    with pytest.raises(ValueError, match="no row 'none'"):
        AblationBoard(table)


def test_the_chosen_cell_is_run_and_stands_on_the_board(table, setting):
    live = AblationBoard(table, setting, spatial=False, identity=True)
    before = shown(live)["rows"]
    figures = live.run()
    folder = setting.folder / "1.0-1.0-1.0"
    again = clip_figures(Curriculum(replace(setting, folder=folder), 0).with_memory(LSTM, steps=1), setting)
    assert figures == pytest.approx(again, abs=0.02, nan_ok=True), "what is shared is trained once"
    after = shown(live)
    assert f"short run here: {figures['occluded']:.1f} %" in after["line"] and after["rows"] != before
    assert live.told["words"].startswith("done") and live.told["done"] == 1 and live.told["share"] == 1
    assert "short run" not in shown(live, temporal=False)["line"] and "short run" not in shown(live, apart=0.5)["line"]


def test_the_sliders_weigh_the_losses(table, setting, monkeypatch):
    live = AblationBoard(table, setting, f_cls=2.0, apart=0.5, detection=0.0)
    asked = []
    monkeypatch.setattr(module, "run_parts", lambda *given: asked.append(given) or {})
    live.run()
    ((parts, given, seed, losses),) = asked
    assert (parts, seed) == (["spatial", "temporal", "identity"], 0)
    assert (losses.weight, losses.apart) == (2 * FULL.weight, FULL.apart / 2)
    assert given.stage.detection_weight == 0 and given.folder != setting.folder


def press(live):
    assert live.reply({"press": True}, []) == ({"arrays": []}, [])
    return live.told


def test_the_button_runs_it_aside_and_stops_it(table, setting):
    live = AblationBoard(table, replace(setting, stage=replace(STAGE, iterations=10_000)), temporal=False)
    press(live)
    while live.told.get("press") != "stop":
        pass
    press(live)
    live._runner.join()
    assert live.told["press"] == "train this network" and not live.figures
    assert "stopped: spatial + identity goes on from here" in live.told["words"]
    live.setting = setting
    press(live)
    live._runner.join()
    assert {cell for cell, _ in live.figures} == {"spatial + identity"} and live.told["share"] == 1


def test_a_failing_run_is_seen(table, setting):
    live = AblationBoard(table, replace(setting, faces=[]))
    with pytest.raises(ValueError):
        live.run()
    assert "ValueError" in live.told["words"] and live.told["wrong"]
    press(live)
    live._runner.join()
    assert "ValueError" in live.told["words"] and live.told["press"] == "train this network"


def test_without_a_setting_there_is_nothing_to_run(table):
    assert not AblationBoard(table).setup["button"]
    assert BoardState(spatial=False, temporal=False, identity=False).cell == "none"
