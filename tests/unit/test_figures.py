"""README and model card quote the committed results, and no others."""

import json
from pathlib import Path

import pandas as pd
import pytest

import redn_lib
from redn_lib.evaluation.tables import read_table

CARD = Path(redn_lib.__file__).parent / "weights" / "README.md"


def result(root: Path, name: str) -> dict:
    return json.loads((root / "results" / f"{name}.json").read_text())


@pytest.mark.parametrize("name", ["compact", "compact_sloppy"])
def test_readme_and_card_quote_every_step(root, name):
    found = result(root, name)
    errors = [f"{step['nme']:.2f}" for step in found["steps"]]
    assert f"| {' / '.join(errors)} % |" in (root / "README.md").read_text(encoding="utf-8")
    card = CARD.read_text(encoding="utf-8")
    last = found["steps"][-1]
    assert f"| {' | '.join(errors)} | {last['median']:.2f} | {last['fr8']:.1f} % of frames |" in card
    assert f"{found['frames']} frames of the {found['people']} held-out people" in card


def test_readme_quotes_failures_inner_points_and_synthetic_faces(root):
    readme = (root / "README.md").read_text(encoding="utf-8")
    compact, synthetic = result(root, "compact"), result(root, "made")
    failures = " / ".join(f"{step['fr8']:.1f}" for step in compact["steps"])
    assert f"| frames with an error above 8 % after steps 1 / 2 / 3 | {failures} % |" in readme
    assert f"| NME over the inner 51 points | {compact['parts']['inner 51']:.2f} % |" in readme
    assert f"synthetic faces alone, step 3 | {synthetic['steps'][-1]['nme']:.2f} % |" in readme


def test_readme_quotes_the_faces_labelled_by_people(root):
    found = result(root, "w300_lfpw")
    errors = " / ".join(f"{step['nme']:.2f}" for step in found["steps"])
    readme = " ".join((root / "README.md").read_text(encoding="utf-8").split())
    assert f"the shipped network has {errors} % after steps 1 / 2 / 3" in readme and found["frames"] == 224


def test_readme_quotes_the_table_of_the_memory(root):
    readme = (root / "README.md").read_text(encoding="utf-8")
    table = read_table(root / "results" / "memory.csv").pivot(index="method", columns="clips", values=["nme", "nme_se"])
    rows = [line for line in readme.splitlines() if line.startswith(("| memory", "| no memory"))]
    quoted = [
        f"{row['nme', 'occluded']:.2f} ± {row['nme_se', 'occluded']:.2f} % | "
        f"{row['nme', 'moving']:.2f} ± {row['nme_se', 'moving']:.2f} % | {row['nme', 'clear']:.2f} % |"
        for _, row in table.iterrows()
    ]
    assert len(rows) == 8 and all(any(row.endswith(figures) for figures in quoted) for row in rows)


def test_the_people_measured_on_are_named(root):
    names = (root / "results" / "val_people.txt").read_text(encoding="utf-8").split()
    assert len(set(names)) == len(names) == result(root, "compact")["people"]
    unseen = (root / "results" / "unseen_people.txt").read_text(encoding="utf-8").split()
    assert set(names) < set(unseen) and len(unseen) - len(names) == result(root, "w300_lfpw")["people"]


def test_readme_on_z_agrees_with_the_intervals(root):
    tables = [read_table(root / "results" / f"{name}_effects.csv") for name in ("forms", "rq1")]
    rows = pd.concat(tables).query("figure == 'last'")
    last = {row.effect: row.low <= 0 <= row.high for row in rows.itertuples()}
    drawn = [effect for effect in last if " - blank z, " in effect and "same" not in effect and effect.count(",") == 2]
    assert len(drawn) == 3, "squares, softmax maps and Gaussians, each with a new crop"
    no_effect = all(last[effect] for effect in [*drawn, "loop, K = 3, z blank - loop, K = 3"])
    readme = " ".join((root / "README.md").read_text(encoding="utf-8").split())
    assert ("no significant difference between z drawn and z blank" in readme) == no_effect
    assert ("the map z adds nothing that we can measure" in readme) == no_effect


def test_readme_quotes_the_tables_of_the_five_questions(root):
    readme = (root / "README.md").read_text(encoding="utf-8").replace("−", "-")

    def of(name: str, variant: str) -> dict[str, float]:
        return read_table(root / "results" / f"{name}.csv").set_index("variant").loc[variant].to_dict()

    def change(name: str, effect: str, figure: str, digits: int) -> str:
        row = read_table(root / "results" / f"{name}_effects.csv").set_index(["effect", "figure"]).loc[effect, figure]
        mean, low, high = (f"{row[k]:+.{digits}f}" for k in ("mean", "low", "high"))
        return f"{mean} pp ({low} to {high})" if digits == 2 else f"{mean} ({low} to {high})"

    without, lstm, whole, random = (
        of("rq2", v)["occluded"]
        for v in ("no LSTM", "LSTM on C_pe (paper)", "LSTM on the whole code", "LSTM on a random split")
    )
    code = f"LSTM on C_pe {lstm:.1f} %, on the whole code {whole:.1f} %, on a random split {random:.1f} %"
    assert f"{code} (without an LSTM: {without:.1f} %)" in readme
    plain, ours = of("rq3", "no LSTM"), of("rq3", "LSTM on C_pe (paper)")
    assert f"on occluded frames {ours['occluded']:.1f} % with it, {plain['occluded']:.1f} % without it" in readme
    clear = f"on clear clips {ours['clear']:.2f} against {plain['clear']:.2f} %"
    assert f"{clear}, jitter {ours['jitter']:.2f} against {plain['jitter']:.2f} %" in readme
    assert f"f_CLS alone {change('rq4', 'f_CLS on C_id (paper) - no f_CLS', 'last', 2)}" in readme
    for words, part in {"feedback": "spatial", "memory": "temporal", "identity": "identity"}.items():
        assert f"{words} {change('rq5', part, 'occluded', 1)}" in readme.replace(" pp (", " (")
