"""docs/faults.md: every test that it names is there."""

import re


def test_every_fault_has_tests_that_are_there(root):
    text = (root / "docs/faults.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|") and not line.startswith(("|---", "| fault"))]
    assert len(rows) > 30
    for row in rows:
        named = re.findall(r"`((?:unit|fuzz|notebooks)/\w+\.py)::(\w+)`", row)
        assert named, row
        for file, function in named:
            source = (root / "tests" / file).read_text(encoding="utf-8")
            assert re.search(rf"^def {function}\(", source, re.MULTILINE), f"{file} has no {function}"
