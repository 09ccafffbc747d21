"""README and model card quote the committed results, and no others."""

import json
from pathlib import Path

import pytest

import redn_lib

CARD = Path(redn_lib.__file__).parent / "weights" / "README.md"


def result(root: Path, name: str) -> dict:
    return json.loads((root / "results" / f"{name}.json").read_text())


@pytest.mark.parametrize("name", ["compact", "compact_sloppy"])
def test_readme_and_card_quote_every_look(root, name):
    found = result(root, name)
    looks = [f"{step['nme']:.2f}" for step in found["steps"]]
    assert f"| {' / '.join(looks)} % |" in (root / "README.md").read_text(encoding="utf-8")
    card = CARD.read_text(encoding="utf-8")
    last = found["steps"][-1]
    assert f"| {' | '.join(looks)} | {last['median']:.2f} | {last['fr8']:.1f} % of frames |" in card
    assert f"{found['frames']} frames of the {found['people']} held-out people" in card


def test_readme_quotes_failures_inner_points_and_procedural_faces(root):
    readme = (root / "README.md").read_text(encoding="utf-8")
    compact, made = result(root, "compact"), result(root, "made")
    assert f"| frames with an error above 8 % | {compact['steps'][-1]['fr8']:.1f} % |" in readme
    assert f"| NME over the inner 51 points | {compact['parts']['inner 51']:.2f} % |" in readme
    assert f"procedural faces alone, look 3 | {made['steps'][-1]['nme']:.2f} % |" in readme
